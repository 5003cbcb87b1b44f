"""Loops, branches and functions are read once: Python values that change there are right, or refused by name."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    CallArgumentError,
    KernelTypeError,
    QubitRebindError,
    SymbolicValueError,
    UnsupportedPythonError,
)

Z = qko.Z(0)
AROUND: list[float] = []
SEEN: dict[int, float] = {}
COUNTED = itertools.count(1)


@qk.struct
class Step:
    size: qk.Float
    count: qk.UInt


class Pair(NamedTuple):
    first: Any
    second: Any


class Counter:
    def __init__(self) -> None:
        self.value = 0.0

    def next(self) -> float:
        self.value += 0.5
        return self.value

    def same(self, i: Any, j: Any) -> Any:
        return 1.0 if i == j else 0.0

    def same_written(self, i: Any, j: Any) -> Any:
        self.value = 1.0
        return 1.0 if i == j else 0.0


class Shared:
    total = 0.0

    @classmethod
    def next(cls) -> float:
        cls.total += 0.5
        return cls.total


def remembered() -> float:
    SEEN[0] = SEEN.get(0, 0.0) + 0.5
    return SEEN[0]


def indirectly() -> float:
    return remembered()


def counted() -> float:
    return next(COUNTED) * 0.5


def own() -> float:
    own.calls = getattr(own, "calls", 0) + 1  # type: ignore[attr-defined]
    return 0.5 * own.calls  # type: ignore[attr-defined, no-any-return]


def counter() -> Callable[[], float]:
    count = [0]

    def following() -> float:
        count[0] += 1
        return count[0] * 0.5

    return following


# what a loop carries ------------------------------------------------------------------------------------------------------


def test_a_tuple_is_carried_part_by_part() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, pair = qk.qubit(), (0.0, 1.0)
        for _ in qk.range(n):
            pair = (pair[1], pair[0])
            q = qk.rx(q, pair[0])
        return qk.expval(q, Z)

    for n in range(4):
        assert turn.run(n=n) == pytest.approx(math.cos((n + 1) // 2))


def test_nested_tuples_become_floats_where_a_round_makes_them_floats() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, state = qk.qubit(), ((0, 1), 0)
        for i in qk.range(n):
            state = ((state[0][0] + 0.25, state[0][1] * 2), state[1] + i)
            q = qk.rx(q, state[0][0])
        return qk.expval(qk.rx(q, state[0][1] + state[1]), Z)

    angle, state = 0.0, ((0.0, 1), 0)
    for i in range(3):
        state = ((state[0][0] + 0.25, state[0][1] * 2), state[1] + i)
        angle += state[0][0]
    assert turn.run(n=3) == pytest.approx(math.cos(angle + state[0][1] + state[1]))


@pytest.mark.parametrize("make", [lambda size, count: Step(size=size, count=count), Pair])
def test_records_are_carried(make: Callable[[Any, Any], Any]) -> None:
    is_step = make is not Pair

    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, step = qk.qubit(), make(0.5, 1)
        for _ in qk.range(n):
            size, count = (step.size, step.count) if is_step else (step.first, step.second)
            q = qk.rx(q, size * count)
            step = make(size + 0.5, count + 1)
        return qk.expval(qk.rx(q, step.size if is_step else step[0]), Z)

    assert turn.run(n=2) == pytest.approx(math.cos(0.5 + 2.0 + 1.5))
    assert turn.run(n=0) == pytest.approx(math.cos(0.5))


def test_a_tuple_may_hold_a_qubit_beside_numbers() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        held = (qk.qubit(), 0.5)
        for _ in qk.range(n):
            held = (qk.rx(held[0], held[1]), held[1] + 0.5)
        return qk.expval(qk.rx(held[0], held[1]), Z)

    assert turn.run(n=2) == pytest.approx(math.cos(0.5 + 1.0 + 1.5))


def test_records_join_after_a_branch() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        step = Step(size=0.5, count=2)
        if n > 1:
            step = Step(size=0.75, count=2)
        return qk.expval(qk.rx(qk.qubit(), step.size * step.count), Z)

    assert turn.run(n=2) == pytest.approx(math.cos(1.5))
    assert turn.run(n=1) == pytest.approx(math.cos(1.0))


def test_a_list_that_each_round_makes_anew_may_reuse_a_name() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, angles = qk.qubit(), [0.5]
        q = qk.rx(q, angles[0])
        for i in qk.range(n):
            angles = [0.25 * i, 0.5]
            q = qk.rx(qk.rx(q, angles[0]), angles[1])
        angles = [1.0]
        return qk.expval(qk.rx(q, angles[0]), Z)

    assert turn.run(n=3) == pytest.approx(math.cos(0.5 + 0.75 + 1.5 + 1.0))


# what is refused ----------------------------------------------------------------------------------------------------------


def changes(body: Callable[[Any, Any], Any], start: Callable[[], Any]) -> qk.Kernel:
    """A kernel that gives `body` the same value in each round."""

    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, held = qk.qubit(), start()
        for i in qk.range(n):
            q = qk.rx(q, body(held, i))
        return qk.expval(q, Z)

    return turn


def added(held: Any, _: Any) -> Any:
    held[0] = held[0] + 0.5
    return held[0]


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = [0.5]


IN_PLACE: list[tuple[Callable[[Any, Any], Any], Callable[[], Any]]] = [
    (added, lambda: np.zeros(1)),
    (added, lambda: [0.0]),
    (added, lambda: {0: 0.5}),
    (lambda held, _: added(held[0], 0), lambda: (np.zeros(2),)),
    (lambda held, _: held.next(), Counter),
    (lambda held, _: held.value.pop() if held.value else 0.0, Slotted),
    (lambda held, _: next(held), lambda: iter([0.5, 1.0])),
    (lambda held, _: next(held), lambda: itertools.count()),
    (lambda held, _: next(held), lambda: (0.5 * k for k in [1, 2, 3])),
    (lambda held, _: held.random(), lambda: random.Random(1)),
    (lambda held, _: held.random(), lambda: np.random.default_rng(1)),
    (lambda held, _: held.add(0.5) or len(held), lambda: {0.1}),
    (lambda _, i: AROUND.append(0.5) or sum(AROUND), lambda: None),
    (lambda _, i: random.random(), lambda: None),
    (lambda _, i: Shared.next(), lambda: None),
    (lambda _, i: remembered(), lambda: None),
    (lambda _, i: indirectly(), lambda: None),
    (lambda _, i: counted(), lambda: None),
    (lambda _, i: own(), lambda: None),
    (lambda held, i: held(), counter),
    (lambda _, i: float(np.random.rand()), lambda: None),  # noqa: NPY002
]


@pytest.mark.parametrize("change", range(len(IN_PLACE)))
def test_data_that_changes_in_place_in_a_loop_is_refused(change: int) -> None:
    try:
        with pytest.raises(UnsupportedPythonError, match=r"where the kernel repeats or branches|which cannot change it"):
            changes(*IN_PLACE[change]).check()
    finally:
        AROUND.clear()


def test_an_iterator_that_a_round_makes_is_its_own() -> None:
    def body(held: Any, i: Any) -> Any:
        return next(iter(held)) + sum(entry for _, entry in zip(held, held, strict=True)) + held[0] * i

    assert changes(body, lambda: [0.25, 0.5]).run(n=2) == pytest.approx(math.cos(2 * 0.25 + 2 * 0.75 + 0.25))


def rebound(start: Any, following: Callable[[Any], Any], use: Callable[[Any], Any]) -> qk.Kernel:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, held = qk.qubit(), start
        for _ in qk.range(n):
            q = qk.rx(q, use(held))
            held = following(held)
        return qk.expval(q, Z)

    return turn


@pytest.mark.parametrize(
    ("start", "following", "use"),
    [
        ([0.5], lambda held: [*held, 0.5], sum),
        ([0.5], lambda held: held + [0.5], sum),  # noqa: RUF005
        (None, lambda held: True, lambda held: 0.5 if held is None else 0.0),
        ("x", lambda held: held + "y", len),
        ((0.5,), lambda held: (*held, 0.5), sum),
        ({0: 0.5}, lambda held: {0: 1.0}, lambda held: held[0]),
        (np.zeros(1), lambda held: held + 0.5, lambda held: float(held[0])),
        ((0.5, None), lambda held: (1.0, True), lambda held: held[0]),
    ],
)
def test_a_name_that_means_another_python_value_after_a_round_is_not_read(
    start: Any, following: Callable[[Any], Any], use: Callable[[Any], Any]
) -> None:
    with pytest.raises(UnsupportedPythonError, match="before the loop and something else after an iteration") as caught:
        rebound(start, following, use).check()
    assert [note.text for note in caught.value.notes] == ["changed here"]


def test_a_name_that_a_loop_changed_is_not_read_after_it() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, word = qk.qubit(), "x"
        for _ in qk.range(n):
            q, word = qk.h(q), "yy"
        return qk.expval(qk.rx(q, len(word)), Z)

    with pytest.raises(UnsupportedPythonError, match="`word` is the str 'x' before the loop"):
        turn.check()


def test_a_name_deleted_in_a_loop_is_gone() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        q, word = qk.qubit(), "x"
        for _ in qk.range(n):
            q = qk.rx(q, len(word))
            del word
        return qk.expval(q, Z)

    with pytest.raises(UnsupportedPythonError, match="deleted after an iteration"):
        turn.check()


@pytest.mark.parametrize("make", [lambda: np.zeros(1), lambda: [0.0], lambda: {0: 0.0}])
def test_data_that_a_side_of_a_branch_changes_is_refused(make: Callable[[], Any]) -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        held = make()
        if n > 1:
            held[0] = 0.5
        else:
            held[0] = 0.7
        return qk.expval(qk.rx(qk.qubit(), held[0]), Z)

    with pytest.raises(UnsupportedPythonError, match="cannot change where the kernel repeats or branches"):
        turn.check()


# vectors by two names -----------------------------------------------------------------------------------------------------


def note(bits: Any, i: Any, q: Any) -> None:
    bits[i] = qk.measure(q)


def noted(bits: Any, i: Any, q: Any) -> Any:
    bits[i] = qk.measure(q)
    return bits


def test_a_vector_that_a_function_changes_is_not_read_unless_it_comes_back() -> None:
    @qk.qkernel
    def dropped() -> qk.Vector[qk.Bit]:
        q, bits = qk.x(qk.qubit_array(2)), qk.bit_array(2)
        note(bits, 0, q[0])
        return bits

    @qk.qkernel
    def kept(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q, bits = qk.x(qk.qubit_array(2)), qk.bit_array(2)
        for i in qk.range(n):
            bits = noted(bits, i, q[i])
        return bits

    with pytest.raises(UnsupportedPythonError, match="`bits` is a vector that was changed in `note`"):
        dropped.check()
    assert kept.sample(shots=1, n=2).results == [((1, 1), 1)]


def test_a_function_inside_a_kernel_changes_no_vector_of_the_kernels() -> None:
    @qk.qkernel
    def measured(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q, bits = qk.x(qk.qubit_array(3)), qk.bit_array(3)

        def put(i: Any) -> None:
            bits[i] = qk.measure(q[i])

        put(0)
        return bits

    with pytest.raises(UnsupportedPythonError, match="`bits` was made outside of `put`"):
        measured.check()


def test_vectors_that_are_alike_are_two() -> None:
    @qk.qkernel
    def pair(n: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Vector[qk.Bit], qk.Vector[qk.Bit]]:
        q, first, second = qk.x(qk.qubit_array(2)), qk.bit_array(2), qk.bit_array(2)
        first[0] = qk.measure(q[0])
        third = second[:]
        for i in qk.range(1, n):
            second[i] = qk.measure(q[i])
        return first, second, third

    assert pair.sample(shots=1, n=2).results == [(((1, 0), (0, 1), (0, 0)), 1)]


@pytest.mark.parametrize("inside", ["loop", "branch"])
def test_an_earlier_iteration_or_the_other_side_does_not_change_what_is_read(inside: str) -> None:
    @qk.qkernel
    def looped(n: qk.UInt, v: qk.Vector[qk.Float]) -> qk.Float:
        u, total = v, 0.0
        for i in qk.range(n):
            total = total + u[0]
            v[0] = 1.0 * i
        return total

    @qk.qkernel
    def branched(n: qk.UInt, v: qk.Vector[qk.Float]) -> qk.Float:
        u, total = v, 0.0
        if n > 1:
            v[0] = 1.0
        else:
            total = u[0]
        return total + v[0]

    if inside == "branch":
        assert [branched.run(n=n, v=[0.25]) for n in (1, 2)] == [0.5, 1.0]
    else:
        with pytest.raises(UnsupportedPythonError, match="`u` is a vector that was changed under the name `v`"):
            looped.check()


@pytest.mark.parametrize("inside", [False, True])
def test_another_name_of_a_vector_that_changed_is_not_read(inside: bool) -> None:
    @qk.qkernel
    def straight() -> qk.Vector[qk.Bit]:
        bits = qk.bit_array(2)
        other = bits
        bits[0] = qk.measure(qk.x(qk.qubit()))
        return other

    @qk.qkernel
    def looped(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q, bits = qk.x(qk.qubit_array(2)), qk.bit_array(2)
        other = bits
        for i in qk.range(n):
            bits[i] = qk.measure(q[i])
        return other

    with pytest.raises(UnsupportedPythonError, match="`other` is a vector that was changed under the name `bits`"):
        (looped if inside else straight).check()


def test_a_copy_of_a_vector_stays() -> None:
    @qk.qkernel
    def copied() -> qk.Tuple[qk.Vector[qk.Bit], qk.Vector[qk.Bit]]:
        bits = qk.bit_array(2)
        other = bits[:]
        bits[0] = qk.measure(qk.x(qk.qubit()))
        return bits, other

    assert copied.sample(shots=1).results == [(((1, 0), (0, 0)), 1)]


# comparisons --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "test",
    [
        lambda i, j, a, b: (i, j) == (a, b),
        lambda i, j, a, b: not ((i, j) != (a, b)),  # noqa: SIM202
        lambda i, j, a, b: [i, (j, 1)] == [a, (b, 1)],
        lambda i, j, a, b: (i, j) in [(a, b), (7, 7)],
        lambda i, j, a, b: (i, j) in ((7, 8), (a, b)),
        lambda i, j, a, b: Step(size=i, count=j) == Step(size=a, count=b),
    ],
)
def test_tuples_of_symbols_are_compared_entry_by_entry(test: Callable[..., Any]) -> None:
    @qk.qkernel
    def find(a: qk.UInt, b: qk.UInt) -> qk.UInt:
        found = 0
        for i in qk.range(3):
            for j in qk.range(3):
                if test(i, j, a, b):
                    found = found + 1 + 3 * i + j
        return found

    assert [find.run(a=a, b=b) for a in range(3) for b in range(4)] == [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0]


def test_tuples_of_other_lengths_differ() -> None:
    @qk.qkernel
    def differ(a: qk.UInt) -> qk.UInt:
        return (1 if (a, 1) == (a, 1, 1) else 0) + (10 if (a, "x") == (a, "x") else 0) + (100 if (a, 1) == (a, 2) else 0)

    assert differ.run(a=1) == 10


def test_methods_are_read_like_functions() -> None:
    counter = Counter()

    @qk.qkernel
    def turn(n: qk.UInt, j: qk.UInt) -> qk.Float:
        q = qk.qubit()
        for i in qk.range(n):
            q = qk.rx(q, counter.same(i, j))
        return qk.expval(q, Z)

    assert turn.run(n=2, j=1) == pytest.approx(math.cos(1.0))
    assert turn.run(n=2, j=2) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "use",
    [
        lambda i, j: [i, j].index(j),
        lambda i, j: [i].count(j),
        lambda i, j: {i: 0.5}[j],
        lambda i, j: 0.5 if j in {i} else 0.0,
        lambda i, j: len({i, j}),
        lambda i, j: len(set([i, j])),  # noqa: C405
        lambda i, j: {k: 0.5 for k in [i]}[j],  # noqa: C420
        lambda i, j: 0.5 if (i, j) < (j, i) else 0.0,
        lambda i, j: sorted([(i, 1), (j, 2)])[0][1],
        lambda i, j: Pair(i, 1).index(j),
        lambda i, j: next(k for k, _ in itertools.groupby([i, j])),
        lambda i, j: functools.reduce(operator.eq, [i, j]),
        lambda i, j: len(np.unique(np.array([i, j]))),
        lambda i, j: {0: 0.5}.get(i, 0.0),
        lambda i, j: 0.5 if i is j else 0.0,
    ],
)
def test_python_never_compares_symbols_by_how_they_are_written(use: Callable[[Any, Any], Any]) -> None:
    @qk.qkernel
    def turn(i: qk.UInt, j: qk.UInt) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), use(i, j)), Z)

    with pytest.raises(SymbolicValueError):
        turn.check()


def test_methods_that_keep_values_are_read() -> None:
    @qk.qkernel
    def turn(i: qk.UInt, j: qk.UInt) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), Counter().same_written(i, j)), Z)

    assert turn.run(i=1, j=1) == pytest.approx(math.cos(1.0))
    assert turn.run(i=1, j=2) == pytest.approx(1.0)


def test_symbols_are_of_the_types_that_python_would_give_them() -> None:
    @qk.qkernel
    def turn(i: qk.UInt, x: qk.Float) -> qk.Float:
        whole = isinstance(i, int) and not isinstance(x, int) and type(i) is int and isinstance(x, (float, str))
        return qk.expval(qk.rx(qk.qubit(), 0.5 if whole else 0.0), Z)

    assert turn.run(i=1, x=0.1) == pytest.approx(math.cos(0.5))


# what is read only if asked for -------------------------------------------------------------------------------------------


def flipped(q: Any) -> Any:
    q[0] = qk.x(q[0])
    return qk.measure(q[1])


@pytest.mark.parametrize(
    "form", [lambda b, q: b and flipped(q), lambda b, q: b or flipped(q), lambda b, q: 0 == b == flipped(q)]
)
def test_the_right_side_of_and_acts_on_no_qubits(form: Callable[[Any, Any], Any]) -> None:
    @qk.qkernel
    def both() -> qk.Bit:
        q = qk.qubit_array(3)
        both = form(qk.measure(q[2]), q)
        return both

    with pytest.raises(UnsupportedPythonError, match="acts on no qubits"):
        both.check()


# names of qubits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["for", "def"])
def test_no_statement_drops_a_live_qubit_by_reusing_its_name(form: str) -> None:
    @qk.qkernel
    def looped() -> qk.Bit:
        q = qk.qubit()
        for q in [qk.x(qk.qubit())]:  # noqa: B007 - this is what is refused
            pass
        return qk.measure(q)

    @qk.qkernel
    def defined() -> qk.Bit:
        q = qk.qubit()

        def q() -> None:  # type: ignore[no-redef]  # noqa: F811
            pass

        return qk.bit(0)

    with pytest.raises(QubitRebindError, match="`q` still holds a Qubit"):
        (looped if form == "for" else defined).check()


# calls of functions inside kernels ----------------------------------------------------------------------------------------


def test_functions_inside_kernels_take_arguments_as_python_has_them() -> None:
    @qk.qkernel
    def turn(x: qk.Float) -> qk.Float:
        xs = (7.0,)

        def total(a: Any, /, *xs: Any, scale: Any = 2.0, **more: Any) -> Any:
            return (a + sum(xs) + more.get("extra", 0.0)) * scale

        late = lambda a=x, *rest: a + len(rest)  # noqa: E731
        q = qk.rx(qk.qubit(), total(x))
        q = qk.rx(q, total(x, 1.0, x, scale=1.0, extra=0.5))
        return qk.expval(qk.rx(q, late() + late(0.25, 1, 2) + 0 * xs[0]), Z)

    x = 0.3
    assert turn.run(x=x) == pytest.approx(math.cos(2 * x + (2 * x + 1.5) + x + 2.25))


def test_a_wrong_call_of_a_function_inside_a_kernel_is_named() -> None:
    @qk.qkernel
    def turn(x: qk.Float) -> qk.Float:
        double = lambda a: 2 * a  # noqa: E731
        return qk.expval(qk.rx(qk.qubit(), double(x, x)), Z)

    with pytest.raises(CallArgumentError, match="too many positional arguments"):
        turn.check()


@pytest.mark.parametrize("values", [lambda b: [b, 0], lambda b: [b], lambda b: [True, b], lambda b: [b, b, 2]])
def test_bits_are_summed_to_a_number(values: Callable[[Any], Any]) -> None:
    @qk.qkernel
    def count() -> qk.UInt:
        return sum(values(qk.measure(qk.x(qk.qubit()))))

    assert count.sample(shots=2, seed=0).results == [(sum(values(True)), 2)]


def test_known_values_are_what_they_say() -> None:
    assert (qk.uint(3), qk.bit(1)) == (3, True)
    for wrong in (lambda: qk.uint(2.7), lambda: qk.bit(2)):  # type: ignore[arg-type]
        with pytest.raises(KernelTypeError):
            wrong()


# what may be one vector ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["loop", "branch"])
def test_a_vector_that_may_be_another_one_after_a_loop_or_branch_takes_it_along(inside: str) -> None:
    @qk.qkernel
    def looped(n: qk.UInt, v: qk.Vector[qk.Float]) -> qk.Float:
        u = v
        for _ in qk.range(n):
            u = u[:]
        u[0] = 1.0
        return v[0]

    @qk.qkernel
    def branched(n: qk.UInt, v: qk.Vector[qk.Float]) -> qk.Float:
        u = v
        if n > 1:
            u = v[:]
        u[0] = 1.0
        return v[0]

    with pytest.raises(UnsupportedPythonError, match="`v` is a vector that was changed under the name `u`"):
        (looped if inside == "loop" else branched).check()


def test_lists_by_two_names_do_not_join() -> None:
    @qk.qkernel
    def turn(n: qk.UInt) -> qk.Float:
        xs = [0.5]
        ys = xs
        if n > 1:
            ys = [0.25]
        ys[0] = 1.0
        return qk.expval(qk.rx(qk.qubit(), xs[0]), Z)

    with pytest.raises(KernelTypeError, match="`ys` is a list on one side of the branch and another on the other"):
        turn.check()
