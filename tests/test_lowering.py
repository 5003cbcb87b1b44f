"""Lowering: gates, places, loops and calls."""

from __future__ import annotations

import sys
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkernel.errors import (
    BindingShapeError,
    EntrypointValidationError,
    KernelRecursionError,
    QubitAliasError,
    QubitIndexResolutionError,
    SizeError,
    TargetCapabilityError,
)
from qkernel.gates import GATES
from qkernel.ir.expressions import ONE, ZERO, Const, Name, apply, vector
from qkernel.ir.ops import Alloc, Carried, For, If, Items, Joined, Op, Range
from qkernel.ir.places import whole
from qkernel.ir.types import FLOAT, UINT, DictType, TupleType
from qkernel.lower import STEPS, lower
from qkernel.lower.circuit import Box
from tests.lowering_ir import (
    FLOATS,
    QUBITS,
    at,
    base_matrix,
    call,
    circuit_of,
    dense,
    embed,
    function,
    gate,
    loop,
    module,
    names,
    qubit,
    real,
    reals,
    rows,
    stretch,
    uint,
    unitary,
)

K, N = uint("i"), uint("n")


def test_every_op_has_a_step() -> None:
    assert set(STEPS) == set(get_args(Op))


# Gates ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in GATES if name != "gphase"])
def test_every_gate(name: str) -> None:
    rule = GATES[name]
    targets = tuple(reversed(range(rule.num_qubits)))
    angles = tuple(0.3 + 0.2 * k for k in range(len(rule.angles)))
    circuit = circuit_of(gate(name, *(qubit("q", k) for k in targets), angles=angles), width=rule.num_qubits)
    (instruction,) = circuit.instructions()
    assert instruction.kind.name == rule.base
    assert instruction.qubits == targets
    assert circuit.angles.offsets.tolist() == list(angles)
    split = rule.controls
    expected = embed(
        base_matrix(instruction.kind, list(angles)), targets[split:], targets[:split], (1 << split) - 1, rule.num_qubits
    )
    np.testing.assert_allclose(dense(circuit), expected, atol=1e-12)
    np.testing.assert_allclose(
        embed(rule.matrix(*angles), targets, (), 0, rule.num_qubits), expected, atol=1e-12, err_msg="the gate table disagrees"
    )


def test_global_phase_barrier_and_matrix() -> None:
    matrix = np.array([[0, 1], [1j, 0]])
    circuit = circuit_of(
        gate("gphase", angles=(0.4,)),
        gate("barrier", whole("q")),
        unitary(np.kron(np.eye(2), matrix), stretch("q", 1, 2)),
        width=3,
    )
    assert names(circuit) == ["gphase", "barrier", "unitary"]
    np.testing.assert_allclose(dense(circuit), np.exp(0.4j) * np.kron(np.eye(2), np.kron(matrix, np.eye(2))), atol=1e-12)


def test_matrix_of_another_width() -> None:
    with pytest.raises(SizeError, match="acts on 1 qubits, and 3 are given"):
        circuit_of(unitary(np.eye(2), whole("q")), width=3)


def test_broadcast() -> None:
    for width in (3, 40):
        angles = tuple(0.1 * k for k in range(width))
        circuit = circuit_of(
            gate("h", whole("q")),
            gate("rx", whole("q"), angles=(reals("a"),)),
            gate("ry", stretch("q", 1, 2), angles=(0.5,)),
            gate("rz", whole("q"), angles=(reals("w"),)),
            width=width,
            parameters={"a": FLOATS, "w": FLOATS},
            a=np.array(angles),
        )
        listed = rows(circuit)
        assert [row[3] for row in listed[:width]] == [(k,) for k in range(width)]
        assert names(circuit) == ["h"] * width + ["rx"] * width + ["ry"] * 2 + ["rz"] * width
        assert [row[3] for row in listed[2 * width : 2 * width + 2]] == [(1,), (2,)]
        theta = np.arange(float(width))
        assert circuit.angles.evaluate(theta[None])[0].tolist() == [*angles, 0.5, 0.5, *theta]
        assert circuit.angles.column_names == tuple(f"w[{k}]" for k in range(width))


@pytest.mark.parametrize("width", [3, 40])
def test_broadcast_with_another_number_of_angles(width: int) -> None:
    with pytest.raises(BindingShapeError, match=f"2 angles for {width} qubits") as error:
        circuit_of(gate("rx", whole("q"), angles=(reals("a"),), line=7), width=width, parameters={"a": FLOATS}, a=[0.1, 0.2])
    assert error.value.span.line == 7


