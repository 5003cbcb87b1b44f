"""Lanes: what an index chooses stands on a line of its own, in the order of the program, and only while it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from strategies.drawn_lines import loose_ends
from strategies.programs import generate, generate_measuring, seeds
from strategies.properties import load

import qkernel as qk
from qkernel.draw.build import build_scene
from qkernel.draw.builder import Options
from qkernel.draw.layout import Layout, lay_out
from qkernel.draw.pen import Pen
from qkernel.draw.scene import Frame, Item, Mark, Operation, Scene
from qkernel.errors import QKernelError
from qkernel_stdlib import increment, mcx_clean


@qk.qkernel
def brick(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    for _ in qk.range(3):
        for i in qk.range(0, len(q) - 1, 2):
            q[i] = qk.ry(q[i], angle)
            q[i + 1] = qk.rx(q[i + 1], angle)
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
        q = qk.h(q)
    return q


@qk.qkernel
def fourier(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    for j in qk.range(n):
        for m in qk.range(j):
            q[m], q[j] = qk.cp(q[m], q[j], -math.pi / 2 ** (j - m))
        q[j] = qk.h(q[j])
    return qk.measure(q)


@qk.qkernel
def heads(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[0] = qk.h(q[0])
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    q[:2] = qk.h(q[:2])
    q[0], q[1], q[2] = qk.ccx(q[0], q[1], q[2])
    return q


@qk.qkernel
def measured_one_by_one(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n, name="q"))
    bits = qk.bit_array(n)
    for k in qk.range(n):
        bits[k] = qk.measure(q[k])
    return bits


@qk.qkernel
def guarded(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    for k in qk.range(n - 2):
        q[k], q[k + 1], q[k + 2] = qk.control(qk.ry, num_controls=2, control_value=1)(q[k], q[k + 1], q[k + 2], angle)
    return qk.measure(q)


@qk.qkernel
def pairs(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], angle: qk.Float) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    for i in qk.range(len(a)):
        a[i], b[i] = qk.rzz(a[i], b[i], angle)
    return a, b


@qk.qkernel
def halves(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2 * n, name="q")
    q[:n], q[n:] = pairs(q[:n], q[n:], angle)
    for k in qk.range(n):
        q[k:] = qk.h(q[k:])
        q[::2], q[1::2] = pairs(q[::2], q[1::2], angle)
    return qk.measure(q)


def operations(items: tuple[Item, ...]) -> Iterator[Operation]:
    for entry in items:
        if isinstance(entry, Operation):
            yield entry
        else:
            for section in entry.sections:
                yield from operations(section.items)


def fans(scene: Scene) -> list[list[str]]:
    """What each fan takes out of its register; nothing for one that leads back."""
    found = [operation for operation in operations(scene.items) if operation.family == "fan"]
    return [[touch.text for touch in fan.touches if touch.mark is Mark.LANE] for fan in found]


def laid_out(scene: Scene) -> Layout:
    return lay_out(scene, Pen(11).metrics())


@pytest.mark.parametrize("values", [{}, {"q": 4}])
def test_a_loop_takes_out_what_it_uses_and_gives_it_back(values: dict[str, int]) -> None:
    scene = build_scene(brick.ir, values, Options())
    assert fans(scene) == [["q[i]", "q[i+1]"], []]
    (outer,) = scene.items
    assert isinstance(outer, Frame)
    inner, _ = outer.sections[0].items[:2]
    assert isinstance(inner, Frame)
    fan, *gates, back = operations(inner.sections[0].items)
    first, second = (touch.wire for touch in fan.touches if touch.text)
    assert [(gate.name, gate.wires) for gate in gates] == [("RY", (first,)), ("RX", (second,)), ("X", (first, second))]
    assert back.ended == (first, second)


def test_each_lane_lives_in_the_loop_that_binds_its_variable() -> None:
    (loop, _) = build_scene(fourier.ir, {}, Options()).items
    assert isinstance(loop, Frame)
    fan, inner, hadamard, _ = loop.sections[0].items
    assert isinstance(fan, Operation)
    assert isinstance(inner, Frame)
    assert isinstance(hadamard, Operation)
    assert [touch.text for touch in fan.touches] == ["", "q[j]"]
    (one,) = [touch.text for touch in next(operations(inner.sections[0].items)).touches if touch.text]
    assert one == "q[m]"
    assert hadamard.wires == (fan.touches[1].wire,)


def test_outside_loops_only_what_would_be_unclear_gets_lanes() -> None:
    scene = build_scene(heads.ir, {}, Options())
    assert fans(scene) == [["q[0]", "q[1]", "q[2]"], [], ["q[0]", "q[1]", "q[2]"], []]
    boxed = [operation.place for operation in operations(scene.items) if operation.place]
    assert boxed == ["q[0]", "q[:2]"]
    assert fans(build_scene(heads.ir, {"q": 3}, Options())) == []


def test_parts_of_a_register_are_lanes_of_a_box_and_go_back_before_a_loop() -> None:
    assert fans(build_scene(halves.ir, {}, Options())) == [["q[:n]", "q[n:]"], [], ["q[::2]", "q[1::2]"], []]
    opened = build_scene(halves.ir, {}, Options(inline_depth=1))
    assert fans(opened) == [["q[i]", "q[n+i]"], [], ["q[2*i]", "q[2*i+1]"], []]


def test_a_measured_lane_ends_at_its_meter() -> None:
    scene = build_scene(measured_one_by_one.ir, {}, Options())
    assert fans(scene) == [["q[k]"]]
    (meter,) = [one for one in operations(scene.items) if one.family == "measure"]
    assert meter.ended == meter.wires
    assert scene.wires[meter.wires[0]].is_lane


def test_controls_on_lanes_keep_their_values() -> None:
    (gate,) = [one for one in operations(build_scene(guarded.ir, {}, Options()).items) if one.name == "RY"]
    assert [touch.mark for touch in gate.touches] == [Mark.CONTROL, Mark.ANTI_CONTROL, Mark.BOX]


def test_lanes_keep_the_order_of_the_program_and_other_registers_need_not() -> None:
    layout = laid_out(build_scene(brick.ir, {}, Options()))
    columns = [cell.column for cell in layout.cells]
    assert columns == sorted(set(columns))


def test_a_line_of_text_names_the_lanes_that_go_on() -> None:
    text = brick.draw(output="text", width=50)
    assert "\n      q[i] ╶" in text
    assert "\n    q[i+1] ╶" in text


@given(seeds)
@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_random_programs_draw_in_every_form(seed: int) -> None:
    for program in (generate(seed), generate_measuring(seed)):
        kernel = load(program.script)[program.entry]
        for options in ({}, {"inline": True}):
            for output, width in (("text", 60), ("text", 160), ("svg", None), ("html", None)):
                try:
                    drawn = kernel.draw(output=output, width=width, max_gates=300, **options)
                except QKernelError:
                    continue
                assert drawn
            check_lives(build_scene(kernel.ir, {}, Options(inline_depth=9 if options else 0)))


def check_lives(scene: Scene) -> None:
    """Nothing touches a lane that is not out, every lane goes back, and no two lives of a row meet."""
    layout = laid_out(scene)
    for cell in layout.cells:
        for touch in cell.operation.touches:
            if scene.wires[touch.wire].is_lane:
                assert any(life.start <= cell.column <= life.end for life in layout.lives[touch.wire])
    for wire, lives in layout.lives.items():
        assert all(one.end < other.start for one, other in pairwise(lives))
        if scene.wires[wire].is_lane:
            assert all(life.end < len(layout.widths) for life in lives)


def test_workspace_that_was_cleaned_gives_its_wires_to_the_next() -> None:
    @qk.qkernel
    def kernel(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        for _ in qk.range(3):
            q = increment(q)
        q[:4], q[4] = mcx_clean(q[:4], q[4])
        return q

    scene = build_scene(kernel.ir, {"q": 5}, Options(fold_loops=False, inline_depth=10))
    assert len(scene.wires) == kernel.estimate_resources(q=5).qubits == 8
    assert [wire.label for wire in scene.wires[5:]] == ["carry[0], work[0]", "carry[1], work[1]", "carry[2]"]
    assert loose_ends(kernel.draw(output="text", width=200, q=5, inline=True, fold_loops=False)) == []
