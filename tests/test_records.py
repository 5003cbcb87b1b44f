"""Records: whole where a kernel's arguments are given, whatever is done with the kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError, MissingAnnotationError, UnknownBindingError
from qkernel.records import record_fields, spread
from qkernel_stdlib.examples.matrices import evolved, word


@qk.struct
class Drive:
    angle: qk.Float
    shifts: qk.Vector[qk.Float]
    count: qk.UInt


@qk.qkernel
def driven(drive: Drive) -> qk.Float:
    q = qk.qubit_array(drive.count)
    for i in qk.range(len(drive.shifts)):
        q[0] = qk.rx(q[0], drive.shifts[i])
    for i in qk.range(drive.count):
        q[i] = qk.rx(q[i], drive.angle)
    return qk.expval(q, qko.Z(0))


VALUE = Drive(0.1, [0.2, 0.3], 2)
EXPECTED = math.cos(0.1 + 0.2 + 0.3)


def test_a_record_is_its_fields() -> None:
    assert record_fields(VALUE) == {"angle": 0.1, "shifts": [0.2, 0.3], "count": 2}
    assert record_fields(0.1) is None
    assert spread({"drive": VALUE, "n": 3}) == {"drive.angle": 0.1, "drive.shifts": [0.2, 0.3], "drive.count": 2, "n": 3}


def test_a_record_is_given_whole_wherever_values_are() -> None:
    assert driven.run(drive=VALUE) == pytest.approx(EXPECTED)
    driven.verify_resources(drive=VALUE)
    open_form = driven.estimate_resources()
    gates = len(VALUE.shifts) + VALUE.count
    assert open_form.substitute(drive=VALUE).gates.total == gates
    assert driven.estimate_resources(bindings={"drive": VALUE}).gates.total == gates
    assert qk.estimate_resources(driven, {"drive": VALUE}).gates.total == gates
    assert "RX(0.1)" in driven.draw(output="text", drive=VALUE)
    with pytest.raises(UnknownBindingError, match="other"):
        open_form.substitute(other=VALUE)


def test_lengths_of_a_record_are_those_of_its_arrays() -> None:
    for lengths in ({"drive": Drive(None, 3, None)}, {"drive.shifts": 3}):
        program = driven.compile({"drive.count": 1}, lengths=lengths)
        assert program.parameter_names == ("drive.angle", *(f"drive.shifts[{k}]" for k in range(3)))
    with pytest.raises(UnknownBindingError, match="other"):
        driven.compile(lengths={"other": VALUE})


def test_derivatives_by_a_record_are_those_by_its_angles() -> None:
    slopes = driven.grad(drive=VALUE, wrt=["drive"])
    assert slopes.keys() == {"drive.angle", "drive.shifts"}
    assert slopes["drive.angle"] == pytest.approx(-math.sin(0.1 + 0.2 + 0.3))
    assert slopes["drive.shifts"] == pytest.approx(np.full(2, -math.sin(0.1 + 0.2 + 0.3)))


def test_a_record_is_a_default() -> None:
    @qk.qkernel
    def ready(drive: Drive = VALUE) -> qk.Float:
        return driven(drive)

    assert ready() == pytest.approx(EXPECTED)
    assert ready(Drive(0.5, [0.0], 1)) == pytest.approx(math.cos(0.5))
    assert ready.estimate_resources().gates.total == len(VALUE.shifts) + VALUE.count
    assert ready.estimate_resources(parameters=["drive"]).parameters.keys() == {"drive.shifts", "drive.count"}
    with pytest.raises(KernelTypeError, match="the default of `drive` must be a Drive"):

        @qk.qkernel
        def wrong(drive: Drive = 0.3) -> qk.Float:
            return driven(drive)


# modifiers ------------------------------------------------------------------------------------------------------------------


@qk.struct
class Edge:
    left: qk.Qubit
    right: qk.Qubit


@qk.struct
class Rotor:
    spin: qk.Qubit
    gain: qk.Float
    rest: qk.Vector[qk.Qubit]


@qk.qkernel
def entangle(edge: Edge) -> Edge:
    left, right = qk.cx(qk.h(edge.left), edge.right)
    return Edge(left, right)


@qk.qkernel
def flipped(edge: Edge) -> Edge:
    left = qk.ry(edge.left, 0.7)
    return Edge(edge.right, left)


@qk.qkernel
def spun(rotor: Rotor, factor: qk.Float) -> Rotor:
    return Rotor(qk.rx(rotor.spin, factor * rotor.gain), rotor.gain, qk.x(rotor.rest))


@qk.qkernel
def pair_to_edge(a: qk.Qubit, b: qk.Qubit) -> Edge:
    return Edge(qk.ry(b, 0.4), a)


@qk.qkernel
def inverted() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Bit]:
    edge = entangle(Edge(qk.qubit(), qk.x(qk.qubit())))
    edge = qk.inverse(entangle)(edge)
    edge = flipped(edge)
    edge = qk.inverse(flipped)(edge)
    a, b = qk.inverse(pair_to_edge)(pair_to_edge(qk.x(qk.qubit()), qk.qubit()))
    return qk.measure(edge.left), qk.measure(edge.right), qk.measure(a), qk.measure(b)


@qk.qkernel
def controlled() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Bit]:
    edge, other = Edge(qk.qubit(), qk.x(qk.qubit())), Edge(qk.qubit(), qk.qubit())
    c, edge = qk.control(flipped, control_value=0)(qk.x(qk.qubit()), edge)
    d, other = qk.control(entangle)(qk.qubit(), other)
    c, d, other = qk.control(qk.inverse(entangle), 2)(c, d, other)
    return qk.measure(edge.left), qk.measure(edge.right), qk.measure(other.left), qk.measure(other.right)


@qk.qkernel
def selected() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    index, edge = qk.qubit_array(1), Edge(qk.qubit(), qk.x(qk.qubit()))
    index, edge = qk.select([qk.inverse(entangle), flipped])(index, edge)
    index, edge = qk.select([entangle, flipped])(index, edge)
    return qk.measure(index[0]), qk.measure(edge.left), qk.measure(edge.right)


@qk.qkernel
def phased() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    edge = qk.global_phase(entangle, 0.3)(Edge(qk.qubit(), qk.x(qk.qubit())))
    edge = qk.inverse(qk.global_phase(entangle, 0.3))(edge)
    c, edge = qk.control(qk.global_phase(entangle, 0.3))(qk.qubit(), edge)
    return qk.measure(c), qk.measure(edge.left), qk.measure(edge.right)


@qk.qkernel
def with_numbers() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    rotor = spun(Rotor(qk.qubit(), 0.3, qk.qubit_array(1)), 0.5)
    rotor = qk.inverse(spun)(rotor, 0.5)
    _, rotor = qk.control(spun)(qk.x(qk.qubit()), rotor, factor=2.0)
    _, rotor = qk.control(qk.inverse(spun))(qk.x(qk.qubit()), rotor, 2.0)
    _, rotor = qk.select([spun, qk.inverse(spun)])(qk.qubit(), rotor, 0.0)
    spin = qk.rx(rotor.spin, math.pi / 0.3 * rotor.gain)
    rest = qk.measure(rotor.rest)
    return qk.measure(spin), rest[0], rest[0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (inverted, (0, 1, 1, 0)),
        (controlled, (0, 1, 0, 0)),
        (selected, (0, 0, 1)),
        (phased, (0, 0, 1)),
        (with_numbers, (1, 1, 1)),
    ],
)
def test_records_go_through_modifiers_whole(kernel: qk.Kernel, expected: tuple[int, ...]) -> None:
    assert kernel.sample(shots=20, seed=1).results == [(expected, 20)]
    kernel.verify_resources()
    assert qk.parse(str(kernel.ir)) == kernel.ir


def test_a_record_of_another_class_is_refused_under_modifiers() -> None:
    @qk.struct
    class Other:
        left: qk.Qubit
        right: qk.Qubit

    @qk.qkernel
    def wrong() -> None:
        qk.control(entangle)(qk.qubit(), Other(qk.qubit(), qk.qubit()))

    @qk.qkernel
    def none_taken() -> None:
        qk.control(pair_to_edge)(qk.qubit(), Edge(qk.qubit(), qk.qubit()))

    with pytest.raises(KernelTypeError, match="`entangle` takes an Edge, but this is an Other"):
        wrong.check()
    with pytest.raises(KernelTypeError, match="`pair_to_edge` takes no record here, but this is an Edge"):
        none_taken.check()


def test_a_kernel_returns_records_among_other_values() -> None:
    @qk.qkernel
    def read(edge: Edge) -> tuple[qk.Bit, Edge, qk.Float]:
        return qk.measure(qk.x(qk.qubit())), Edge(edge.right, edge.left), 0.25

    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Float]:
        bit, edge, number = read(Edge(qk.qubit(), qk.x(qk.qubit())))
        return bit, qk.measure(edge.left), qk.measure(edge.right), number

    assert kernel() == (1, 1, 0, 0.25)
    assert "-> Tuple[Bit, Edge, Float]" in repr(read)
    with pytest.raises(MissingAnnotationError, match="a tuple cannot hold a struct here"):

        @qk.qkernel
        def takes(pair: tuple[Edge, qk.Bit]) -> qk.Bit:
            return pair[1]


# classes ----------------------------------------------------------------------------------------------------------------------


def test_annotations_mean_what_they_mean_in_the_function_around() -> None:
    Angle = qk.Float

    @qk.struct
    class Local:
        angle: Angle

    @qk.qkernel
    def kernel(local: Local, more: Angle) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), local.angle + more), qko.Z(0))

    assert kernel(Local(0.3), 0.2) == pytest.approx(math.cos(0.5))

    def inner() -> qk.Kernel:
        @qk.qkernel
        def nested(local: Local) -> Angle:
            return qk.expval(qk.rx(qk.qubit(), local.angle), qko.Z(0))

        return nested

    assert inner()(Local(0.3)) == pytest.approx(math.cos(0.3))
    with pytest.raises(MissingAnnotationError, match="an annotation of `Wrong` cannot be read"):

        @qk.struct
        class Wrong:
            angle: Nowhere  # noqa: F821


def cell(names: tuple[str, ...] = ("angle",)) -> type:
    """A cell of a notebook that defines a record, run once more."""

    class Cell:
        __annotations__ = dict.fromkeys(names, qk.Float)

    return qk.struct(Cell)


def test_a_record_that_is_defined_anew_alike_is_the_same_record() -> None:
    record = cell()

    @qk.qkernel
    def kernel(p: record) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), p.angle), qko.Z(0))

    @qk.qkernel
    def same(p: record, n: qk.UInt) -> record:
        for _ in qk.range(n):
            p = record(p.angle * 2)
        return p

    @qk.qkernel
    def twice(p: record) -> qk.Float:
        return kernel(same(record(p.angle), 1))

    assert twice(record(0.3)) == pytest.approx(math.cos(0.6))
    record = cell()
    assert kernel(record(0.3)) == pytest.approx(math.cos(0.3))
    assert twice(record(0.2)) == pytest.approx(math.cos(0.4))
    record = cell(("angle", "more"))
    with pytest.raises(KernelTypeError, match="argument `p` of `kernel` must be a Cell") as error:
        kernel(record(0.3, 0.4))
    assert "`Cell` was defined anew since, with other fields: define `kernel` again too" in str(error.value)


# records that hold kernels ------------------------------------------------------------------------------------------------


@qk.struct
class Plan:
    step: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]
    angle: qk.Float
    times: qk.UInt


@qk.qkernel
def stepped(q: qk.Vector[qk.Qubit], plan: Plan, more: qk.Float) -> qk.Vector[qk.Qubit]:
    for _ in qk.range(plan.times):
        q = plan.step(q)
    return qk.rz(q, plan.angle * more)


@qk.qkernel
def turned(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.rx(q, 0.2)


PLAN = Plan(turned, 0.5, 3)
MATRIX = evolved(word({0: "Z"}, 1), 0.5) @ evolved(word({0: "X"}, 1), 0.3)


def test_a_record_gives_its_kernel_to_every_verb() -> None:
    for found in (
        stepped.unitary(1, PLAN, 2.0),
        stepped.unitary(q=1, plan=PLAN, more=2.0),
        stepped.unitary(bindings={"plan": PLAN, "q": 1}, more=2.0),
    ):
        np.testing.assert_allclose(found, MATRIX, atol=1e-12)
    stepped.verify_resources(q=2, plan=PLAN, more=0.1)
    assert stepped.estimate_resources(bindings={"plan": PLAN}).substitute(q=5).gates.total == 5 * (PLAN.times + 1)
    assert "turned" in stepped.draw(output="text", fold_loops=False, q=1, plan=PLAN, more=2.0)
    assert "plan.step: Kernel" in repr(stepped)
    assert [each.kind for each in stepped.ir.functions if each.name == "plan.step"] == ["oracle"]  # left open


def test_a_record_in_calls_under_modifiers_and_with_functions() -> None:
    @qk.qkernel
    def outer(control: qk.Qubit, q: qk.Vector[qk.Qubit], t: qk.Float) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        plan = Plan(lambda q: qk.rx(q, t), 0.5, q.shape[0])
        q = stepped(q, plan, more=2.0)
        control, q = qk.control(stepped)(control, q, plan, 2.0)
        return control, qk.inverse(stepped)(q, plan, 2.0)

    matrix = evolved(word({0: "Z"}, 1), 0.5) @ evolved(word({0: "X"}, 1), 0.1)
    expected = np.kron(np.eye(1), np.kron(matrix, np.diag([0, 1]))) + np.kron(np.eye(2), np.diag([1, 0]))
    np.testing.assert_allclose(outer.unitary(q=1, t=0.2), expected, atol=1e-12)


def test_records_of_numbers_go_into_inverted_kernels_and_do_not_come_back() -> None:
    @qk.qkernel
    def shifted(q: qk.Qubit, drive: Drive) -> qk.Qubit:
        return qk.rx(q, drive.angle * drive.count)

    @qk.qkernel
    def undone(q: qk.Qubit) -> qk.Qubit:
        q = qk.inverse(shifted)(q, VALUE)
        return shifted(q, drive=VALUE)

    np.testing.assert_allclose(undone.unitary(), np.eye(2), atol=1e-12)