def test_broadcast_mixes_numbers_and_open_elements() -> None:
    angles = vector([1.0, real("x"), real("x") * 2])
    circuit = circuit_of(gate("rx", whole("q"), angles=(angles,)), width=3, parameters={"x": FLOAT})
    assert circuit.angles.evaluate(np.array([[0.25]])).tolist() == [[1.0, 0.25, 0.5]]


# Places -----------------------------------------------------------------------------------------------------------------


def test_views_compose() -> None:
    view = whole("q").view(Const(1), Const(2), Const(4))  # 1 3 5 7
    inner = view.view(Const(1), Const(2), Const(2))  # 3 7
    circuit = circuit_of(gate("x", view), gate("y", inner), gate("z", inner.element(Const(1))), width=9)
    assert [row[3][0] for row in rows(circuit)] == [1, 3, 5, 7, 3, 7, 7]


def test_empty_views_and_registers() -> None:
    assert len(circuit_of(gate("x", stretch("q", 3, 0)), width=2).body) == 0
    with pytest.raises(SizeError, match="a part of the register `q` would have -2 qubits"):
        circuit_of(gate("h", stretch("q", 3, -2)), width=2)
    assert circuit_of(gate("x", whole("q")), loop("i", 0, gate("x", qubit("q", K))), width=0).num_qubits == 0


def test_registers_are_fresh_and_named() -> None:
    helper = function("helper", {"q": QUBITS}, Alloc("extra"), gate("cx", qubit("q"), qubit("extra")), returns=(whole("q"),))
    circuit = circuit_of(loop("i", 3, call("helper", whole("q"))), width=2, more=(helper,))
    assert circuit.num_qubits == 5
    assert [row[3] for row in rows(circuit)] == [(2,), (3,), (4,)]
    assert circuit.registers == (("q", (0, 1)), ("extra", (2,)), ("extra", (3,)), ("extra", (4,)))


@pytest.mark.parametrize(("index", "text"), [(3, "has 3 qubits"), (-1, "negative")])
def test_index_outside(index: int, text: str) -> None:
    with pytest.raises(QubitIndexResolutionError, match=text) as error:
        circuit_of(gate("x", qubit("q", uint("k")), line=9), width=3, parameters={"k": UINT}, k=index)
    assert error.value.span.line == 9


@pytest.mark.parametrize("count", [4, 100])
def test_index_outside_in_a_loop_names_its_values(count: int) -> None:
    body = loop("j", 2, gate("cx", qubit("q", K), qubit("q", K + 1 + uint("j")), line=11))
    with pytest.raises(QubitIndexResolutionError, match=f"index {count} of") as error:
        circuit_of(loop("i", count, body), width=count)
    assert error.value.span.line == 11
    assert [note.text for note in error.value.notes] == [f"i = {count - 2}, j = 1"]


@pytest.mark.parametrize("count", [4, 100])
def test_alias_in_a_loop_names_its_values(count: int) -> None:
    with pytest.raises(QubitAliasError) as error:
        circuit_of(loop("i", count, gate("cz", qubit("q", K), qubit("q", 2), line=12)), width=count)
    assert error.value.span.line == 12
    assert [note.text for note in error.value.notes] == ["i = 2"]


def test_error_in_a_call_shows_the_call() -> None:
    helper = function("helper", {"q": QUBITS}, gate("x", qubit("q", 5), line=20), returns=(whole("q"),))
    with pytest.raises(QubitIndexResolutionError) as error:
        circuit_of(call("helper", whole("q"), line=33), width=2, more=(helper,))
    assert [(note.text, note.span.line) for note in error.value.calls] == [("in this call of `helper`", 33)]


def test_slice_outside() -> None:
    with pytest.raises(QubitIndexResolutionError, match="index 4"):
        circuit_of(gate("x", stretch("q", 1, 4)), width=4)


def test_alias_in_arguments() -> None:
    helper = function("helper", {"a": QUBITS, "b": QUBITS}, returns=(whole("a"), whole("b")))
    with pytest.raises(QubitAliasError):
        circuit_of(call("helper", stretch("q", 0, 2), stretch("q", 1, 2)), width=4, more=(helper,))


