"""What a call of a kernel hands over, and what comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    CallArgumentError,
    KernelTypeError,
    MissingAnnotationError,
    QubitAliasError,
    QubitConsumedError,
    QubitRebindError,
    ReturnTypeError,
    UnsupportedPythonError,
)
from qkernel.kernel import from_module

Z = qko.Z(0)


@qk.qkernel
def ends(q: qk.Vector[qk.Qubit]) -> qk.Tuple[qk.Qubit, qk.Qubit]:
    return q[0], q[1]


@qk.qkernel
def crossed(q: qk.Vector[qk.Qubit]) -> qk.Tuple[qk.Qubit, qk.Qubit]:
    return q[1], q[0]


@qk.qkernel
def chosen(q: qk.Vector[qk.Qubit], i: qk.UInt, j: qk.UInt) -> qk.Tuple[qk.Qubit, qk.Qubit]:
    return q[i], q[j]


@qk.qkernel
def first_of(q: qk.Vector[qk.Qubit]) -> qk.Qubit:
    qk.measure(q[1:])
    return q[0]


@pytest.mark.parametrize(("parts", "expected"), [(ends, (1, 0)), (crossed, (0, 1))])
def test_an_element_that_comes_back_is_that_element(parts: qk.Kernel, expected: tuple[int, int]) -> None:
    @qk.qkernel
    def flip() -> qk.Tuple[qk.Float, qk.Float]:
        q = qk.qubit_array(2)
        a, b = parts(q)
        a = qk.x(a)
        a, b = qk.swap(a, b)
        return qk.expval(b, Z), qk.expval(a, Z)

    assert flip.run() == (-1.0, 1.0)

    @qk.qkernel
    def flipped() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(2)
        bits = qk.bit_array(2)
        a, b = parts(q)
        a = qk.x(a)
        if parts is ends:
            bits[0] = qk.measure(a)
            bits[1] = qk.measure(b)
        else:
            bits[0] = qk.measure(b)
            bits[1] = qk.measure(a)
        return bits

    assert flipped.sample(shots=2).results == [(expected, 2)]
    assert flipped.estimate_resources().gates.total == 1
    assert str(qk.parse(str(flipped.ir))) == str(flipped.ir)
    assert qk.parse(str(flipped.ir)) == flipped.ir


def test_the_first_element_alone() -> None:
    @qk.qkernel
    def head() -> qk.Float:
        q = qk.qubit_array(3)
        q = qk.x(q)
        a = first_of(q)
        a = qk.x(a)
        return qk.expval(a, Z)

    assert head.estimate_resources().gates.total == 4
    assert "x(q[0])" in str(head.ir)
    assert from_module(head.ir).run() == head.run() == 1.0


def test_a_register_of_which_one_element_returns_is_lost() -> None:
    @qk.qkernel
    def head(q: qk.Vector[qk.Qubit]) -> qk.Qubit:
        return q[0]

    with pytest.raises(QubitConsumedError, match="loses part of `q`"):
        head.check()


def test_an_element_of_a_view_comes_back() -> None:
    @qk.qkernel
    def odd(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        a, b = ends(q[1::2])
        b = qk.x(b)
        c, d = qk.measure(a), qk.measure(b)
        bits = qk.bit_array(2)
        bits[0] = c
        bits[1] = d
        return bits

    assert odd.sample(n=4, shots=1).results == [((0, 1), 1)]


def test_computed_elements_come_back_once_each() -> None:
    @qk.qkernel
    def pick(i: qk.UInt, j: qk.UInt) -> qk.Tuple[qk.Float, qk.Float]:
        q = qk.qubit_array(2)
        a, b = chosen(q, i, j)
        a = qk.x(a)
        return qk.expval(a, Z), qk.expval(b, Z)

    assert pick.run(i=1, j=0) == (-1.0, 1.0)
    with pytest.raises(QubitAliasError, match=r"`q\[1\]` stands twice") as caught:
        pick.run(i=1, j=1)
    assert caught.value.span is not None
    assert any("i = 1, j = 1" in note.text for note in caught.value.notes)


# fixed-point numbers ------------------------------------------------------------------------------------------------------


@qk.qkernel
def read(x: qk.QFixed) -> qk.Float:
    return qk.measure(x)


@qk.qkernel
def read_through(x: qk.QFixed) -> qk.Float:
    return 2 * read(x)


@qk.qkernel
def same(x: qk.QFixed) -> qk.QFixed:
    return x


@qk.qkernel
def made(q: qk.Vector[qk.Qubit]) -> qk.QFixed:
    q = qk.x(q)
    return qk.cast(q, qk.QFixed, int_bits=1)


@qk.qkernel
def fresh(n: qk.UInt) -> qk.QFixed:
    return qk.cast(qk.x(qk.qubit_array(n)), qk.QFixed, int_bits=2)


@pytest.mark.parametrize("int_bits", range(5))
def test_the_integer_bits_go_into_a_call(int_bits: int) -> None:
    @qk.qkernel
    def number() -> qk.Tuple[qk.Float, qk.Float, qk.Float]:
        p, q, r = qk.x(qk.qubit_array(3)), qk.x(qk.qubit_array(3)), qk.x(qk.qubit_array(3))
        return (
            read(qk.cast(p, qk.QFixed, int_bits=int_bits)),
            read_through(qk.cast(q, qk.QFixed, int_bits=int_bits)),
            qk.measure(same(qk.cast(r, qk.QFixed, int_bits=int_bits))),
        )

    expected = 7 * 2.0 ** (int_bits - 3)
    assert number.sample(shots=1).results == [((expected, 2 * expected, expected), 1)]
    assert qk.parse(str(number.ir)) == number.ir
    assert from_module(number.ir).sample(shots=1).results == number.sample(shots=1).results


def test_the_integer_bits_come_out_of_a_call() -> None:
    @qk.qkernel
    def number() -> qk.Tuple[qk.Float, qk.Float]:
        return qk.measure(made(qk.qubit_array(3))), read(fresh(3))

    assert number.sample(shots=1).results == [((1.75, 3.5), 1)]
    number.check()


def test_a_register_given_for_a_number_is_a_fraction() -> None:
    @qk.qkernel
    def number() -> qk.Float:
        return read(qk.x(qk.qubit_array(2)))

    assert number.sample(shots=1).results == [(0.75, 1)]


def test_a_number_keeps_its_integer_bits_under_a_modifier() -> None:
    @qk.qkernel
    def number() -> qk.Float:
        x = qk.cast(qk.x(qk.qubit_array(2)), qk.QFixed, int_bits=2)
        x = qk.inverse(same)(x)
        _c, x = qk.control(same)(qk.qubit(), x)
        return qk.measure(x)

    assert number.sample(shots=1).results == [(3.0, 1)]


def test_the_integer_bits_are_no_argument_of_the_users() -> None:
    assert read.input_types == {"x": qk.QFixed.ir_type}
    assert set(read.estimate_resources().parameters) == {"x"}

    @qk.qkernel
    def number() -> qk.Float:
        return read(qk.qubit_array(2), int_bits=2)

    with pytest.raises(CallArgumentError, match="`read` has no argument `int_bits`"):
        number.check()


def test_a_name_is_one_number_on_all_paths() -> None:
    @qk.qkernel
    def looped(n: qk.UInt) -> qk.Float:
        x = qk.cast(qk.qubit_array(3), qk.QFixed, int_bits=1)
        for _ in qk.range(n):
            x = qk.cast(x, qk.QFixed, int_bits=2)
        return qk.measure(x)

    @qk.qkernel
    def branched(n: qk.UInt) -> qk.Float:
        q = qk.qubit_array(3)
        if n > 1:
            x = qk.cast(q, qk.QFixed, int_bits=2)
        else:
            x = qk.cast(q, qk.QFixed, int_bits=1)
        return qk.measure(x)

    for kernel in (looped, branched):
        with pytest.raises(QubitRebindError, match="`x` is read as another number"):
            kernel.check()


def test_a_kernel_that_calls_itself_keeps_the_integer_bits() -> None:
    @qk.qkernel
    def down(x: qk.QFixed, n: qk.UInt) -> qk.QFixed:
        if n > 0:
            x = down(x, n - 1)
        return x

    @qk.qkernel
    def number() -> qk.Float:
        return qk.measure(down(qk.cast(qk.x(qk.qubit_array(3)), qk.QFixed, int_bits=3), 4))

    assert number.sample(shots=1).results == [(7.0, 1)]


def twice(layer: Callable[[qk.Qubit], qk.Qubit]) -> Callable[[qk.Qubit], qk.Qubit]:
    @functools.wraps(layer)
    def wrapper(*qubits: qk.Qubit) -> qk.Qubit:
        return layer(layer(*qubits))

    return wrapper


def test_a_decorator_of_a_helper_is_not_passed_over() -> None:
    @twice
    def layer(q: qk.Qubit) -> qk.Qubit:
        return qk.rx(q, 0.5)

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(layer(qk.qubit()), Z)

    assert kernel.estimate_resources().gates.total == 2
    assert kernel() == pytest.approx(np.cos(1.0))


def test_a_decorator_between_a_kernel_and_its_function_is_not_passed_over() -> None:
    with pytest.raises(MissingAnnotationError, match=r"`wrapper` takes `\*qubits`"):

        @qk.qkernel
        @twice
        def kernel(q: qk.Qubit) -> qk.Qubit:
            return qk.rx(q, 0.5)


def test_a_kernel_is_asked_once_however_many_calls_lead_to_it() -> None:
    def around(inner: qk.Kernel[[qk.Qubit], qk.Qubit]) -> qk.Kernel[[qk.Qubit], qk.Qubit]:
        @qk.qkernel
        def outer(q: qk.Qubit) -> qk.Qubit:
            return inner(inner(q))

        return outer

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return qk.h(q)

    for _ in range(40):  # 2**40 calls lead to the innermost
        kernel = around(kernel)
    assert len(kernel.ir.functions) == 41
    assert kernel.ir is kernel.ir


# qubits that a kernel makes -----------------------------------------------------------------------------------------------


@qk.struct
class Parts:
    one: qk.Qubit
    many: qk.Vector[qk.Qubit]


@qk.qkernel
def one() -> qk.Qubit:
    return qk.x(qk.qubit())


@qk.qkernel
def second_of(n: qk.UInt) -> qk.Qubit:
    q = qk.qubit_array(n)
    q[1] = qk.x(q[1])
    return q[1]


@qk.qkernel
def both() -> tuple[qk.Qubit, qk.Qubit]:
    return qk.cx(qk.h(qk.qubit()), qk.qubit())


@qk.qkernel
def parts_of(n: qk.UInt) -> Parts:
    return Parts(one(), qk.x(qk.qubit_array(n)))


@qk.qkernel
def measured(n: qk.UInt) -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Vector[qk.Bit]]:
    parts = parts_of(n)
    return qk.measure(one()), qk.measure(second_of(n)), qk.measure(parts.one), qk.measure(parts.many)


@qk.qkernel
def with_gate() -> qk.Float:
    a, b = both()
    a, b = qk.cx(a, b)
    return qk.expval((a, b), qko.X(0) * qko.Z(1))


@qk.qkernel
def as_condition() -> qk.Float:
    a, b = both()
    if qk.measure(a):
        b = qk.x(b)
    return qk.expval(b, Z)


@qk.qkernel
def in_a_loop(n: qk.UInt) -> qk.Vector[qk.Bit]:
    bits = qk.bit_array(n)
    for i in qk.range(n):
        bits[i] = qk.measure(one())
    return bits


@qk.qkernel
def controlled() -> tuple[qk.Bit, qk.Bit]:
    _, a = qk.control(one)(qk.qubit())
    _, b = qk.control(one)(qk.x(qk.qubit()))
    return qk.measure(a), qk.measure(b)


@pytest.mark.parametrize(
    ("kernel", "values", "expected"),
    [
        (measured, {"n": 3}, (1, 1, 1, (1, 1, 1))),
        (with_gate, {}, pytest.approx(1.0)),
        (as_condition, {}, pytest.approx(1.0)),
        (in_a_loop, {"n": 2}, (1, 1)),
        (controlled, {}, (0, 1)),
    ],
)
def test_a_qubit_that_a_kernel_makes_is_one_qubit(kernel: qk.Kernel, values: dict[str, int], expected: object) -> None:
    assert kernel.run(**values) == expected
    kernel.check()
    kernel.verify_resources(**values)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    for options in ({}, {"inline": True}, {"lowered": True, **values}):
        assert kernel.draw(output="text", **options)


@qk.qkernel
def chained(n: qk.UInt) -> qk.Qubit:
    q = qk.x(qk.qubit())
    if n > 0:
        before = chained(n - 1)
        before, q = qk.cx(before, q)
    return q


@qk.qkernel
def growing(n: qk.UInt, result: qk.Qubit) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    q = qk.qubit_array(n + 1)
    if n > 0:
        result, before = growing(n - 1, result)
        result, before[0] = qk.cx(result, before[0])
        before[len(before) - 1], q[0] = qk.cx(before[len(before) - 1], q[0])
    return qk.x(result), qk.x(q)


def test_a_recursion_may_make_qubits_and_give_them_back() -> None:
    @qk.qkernel
    def parity(n: qk.UInt) -> qk.Bit:
        return qk.measure(chained(n))

    @qk.qkernel
    def lengths(n: qk.UInt) -> tuple[qk.Bit, qk.Vector[qk.Bit]]:
        result, q = growing(n, qk.qubit())
        return qk.measure(result), qk.measure(q)

    def by_hand(n: int) -> tuple[int, list[int]]:
        if n == 0:
            return 1, [1]
        result, before = by_hand(n - 1)
        before[0] ^= result
        return 1 - result, [1 - before[-1], *[1] * n]

    assert [parity(n) for n in range(5)] == [1, 0, 1, 0, 1]
    for n in range(5):
        result, q = by_hand(n)
        assert lengths(n) == (result, tuple(q))
        parity.verify_resources(n=n)
    assert qk.parse(str(lengths.ir)) == lengths.ir


def test_a_recursion_that_gives_back_other_qubits_is_refused() -> None:
    @qk.qkernel
    def measured(n: qk.UInt, q: qk.Qubit) -> tuple[qk.Qubit, qk.Bit]:
        new = qk.qubit()
        if n > 0:
            new, _ = measured(n - 1, new)
        return new, qk.measure(q)

    with pytest.raises(ReturnTypeError, match="`measured` calls itself, so it must return the qubits that it takes"):
        measured.check()


def test_a_qubit_that_a_kernel_makes_has_no_elements() -> None:
    @qk.qkernel
    def indexed() -> qk.Bit:
        return qk.measure(one()[0])

    @qk.qkernel
    def as_vector() -> qk.Vector[qk.Bit]:
        return qk.measure(one())

    with pytest.raises(KernelTypeError, match="is one qubit and has"):
        indexed.check()
    with pytest.raises(ReturnTypeError, match="returns a Bit, but says"):
        as_vector.check()


def test_a_list_from_around_the_kernel_is_no_name_in_it() -> None:
    around = [0.1]

    @qk.qkernel
    def changes(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
        angles[0] = 5.0
        return qk.ry(q, angles[0])

    @qk.qkernel
    def main() -> qk.Float:
        return qk.expval(qk.rx(changes(qk.qubit(), around), around[0]), qko.Z(0))

    with pytest.raises(UnsupportedPythonError, match=r"let `changes` return it, or copy it there first"):
        main.check()
