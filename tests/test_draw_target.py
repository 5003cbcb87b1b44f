"""Drawings of circuits after Qiskit's transpiler: its gates, where it puts qubits, what is read where."""

from __future__ import annotations

from typing import Any

import pytest
from drawings import kernels
from drawings.kernels import SMALL
from qiskit import transpile
from qiskit.providers.fake_provider import GenericBackendV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.draw.concrete import circuit_scene
from qkernel.draw.scene import Frame, Item, Mark, Operation, Scene
from qkernel.errors import SizeError, TargetCapabilityError, ValidationError
from qkernel_backends.qiskit import emit, place
from tests.strategies.drawn_lines import loose_ends

LINE = GenericBackendV2(7, coupling_map=[[k, k + 1] for k in range(6)], seed=1, control_flow=True)
LAYER = {**SMALL, "n_layers": 1}


@qk.qkernel
def star(angle: qk.Float, cost: qk.Observable) -> qk.Float:
    q = qk.qubit_array(4, name="q")
    for k in qk.range(1, 4):
        q[0], q[k] = qk.crx(q[0], q[k], angle)
    return qk.expval(q, cost)


@qk.qkernel
def parity(angle: qk.Float) -> qk.Bit:
    q = qk.qubit_array(3, name="q")
    for k in qk.range(3):
        q[k] = qk.rx(q[k], angle)
    q[0], first = qk.project_z(q[0])
    q[1], second = qk.project_z(q[1])
    if first and not second:
        q[2] = qk.x(q[2])
    return qk.measure(q[2])


def scene(kernel: Any, target: Any, values: dict[str, Any]) -> Scene:
    return circuit_scene(place(kernel.compile(values).circuit, target), 1000)


def operations(items: tuple[Item, ...]) -> list[Operation]:
    found: list[Operation] = []
    for entry in items:
        found += [entry] if isinstance(entry, Operation) else [op for part in entry.sections for op in operations(part.items)]
    return found


def test_a_list_of_gates_keeps_the_qubits_and_draws_these_gates_only() -> None:
    drawn = scene(kernels.ansatz, ["cx", "rz", "sx"], LAYER)
    assert [wire.label for wire in drawn.wires] == ["q[0]", "q[1]", "q[2]", "q[3]"]
    *gates, readout = operations(drawn.items)
    assert {gate.name for gate in gates} == {"X", "RZ", "√X"}
    controlled = [gate for gate in gates if gate.name == "X"]
    assert all([touch.mark for touch in gate.touches] == [Mark.CONTROL, Mark.NOT] for gate in controlled)
    assert readout.name == "⟨Z0⟩"
    assert "RZ(π + weights[4])" in kernels.ansatz.draw(**LAYER, output="text", width=150, target=["cx", "rz", "sx"])


def test_what_is_drawn_is_what_the_transpiler_made() -> None:
    circuit = star.compile({"cost": qko.Z(2)}).circuit
    made = transpile(emit(circuit), LINE, seed_transpiler=0)
    drawn = circuit_scene(place(circuit, LINE), 1000)
    *gates, readout = operations(drawn.items)
    names = {"cx": "X", "rz": "RZ", "sx": "√X", "x": "X"}
    assert [gate.name for gate in gates] == [names[row.operation.name] for row in made.data]
    labels = [drawn.wires[gate.touches[0].wire].label.split(" → ")[-1] for gate in gates]
    assert labels == [str(made.find_bit(row.qubits[0]).index) for row in made.data]
    start, end = made.layout.initial_index_layout()[:4], made.layout.final_index_layout()[:4]
    assert start != end
    assert {f"q[{k}] → {physical}" for k, physical in enumerate(start)} <= {wire.label for wire in drawn.wires}
    found = {touch.text: drawn.wires[touch.wire].label.split(" → ")[-1] for touch in readout.touches}
    assert found == {f"q[{k}]": str(physical) for k, physical in enumerate(end)}
    assert len(drawn.wires) < 7


def test_conditions_and_measurements_survive() -> None:
    drawn = scene(kernels.teleport, LINE, {})
    titles = [section.title for entry in drawn.items if isinstance(entry, Frame) for section in entry.sections]
    assert titles == ["if bit0", "if bit1", "else"]
    assert sum(operation.touches[0].mark is Mark.METER for operation in operations(drawn.items)) == 3
    loop = next(entry for entry in scene(kernels.until_zero, LINE, {}).items if isinstance(entry, Frame))
    assert loop.title == "while bit1"
    assert {"|0⟩", "bit1 = bit2"} <= {operation.name for operation in operations(loop.sections[0].items)}
    frame = next(entry for entry in scene(parity, LINE, {}).items if isinstance(entry, Frame))
    assert frame.title in ("if bit0 and not bit1", "if not bit1 and bit0")


@pytest.mark.parametrize("output", ["mpl", "text", "svg", "html"])
def test_every_output_draws_it(output: str) -> None:
    assert kernels.teleport.draw(target=["cx", "rz", "sx", "x"], output=output)


def test_gates_that_only_the_target_has_keep_their_names() -> None:
    gates = operations(scene(star, ["u3", "cx"], {"cost": qko.Z(0)}).items)[:-1]
    assert {gate.name for gate in gates} == {"u3", "X"}
    assert all(len(gate.lines) == 3 for gate in gates if gate.name == "u3")


def test_what_is_no_target_is_refused() -> None:
    with pytest.raises(ValidationError, match="a str is no target to draw for"):
        kernels.ghz.draw(n=3, target="ibm_torino")
    with pytest.raises(TargetCapabilityError, match="`ghz` does not fit this target"):
        kernels.ghz.draw(n=9, target=LINE)
    with pytest.raises(TargetCapabilityError, match="non-standard gates"):
        kernels.ghz.draw(n=3, target=["cx", "mine"])
    with pytest.raises(SizeError, match="more than 5 operations"):
        kernels.ghz.draw(n=7, target=LINE, max_gates=5)


def test_the_wire_of_a_qubit_that_is_read_out_goes_on_behind_its_measurement() -> None:
    @qk.qkernel
    def kernel() -> qk.Float:
        q = qk.h(qk.qubit_array(4, name="q"))
        q[2], bit = qk.project_z(q[2])
        if bit:
            q[0] = qk.x(q[0])
        if qk.measure(q[3]):
            q[1] = qk.x(q[1])
        return qk.expval(q[:3], qko.Z(0) * qko.Z(2))

    for options in ({}, {"lowered": True}):
        drawn = kernel.draw(output="text", width=120, **options)
        assert loose_ends(drawn) == []
        kept, gone = (next(line for line in drawn.splitlines() if line.startswith(name)) for name in ("q[2]", "q[3]"))
        assert "┤ M ├─" in kept
        assert kept.endswith(("┤         │", "┤ ⟨Z0*Z2⟩ │"))
        assert gone.count("┤ M │") == 1