@pytest.mark.parametrize("size", [-1, 1 << 40])
def test_impossible_register(size: int) -> None:
    with pytest.raises(SizeError, match="the register `r` would have"):
        circuit_of(Alloc("r", N), width=1, parameters={"n": UINT}, n=size)


def test_quantum_arguments_of_the_entry() -> None:
    entry = function("helper", {"q": QUBITS, "x": FLOAT}, gate("rx", qubit("q", 1), angles=(real("x"),)), returns=(whole("q"),))
    circuit = lower(module(entry), {"q": 3}, ["x"])
    assert (circuit.num_qubits, circuit.outputs, rows(circuit)[0][3]) == (3, (), (1,))
    with pytest.raises(EntrypointValidationError, match="needs a value for `q`"):
        lower(module(entry), {"x": 0.5})


# Loops and branches -----------------------------------------------------------------------------------------------------


def test_loop_forms() -> None:
    down = loop("i", 0, gate("x", qubit("q", K)), start=N - 2, step=-2)
    assert [row[3][0] for row in rows(circuit_of(down, width=8, parameters={"n": UINT}, n=8))] == [6, 4, 2]
    assert not circuit_of(down, width=0, parameters={"n": UINT}, n=0).body
    with pytest.raises(SizeError, match="step of a loop is 0"):
        circuit_of(loop("i", 3, step=0), width=1)


@pytest.mark.parametrize(
    "body",
    [
        loop("i", 1 << 40, gate("x", qubit("q"))),
        loop("i", 4, loop("j", 1 << 40, gate("x", qubit("q")), gate("y", qubit("q"))), *[gate("x", qubit("q"))] * 5),
    ],
    ids=["one", "nested"],
)
def test_loop_that_is_too_long(body: Op) -> None:
    with pytest.raises(SizeError, match="steps to make"):
        circuit_of(body, width=1)


def test_items() -> None:
    pairs = Name("d", DictType(TupleType((UINT, UINT)), FLOAT))
    body = gate("rzz", qubit("q", uint("a")), qubit("q", uint("b")), angles=(real("w") * 2,))
    circuit = circuit_of(
        For(("a", "b", "w"), Items(pairs), (body,)), width=3, parameters={"d": pairs.type}, d={(2, 0): 0.5, (0, 1): 0.25}
    )
    assert [row[3] for row in rows(circuit)] == [(2, 0), (0, 1)]
    assert circuit.angles.offsets.tolist() == [1.0, 0.5]
    single = Name("s", DictType(UINT, FLOAT))
    once = For(("a", "w"), Items(single), (gate("rx", qubit("q", uint("a")), angles=(real("w"),)),))
    assert [row[3] for row in rows(circuit_of(once, width=3, parameters={"s": single.type}, s={2: 0.5}))] == [(2,)]


def test_many_items_go_at_once_as_one_by_one() -> None:
    pairs = Name("d", DictType(TupleType((UINT, UINT)), FLOAT))
    body = (
        gate("h", qubit("q", uint("a"))),
        gate("rzz", qubit("q", uint("a")), qubit("q", uint("b")), angles=(real("w") * real("g"),)),
    )
    values = {(a, b): a + b / 8 for a in range(6) for b in range(6) if a != b}
    at_once, one_by_one = (
        circuit_of(
            For(("a", "b", "w"), Items(pairs), body, carried), width=6, parameters={"d": pairs.type, "g": FLOAT}, d=values
        )
        for carried in ((), (Carried("c", ZERO, ZERO),))
    )
    assert list(at_once.instructions()) == list(one_by_one.instructions())
    assert at_once.angles == one_by_one.angles
    assert at_once.angles.coefficients.tolist() == list(values.values())


