"""Lowering: inverse, control and power of gates and calls, and Pauli evolution, against dense matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from qkernel.errors import (
    EntrypointValidationError,
    NotUnitaryError,
    ObservableError,
    QubitAliasError,
    QubitIndexResolutionError,
    SizeError,
)
from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Name
from qkernel.ir.ops import Adjoint, Alloc, Expval, If, Modifier, Op, PauliEvolve, Power, Probabilities, Reset
from qkernel.ir.places import joined, whole
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian, X, Y, Z
from tests.lowering_ir import (
    FLOATS,
    QUBITS,
    at,
    bit_name,
    call,
    circuit_of,
    control,
    dense,
    embed,
    function,
    gate,
    loop,
    measure,
    names,
    qubit,
    real,
    reals,
    rows,
    span,
    stretch,
    uint,
    unitary,
    word_matrix,
)

ADJOINT = Adjoint()


def power(exponent: Any) -> Power:
    return Power(exponent if not isinstance(exponent, (int, float)) else Const(exponent))


def controlled_matrix(matrix: Any, controls: tuple[int, ...], value: int, targets: tuple[int, ...], width: int) -> Any:
    return embed(matrix, targets, controls, value, width)


@pytest.mark.parametrize("name", GATES)
def test_adjoint_of_every_gate(name: str) -> None:
    rule = GATES[name]
    angles = tuple(0.3 + 0.2 * k for k in range(len(rule.angles)))
    places = tuple(qubit("q", k) for k in range(rule.num_qubits))
    both = circuit_of(gate(name, *places, angles=angles), gate(name, *places, angles=angles, modifiers=(ADJOINT,)), width=3)
    np.testing.assert_allclose(dense(both), np.eye(8), atol=1e-12)


@pytest.mark.parametrize("name", [name for name in GATES if GATES[name].num_qubits <= 2])
@pytest.mark.parametrize("value", [None, 0, 2])
def test_control_of_every_gate(name: str, value: int | None) -> None:
    rule = GATES[name]
    angles = tuple(0.3 + 0.2 * k for k in range(len(rule.angles)))
    places = tuple(qubit("q", k) for k in range(rule.num_qubits))
    chosen = control(qubit("q", 3), qubit("q", 2), value=value)
    plain = dense(circuit_of(gate(name, *places, angles=angles), width=rule.num_qubits))
    got = circuit_of(gate(name, *places, angles=angles, modifiers=(chosen,)), width=4)
    expected = embed(plain, tuple(range(rule.num_qubits)), (3, 2), 3 if value is None else value, 4)
    np.testing.assert_allclose(dense(got), expected, atol=1e-12)


def test_controls_keep_their_order() -> None:
    nested = (control(qubit("q", 1), value=0), control(qubit("q", 3), qubit("q", 2), value=1))
    circuit = circuit_of(gate("cx", qubit("q", 4), qubit("q", 0), modifiers=nested), width=5)
    assert rows(circuit) == [("x", (3, 2, 1, 4), 0b1001, (0,))]


def test_controlled_phase_is_a_phase_gate() -> None:
    one = circuit_of(gate("gphase", angles=(0.4,), modifiers=(control(qubit("q", 1)),)), width=2)
    assert rows(one) == [("p", (), 0, (1,))]
    three = circuit_of(gate("gphase", angles=(0.4,), modifiers=(control(whole("q")),)), width=3)
    assert rows(three) == [("p", (0, 1), 3, (2,))]
    zero = circuit_of(gate("gphase", angles=(0.4,), modifiers=(control(qubit("q", 1), value=0),)), width=2)
    np.testing.assert_allclose(dense(zero), np.diag(np.exp([0.4j, 0.4j, 0, 0])), atol=1e-12)
    mixed = circuit_of(
        gate("gphase", angles=(0.4,), modifiers=(control(qubit("q", 1), value=0), control(qubit("q", 0)), ADJOINT)), width=2
    )
    np.testing.assert_allclose(dense(mixed), np.diag(np.exp([0, -0.4j, 0, 0])), atol=1e-12)


def test_no_controls() -> None:
    assert rows(circuit_of(gate("x", qubit("q"), modifiers=(control(stretch("q", 0, 0)),)), width=1)) == [("x", (), 0, (0,))]


@pytest.mark.parametrize("value", [4, -1])
def test_control_value_that_does_not_fit(value: int) -> None:
    with pytest.raises(SizeError, match=f"control value {value} does not fit 2 controls"):
        circuit_of(gate("x", qubit("q"), modifiers=(control(stretch("q", 1, 2), value=value),)), width=3)


def test_the_number_of_controls_is_checked() -> None:
    pair = stretch("q", 1, 2)
    assert rows(circuit_of(gate("x", qubit("q"), modifiers=(control(pair, count=2),)), width=3)) == [("x", (1, 2), 3, (0,))]
    with pytest.raises(SizeError, match="control qubits is 2, not 3 as asked for"):
        circuit_of(gate("x", qubit("q"), modifiers=(control(pair, count=3),)), width=4)


def test_controlled_broadcast() -> None:
    circuit = circuit_of(
        gate("rx", stretch("q", 1, 2), angles=(reals("v"),), modifiers=(control(qubit("q")),)),
        width=3,
        parameters={"v": FLOATS},
    )
    assert rows(circuit) == [("rx", (0,), 1, (1,)), ("rx", (0,), 1, (2,))]
    assert circuit.angles.columns.tolist() == [0, 1]


@pytest.mark.parametrize("exponent", [3, -2, 0, 1, 2.0])
def test_whole_powers_repeat(exponent: int) -> None:
    circuit = circuit_of(gate("u", qubit("q"), angles=(0.3, 0.5, 0.7), modifiers=(power(exponent),)), width=1)
    single = dense(circuit_of(gate("u", qubit("q"), angles=(0.3, 0.5, 0.7)), width=1))
    np.testing.assert_allclose(dense(circuit), np.linalg.matrix_power(single, int(exponent)), atol=1e-12)
    assert len(names(circuit)) == abs(exponent)


def test_powers_of_rotations() -> None:
    half = circuit_of(
        gate("rzz", qubit("q", 0), qubit("q", 1), angles=(real("x"),), modifiers=(power(0.5),)),
        width=2,
        parameters={"x": FLOAT},
    )
    assert half.angles.evaluate(np.array([[0.6]])).tolist() == [[0.3]]
    opened = circuit_of(gate("ry", qubit("q"), angles=(0.5,), modifiers=(power(real("t")),)), width=1, parameters={"t": FLOAT})
    assert opened.angles.evaluate(np.array([[3.0]])).tolist() == [[1.5]]


def test_powers_that_cannot_be_taken() -> None:
    with pytest.raises(SizeError, match="whole number"):
        circuit_of(gate("x", qubit("q"), modifiers=(power(0.5),)), width=1)
    with pytest.raises(EntrypointValidationError, match="depends on `n`"):
        circuit_of(gate("h", qubit("q"), modifiers=(power(uint("n")),)), width=1, parameters={"n": UINT})
    with pytest.raises(SizeError, match="steps to make"):
        circuit_of(gate("h", qubit("q"), modifiers=(power(1 << 40),)), width=1)


def test_modifiers_negate_open_and_curved_angles() -> None:
    angles = (real("x") * 2 + 1, real("x") * real("x"), 0.25)
    circuit = circuit_of(gate("u", qubit("q"), angles=angles, modifiers=(ADJOINT,)), width=1, parameters={"x": FLOAT})
    assert circuit.angles.evaluate(np.array([[0.5]])).tolist() == [[-2.0, -0.25, -0.25]]


# Calls ------------------------------------------------------------------------------------------------------------------

WIDTH = 3


@st.composite
def bodies(draw: Any) -> list[Op]:
    """Unitary ops on `r`, a register of three qubits, with an argument `x`."""
    ops: list[Op] = []
    for _ in range(draw(st.integers(1, 4))):
        first, second, third = draw(st.permutations(range(WIDTH)))
        angle = draw(st.sampled_from([real("x"), real("x") * 2 - 0.5, real("x") * real("x"), Const(0.7)]))
        inner: tuple[Modifier, ...] = draw(
            st.sampled_from([(), (ADJOINT,), (power(2),), (power(-1), control(qubit("r", third), value=0))])
        )
        name = draw(st.sampled_from(["h", "t", "rx", "u", "cx", "iswap", "crz", "gphase"]))
        rule = GATES[name]
        places = tuple(qubit("r", k) for k in (first, second))[: rule.num_qubits]
        ops.append(gate(name, *places, angles=(angle,) * len(rule.angles), modifiers=inner))
    return ops


@settings(max_examples=40, deadline=None)
@given(bodies(), st.integers(0, 3), st.integers(-2, 2), st.booleans())
def test_modified_calls(body: list[Op], value: int, exponent: int, through_helper: bool) -> None:
    part = function("part", {"r": QUBITS, "x": FLOAT}, *body, returns=(whole("r"),))
    outer = function(
        "outer", {"r": QUBITS, "x": FLOAT}, call("part", whole("r"), real("x"), modifiers=(ADJOINT,)), returns=(whole("r"),)
    )
    modifiers = (control(qubit("q", 4), qubit("q", 0), value=value), power(exponent), ADJOINT)
    callee = "outer" if through_helper else "part"
    circuit = circuit_of(
        call(callee, stretch("q", 1, WIDTH), real("y"), modifiers=modifiers),
        width=5,
        parameters={"y": FLOAT},
        more=(part, outer),
    )
    plain = circuit_of(call("part", stretch("q", 0, WIDTH), real("y")), width=WIDTH, parameters={"y": FLOAT}, more=(part,))
    matrix = np.linalg.matrix_power(dense(plain, (0.3,)), -exponent * (-1 if through_helper else 1))
    np.testing.assert_allclose(dense(circuit, (0.3,)), embed(matrix, (1, 2, 3), (4, 0), value, 5), atol=1e-10)


def test_loops_under_modifiers() -> None:
    part = function(
        "part",
        {"r": QUBITS, "w": FLOATS},
        loop("i", 40, gate("rx", qubit("r", uint("i")), angles=(at(reals("w"), uint("i")),))),
        returns=(whole("r"),),
    )
    circuit = circuit_of(
        call("part", stretch("q", 0, 40), reals("w"), modifiers=(ADJOINT,)), width=40, parameters={"w": FLOATS}, more=(part,)
    )
    assert [row[3] for row in rows(circuit)] == [(k,) for k in reversed(range(40))]
    theta = np.arange(40.0)
    assert circuit.angles.evaluate(theta[None])[0].tolist() == [-k for k in reversed(theta)]


def flip(*body: Op, **more: Any) -> Any:
    return function("flip", {"r": QUBITS}, *body, **{"returns": (whole("r"),), **more})


@pytest.mark.parametrize("modifier", [ADJOINT, power(2)])
@pytest.mark.parametrize(
    "op",
    [
        measure(qubit("r"), "b", keeps=True),
        Reset(qubit("r"), span(70)),
        Expval(qubit("r"), Const(Z(0)), "e", span(70)),
        Probabilities(qubit("r"), "p", span(70)),
        If(bit_name("m"), (gate("x", qubit("r")),), span=span(70)),
    ],
    ids=["measure", "reset", "expval", "probabilities", "branch"],
)
def test_what_is_not_unitary(op: Op, modifier: Modifier) -> None:
    inner = function("inner", {"r": QUBITS, "m": BIT}, op, returns=(whole("r"),))
    outer = function("outer", {"r": QUBITS, "m": BIT}, call("inner", whole("r"), bit_name("m")), returns=(whole("r"),))
    with pytest.raises(NotUnitaryError) as error:
        circuit_of(
            measure(qubit("q", 1), "m"),
            call("outer", stretch("q", 0, 1), bit_name("m"), modifiers=(modifier,), line=80),
            width=2,
            more=(inner, outer),
        )
    assert error.value.span.line == 70
    assert error.value.notes[0].span.line == 80
    assert ("inverse" if modifier is ADJOINT else "power") in error.value.title


def test_fresh_qubits_under_modifiers() -> None:
    body = (Alloc("a", span=span(90)), gate("cx", qubit("r"), qubit("a")))
    modified = call("flip", stretch("q", 0, 1), modifiers=(control(qubit("q", 1)),), line=91)
    with pytest.raises(NotUnitaryError, match="`flip` drops qubits of its own") as error:
        circuit_of(modified, width=2, more=(flip(*body),))
    assert (error.value.span.line, error.value.notes[0].span.line) == (90, 91)
    clean = circuit_of(modified, width=2, more=(flip(*body, clean_ancillas=True),))
    assert rows(clean) == [("x", (1, 0), 3, (2,)), ("release", (), 0, (2,))]
    assert rows(clean.without_releases) == [("x", (1, 0), 3, (2,))]


def test_fresh_qubits_that_are_returned() -> None:
    inner = function(
        "inner",
        {"r": QUBITS},
        Alloc("a", Const(2), span(90)),
        gate("cx", qubit("r"), qubit("a")),
        returns=(whole("r"), whole("a")),
    )
    keeping = flip(call("inner", whole("r"), results=(None, "new")), returns=(whole("r"), whole("new")))
    losing = flip(call("inner", whole("r"), results=(None, "new")))
    modified = call("flip", whole("q"), results=(None, "got"), modifiers=(ADJOINT,))
    circuit = circuit_of(modified, gate("x", qubit("got", 1)), width=1, more=(keeping, inner))
    assert rows(circuit) == [("x", (0,), 1, (1,)), ("x", (), 0, (2,))]
    with pytest.raises(NotUnitaryError, match="`flip` drops qubits"):
        circuit_of(modified, width=1, more=(losing, inner))


def test_control_on_a_target() -> None:
    for op in (
        gate("x", qubit("q", 0), modifiers=(control(qubit("q", 0)),), line=93),
        call("flip", whole("q"), modifiers=(control(qubit("q", 1)),), line=93),
        call("flip", stretch("q", 0, 1), modifiers=(control(qubit("q", 1), qubit("q", 1)),), line=93),
    ):
        with pytest.raises(QubitAliasError) as error:
            circuit_of(op, width=2, more=(flip(),))
        assert error.value.span.line == 93


def test_error_inside_a_modified_call() -> None:
    with pytest.raises(QubitIndexResolutionError) as error:
        circuit_of(call("flip", whole("q"), modifiers=(ADJOINT,)), width=2, more=(flip(gate("x", qubit("r", 5), line=94)),))
    assert error.value.span.line == 94


# Pauli evolution ----------------------------------------------------------------------------------------------------------


def evolved(observable: Any, time: Any, width: int, modifiers: tuple[Modifier, ...] = (), **values: Any) -> Circuit:
    op = PauliEvolve(stretch("q", 0, width), Const(observable), time, modifiers, span(95))
    return circuit_of(op, width=width + 1, parameters={"t": FLOAT}, **values)


def test_evolution_of_commuting_terms_is_exact() -> None:
    observable = 0.5 * Z(0) * Z(2) - 0.3 * Z(1) + 0.7 * Z(0) * Z(1) * Z(2) + 0.4
    expected = expm(-0.6j * observable.to_numpy())
    circuit = evolved(observable, real("t"), 3)
    assert names(circuit) == ["gphase", "rzz", "rz", "pauli"]
    np.testing.assert_allclose(dense(circuit, (0.6,)), np.kron(np.eye(2), expected), atol=1e-12)
    inverse = evolved(observable, Const(0.6), 3, (ADJOINT, control(qubit("q", 3), value=0)))
    np.testing.assert_allclose(dense(inverse, (0.0,)), embed(expected.conj().T, (0, 1, 2), (3,), 0, 4), atol=1e-12)


def test_evolution_is_a_product_in_the_order_of_the_terms() -> None:
    observable = Hamiltonian(3)
    words = [
        ("X", 0.3, (1,)),
        ("YY", 0.2, (0, 2)),
        ("XZ", -0.4, (0, 1)),
        ("Y", 0.6, (2,)),
        ("XX", 0.1, (1, 2)),
        ("XYZ", 0.9, (0, 1, 2)),
    ]
    product = np.eye(8)
    for word, coefficient, places in words:
        term = coefficient * np.prod([{"X": X, "Y": Y, "Z": Z}[letter](k) for letter, k in zip(word, places, strict=True)])
        observable = observable + term
        letters = ["I"] * 3
        for letter, k in zip(word, places, strict=True):
            letters[k] = letter
        product = expm(-0.8j * coefficient * word_matrix("".join(letters))) @ product
    circuit = evolved(observable, real("t"), 3, t=0.8)
    assert names(circuit) == ["rx", "ryy", "pauli", "ry", "rxx", "pauli"]
    np.testing.assert_allclose(dense(circuit), np.kron(np.eye(2), product), atol=1e-12)


def test_evolution_that_does_not_fit() -> None:
    with pytest.raises(ObservableError, match="acts on 3 qubits, and 2 are given"):
        evolved(Z(2), real("t"), 2)
    with pytest.raises(ObservableError, match="complex"):
        evolved(1j * Z(0), real("t"), 2)


def test_evolution_by_a_bound_observable() -> None:
    op = PauliEvolve(joined((qubit("q", 1), qubit("q", 0))), Name("h", OBSERVABLE), Const(0.5), span=span(96))
    circuit = circuit_of(op, width=2, parameters={"h": OBSERVABLE}, h=X(0) + Z(1))
    assert [(row[0], row[3]) for row in rows(circuit)] == [("rx", (1,)), ("rz", (0,))]
    assert circuit.angles.offsets.tolist() == [1.0, 1.0]


def test_matrix_under_modifiers() -> None:
    matrix = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)) + 1j * np.random.default_rng(3).normal(size=(4, 4)))[0]
    circuit = circuit_of(unitary(matrix, stretch("q", 0, 2), modifiers=(ADJOINT, control(qubit("q", 2)))), width=3)
    np.testing.assert_allclose(dense(circuit), embed(matrix.conj().T, (0, 1), (2,), 1, 3), atol=1e-12)


def test_kinds_are_those_that_stand_in_the_circuit() -> None:
    circuit = circuit_of(
        gate("s", qubit("q"), modifiers=(ADJOINT, control(qubit("q", 1)))), measure(stretch("q", 0, 0), "m"), width=2
    )
    assert [(kind.name, kind.controls) for kind in circuit.kinds] == [("sdg", 1)]
    assert circuit.is_unitary
