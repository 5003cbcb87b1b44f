"""`x if c else y` on qubits, and qubits that both sides of a branch make: the same as an `if` statement, on every condition."""

from __future__ import annotations

import math
from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QKernelError, QubitConsumedError, QubitRebindError, UnreturnedBorrowError


@qk.qkernel
def one(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    q = qk.x(q) if flip else q
    return qk.measure(q)


@qk.qkernel
def handed_on(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    return qk.measure(qk.x(qk.x(q) if flip else q))


@qk.qkernel
def nested(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    other = qk.measure(qk.h(qk.qubit()))
    q = qk.qubit()
    q = (qk.x(q) if other else q) if flip else (q if other else qk.y(q))
    return other, qk.measure(q)


@qk.qkernel
def several(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.x(qk.qubit()), qk.qubit()
    a, b = qk.cx(a, b) if flip else (a, b)
    return qk.measure(a), qk.measure(b)


@qk.qkernel
def parts(flip: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[1] = qk.x(q[1]) if flip else q[1]
    q[0:2] = q[0:2] if flip else qk.x(q[0:2])
    q = q if flip else qk.x(q)
    return qk.measure(q)


@qk.qkernel
def named_parts(flip: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    a, b = q[0], q[1]
    q[0], q[1] = qk.cx(qk.x(a), b) if flip else (a, b)
    return qk.measure(q)


@qk.qkernel
def collected(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    qs = [qk.x(q) if flip else q for q in [qk.qubit(), qk.qubit()]]
    qs = [qk.x(qs[0]), qs[1]] if flip else qs
    d = {"a": qs[0], "b": qk.x(qs[1])} if flip else {"a": qs[0], "b": qs[1]}
    return qk.measure(d["a"]), qk.measure(d["b"])


@qk.qkernel
def step(q: qk.Qubit, flip: qk.Bit) -> qk.Qubit:
    return qk.x(q) if flip else q


@qk.qkernel
def looped(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(3):
        q = step(q, flip) if i % 2 == 0 else q
        q = (lambda z: qk.x(z) if flip else z)(q)
    return qk.measure(q)


@qk.qkernel
def measured_sides(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    return qk.measure(qk.x(q)) if flip else qk.measure(q)


@qk.qkernel
def walrus(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    same = (q := qk.x(q)) if flip else q
    return qk.measure(same)


@qk.qkernel
def fresh(flip: qk.Bit) -> qk.Bit:
    return qk.measure(qk.x(qk.qubit()) if flip else qk.qubit())


@qk.qkernel
def fresh_in_statement(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    if flip:
        n = 1
        a, q = qk.x(qk.qubit("a")), qk.qubit_array(n + 1, "q")
    else:
        q, a = qk.x(qk.qubit_array(2, "q")), qk.qubit("a")
    bits = qk.measure(q)
    return qk.measure(a), bits[0], bits[1]


KNOWN: dict[qk.Kernel[..., Any], tuple[Any, Any]] = {
    one: (0, 1),
    handed_on: (1, 0),
    several: ((1, 0), (1, 1)),
    parts: ((0, 0, 1), (0, 1, 0)),
    named_parts: ((0, 0), (1, 1)),
    collected: ((0, 0), (0, 0)),
    looped: (0, 1),
    measured_sides: (0, 1),
    walrus: (0, 1),
    fresh: (0, 1),
    fresh_in_statement: ((0, 1, 1), (1, 0, 0)),
}
"""What comes out where `flip` is false and where it is true."""


@pytest.mark.parametrize("kernel", KNOWN, ids=lambda kernel: str(kernel.name))
@pytest.mark.parametrize("flip", [False, True])
def test_a_condition_that_is_bound_chooses(kernel: qk.Kernel[..., Any], flip: bool) -> None:
    expected = KNOWN[kernel][flip]
    assert kernel.run(flip=flip) == expected
    assert kernel.sample(flip=flip, shots=10).results == [(expected, 10)]


@pytest.mark.parametrize("kernel", KNOWN, ids=lambda kernel: str(kernel.name))
def test_a_condition_that_is_measured_chooses(kernel: qk.Kernel[..., Any]) -> None:
    """The same kernel called with a bit that comes up half of the time: its two outcomes, and no others."""
    count = len(kernel.output_types) if isinstance(KNOWN[kernel][0], tuple) and len(kernel.output_types) > 1 else 1

    @qk.qkernel
    def at_random() -> tuple[qk.Bit, qk.UInt]:
        flip = qk.measure(qk.h(qk.qubit()))
        results = kernel(flip)
        bits = results if count > 1 else [results[k] for k in range(len(KNOWN[kernel][0]))] if is_vector else [results]
        number = 0
        for k, bit in enumerate(bits):
            number = number + (2**k if bit else 0)
        return flip, number

    is_vector = count == 1 and isinstance(KNOWN[kernel][0], tuple)

    def number(value: Any) -> int:
        return sum(bit << k for k, bit in enumerate(value if isinstance(value, tuple) else (value,)))

    found = dict(at_random.sample(shots=200, seed=1).results)
    assert sorted(found) == [(flip, number(KNOWN[kernel][flip])) for flip in (0, 1)]


@pytest.mark.parametrize("flip", [False, True])
def test_nested_choices_follow_their_own_conditions(flip: bool) -> None:
    found = sorted(value for value, _ in nested.sample(flip=flip, shots=200, seed=3).results)
    assert found == [(other, int(bool(other) == flip)) for other in (0, 1)]


@pytest.mark.parametrize("kernel", [*KNOWN, nested], ids=lambda kernel: str(kernel.name))
def test_what_was_chosen_is_sound_ir(kernel: qk.Kernel[..., Any]) -> None:
    kernel.check()
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.draw(output="text")
    for flip in (False, True):
        assert kernel.estimate_resources(flip=flip).qubits == kernel.compile({"flip": flip}).circuit.num_qubits


def test_a_choice_of_qubits_has_derivatives() -> None:
    @qk.qkernel
    def kernel(angle: qk.Float) -> qk.Float:
        outcome = qk.measure(qk.ry(qk.qubit(), angle))
        q = qk.qubit()
        q = qk.rx(q, angle) if outcome else q
        return qk.expval(q, qko.Z(0))

    def value(angle: float) -> float:
        return math.cos(angle / 2) ** 2 + math.sin(angle / 2) ** 2 * math.cos(angle)

    step = 1e-6
    assert kernel.run(angle=0.4) == pytest.approx(value(0.4), abs=1e-12)
    slope = (value(0.4 + step) - value(0.4 - step)) / (2 * step)
    assert kernel.grad(angle=0.4)["angle"] == pytest.approx(slope, abs=1e-6)


@qk.qkernel
def exchanged(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.qubit(), qk.qubit()
    a, b = (b, a) if flip else (a, b)
    return qk.measure(a), qk.measure(b)


@qk.qkernel
def one_of_two(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.qubit(), qk.qubit()
    c = qk.x(a if flip else b)
    return qk.measure(c), qk.measure(b)


@qk.qkernel
def element_of_two(flip: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q[0] = qk.x(q[0] if flip else q[1])
    return qk.measure(q)


@qk.qkernel
def lost_on_one_side(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    return qk.measure(q) if flip else False


@qk.qkernel
def used_by_its_old_name(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    other = qk.x(q) if flip else q
    return qk.measure(q) ^ qk.measure(other)


@qk.qkernel
def thrown_away(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    qk.x(q) if flip else q
    return qk.measure(q)


@qk.qkernel
def of_two_sizes(flip: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2) if flip else qk.qubit_array(3)
    return qk.measure(q)


@qk.qkernel
def of_a_size_from_the_branch(flip: qk.Bit, n: qk.UInt) -> qk.Vector[qk.Bit]:
    if flip:
        k = n + 1
        q = qk.qubit_array(k)
    else:
        k = n + 2
        q = qk.qubit_array(k)
    return qk.measure(q)


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        (exchanged, QubitRebindError),
        (one_of_two, QubitRebindError),
        (element_of_two, UnreturnedBorrowError),
        (lost_on_one_side, QubitConsumedError),
        (used_by_its_old_name, QubitConsumedError),
        (thrown_away, QubitConsumedError),
        (of_two_sizes, QubitRebindError),
        (of_a_size_from_the_branch, QubitRebindError),
    ],
    ids=lambda entry: str(getattr(entry, "name", entry.__name__)),
)
def test_other_choices_are_refused(kernel: qk.Kernel[..., Any], kind: type[QKernelError]) -> None:
    with pytest.raises(kind) as caught:
        kernel.check()
    assert caught.value.span is not None
    assert caught.value.help