@pytest.mark.parametrize("count", [52, 60, 120])
def test_powers_beyond_machine_integers_are_exact_at_once(count: int) -> None:
    body = (
        gate("rz", qubit("q", ZERO), angles=(apply("/", Const(0.7), apply("**", Const(2), uint("k"))),)),
        gate("rx", qubit("q", ZERO), angles=(apply("/", apply("**", Const(3), uint("k")), Const(1e50)),)),
    )
    circuit = circuit_of(For(("k",), Range(ZERO, Const(count), ONE), body), width=1)
    assert circuit.angles.offsets.tolist() == [angle for k in range(count) for angle in (0.7 / 2**k, 3**k / 1e50)]
    differences = apply("**", Const(2), apply("-", uint("k"), Const(60)))
    body = (
        gate("rz", qubit("q", ZERO), angles=(apply("*", Const(0.7), differences),)),
        gate("rx", qubit("q", ZERO), angles=(apply("*", Name("t", FLOAT), differences),)),
        gate("ry", qubit("q", ZERO), angles=(apply("**", Const(2), uint("k")),)),
    )
    circuit = circuit_of(For(("k",), Range(ZERO, Const(count), ONE), body), width=1, parameters={"t": FLOAT})
    factors = [2.0 ** (k - 60) for k in range(count)]
    assert circuit.angles.coefficients.tolist() == factors
    assert circuit.angles.offsets.tolist() == [angle for k, each in enumerate(factors) for angle in (0.7 * each, 0.0, 2.0**k)]
    unread = gate("rz", qubit("q", ZERO), angles=(apply("%", apply("**", Const(3), uint("k")), Const(7)),))
    circuit = circuit_of(For(("k",), Range(ZERO, Const(count), ONE), (unread,)), width=1)
    assert circuit.angles.offsets.tolist() == [float(3**k % 7) for k in range(count)]


def test_carried_values_change_at_once() -> None:
    a, b = uint("a"), uint("b")
    fibonacci = For(
        ("i",), Range(ZERO, Const(6), ONE), (gate("x", qubit("q", a)),), (Carried("a", ZERO, b), Carried("b", ONE, a + b))
    )
    circuit = circuit_of(fibonacci, gate("y", qubit("q", b)), width=16)
    assert [row[3][0] for row in rows(circuit)] == [0, 1, 1, 2, 3, 5, 13]


def test_compile_time_branch() -> None:
    choice = If(
        apply("==", K % 2, 0),
        (gate("x", qubit("q", K)),),
        (gate("y", qubit("q", K)),),
        (Joined("w", Const(0.5), apply("float", K)),),
    )
    circuit = circuit_of(loop("i", 3, choice, gate("rx", qubit("q"), angles=(real("w"),))), width=3)
    assert names(circuit) == ["x", "rx", "y", "rx", "x", "rx"]
    assert circuit.angles.offsets.tolist() == [0.5, 1.0, 0.5]


def test_condition_is_lazy() -> None:
    safe = apply("and", K + 1 < N, at(reals("v"), K + 1) > 0)
    circuit = circuit_of(
        loop("i", N, If(safe, (gate("x", qubit("q", K)),))),
        width=3,
        parameters={"n": UINT, "v": FLOATS},
        n=3,
        v=[0.0, 1.0, 1.0],
    )
    assert [row[3] for row in rows(circuit)] == [(0,), (1,)]


WIDTH = 6


@st.composite
def plain_loops(draw: Any, depth: int = 0, variables: tuple[str, ...] = ()) -> Op:
    """A loop of plain gates whose indices and angles are made from the loop variables."""
    name = "ijk"[depth]
    inside = (*variables, name)
    scope = [uint(variable) for variable in inside]

    def number(low: int, high: int) -> Any:
        base: Any = draw(st.integers(low, high))
        for variable in scope[:-1]:
            base = base + variable * draw(st.integers(-1, 1))
        return base

    def index() -> Any:
        total: Any = draw(st.integers(0, WIDTH))
        for variable in scope:
            total = total + variable * draw(st.integers(0, 3))
        return total % WIDTH

    def angle() -> Any:
        kind = draw(st.integers(0, 3))
        whole_number = index()
        return [
            at(reals("w"), whole_number) * 2 - 1,
            real("x") + whole_number,
            at(reals("b"), whole_number),
            whole_number * 0.5,
        ][kind]

    body: list[Op] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 3 if depth < 2 else 2))
        if kind == 0:
            body.append(gate("h", qubit("q", index())))
        elif kind == 1:
            body.append(gate("rx", qubit("q", index()), angles=(angle(),)))
        elif kind == 2:
            first = index()
            body.append(
                gate("crz", qubit("q", first), qubit("q", (first + draw(st.integers(1, WIDTH - 1))) % WIDTH), angles=(angle(),))
            )
        else:
            body.append(draw(plain_loops(depth + 1, inside)))
    return loop(name, number(-1, 6), *body, start=number(-1, 3), step=draw(st.sampled_from([1, 2, -1])))


