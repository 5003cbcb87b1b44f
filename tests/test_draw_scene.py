"""What a scene holds: loops and branches resolved or framed, calls boxed or opened, wires, errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from drawings import kernels
from drawings.kernels import SMALL
from hypothesis import HealthCheck, given, settings
from strategies.ir_modules import modules

import qkernel as qk
import qkernel.observable as qko
from qkernel.draw import draw
from qkernel.draw.build import build_scene
from qkernel.draw.builder import Options
from qkernel.draw.concrete import circuit_scene
from qkernel.draw.labels import label, number_label
from qkernel.draw.scene import Frame, Item, Mark, Operation, Scene
from qkernel.errors import (
    BindingTypeError,
    QKernelError,
    QubitIndexResolutionError,
    SizeError,
    UnknownBindingError,
    ValidationError,
)
from qkernel.ir.expressions import Name
from qkernel.ir.module import Module
from qkernel.ir.types import FLOAT, UINT
from qkernel.lower import lower


def scene_of(kernel: Any, values: dict[str, Any], **options: Any) -> Scene:
    return build_scene(kernel.ir, values, Options(**options))


def operations(items: tuple[Item, ...]) -> Iterator[Operation]:
    for entry in items:
        if isinstance(entry, Operation):
            yield entry
        else:
            for section in entry.sections:
                yield from operations(section.items)


def names(scene: Scene) -> list[str]:
    return [operation.name for operation in operations(scene.items)]


def labels(scene: Scene) -> list[str]:
    return [wire.label for wire in scene.wires if not wire.is_lane]


def test_known_sizes_give_a_wire_per_qubit_and_open_ones_a_bundle() -> None:
    assert labels(scene_of(kernels.ansatz, SMALL)) == ["q[0]", "q[1]", "q[2]", "q[3]"]
    bundle, lane = scene_of(kernels.ansatz, {}).wires
    assert lane.is_lane
    assert (bundle.label, bundle.size) == ("q", "n_qubits")


def test_an_unfolded_drawing_has_the_gates_of_the_lowered_circuit() -> None:
    values = {**SMALL, "n_qubits": 5, "n_layers": 3}
    drawn = list(operations(scene_of(kernels.ansatz, values, fold_loops=False, inline_depth=9).items))
    circuit = lower(kernels.ansatz.ir, values, ("inputs", "weights"))
    concrete = list(operations(circuit_scene(circuit, 1000).items))
    assert len(drawn) == len(concrete) == 5 + 3 * (15 + 4) + 1
    for one, other in zip(drawn[:-1], concrete[:-1], strict=True):
        assert (one.name, one.wires, one.lines) == (other.name, other.wires, other.lines)


def test_a_known_branch_is_taken_and_an_open_one_framed() -> None:
    assert names(scene_of(kernels.sign, {"negative": True})) == ["X"]
    assert names(scene_of(kernels.sign, {"negative": False})) == []
    (frame,) = scene_of(kernels.sign, {}).items
    assert isinstance(frame, Frame)
    assert frame.title == "if negative"


def test_carried_values_are_followed_where_the_rounds_are_known() -> None:
    scene = scene_of(kernels.branches, {"negative": False, "n": 4}, fold_loops=False)
    assert [one.lines for one in operations(scene.items) if one.name == "RZ"] == [("0",), ("0.1",), ("0.3",), ("0.6",)]


def test_a_loop_that_never_runs_is_not_drawn() -> None:
    assert names(scene_of(kernels.ansatz, {**SMALL, "n_layers": 0}, fold_loops=False)).count("rz_layer") == 0
    assert "for layer_idx" not in draw(kernels.ansatz.ir, {**SMALL, "n_layers": 0}, output="text", width=90)


@qk.qkernel
def inner(q: qk.Vector[qk.Qubit], angles: qk.Vector[qk.Float], i: qk.UInt) -> qk.Vector[qk.Qubit]:
    for k in qk.range(q.shape[0]):
        q[k] = qk.rz(q[k], angles[i + k])
    return q


@qk.qkernel
def outer(n: qk.UInt, angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n, name="q")
    for k in qk.range(n):
        q = inner(q, angles, k)
    return q


def test_opened_loops_do_not_confuse_two_variables_of_one_name() -> None:
    scene = scene_of(outer, {}, inline_depth=2)
    fan, rotation, back = operations(scene.items)
    assert rotation.lines == ("angles[k+k#2]",)
    assert [touch.text for touch in fan.touches] == ["", "q[k#2]"]
    assert rotation.wires == back.ended == (1,)
    text = draw(outer.ir, {}, output="text", width=120, inline=True)
    assert "for k#2 in range(n)" in text


@qk.qkernel
def helped(q: qk.Qubit) -> qk.Qubit:
    helper = qk.qubit("helper")
    helper, q = qk.cx(helper, q)
    return q


@qk.qkernel
def helped_twice() -> qk.Bit:
    q = qk.h(qk.qubit("q"))
    for _ in qk.range(2):
        q = helped(q)
    return qk.measure(q)


def test_wires_made_in_a_call_are_hidden_until_it_is_opened() -> None:
    assert [wire.label for wire in scene_of(helped_twice, {}).wires] == ["q", "bit"]
    opened = scene_of(helped_twice, {}, inline_depth=1, fold_loops=False)
    assert [wire.label for wire in opened.wires] == ["q", "helper", "helper#2", "bit"]
    assert [frame.drops for frame in opened.items if isinstance(frame, Frame)] == [(1,), (2,)]


def test_controls_and_readouts() -> None:
    scene = scene_of(kernels.every_gate, {})
    found = {operation.name: operation for operation in operations(scene.items)}
    assert [(touch.wire, touch.mark) for touch in found["X"].touches] == [
        (3, Mark.CONTROL),
        (0, Mark.CONTROL),
        (1, Mark.NOT),
    ]
    assert found["Z"].touches == tuple(replace_mark(found["Z"], Mark.CONTROL))
    assert found["RY"].touches[0].mark is Mark.ANTI_CONTROL
    assert found["RY"].lines == ("3π/8",)
    assert [touch.text for touch in found["bell pair"].touches] == ["first", "second"]
    assert found["bell pair†"].family == "composite"
    assert found["probabilities"].ended == (0, 1, 2, 3)


def replace_mark(operation: Operation, mark: Mark) -> list[Any]:
    return [type(touch)(touch.wire, mark, touch.text) for touch in operation.touches]


def test_too_many_boxes_say_how_to_draw_more() -> None:
    with pytest.raises(SizeError, match="more than 20 boxes") as caught:
        draw(kernels.ansatz.ir, SMALL, fold_loops=False, inline=True, max_gates=20, output="text")
    assert "max_gates" in str(caught.value)
    with pytest.raises(SizeError):
        draw(kernels.ghz.ir, {"n": 10**9}, fold_loops=False, output="text")
    with pytest.raises(SizeError, match="operations to draw"):
        draw(kernels.ghz.ir, {"n": 30}, lowered=True, max_gates=10, output="text")
    with pytest.raises(SizeError, match="iterations to unfold"):
        draw(triangular.ir, {"n": 10**30}, fold_loops=False, output="text")
    assert draw(triangular.ir, {"n": 10**30}, output="html")
    folded = draw(kernels.ghz.ir, {"n": 10**9}, output="text", width=120)
    assert "range(999999999)" in folded


def test_boxes_count_once_however_deep_their_loops() -> None:
    small = {**SMALL, "n_layers": 3}
    boxes = 4 + 3 * (3 * 4 + 3) + 1
    options = {"fold_loops": False, "inline": True, "output": "text"}
    assert draw(kernels.ansatz.ir, small, max_gates=boxes, **options)
    with pytest.raises(SizeError):
        draw(kernels.ansatz.ir, small, max_gates=boxes - 1, **options)


def test_wrong_values_are_named_errors() -> None:
    with pytest.raises(UnknownBindingError, match="did you mean `n_qubits`"):
        draw(kernels.ansatz.ir, {"n_qubit": 4}, output="text")
    with pytest.raises(BindingTypeError):
        draw(kernels.ansatz.ir, {"n_qubits": 4.5}, output="text")
    with pytest.raises(BindingTypeError):
        draw(kernels.sign.ir, {"q": 3}, output="text")
    with pytest.raises(ValidationError, match="did you mean `html`"):
        draw(kernels.ghz.ir, {}, output="htm")
    with pytest.raises(QubitIndexResolutionError):
        draw(kernels.ansatz.ir, {**SMALL, "weights": [0.1]}, fold_loops=False, inline=True, output="text")
    with pytest.raises(QubitIndexResolutionError, match="no qubit 0"):
        draw(kernels.ghz.ir, {"n": 0}, output="text")


def test_registers_of_arguments_take_a_length() -> None:
    assert len(labels(scene_of(inner, {"q": 3}))) == 3
    assert scene_of(inner, {}).wires[0].size == "len(q)"


@qk.qkernel
def idle(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    return qk.measure(qk.h(q))


@qk.qkernel
def triangular(n: qk.UInt) -> qk.UInt:
    total = 0
    for k in qk.range(n):
        total = total + k
    return total


@pytest.mark.parametrize("output", ["text", "mpl", "svg", "html"])
@pytest.mark.parametrize("lowered", [False, True])
def test_nothing_to_draw_is_drawn_as_nothing(output: str, lowered: bool) -> None:
    assert draw(idle.ir, {"n": 0}, output=output, lowered=lowered)
    assert draw(triangular.ir, {"n": 3}, output=output, lowered=lowered)


def test_bound_vectors_show_their_values() -> None:
    scene = scene_of(kernels.ansatz, {**SMALL, "inputs": np.array([np.pi / 2, 0.25, -np.pi, 1e-6])}, fold_loops=False)
    assert [one.lines for one in operations(scene.items)][:4] == [("π/2",), ("0.25",), ("-π",), ("1e-06",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.pi, "π"),
        (-3 * np.pi / 4, "-3π/4"),
        (2 * np.pi, "2π"),
        (np.pi / 64, "π/64"),
        (0.0, "0"),
        (0.1, "0.1"),
        (22 / 7, "3.143"),
        (123456.0, "1.235e+05"),
        (True, "1"),
        (7, "7"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number_label(value) == text


def test_expressions() -> None:
    n, x = Name("n", UINT), Name("x", FLOAT)
    assert label(n * 2 * 3 + 1) == "6*n + 1"
    assert label((n + 1) * (n - 1)) == "(n + 1)*(n - 1)"
    assert label(x * (np.pi / 2)) == "π/2*x"
    assert label(-((x + 1.0) ** 2)) == "-(x + 1)**2"
    assert label(x - (x - 1.0)) == "x - (x - 1)"
    assert label(0.5 * qko.Z(0) * qko.Z(1) - qko.X(2) + 1) == "0.5*Z0*Z1 - X2 + 1"


@given(modules())
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_random_modules_draw_or_say_why_not(module: Module) -> None:
    sizes = {parameter.name: 2 for parameter in module.entry.parameters if parameter.type == UINT}
    for values in ({}, sizes):
        for options in ({}, {"fold_loops": False, "inline": True, "expand_composite": True}):
            for output in ("text", "svg", "html"):
                with suppress(QKernelError):
                    assert draw(module, values, output=output, max_gates=300, **options)  # type: ignore[arg-type]


@qk.qkernel
def fresh(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    register = qk.qubit_array(n + 1)
    for _ in qk.range(10**9):
        register[0] = qk.h(register[0])
    return register


@qk.qkernel
def read(n: qk.UInt, q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Bit]]:
    register = fresh(2 * n)
    register[0], q[0] = qk.cx(register[0], q[0])
    return q, qk.measure(register[1:])


@qk.qkernel
def handed(n: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Bit]]:
    q = fresh(n)
    q, bits = read(n, q)
    return q, bits


def test_what_a_call_returns_is_known_without_drawing_what_it_does() -> None:
    bound = scene_of(handed, {"n": 2}, fold_loops=False)
    assert [(wire.label, wire.size) for wire in bound.wires] == [*((f"q[{k}]", None) for k in range(3)), ("result", "4")]
    assert [(wire.label, wire.size) for wire in scene_of(handed, {}).wires] == [("q", "n + 1"), ("result", "max(2*n, 0)")]


@pytest.mark.parametrize("output", ["text", "svg", "html"])
def test_a_text_that_uses_a_register_after_its_end_draws(output: str) -> None:
    text = """qkernel 1

kernel late(value: Vector[Qubit]) -> (Vector[Float],):
    found = probabilities(value)
    rx(value[floor(9738729518921370.0 / len(value))], 0.123456789012345)
    rx(value[floor(9738729518921371.0 / len(value))], 0.123456789012345)
    rx(value[floor(9738729518921372.0 / len(value))], 0.123456789012345)
    return found
"""
    assert draw(qk.parse(text), {}, output=output)
