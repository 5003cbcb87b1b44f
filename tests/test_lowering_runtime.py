"""Lowering: measurements, read-outs, and branches and loops that are decided at run time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from qkernel.errors import (
    EntrypointValidationError,
    KernelTypeError,
    ObservableError,
    QubitConsumedError,
    QubitIndexResolutionError,
    SeparationError,
    SizeError,
)
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, ZERO, Const, Item, Name, Pack, Size, Slice, Updated, apply, vector
from qkernel.ir.ops import Alloc, Carried, Expval, For, If, Joined, Op, Probabilities, Range, Reset, While
from qkernel.ir.places import joined, whole
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, ArrayType
from qkernel.lower import lower
from qkernel.lower.circuit import BITS, EXPECTATIONS, Assign, Branch, Circuit, Repeat, Run, bit, probabilities, variables_read
from qkernel.observable import X, Z
from tests.lowering_ir import (
    BITS_TYPE,
    FLOATS,
    QUBITS,
    at,
    bit_name,
    call,
    circuit_of,
    embed,
    function,
    gate,
    instruction_matrix,
    kernel,
    loop,
    measure,
    module,
    names,
    qubit,
    real,
    reals,
    span,
    stretch,
    uint,
)

ALL = stretch("q", 0, 2)


# A run of a circuit, branch by branch -------------------------------------------------------------------------------------


def distribution(circuit: Circuit, rounds: int = 12) -> dict[Any, float]:
    """The probability of each value of the outputs; loops that run longer than `rounds` are left out."""
    angles = circuit.angles.evaluate(np.zeros((1, circuit.angles.num_columns)))[0]
    start = np.zeros(1 << circuit.num_qubits, complex)
    start[0] = 1
    result: dict[Any, float] = {}
    for state, bits in _body(circuit, circuit.body, angles, [(start, (False,) * circuit.num_bits)], rounds):
        values = tuple(evaluate(output, {BITS.key: list(bits)}) for output in circuit.outputs)
        key = tuple(tuple(value) if isinstance(value, list) else value for value in values)
        result[key] = result.get(key, 0.0) + float(np.vdot(state, state).real)
    return {key: probability for key, probability in result.items() if probability > 1e-12}


def _body(circuit: Circuit, body: Any, angles: Any, worlds: Any, rounds: int) -> Any:
    for part in body:
        worlds = [new for state, bits in worlds for new in _part(circuit, part, angles, state, bits, rounds)]
        worlds = [(state, bits) for state, bits in worlds if np.vdot(state, state).real > 1e-14]
    return worlds


def _part(circuit: Circuit, part: Any, angles: Any, state: Any, bits: Any, rounds: int) -> Any:
    match part:
        case Run():
            return _run(circuit, part, angles, state, bits)
        case Assign(target, value):
            ((_, number),) = variables_read(target)
            return [(state, _with(bits, number, bool(evaluate(value, {BITS.key: list(bits)}))))]
        case Branch(condition, then, otherwise):
            chosen = then if evaluate(condition, {BITS.key: list(bits)}) else otherwise
            return _body(circuit, chosen, angles, [(state, bits)], rounds)
        case Repeat(condition, inner):
            done, active = [], [(state, bits)]
            for _ in range(rounds):
                done += [(s, b) for s, b in active if not evaluate(condition, {BITS.key: list(b)})]
                active = [(s, b) for s, b in active if evaluate(condition, {BITS.key: list(b)})]
                active = _body(circuit, inner, angles, active, rounds)
            return done


def _with(bits: Any, target: int, value: bool) -> Any:
    return (*bits[:target], value, *bits[target + 1 :])


def _run(circuit: Circuit, run: Run, angles: Any, state: Any, bits: Any) -> Any:
    worlds = [(state, bits)]
    width = circuit.num_qubits
    for instruction in circuit.instructions(run):
        if instruction.kind.name in ("measure", "reset"):
            projectors = [embed(np.diag([1 - k, k]), instruction.qubits, (), 0, width) for k in (0, 1)]
            flip = embed(np.array([[0, 1], [1, 0]]), instruction.qubits, (), 0, width)
            if instruction.kind.name == "reset":
                worlds = [(matrix @ s, b) for s, b in worlds for matrix in (projectors[0], flip @ projectors[1])]
            else:
                worlds = [(projectors[k] @ s, _with(b, instruction.bits[0], bool(k))) for s, b in worlds for k in (0, 1)]
        else:
            matrix = instruction_matrix(instruction, angles, width)
            worlds = [(matrix @ s, b) for s, b in worlds]
    return worlds


# Measurement --------------------------------------------------------------------------------------------------------------


def test_measure_forms() -> None:
    circuit = kernel(
        gate("x", qubit("q", 1)),
        measure(qubit("q", 0), "a"),
        measure(stretch("q", 1, 2), "b"),
        width=3,
        returns=(bit_name("a"), Name("b", BITS_TYPE), Item(Name("b", BITS_TYPE), (Size(Name("b", BITS_TYPE)) - 1,))),
    )
    assert [(i.kind.name, i.qubits, i.bits) for i in circuit.instructions()][1:] == [
        ("measure", (0,), (0,)),
        ("measure", (1,), (1,)),
        ("measure", (2,), (2,)),
    ]
    assert circuit.num_bits == 3
    assert circuit.outputs == (bit(0), Pack((bit(1), bit(2)), BITS_TYPE), bit(2))
    assert distribution(circuit) == {(False, (True, False), False): 1.0}
    assert not circuit.is_unitary


@pytest.mark.parametrize(("basis", "prepare", "gates"), [("x", ("h",), ["h"]), ("y", ("h", "s"), ["sdg", "h"]), ("z", (), [])])
@pytest.mark.parametrize("sign", [False, True])
def test_measure_in_a_basis(basis: str, prepare: tuple[str, ...], gates: list[str], sign: bool) -> None:
    flips = [gate("x", qubit("q"))] if sign else []
    body = [*flips, *(gate(name, qubit("q")) for name in prepare)]
    again = [measure(qubit("q"), "a", basis, keeps=True), measure(qubit("q"), "b", basis)]
    circuit = kernel(*body, *again, width=1, returns=(bit_name("a"), bit_name("b")))
    assert list(distribution(circuit)) == [(sign, sign)]
    assert names(kernel(measure(qubit("q"), "a", basis), width=1)) == [*gates, "measure"]


def test_measure_and_reset() -> None:
    body = [gate("h", qubit("q")), measure(qubit("q"), "a", keeps=True), Reset(whole("q"), span(3)), measure(qubit("q"), "b")]
    circuit = kernel(*body, width=1, returns=(bit_name("a"), bit_name("b")))
    assert distribution(circuit) == pytest.approx({(False, False): 0.5, (True, False): 0.5})


@pytest.mark.parametrize(
    "consumer",
    [
        measure(ALL, "m", line=41),
        Expval(ALL, Const(Z(0)), "m", span(41)),
        Probabilities(ALL, "m", span(41)),
    ],
    ids=["measure", "expval", "probabilities"],
)
def test_consumed_qubits(consumer: Op) -> None:
    users: list[Op] = [
        gate("x", qubit("q", 1), line=42),
        gate("h", whole("q"), line=42),
        measure(qubit("q", 0), "n", line=42),
        Reset(qubit("q", 0), span(42)),
        For(("i",), Range(ZERO, Const(2), ONE), (gate("x", qubit("q", uint("i")), line=42),)),
        For(("i",), Range(ZERO, Const(40), ONE), (gate("x", qubit("q", uint("i")), line=42),)),
    ]
    for user in users:
        with pytest.raises(QubitConsumedError, match=r"`q\[[01]\]` is used after it was") as error:
            kernel(consumer, user, width=40)
        assert error.value.span.line == 42
        assert error.value.notes[0].span.line == 41


def test_loop_over_qubits_that_live_on() -> None:
    body = loop("i", 40, gate("x", qubit("q", uint("i") + 1)))
    assert len(kernel(measure(qubit("q", 0), "m"), body, width=41).body[0]) == 41


# Read-outs ----------------------------------------------------------------------------------------------------------------


def test_expectation_values() -> None:
    observables = Name("h", ArrayType(OBSERVABLE))
    circuit = lower(
        module(
            function(
                "kernel",
                {"h": observables.type, "x": FLOAT},
                Alloc("q", Const(4)),
                Expval(joined((qubit("q", 3), qubit("q", 1))), observables, "e", span(5)),
                Expval(qubit("q", 0), Const(0.5 * Z(0)), "f", span(6)),
                returns=(reals("e"), real("f") * 2 + real("x")),
            )
        ),
        {"h": (Z(0) * X(1), X(0) + 2)},
        ["x"],
    )
    assert [entry.observable for entry in circuit.expectations] == [Z(3) * X(1), X(3) + 2, 0.5 * Z(0)]
    environment = {EXPECTATIONS.key: [0.1, 0.2, 0.3], "x": 5.0}
    assert [evaluate(output, environment) for output in circuit.outputs] == [[0.1, 0.2], pytest.approx(5.6)]
    assert circuit.outputs[0].type == FLOATS


def test_observables_that_do_not_fit() -> None:
    with pytest.raises(ObservableError, match="acts on 4 qubits, and 2 are given") as error:
        kernel(Expval(ALL, Const(Z(3)), "e", span(8)), width=2)
    assert error.value.span.line == 8
    with pytest.raises(KernelTypeError, match="takes a Hamiltonian"):
        kernel(Expval(ALL, vector([0.5]), "e", span(8)), width=2)


def test_probabilities() -> None:
    vector_name = reals("p")
    body = Probabilities(joined((stretch("q", 1, 2), qubit("q", 0))), "p", span(9))
    circuit = kernel(
        body,
        width=4,
        returns=(vector_name, Item(vector_name, (Const(3),)), Size(vector_name), Slice(vector_name, ONE, ONE, Const(2))),
    )
    assert circuit.probabilities == ((1, 2, 0),)
    values = np.arange(8.0)
    assert circuit.outputs[0] == probabilities(0)
    assert [evaluate(output, {probabilities(0).key: values}) for output in circuit.outputs[1:]] == [3.0, 8, [1.0, 2.0]]
    with pytest.raises(QubitIndexResolutionError, match="index 8 lies outside"):
        kernel(body, width=4, returns=(Item(vector_name, (Const(8),)),))


def test_outputs_over_bits() -> None:
    parity = For(
        ("i",),
        Range(ZERO, Const(3), ONE),
        (measure(qubit("q", uint("i")), "m"),),
        (Carried("p", Const(False), bit_name("p") ^ bit_name("m")), Carried("n", ZERO, uint("n") + bit_name("m"))),
    )
    flips = [gate("x", qubit("q", k)) for k in (1, 2)]
    circuit = kernel(*flips, parity, width=3, returns=(bit_name("p"), uint("n")))
    assert circuit.is_straight
    assert distribution(circuit) == {(False, 2): 1.0}


def test_branch_without_effects_is_none() -> None:
    branch = If(bit_name("m"), (), (), (Joined("n", Const(3), Const(5)),))
    circuit = kernel(gate("x", qubit("q")), measure(qubit("q"), "m"), branch, width=1, returns=(uint("n"),))
    assert circuit.is_straight
    assert distribution(circuit) == {(3,): 1.0}


# Branches -----------------------------------------------------------------------------------------------------------------


def test_teleportation_of_a_bit() -> None:
    """Measuring one half of a pair and undoing the other half leaves it in 0."""
    body = [
        gate("h", qubit("q", 0)),
        gate("cx", qubit("q", 0), qubit("q", 1)),
        measure(qubit("q", 0), "m"),
        If(bit_name("m"), (gate("x", qubit("q", 1)),), span=span(20)),
        measure(qubit("q", 1), "n"),
    ]
    circuit = kernel(*body, width=2, returns=(bit_name("m"), bit_name("n")))
    run, branch, _ = circuit.body
    assert isinstance(branch, Branch)
    assert (branch.condition, branch.otherwise, branch.span) == (bit(0), (), span(20))
    assert isinstance(run, Run)
    assert distribution(circuit) == pytest.approx({(False, False): 0.5, (True, False): 0.5})


def test_slots_count_on_through_branches() -> None:
    def turn(angle: float) -> Op:
        return gate("rx", qubit("q", 1), angles=(angle,))

    body = [turn(0.1), measure(qubit("q", 0), "m"), If(bit_name("m"), (turn(0.2), turn(0.3)), (turn(0.4),)), turn(0.5)]
    circuit = kernel(*body, width=2)
    first, branch, last = circuit.body
    assert isinstance(branch, Branch)
    assert [run.first_slot for run in (first, *branch.then, *branch.otherwise, last)] == [0, 1, 3, 4]
    assert circuit.angles.offsets.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("values", list(itertools.product([False, True], repeat=2)))
def test_joined_values(values: tuple[bool, bool]) -> None:
    """Bits, counters and vectors that differ between the branches, on every outcome."""
    flips = [gate("x", qubit("q", k)) for k, value in enumerate(values) if value]
    a, b = bit_name("a"), bit_name("b")
    inner = If(b, (), (), (Joined("m2", uint("m1") + 2, Const(7)),))
    branch = If(
        a & ~b,
        (measure(qubit("q", 2), "c"),),
        (gate("x", qubit("q", 2)), measure(qubit("q", 2), "d"), Alloc("unused")),
        (
            Joined("e", bit_name("c"), bit_name("d") ^ a),
            Joined("m1", Const(3), apply("uint", a)),
            Joined("v", vector([a, Const(True)]), vector([b, Const(True)])),
            Joined("w", Const(0.5), Const(0.5)),
        ),
    )
    returns = (bit_name("e"), uint("m2"), Name("v", BITS_TYPE), real("w"))
    circuit = kernel(*flips, measure(qubit("q", 0), "a"), measure(qubit("q", 1), "b"), branch, inner, width=3, returns=returns)
    first, second = values
    taken = first and not second
    middle = 3 if taken else int(first)
    expected = (False if taken else True ^ first, middle + 2 if second else 7, (first if taken else second, True), 0.5)
    assert distribution(circuit) == {expected: 1.0}


def test_run_time_value_where_it_is_needed_before() -> None:
    angle = gate("u", qubit("q", 1), angles=(apply("float", bit_name("m")), Const(0.0), Const(0.0)), line=21)
    rounds = loop("i", apply("uint", bit_name("m")))
    joined = If(bit_name("m"), (), (), (Joined("x", Const(0.5), real("y")),))
    unitary = gate("u", qubit("q", 1), angles=(Const(0.0), real("x"), Const(0.0)), line=22)
    for body, line in (([angle], 21), ([rounds], 50), ([joined, unitary], 22)):
        with pytest.raises(SeparationError, match="depends on a measurement") as error:
            circuit_of(measure(qubit("q", 0), "m"), *body, width=2, parameters={"y": FLOAT})
        assert error.value.span.line == line
    turned = [Expval(qubit("q", 0), Const(Z(0)), "e"), gate("rx", qubit("q", 1), angles=(real("e"),))]
    with pytest.raises(SeparationError):
        circuit_of(*turned, width=2)
    with pytest.raises(SeparationError, match="an expectation value"):
        circuit_of(turned[0], If(real("e") > 0, ()), width=2)


def test_open_parameter_in_a_run_time_condition() -> None:
    branch = If(bit_name("m") & (real("x") > 0.5), (), span=span(23))
    with pytest.raises(EntrypointValidationError, match="depends on `x`"):
        circuit_of(measure(qubit("q", 0), "m"), branch, width=1, parameters={"x": FLOAT})


def test_read_out_in_a_branch() -> None:
    inner = Expval(qubit("q", 1), Const(Z(0)), "e", span(24))
    with pytest.raises(SeparationError, match="cannot be read out in a branch") as error:
        kernel(measure(qubit("q", 0), "m"), If(bit_name("m"), (inner,)), width=2)
    assert error.value.span.line == 24


def test_observable_chosen_at_run_time() -> None:
    branch = If(bit_name("m"), (), (), (Joined("h", Const(Z(0)), Const(X(0))),), span=span(25))
    with pytest.raises(SeparationError, match="`h` differs between branches"):
        kernel(measure(qubit("q", 0), "m"), branch, width=2)


def test_branches_in_called_kernels() -> None:
    fix = function(
        "fix",
        {"r": QUBITS, "m": BIT},
        If(bit_name("m"), (gate("x", qubit("r")),), (), (Joined("k", ~bit_name("m"), Const(False)),)),
        returns=(whole("r"), bit_name("k")),
    )
    body = [
        gate("h", qubit("q", 0)),
        measure(qubit("q", 0), "m"),
        call("fix", stretch("q", 1, 1), bit_name("m"), results=(None, "k")),
        measure(qubit("q", 1), "n"),
    ]
    entry = function("kernel", {}, Alloc("q", Const(2)), *body, returns=(bit_name("m"), bit_name("n"), bit_name("k")))
    circuit = lower(module(entry, fix), {})
    assert distribution(circuit) == pytest.approx({(False, False, False): 0.5, (True, True, False): 0.5})


# Loops --------------------------------------------------------------------------------------------------------------------


def test_repeat_until_success() -> None:
    body = [
        gate("h", qubit("q", 0)),
        measure(qubit("q", 0), "first", keeps=True),
        While(
            bit_name("b"),
            (gate("h", qubit("q", 0)), measure(qubit("q", 0), "again", keeps=True)),
            (Carried("b", bit_name("first"), bit_name("again")),),
            span(30),
        ),
        measure(qubit("q", 0), "last"),
    ]
    circuit = kernel(*body, width=1, returns=(bit_name("b"), bit_name("last"), bit_name("first")))
    assert [type(part) for part in circuit.body] == [Run, Assign, Repeat, Run]
    outcome = distribution(circuit)
    assert set(outcome) == {(False, False, False), (False, False, True)}
    assert outcome[False, False, False] == pytest.approx(0.5)
    assert outcome[False, False, True] == pytest.approx(0.5, abs=1e-3)


def test_carried_bits_change_at_once() -> None:
    """Three bits turn in a circle until the first one is 1."""
    a, b, c = (Name(name, BIT) for name in "abc")
    turn = While(~a, (), (Carried("a", Const(False), b), Carried("b", Const(False), c), Carried("c", Const(True), a)))
    circuit = kernel(
        measure(qubit("q"), "m"),
        While(bit_name("z"), (), (Carried("z", bit_name("m"), bit_name("m")),)),
        turn,
        width=1,
        returns=(a, b, c),
    )
    assert distribution(circuit) == {(True, False, False): 1.0}


def test_fresh_qubits_in_a_loop_start_in_zero() -> None:
    inner = (
        Alloc("a", Const(2), span(31)),
        gate("x", qubit("a")),
        gate("h", qubit("q")),
        measure(qubit("q"), "m", keeps=True),
        measure(qubit("a"), "k"),
    )
    repeated = While(
        bit_name("go"), inner, (Carried("go", Const(True), bit_name("m")), Carried("last", Const(False), bit_name("k")))
    )
    circuit = kernel(repeated, width=1, returns=(bit_name("last"),))
    outcome = distribution(circuit)
    assert list(outcome) == [(True,)]
    assert outcome[True,] == pytest.approx(1, abs=1e-3)


def test_vectors_of_bits_in_a_loop() -> None:
    v = Name("v", BITS_TYPE)
    repeated = While(
        ~at(v, 1),
        (gate("x", qubit("q")), measure(qubit("q"), "m", keeps=True)),
        (Carried("v", vector([False, False]), Updated(vector([at(v, 1), at(v, 0)]), ONE, bit_name("m"))),),
    )
    circuit = kernel(repeated, width=1, returns=(v,))
    assert distribution(circuit) == {((False, True),): 1.0}


def test_loop_that_does_not_run() -> None:
    circuit = kernel(
        While(bit_name("b"), (gate("x", qubit("q")),), (Carried("b", Const(False), bit_name("b")),)),
        width=1,
        returns=(bit_name("b"),),
    )
    assert distribution(circuit) == {(False,): 1.0}


def test_loops_that_cannot_run() -> None:
    with pytest.raises(SizeError, match="has not ended after"):
        kernel(While(Const(True), (), span=span(32)), width=1)
    counting = While(
        bit_name("b"), (), (Carried("b", bit_name("m"), bit_name("b")), Carried("n", ONE, uint("n") * 2)), span(33)
    )
    with pytest.raises(SeparationError, match="`n` changes in a loop") as error:
        kernel(measure(qubit("q"), "m"), counting, width=1)
    assert error.value.span.line == 33


def test_constant_that_a_loop_carries() -> None:
    repeated = While(
        bit_name("b"),
        (measure(qubit("q", uint("n")), "m", keeps=True),),
        (Carried("b", Const(True), bit_name("m")), Carried("n", ONE, uint("n"))),
    )
    circuit = kernel(repeated, width=2, returns=(bit_name("b"),))
    assert distribution(circuit) == {(False,): 1.0}


def test_fixed_point_number() -> None:
    number = apply("fixed", Name("m", BITS_TYPE), Const(1))
    circuit = kernel(gate("x", qubit("q", 0)), gate("x", qubit("q", 2)), measure(whole("q"), "m"), width=3, returns=(number,))
    assert distribution(circuit) == {(1.25,): 1.0}