@settings(max_examples=150, deadline=None)
@given(plain_loops())
def test_all_rounds_at_once_agree_with_one_by_one(plain: Any) -> None:
    """A loop that carries a value goes step by step; without it, all rounds go at once."""
    long = loop("z", 8, plain)
    stepwise = For(long.targets, long.domain, long.body, (Carried("c", ZERO, ZERO),))
    parameters = {"w": FLOATS, "x": FLOAT, "b": FLOATS}
    values = {"b": np.arange(1.0, WIDTH + 1)}
    at_once, one_by_one = (circuit_of(body, width=WIDTH, parameters=parameters, **values) for body in (long, stepwise))
    assert list(at_once.instructions()) == list(one_by_one.instructions())
    assert at_once.angles == one_by_one.angles


def test_loops_run_at_once_only_where_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The property above compares two ways; this makes sure that the first of them is taken at all."""
    from qkernel.lower import loops

    taken: list[int] = []
    unroll = loops.unroll
    monkeypatch.setattr(loops, "unroll", lambda *arguments: taken.append(1) or unroll(*arguments))
    circuit_of(loop("i", 30, gate("h", qubit("q", K))), width=30)
    assert taken == [1]


# Calls ------------------------------------------------------------------------------------------------------------------


def test_calls_bind_places_and_values() -> None:
    pair = function(
        "pair",
        {"a": QUBITS, "b": QUBITS, "k": UINT},
        Alloc("fresh", Const(2)),
        gate("cx", qubit("a", uint("k")), qubit("b", 0)),
        returns=(whole("b"), whole("fresh"), uint("k") + 1, whole("a")),
    )
    circuit = circuit_of(
        call("pair", stretch("q", 2, 2), stretch("q", 0, 2), 1, results=(None, "new", "next", None)),
        gate("x", qubit("new", 1)),
        gate("rx", qubit("q", uint("next")), angles=(apply("float", uint("next")),)),
        width=4,
        more=(pair,),
    )
    assert rows(circuit) == [("x", (3,), 1, (0,)), ("x", (), 0, (5,)), ("rx", (), 0, (2,))]
    assert circuit.angles.offsets.tolist() == [2.0]


def recursion(depth: int) -> Any:
    deep = function(
        "deep",
        {"q": QUBITS, "n": UINT},
        If(N > 0, (gate("x", qubit("q")), loop("i", 1, call("deep", whole("q"), N - 1, line=44)))),
        returns=(whole("q"),),
    )
    return circuit_of(call("deep", whole("q"), depth), width=1, more=(deep,))


def test_recursion() -> None:
    limit = sys.getrecursionlimit()
    assert len(recursion(1500).body[0]) == 1500
    assert sys.getrecursionlimit() == limit


def test_recursion_without_end() -> None:
    with pytest.raises(KernelRecursionError, match="`deep` is called 2000 calls deep") as error:
        recursion(1 << 60)
    assert error.value.span.line == 44


def test_oracle_has_no_body() -> None:
    oracle = function("u", {"q": QUBITS}, kind="oracle", label="U", returns=(whole("q"),))
    with pytest.raises(TargetCapabilityError, match="the oracle `U` has no body"):
        circuit_of(call("u", whole("q")), width=2, more=(oracle,))


def test_boxes() -> None:
    part = function(
        "part",
        {"q": QUBITS},
        Alloc("a"),
        gate("cx", qubit("q"), qubit("a")),
        kind="composite",
        label="P",
        returns=(whole("q"),),
    )
    both = function(
        "both", {"q": QUBITS}, call("part", stretch("q", 0, 1)), gate("h", whole("q")), kind="composite", returns=(whole("q"),)
    )
    circuit = circuit_of(
        gate("x", qubit("q", 2)), call("both", stretch("q", 1, 2)), call("part", qubit("q", 0)), width=3, more=(part, both)
    )
    assert circuit.boxes == (Box("both", 1, 4, (1, 2, 3)), Box("P", 1, 2, (1, 3)), Box("P", 4, 5, (0, 4)))


def test_circuits_are_shown_on_one_line() -> None:
    circuit = circuit_of(*(gate("rx", qubit("q", k), angles=(0.1,)) for k in range(3)), width=3)
    assert repr(circuit) == f"<Circuit {circuit.name}: 3 qubits, 0 bits, 3 instructions>"
    assert repr(circuit.body) == "(<Run of 3 instructions>,)"
    assert repr(circuit.angles) == "<AngleMap of 3 angles, parameters ()>"
