"""Lowering: values of expressions, open parameters and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qkernel.errors import (
    ArithmeticEvaluationError,
    EntrypointValidationError,
    NotFiniteError,
    QubitIndexResolutionError,
)
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, Const, Item, Name, Pack, Row, Size, Slice, Updated, apply, vector, wrap
from qkernel.ir.ops import Alloc, For, If, Items, Op, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, DictType, TupleType
from qkernel.lower import lower
from qkernel.lower.lengths import Lengths
from tests.lowering_ir import (
    FLOATS,
    at,
    circuit_of,
    function,
    gate,
    loop,
    module,
    qubit,
    real,
    reals,
    rows,
    stretch,
    uint,
)

K, N = uint("i"), uint("n")


def test_look_ups_are_checked() -> None:
    v, m, i = Name("v", FLOATS), Name("m", ArrayType(FLOAT, 2)), uint("i")
    numbers = [0.5, 1.5, 2.5]
    rounds = np.array([2, 0, 1, 2])
    assert evaluate(Item(v, (i,)), {"v": numbers, "i": rounds}).tolist() == [2.5, 0.5, 1.5, 2.5]
    per_round = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]])
    assert evaluate(Item(v, (i,)), {"v": per_round, "i": rounds}).tolist() == [9.0, 2.0, 7.0, 12.0]
    updated = evaluate(Updated(v, i, Const(0.0)), {"v": numbers, "i": rounds})
    assert np.array(updated).tolist() == [[0.5, 0.0, 0.5, 0.5], [1.5, 1.5, 0.0, 1.5], [0.0, 2.5, 2.5, 0.0]]
    assert evaluate(Item(m, (i, ONE)), {"m": [[1.0, 2.0], [3.0, 4.0]], "i": 1}) == 4.0
    past = {"v": numbers, "i": 3, "m": [[1.0]], "d": {0: 1.0}}
    for wrong in (
        Item(v, (i,)),
        Item(v, (Const(-1),)),
        Item(v, (Name("many", UINT),)),
        Item(m, (Const(0), ONE)),
        Item(Name("d", DictType(UINT, FLOAT)), (ONE,)),
        Slice(v, ONE, ONE, Const(3)),
        Slice(v, i, Const(0), ONE),
        Updated(v, i, Const(0.0)),
    ):
        with pytest.raises(QubitIndexResolutionError):
            evaluate(wrong, past | {"many": np.array([0, 3])})


# Expressions ------------------------------------------------------------------------------------------------------------


def one_angle(angle: Any, parameters: dict[str, Any], theta: Any = (), **values: Any) -> float:
    circuit = circuit_of(gate("rx", qubit("q"), angles=(angle,)), width=1, parameters=parameters, **values)
    return float(circuit.angles.evaluate(np.array([theta], float))[0, 0])


def test_bound_values() -> None:
    matrix, pairs = Name("m", ArrayType(FLOAT, 2)), Name("d", DictType(TupleType((UINT, UINT)), FLOAT))
    couple = Name("t", TupleType((UINT, FLOAT)))
    angle = (
        at(matrix, 1, 0)
        + at(Row(matrix, (ONE,)), 2)
        + at(pairs, (N, 2))
        + at(couple, 1)
        + at(Slice(reals("v"), Const(2), Const(-1), Const(3)), 2)
        + at(Updated(reals("v"), N, Const(7.0)), 1)
        + Size(matrix, 1)
        + Size(pairs)
        + Size(reals("v"))
        + apply("select", N < 1, at(reals("v"), 9), 0.5)
    )
    parameters = {"m": matrix.type, "d": pairs.type, "t": couple.type, "v": FLOATS, "n": UINT}
    values = {
        "m": np.arange(6.0).reshape(2, 3),
        "d": {(1, 2): 0.25, (0, 0): 9.0},
        "t": (3, 0.125),
        "v": np.array([10.0, 20.0, 30.0]),
    }
    assert one_angle(angle, parameters, n=1, **values) == 3 + 5 + 0.25 + 0.125 + 10 + 7 + 3 + 2 + 3 + 0.5


@pytest.mark.parametrize("key", [3, -1])
@pytest.mark.parametrize("count", [2, 60])
def test_vector_index_outside(key: int, count: int) -> None:
    body = loop("i", count, gate("rx", qubit("q", K), angles=(at(reals("v"), uint("k")),), line=8))
    with pytest.raises(QubitIndexResolutionError, match=f"index {key} (of|lies outside) `v`") as error:
        circuit_of(body, width=count, parameters={"v": FLOATS, "k": UINT}, v=np.ones(3), k=key)
    assert error.value.notes[0].text.endswith("i = 0")


def test_key_that_is_not_there() -> None:
    base = Name("d", DictType(UINT, FLOAT))
    with pytest.raises(QubitIndexResolutionError, match="`d` has no key 4"):
        one_angle(at(base, 4), {"d": base.type}, d={1: 0.5})


@pytest.mark.parametrize(
    ("angle", "text"),
    [(1 / real("x"), "division by zero"), (apply("log", real("x")), "math domain"), (apply("exp", real("x") + 1e9), "range")],
)
def test_expression_without_a_value(angle: Any, text: str) -> None:
    with pytest.raises(ArithmeticEvaluationError, match=text) as error:
        one_angle(angle, {"x": FLOAT}, x=0.0)
    assert error.value.span is not None


@pytest.mark.parametrize("count", [3, 60])
def test_infinite_angle(count: int) -> None:
    body = loop("i", count, gate("h", qubit("q", K)), gate("rx", qubit("q", K), angles=(real("x") * real("x"),), line=5))
    with pytest.raises(NotFiniteError, match="an angle is inf") as error:
        circuit_of(body, width=count, parameters={"x": FLOAT}, x=1e200)
    assert error.value.span.line == 5


def test_power_that_is_too_large() -> None:
    with pytest.raises(ArithmeticEvaluationError, match="is too large"):
        one_angle(apply("float", Const(3) ** N), {"n": UINT}, n=10**12)


def test_large_integers_stay_exact() -> None:
    index = (2**K * 3**K) % 5 // 4  # 6**i mod 5 is 1
    circuit = circuit_of(loop("i", 60, gate("x", qubit("q", index))), width=2)
    assert [row[3] for row in rows(circuit)] == [(6**k % 5 // 4,) for k in range(60)]


# Open parameters --------------------------------------------------------------------------------------------------------


def test_columns_follow_the_signature() -> None:
    matrix, pairs = Name("m", ArrayType(FLOAT, 2)), Name("d", DictType(TupleType((UINT, UINT)), FLOAT))
    cube = Name("c", ArrayType(FLOAT, 3))
    angles = (at(pairs, (2, 1)), at(matrix, 1, 2), at(reals("v"), 1), real("z"), at(pairs, (0, 5)), at(cube, 1, 0, 1), N * 2.0)
    circuit = circuit_of(
        *(gate("rx", qubit("q"), angles=(angle,)) for angle in angles),
        width=1,
        parameters={"z": FLOAT, "v": FLOATS, "d": pairs.type, "n": UINT, "m": matrix.type, "c": cube.type},
    )
    matrices = [f"m[{i}][{j}]" for i in range(2) for j in range(3)]
    cubes = [f"c[{i}][0][{k}]" for i in range(2) for k in range(2)]
    expected = ("z", "v[0]", "v[1]", "d[(0, 5)]", "d[(2, 1)]", "n", *matrices, *cubes)
    assert circuit.angles.column_names == expected
    theta = np.arange(1.0, len(expected) + 1)
    where = dict(zip(expected, theta, strict=True))
    shown = [where[name] for name in ("d[(2, 1)]", "m[1][2]", "v[1]", "z", "d[(0, 5)]", "c[1][0][1]")]
    assert circuit.angles.evaluate(theta[None])[0].tolist() == [*shown, 2 * where["n"]]


def test_open_elements_in_vectorised_loops() -> None:
    matrix = Name("m", ArrayType(FLOAT, 2))
    body = gate(
        "rx", qubit("q", K), angles=(at(matrix, K % 3, K) - at(reals("v"), K) * 2 + at(reals("v"), K) + at(reals("v"), 0) + 1,)
    )
    circuit = circuit_of(loop("i", 30, body), width=30, parameters={"m": matrix.type, "v": FLOATS})
    theta = np.random.default_rng(0).normal(size=(2, 120))
    m, v = theta[:, :90].reshape(2, 3, 30), theta[:, 90:]
    index = np.arange(30)
    np.testing.assert_allclose(circuit.angles.evaluate(theta), m[:, index % 3, index] - v + v[:, :1] + 1)
    position = circuit.angles.rows.astype(np.int64) * 120 + circuit.angles.columns
    assert (np.diff(position) > 0).all()
    assert circuit.angles.coefficients.all()


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (real("x") * 2 + real("y") / 4 - 1, 2 * 0.3 + 0.7 / 4 - 1),
        (-(real("x") - real("y")) * 3, -(0.3 - 0.7) * 3),
        (1 - real("x"), 0.7),
        (real("x") * real("y"), 0.21),
        (apply("sin", real("x")) * 2 + real("y"), 2 * np.sin(0.3) + 0.7),
        (2 / real("x"), 2 / 0.3),
        (real("x") ** 2 - real("x"), 0.09 - 0.3),
        (apply("select", real("x") < real("y"), real("x"), 5.0), 0.3),
        (apply("max", real("x"), real("y")), 0.7),
    ],
)
def test_angles_of_open_parameters(angle: Any, expected: float) -> None:
    assert one_angle(angle, {"x": FLOAT, "y": FLOAT}, (0.3, 0.7)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "angle",
    [
        apply("sin", at(reals("v"), K)) * real("x"),
        at(reals("v"), K) * at(reals("v"), 29 - K),
        real("x") ** 2 * K + at(reals("v"), K) / (K + 1),
        (2 * at(reals("v"), K) - at(reals("v"), 0) * K + 0.5) * (K - real("x")),
        apply("select", apply("<", at(reals("v"), K), real("x")), K * 0.5, real("x")),
        apply("select", apply("==", K % 2, 0), real("x"), apply("exp", at(reals("v"), K))),
        apply("cos", real("x") * real("x")),
        at(Name("m", ArrayType(FLOAT, 2)), K % 3, 1) * real("x"),
    ],
)
def test_curved_angles_in_vectorised_loops(angle: Any) -> None:
    """A loop of 30 rounds at once, and in pieces too short for that."""
    types = {"x": FLOAT, "v": FLOATS, "m": ArrayType(FLOAT, 2)}
    body = gate("rx", qubit("q", K % 4), angles=(angle,)), gate("ry", qubit("q", 0), angles=(real("x"),))
    pieces = (loop("i", start + 6, *body, start=start) for start in range(0, 30, 6))
    at_once = circuit_of(loop("i", 30, *body), width=4, parameters=types).angles
    stepwise = circuit_of(*pieces, width=4, parameters=types).angles
    assert at_once.parameters == stepwise.parameters
    assert [slot for slot, _ in at_once.non_affine] == [slot for slot, _ in stepwise.non_affine]
    assert at_once.non_affine
    theta = np.random.default_rng(0).normal(size=(3, at_once.num_columns))
    np.testing.assert_allclose(at_once.evaluate(theta), stepwise.evaluate(theta), rtol=1e-12, atol=1e-12)
    gradient = np.random.default_rng(1).normal(size=(3, at_once.num_slots))
    np.testing.assert_allclose(at_once.pullback(theta, gradient), stepwise.pullback(theta, gradient), rtol=1e-11, atol=1e-11)


def test_affine_angles_are_not_non_affine() -> None:
    angle = apply("float", (real("x") + 1) * 2 - (real("x") - real("y")) / 2)
    circuit = circuit_of(gate("rx", qubit("q"), angles=(angle,)), width=1, parameters={"x": FLOAT, "y": FLOAT})
    assert circuit.angles.non_affine == ()
    assert circuit.angles.coefficients.tolist() == [1.5, 0.5]
    bent = circuit_of(
        gate("rx", qubit("q"), angles=(real("x") * at(reals("v"), 1),)), width=1, parameters={"x": FLOAT, "v": FLOATS}
    )
    assert bent.angles.non_affine == ((0, real("x") * Item(reals("v"), (ONE,))),)
    assert bent.angles.column_names == ("x", "v[0]", "v[1]")


def test_parameter_that_cancels_keeps_its_column() -> None:
    circuit = circuit_of(
        gate("rx", qubit("q"), angles=(at(reals("v"), 2) - at(reals("v"), 2),)), width=1, parameters={"v": FLOATS, "x": FLOAT}
    )
    assert circuit.angles.column_names == ("v[0]", "v[1]", "v[2]", "x")
    assert len(circuit.angles.rows) == 0


def test_given_lengths() -> None:
    entry = function(
        "kernel",
        {"v": FLOATS},
        Alloc("q", Size(reals("v"))),
        loop("i", Size(reals("v")), gate("rx", qubit("q", K), angles=(at(reals("v"), K),))),
    )
    circuit = lower(module(entry), {}, ["v"], Lengths({"v": (5,)}))
    assert circuit.num_qubits == circuit.angles.num_columns == 5
    with pytest.raises(EntrypointValidationError, match="length of `v`"):
        lower(module(entry), {}, ["v"])
    short = function("kernel", {"v": FLOATS}, Alloc("q"), gate("rx", qubit("q"), angles=(at(reals("v"), 5),)))
    with pytest.raises(QubitIndexResolutionError, match="index 5 lies outside `v`, which has 5 elements"):
        lower(module(short), {}, ["v"], Lengths({"v": (5,)}))


def test_views_of_open_vectors() -> None:
    part = Slice(reals("v"), Const(4), Const(-2), Const(2))
    circuit = circuit_of(gate("rx", whole("q"), angles=(part,)), width=2, parameters={"v": FLOATS})
    assert circuit.angles.columns.tolist() == [4, 2]
    with pytest.raises(QubitIndexResolutionError, match="index 2 lies outside `v`"):
        circuit_of(gate("rx", qubit("q"), angles=(at(part, 2),)), width=2, parameters={"v": FLOATS})


@pytest.mark.parametrize(
    "op",
    [
        Alloc("r", N),
        loop("i", N),
        gate("x", qubit("q", N)),
        gate("x", stretch("q", 0, N)),
        If(N > 2, ()),
        If(apply("==", at(reals("v"), 0), 2.0), ()),
        gate("rx", qubit("q"), angles=(at(vector([0.5, 0.7]), N),)),
    ],
    ids=["size", "loop", "index", "slice", "branch", "element", "vector index"],
)
def test_open_argument_that_shapes_the_circuit(op: Op) -> None:
    with pytest.raises(EntrypointValidationError, match=r"depends on `[nv]`") as error:
        circuit_of(op, width=3, parameters={"n": UINT, "v": FLOATS})
    assert error.value.span == op.span


def test_open_dictionary_has_no_items() -> None:
    pairs = Name("d", DictType(UINT, FLOAT))
    for op in (For(("k", "w"), Items(pairs), ()), loop("i", Size(pairs))):
        with pytest.raises(EntrypointValidationError, match="the keys of `d`"):
            circuit_of(op, width=1, parameters={"d": pairs.type})


def test_argument_without_a_value() -> None:
    with pytest.raises(EntrypointValidationError, match="`kernel` needs a value for `n`"):
        lower(module(function("kernel", {"n": UINT})), {})


# Outputs ----------------------------------------------------------------------------------------------------------------


def test_classical_outputs() -> None:
    entry = function(
        "kernel",
        {"x": FLOAT, "v": FLOATS, "n": UINT},
        returns=(
            real("x") * 2,
            apply("float", N),
            N // 2,
            apply("<", N, 9),
            reals("v"),
            Pack((N, real("x")), TupleType((UINT, FLOAT))),
        ),
    )
    circuit = lower(module(entry), {"n": 5}, ["x", "v"], Lengths({"v": (2,)}))
    environment = {"x": 0.25, "v": [1.0, 2.0]}
    assert [evaluate(output, environment) for output in circuit.outputs] == [0.5, 5.0, 2, True, [1.0, 2.0], (5, 0.25)]
    assert circuit.outputs[1:4] == (Const(5.0), Const(2), Const(True))
    assert circuit.outputs_tuple
    assert circuit.angles.column_names == ("x", "v[0]", "v[1]")


def test_output_of_a_bit_vector_argument() -> None:
    name = Name("b", ArrayType(BIT))
    entry = function("kernel", {"b": name.type}, returns=(name,))
    assert lower(module(entry), {"b": np.array([True, False])}).outputs == (wrap([True, False]),)


def test_default_place_of_a_parameter() -> None:
    assert Place("q") == qubit("q")
    assert Parameter("x", FLOAT).default is None
