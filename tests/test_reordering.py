"""Kernels that hand back their qubits in another order than they take them, under every modifier."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import CallArgumentError, KernelTypeError, QubitIndexResolutionError, SizeError
from tests.strategies.reordering import check, generate

Register = qk.Vector[qk.Qubit]
Pair = tuple[qk.Qubit, qk.Qubit]
Bits = qk.Vector[qk.Bit]


@pytest.mark.parametrize("first", range(0, 40, 8))
def test_random_programs_do_what_their_matrices_say(first: int) -> None:
    for seed in range(first, first + 8):
        check(generate(seed))


@qk.qkernel
def mix(a: qk.Qubit, b: qk.Qubit) -> Pair:
    a = qk.rx(a, 0.7)
    a, b = qk.cx(a, b)
    b = qk.ry(b, 0.4)
    return b, a


@qk.qkernel
def other(a: qk.Qubit, b: qk.Qubit) -> Pair:
    return b, qk.t(a)


@qk.qkernel
def kept(a: qk.Qubit, b: qk.Qubit) -> Pair:
    return qk.cz(a, b)


@qk.qkernel
def turned(a: qk.Qubit, b: qk.Qubit, c: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return b, c, a


@qk.qkernel
def registers(a: Register, b: Register) -> tuple[Register, Register]:
    a = qk.s(a)
    return b, a


@qk.qkernel
def unequal(a: qk.Qubit, b: Register) -> tuple[Register, qk.Qubit]:
    return b, qk.x(a)


# plain, inverse and power relabel -------------------------------------------------------------------------------------------


def test_an_inverse_undoes_what_the_kernel_did() -> None:
    @qk.qkernel
    def there_and_back() -> tuple[qk.Float, qk.Float]:
        a, b = qk.ry(qk.qubit(), 0.3), qk.ry(qk.qubit(), 1.1)
        a, b = mix(a, b)
        a, b = qk.inverse(mix)(a, b)
        return qk.expval(a, qko.Z(0)), qk.expval(b, qko.Z(0))

    @qk.qkernel
    def back_and_there(n: qk.UInt) -> tuple[qk.Bit, qk.Bit, qk.Bit, Bits, qk.Bit]:
        a, b, c = qk.inverse(turned)(qk.x(qk.qubit()), qk.qubit(), qk.qubit())
        d, e = unequal(qk.qubit(), qk.qubit_array(n))
        e, d = qk.inverse(unequal)(d, e)
        return qk.measure(a), qk.measure(b), qk.measure(c), qk.measure(d), qk.measure(e)

    assert there_and_back() == pytest.approx((math.cos(0.3), math.cos(1.1)))
    assert back_and_there(2) == (0, 1, 0, (0, 0), 0)


@pytest.mark.parametrize("power", [-4, -3, -1, 0, 1, 2, 3, 7])
def test_a_power_relabels_once_for_each_round(power: int) -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
        a, b, c = qk.x(qk.qubit()), qk.qubit(), qk.qubit()
        a, b, c = qk.global_phase(turned, 0.1)(a, b, c, power=power)
        return qk.measure(a), qk.measure(b), qk.measure(c)

    expected = np.roll([1, 0, 0], -power)
    assert kernel() == tuple(expected)
    assert kernel.estimate_resources().gates.total == 1


def test_powers_of_an_inverse_undo_powers() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Float, qk.Float]:
        a, b = qk.ry(qk.qubit(), 0.3), qk.ry(qk.qubit(), 1.1)
        a, b = qk.global_phase(mix, 0.2)(a, b, power=n)
        a, b = qk.inverse(mix)(a, b, power=5)
        return qk.expval(a, qko.Z(0)), qk.expval(b, qko.Z(0))

    assert kernel(5) == pytest.approx((math.cos(0.3), math.cos(1.1)))


# under control --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "value"), [(0, 1), (1, 1), (2, 1), (3, 1), (3, 0), (1, 0)])
def test_an_exchange_under_control_is_a_controlled_swap_for_each_round(power: int, value: int) -> None:
    @qk.qkernel
    def kernel(flag: qk.UInt) -> tuple[qk.Bit, qk.Bit, qk.Bit]:
        c, a, b = qk.qubit(), qk.x(qk.qubit()), qk.qubit()
        if flag == 1:
            c = qk.x(c)
        c, a, b = qk.control(other, control_value=value)(c, a, b, power=power)
        return qk.measure(c), qk.measure(a), qk.measure(b)

    for flag in (0, 1):
        exchanged = flag == value and power % 2 == 1
        assert kernel(flag) == (flag, int(not exchanged), int(exchanged))
    gates = kernel.estimate_resources(bindings={"flag": 1}).gates
    assert gates.multi_qubit == power
    kernel.verify_resources(flag=1)


def test_registers_of_a_symbolic_length_change_places() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, k: qk.UInt) -> tuple[Bits, Bits]:
        _, a, b = qk.control(registers)(qk.x(qk.qubit()), qk.x(qk.qubit_array(n)), qk.qubit_array(n), power=k)
        return qk.measure(a), qk.measure(b)

    assert kernel(2, 3) == ((0, 0), (1, 1))
    assert kernel(2, 2) == ((1, 1), (0, 0))
    gates = kernel.estimate_resources().gates
    assert str(gates.multi_qubit) == "k*n"
    for n, k in ((0, 1), (3, 2)):
        kernel.verify_resources(n=n, k=k)
    assert "× n" in kernel.draw(output="text", inline=True)


def test_an_exchange_is_drawn_where_the_call_is_opened() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit]:
        a, b = other(qk.qubit(), qk.qubit())
        _, a, b = qk.control(other)(qk.qubit(), a, b)
        return qk.measure(a), qk.measure(b)

    boxes = kernel.draw(output="text")
    assert "×" not in boxes
    assert boxes.count("other") == 2
    assert "other." not in boxes
    for options in ({"inline": True}, {"lowered": True}):
        assert kernel.draw(output="text", **options).count("×") == 2  # the two ends of one swap
    assert kernel.estimate_resources().calls.calls_by_name == {"other": 2}


def test_what_a_kernel_makes_stays_where_it_is() -> None:
    @qk.qkernel
    def copied(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
        a, copy = qk.cx(a, qk.qubit())
        return b, copy, a

    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
        _, a, copy, b = qk.control(copied)(qk.x(qk.qubit()), qk.x(qk.qubit()), qk.qubit())
        return qk.measure(a), qk.measure(copy), qk.measure(b)

    assert kernel() == (0, 1, 1)
    kernel.verify_resources()


def test_a_control_of_a_control_swaps_under_both() -> None:
    @qk.qkernel
    def inner(c: qk.Qubit, a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
        c, a, b = qk.control(qk.inverse(other))(c, a, b)
        return c, a, b

    @qk.qkernel
    def kernel(flags: qk.UInt) -> tuple[qk.Bit, qk.Bit]:
        c = qk.qubit_array(2)
        a, b = qk.x(qk.qubit()), qk.qubit()
        for k in qk.range(2):
            if flags // 2**k % 2 == 1:
                c[k] = qk.x(c[k])
        c[0], c[1], a, b = qk.control(inner)(c[0], c[1], a, b)
        return qk.measure(a), qk.measure(b)

    assert [kernel(flags) for flags in range(4)] == [(1, 0), (1, 0), (1, 0), (0, 1)]


# multiplexers ---------------------------------------------------------------------------------------------------------------


def _swaps(operations: list[Any], width: int = 1, **keywords: Any) -> int:
    """How many swaps a multiplexer makes."""

    @qk.qkernel
    def kernel() -> tuple[Bits, qk.Bit, qk.Bit]:
        index, a, b = qk.select(operations)(qk.x(qk.qubit_array(width)), qk.x(qk.qubit()), qk.qubit(), **keywords)
        return qk.measure(index), qk.measure(a), qk.measure(b)

    kernel.verify_resources()
    return sum(row.kind.name == "swap" for row in kernel.compile().circuit.instructions())


def test_operations_that_exchange_alike_need_no_swap() -> None:
    assert _swaps([mix, other]) == 0
    assert _swaps([mix, qk.inverse(other)]) == 0
    assert _swaps([mix, other, qk.inverse(mix), other], width=2) == 0
    assert _swaps([qk.inverse(qk.inverse(qk.inverse(mix))), other], power=3) == 0


def test_operations_that_exchange_otherwise_do() -> None:
    assert _swaps([mix, kept]) == 1
    assert _swaps([mix, kept], power=3) == 3
    assert _swaps([mix, other, other], width=2) == 3  # at index 3 nothing is done


# parts of registers ---------------------------------------------------------------------------------------------------------


@qk.qkernel
def first(q: Register) -> tuple[qk.Qubit, Register]:
    q[0] = qk.x(q[0])
    return q[0], q[1:]


@qk.qkernel
def last(q: Register) -> tuple[Register, qk.Qubit]:
    q[0] = qk.x(q[0])
    return q[1:], q[0]


@qk.qkernel
def halves(q: Register) -> tuple[Register, Register]:
    q[0] = qk.x(q[0])
    return q[1::2], q[0::2]


@pytest.mark.parametrize("parts", [first, last, halves])
def test_an_inverse_puts_a_register_together_again(parts: Any) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> Bits:
        q = qk.qubit_array(n)
        for _ in qk.range(3):
            a, b = parts(q)
            q = qk.inverse(parts)(a, b)
            v = q[1:]
            a, b = parts(v)
            v = qk.inverse(parts)(a, b)
            q[1:] = v
        a, b = parts(q)
        q = qk.inverse(parts)(a, b)
        q[1] = qk.x(q[1])
        return qk.measure(q)

    assert kernel(4) == (0, 1, 0, 0)
    assert kernel(5) == (0, 1, 0, 0, 0)
    kernel.verify_resources(n=4)


def test_parts_in_their_order_may_be_controlled() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Bit, Bits]:
        _, a, b = qk.control(first)(qk.x(qk.qubit()), qk.qubit_array(n))
        return qk.measure(a), qk.measure(b)

    assert kernel(3) == (1, (0, 0))


# where such kernels stand -----------------------------------------------------------------------------------------------------


@qk.composite_gate(name="SWAPPED")
@qk.qkernel
def swapped(a: qk.Qubit, b: qk.Qubit) -> Pair:
    return b, a


@qk.qkernel(clean_ancillas=True)
def with_ancilla(a: qk.Qubit, b: qk.Qubit) -> Pair:
    """Takes (a, b) to (a ^ b, a)."""
    ancilla = qk.qubit()
    a, ancilla = qk.cx(a, ancilla)
    ancilla, b = qk.cx(ancilla, b)
    a, ancilla = qk.cx(a, ancilla)
    return b, a


@qk.qkernel
def angle_first(angle: qk.Float, a: qk.Qubit, b: qk.Qubit) -> Pair:
    return b, qk.rx(a, angle)


def test_a_controlled_exchange_stands_in_loops_and_branches() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Bit, qk.Bit]:
        c, q = qk.x(qk.qubit()), qk.qubit_array(2)
        q[0] = qk.x(q[0])
        for _ in qk.range(n):
            c, q[0], q[1] = qk.control(swapped)(c, q[0], q[1])
        if qk.measure(qk.x(qk.qubit())):
            c, q[1], q[0] = qk.control(qk.inverse(swapped))(c, q[1], q[0])
        return qk.measure(q[0]), qk.measure(q[1])

    assert [kernel(n) for n in range(3)] == [(0, 1), (1, 0), (0, 1)]
    assert "SWAPPED" in kernel.draw(output="text")


def test_ancillas_stay_clean_where_qubits_change_places() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Bit]:
        c, a, b = qk.control(with_ancilla)(qk.x(qk.qubit()), qk.x(qk.qubit()), qk.qubit())
        d, e = qk.inverse(with_ancilla)(qk.x(qk.qubit()), qk.qubit())
        c, a, b = qk.control(qk.inverse(with_ancilla), power=2)(c, a, b)
        return qk.measure(a), qk.measure(b), qk.measure(d), qk.measure(e)

    # (1, 0) -> (1, 1) and twice back -> (0, 1); (1, 0) back -> (0, 1)
    assert kernel() == (0, 1, 0, 1)
    kernel.verify_resources()


def test_angles_stand_where_the_kernel_has_them() -> None:
    @qk.qkernel
    def kernel(angle: qk.Float) -> tuple[qk.Float, qk.Float, qk.Float, qk.Float]:
        a, b = qk.inverse(angle_first)(angle, qk.x(qk.qubit()), qk.qubit())
        _, c, d = qk.control(angle_first)(qk.x(qk.qubit()), angle, qk.x(qk.qubit()), qk.qubit())
        _, c, d = qk.select([angle_first, qk.inverse(angle_first)])(qk.qubit(), 0.0, c, d)
        z = qko.Z(0)
        return qk.expval(a, z), qk.expval(b, z), qk.expval(c, z), qk.expval(d, z)

    assert kernel(0.3) == pytest.approx((math.cos(0.3), -1, -math.cos(0.3), 1))


def test_a_result_may_be_given_by_the_name_that_the_kernel_has_for_it() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit]:
        a, b = qk.inverse(mix)(b=qk.qubit(), a=qk.qubit())
        a, b = mix(a, b)
        a, b = qk.inverse(swapped)(b=qk.x(a), a=b)
        return qk.measure(a), qk.measure(b)

    assert kernel() == (0, 1)


SCALE = 0.3


def test_what_a_reordering_kernel_captures_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    @qk.qkernel
    def scaled(a: qk.Qubit, b: qk.Qubit) -> Pair:
        return b, qk.rx(a, SCALE)

    @qk.qkernel
    def kernel() -> qk.Float:
        _, _, b = qk.control(scaled)(qk.x(qk.qubit()), qk.qubit(), qk.qubit())
        return qk.expval(b, qko.Z(0))

    assert kernel() == pytest.approx(math.cos(0.3))
    monkeypatch.setitem(globals(), "SCALE", 0.5)
    assert kernel() == pytest.approx(math.cos(0.5))


# what is refused ------------------------------------------------------------------------------------------------------------


@qk.qkernel
def makes() -> qk.Qubit:
    return qk.h(qk.qubit())


@qk.qkernel
def different_types() -> None:
    qk.control(unequal)(qk.qubit(), qk.qubit(), qk.qubit_array(2))


@qk.qkernel
def different_lengths() -> None:
    qk.control(registers)(qk.qubit(), qk.qubit_array(2), qk.qubit_array(3))


@qk.qkernel
def in_parts() -> None:
    qk.control(last)(qk.qubit(), qk.qubit_array(2))


@qk.qkernel
def repeated_parts() -> None:
    qk.inverse(last)(qk.qubit_array(2), qk.qubit(), power=2)


@qk.qkernel
def parts_of_two_registers() -> None:
    qk.inverse(first)(qk.qubit(), qk.qubit_array(2))


@qk.qkernel
def made() -> None:
    qk.inverse(makes)(qk.qubit())


@qk.qkernel
def by_keyword() -> None:
    qk.select([mix, other])(qk.qubit(), qk.qubit(), b=qk.qubit())


@pytest.mark.parametrize(
    ("kernel", "kind", "title"),
    [
        (different_types, KernelTypeError, r"gives back a Vector\[Qubit\] where it takes a Qubit, so it cannot be controlled"),
        (different_lengths, SizeError, "exchanges `a` and `b` in some branches only, so they must have one length"),
        (in_parts, KernelTypeError, "`last` gives back `q` in parts, so it cannot be controlled"),
        (repeated_parts, KernelTypeError, "`last` gives back `q` in parts, so it cannot be repeated"),
        (parts_of_two_registers, KernelTypeError, "are not the parts that `first` makes of one register `q`"),
        (made, KernelTypeError, "`makes` gives back qubits that it makes itself, so it cannot be inverted"),
        (by_keyword, CallArgumentError, "`select` takes its qubits by position"),
    ],
)
def test_what_has_no_meaning_is_refused(kernel: Any, kind: type[Exception], title: str) -> None:
    with pytest.raises(kind, match=title):
        kernel.check()


@pytest.mark.parametrize(("n", "m"), [(2, 3), (3, 2)])
def test_lengths_that_only_values_tell_are_compared_at_lowering(n: int, m: int) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, m: qk.UInt) -> Bits:
        _, a, _ = qk.control(registers)(qk.x(qk.qubit()), qk.qubit_array(n), qk.qubit_array(m))
        return qk.measure(a)

    with pytest.raises(QubitIndexResolutionError, match="lies outside it"):
        kernel.run(n=n, m=m)
