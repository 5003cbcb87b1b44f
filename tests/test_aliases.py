"""What one name may do where others mean the same: qubits and vectors in records and tuples, in loops and branches."""

from __future__ import annotations

import math

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QubitConsumedError, UnsupportedPythonError

Z = qko.Z(0)


@qk.struct
class Pack:
    one: qk.Qubit
    gain: qk.Float


@qk.struct
class Drive:
    shifts: qk.Vector[qk.Float]
    gain: qk.Float


@qk.qkernel
def field(n: qk.UInt) -> qk.Float:
    p = Pack(qk.qubit(), 0.3)
    e, g = p.one, p.gain
    for _ in qk.range(n):
        e = qk.rx(e, g)
    return qk.expval(e, Z)


@qk.qkernel
def number_beside_the_field(n: qk.UInt) -> qk.Float:
    p = Pack(qk.qubit(), 0.3)
    e = p.one
    for _ in qk.range(n):
        for _ in qk.range(1):
            e = qk.rx(e, p.gain)
    return qk.expval(e, Z)


@qk.qkernel
def other_name(n: qk.UInt) -> qk.Float:
    q = qk.qubit()
    e = q
    for _ in qk.range(n):
        e = qk.rx(e, 0.3)
    return qk.expval(e, Z)


@qk.qkernel
def entry_of_a_tuple(n: qk.UInt) -> qk.Float:
    pair = (0.3, (qk.qubit(), 1))
    e = pair[1][0]
    for _ in qk.range(n):
        e = qk.rx(e, pair[0] * pair[1][1])
    return qk.expval(e, Z)


@qk.qkernel
def of_an_argument(p: Pack, n: qk.UInt) -> qk.Qubit:
    e = p.one
    for _ in qk.range(n):
        e = qk.rx(e, p.gain)
    return e


@qk.qkernel
def argument(n: qk.UInt) -> qk.Float:
    return qk.expval(of_an_argument(Pack(qk.qubit(), 0.3), n), Z)


@pytest.mark.parametrize("kernel", [field, number_beside_the_field, other_name, entry_of_a_tuple, argument])
def test_a_loop_goes_on_with_a_qubit_under_one_of_its_names(kernel: qk.Kernel) -> None:
    for n in (0, 3):
        assert kernel(n) == pytest.approx(math.cos(0.3 * n))


def test_a_while_goes_on_with_a_qubit_under_one_of_its_names() -> None:
    @qk.qkernel
    def kernel() -> qk.Bit:
        p = Pack(qk.qubit(), math.pi)
        e = p.one
        again = qk.measure(qk.x(qk.qubit()))
        while again:
            e = qk.rx(e, p.gain)
            again = qk.measure(qk.qubit())
        return qk.measure(e)

    assert kernel() == 1


def test_the_other_names_are_used_up_then() -> None:
    @qk.qkernel
    def inside(n: qk.UInt) -> qk.Float:
        p = Pack(qk.qubit(), 0.3)
        e = p.one
        for _ in qk.range(n):
            e = qk.rx(p.one, 0.3)
        return qk.expval(e, Z)

    @qk.qkernel
    def afterwards(n: qk.UInt) -> qk.Float:
        p = Pack(qk.qubit(), 0.3)
        e = p.one
        for _ in qk.range(n):
            e = qk.rx(e, 0.3)
        return qk.expval(p.one, Z)

    for kernel in (inside, afterwards):
        with pytest.raises(QubitConsumedError, match=r"`p.one` was already used") as error:
            kernel.check()
        assert "`p.one` was taken into the loop as `e` here" in str(error.value)
        assert "the qubit goes by `e` now" in str(error.value)


def test_a_name_that_the_loop_did_nothing_to_means_what_it_meant() -> None:
    @qk.qkernel
    def untouched(n: qk.UInt) -> qk.Float:
        p = Pack(qk.qubit(), 0.3)
        e = p.one
        for _ in qk.range(n):
            e = p.one if False else e
        return qk.expval(qk.rx(p.one, p.gain), Z)

    @qk.qkernel
    def elements(n: qk.UInt) -> qk.Float:
        q = qk.qubit_array(2)
        r = q
        for _ in qk.range(n):
            q[0] = qk.rx(q[0], 0.3)
            r[1] = qk.x(r[1])
        return qk.expval(r[0], Z)

    assert elements(3) == pytest.approx(math.cos(0.9))
    assert untouched(3) == pytest.approx(math.cos(0.3))


# vectors that change --------------------------------------------------------------------------------------------------------


@qk.qkernel
def number_of_a_record(drive: Drive) -> qk.Float:
    w = drive.shifts
    w[0] = 0.5
    return qk.expval(qk.rx(qk.qubit(), drive.gain + w[0] + w[1]), Z)


@qk.qkernel
def changed_in_a_loop(drive: Drive) -> qk.Float:
    w = drive.shifts
    for i in qk.range(1):
        w[i] = 0.5
    return qk.expval(qk.rx(qk.qubit(), drive.gain + w[0] + w[1]), Z)


@qk.qkernel
def changed_on_one_side(drive: Drive) -> qk.Float:
    w = drive.shifts
    if drive.gain > 0:
        w[0] = 0.5
    return qk.expval(qk.rx(qk.qubit(), drive.gain + w[0] + w[1]), Z)


@qk.qkernel
def number_of_a_tuple(drive: Drive) -> qk.Float:
    w = drive.shifts
    pair = (w, drive.gain)
    w[0] = 0.5
    return qk.expval(qk.rx(qk.qubit(), pair[1] + w[0] + w[1]), Z)


@pytest.mark.parametrize("kernel", [number_of_a_record, changed_in_a_loop, changed_on_one_side, number_of_a_tuple])
def test_what_stands_beside_a_changed_vector_stays(kernel: qk.Kernel) -> None:
    assert kernel(Drive([0.1, 0.2], 0.3)) == pytest.approx(math.cos(0.3 + 0.5 + 0.2))


def test_the_vector_itself_is_that_of_before() -> None:
    @qk.qkernel
    def read(drive: Drive) -> qk.Float:
        w = drive.shifts
        w[0] = 0.5
        return qk.expval(qk.rx(qk.qubit(), drive.shifts[0]), Z)

    @qk.qkernel
    def handed_on(drive: Drive) -> qk.Float:
        w = drive.shifts
        w[0] = 0.5
        return number_of_a_record(drive)

    @qk.qkernel
    def unpacked(drive: Drive) -> qk.Float:
        w = drive.shifts
        pair = (w, drive.gain)
        w[0] = 0.5
        _, gain = pair
        return qk.expval(qk.rx(qk.qubit(), gain), Z)

    @qk.qkernel
    def returned(drive: Drive) -> Drive:
        w = drive.shifts
        w[0] = 0.5
        return drive

    for kernel, name in ((read, "`drive.shifts`"), (handed_on, "`drive.shifts`"), (unpacked, "a part"), (returned, "a part")):
        with pytest.raises(UnsupportedPythonError, match="is a vector that was changed under the name `w`") as error:
            kernel.check()
        assert name in str(error.value)
        assert "copy it before: `w = " in str(error.value)
