"""Cirq's circuits as kernels."""

from __future__ import annotations

import cmath
import itertools
from collections.abc import Sequence
from typing import Any

import cirq
import numpy as np
import sympy

from qkernel.errors import KernelTypeError
from qkernel.ir.expressions import Const, Expr, apply
from qkernel.kernel import Kernel
from qkernel_backends.building import Building, Unitary, either, equals
from qkernel_backends.formulas import no_counterpart
from qkernel_backends.matrices import big_endian

_WORDS = {cirq.XXPowGate: "rxx", cirq.YYPowGate: "ryy", cirq.ZZPowGate: "rzz"}
_NAMED = {
    (cirq.XPowGate, 1): "x", (cirq.XPowGate, 0.5): "sx", (cirq.XPowGate, -0.5): "sxdg", (cirq.YPowGate, 1): "y",
    (cirq.ZPowGate, 1): "z", (cirq.ZPowGate, 0.5): "s", (cirq.ZPowGate, -0.5): "sdg", (cirq.ZPowGate, 0.25): "t",
    (cirq.ZPowGate, -0.25): "tdg", (cirq.HPowGate, 1): "h", (cirq.SwapPowGate, 1): "swap", (cirq.ISwapPowGate, 1): "iswap",
}  # fmt: skip
_ROTATIONS: dict[type, str] = {cirq.XPowGate: "rx", cirq.YPowGate: "ry", **_WORDS}
_CONTROLLED: dict[type, tuple[Any, int]] = {
    cirq.CXPowGate: (cirq.XPowGate, 1),
    cirq.CZPowGate: (cirq.ZPowGate, 1),
    cirq.CCXPowGate: (cirq.XPowGate, 2),
    cirq.CCZPowGate: (cirq.ZPowGate, 2),
}
_MOST_BITS = 8


def from_cirq(circuit: cirq.Circuit) -> Kernel[..., Any]:
    """A circuit of Cirq's as a kernel.

    Without measurements it takes its qubits, sorted, as one register `q`, and gives it back; with them it runs by itself and
    returns a vector of bits for each key, of the key's last measurement. Symbols are Float arguments, those called
    `weights[0]`, `weights[1]` elements of a vector. Gates that kernels lack are taken apart as Cirq does it.
    Raises `TargetCapabilityError` for what kernels do not have, such as noise, qudits and loops of subcircuits.
    """
    if not isinstance(circuit, cirq.AbstractCircuit):
        raise KernelTypeError(f"a `cirq.Circuit` is wanted, not `{circuit!r}`")
    reading = _Reading(Building("circuit", {"q": sorted(circuit.all_qubits())}))
    for operation in cirq.unroll_circuit_op(circuit, deep=True, tags_to_check=None).all_operations():
        reading.operation(operation)
    return reading.building.kernel(list(reading.bits.values()))


class _Reading:
    """`bits` are the outcomes of each key's last measurement."""

    def __init__(self, building: Building) -> None:
        self.building = building
        self.bits: dict[str, list[Expr]] = {}

    def operation(self, operation: cirq.Operation) -> None:
        tests = [self.condition(each) for each in operation.classical_controls]
        bare = operation.without_classical_controls().untagged
        if any(dimension != 2 for dimension in cirq.qid_shape(bare)):
            raise no_counterpart(f"`{bare}` on qudits")
        gate = bare.gate
        if isinstance(gate, (cirq.MeasurementGate, cirq.ResetChannel)):
            if tests:
                raise no_counterpart(f"`{operation}`, a measurement or reset under a condition,")
            self.measurement(gate, bare.qubits)
            return
        condition = None
        for test in tests:
            condition = test if condition is None else apply("and", condition, test)
        self.building.add(self.ops(bare), condition)

    def measurement(self, gate: Any, qubits: Sequence[Any]) -> None:
        if isinstance(gate, cirq.ResetChannel):
            self.building.reset(*qubits)
            return
        if gate.confusion_map:
            raise no_counterpart("a measurement with a confusion map")
        found = [self.building.measure(qubit) for qubit in qubits]
        inverted = gate.full_invert_mask()
        self.bits[cirq.measurement_key_name(gate)] = [
            apply("not", bit) if flipped else bit for bit, flipped in zip(found, inverted, strict=True)
        ]

    def condition(self, condition: cirq.Condition) -> Expr:
        """A classical control, whatever it computes of up to eight outcomes: by the values for which it holds."""
        keys = [str(key) for key in condition.keys]
        bits = [bit for key in keys for bit in self.bits[key]]
        if len(bits) > _MOST_BITS:
            raise no_counterpart(f"the condition `{condition}` on {len(bits)} bits")
        if isinstance(condition, cirq.KeyCondition) and condition.index == -1:
            return either(bits)
        rows = []
        for values in itertools.product((0, 1), repeat=len(bits)):
            store, rest = cirq.ClassicalDataDictionaryStore(), list(values)
            for key in keys:
                width = len(self.bits[key])
                store.record_measurement(cirq.MeasurementKey(key), rest[:width], cirq.LineQubit.range(width))
                rest = rest[width:]
            if condition.resolve(store):
                rows.append(equals(bits, sum(value << k for k, value in enumerate(values))))
        return either(rows)

    def ops(self, operation: cirq.Operation) -> list[Unitary]:
        """The gates that a unitary operation is."""
        gate, qubits = operation.gate, operation.qubits
        if gate is None and isinstance(operation, cirq.ControlledOperation):
            gate = cirq.ControlledGate(operation.sub_operation.gate, control_values=operation.control_values)
        building = self.building
        match gate:
            case cirq.IdentityGate() | cirq.WaitGate():
                return []
            case cirq.ControlledGate():
                count = gate.num_controls()
                inner = self.ops(gate.sub_gate.on(*qubits[count:]))
                return [op for value in _values(gate) for op in building.controlled(inner, qubits[:count], value)]
            case cirq.GlobalPhaseGate() if not isinstance(gate.coefficient, sympy.Basic):
                return building.gate("gphase", (), Const(cmath.phase(gate.coefficient)))
            case cirq.GlobalPhaseGate() if isinstance(gate.coefficient, sympy.exp):
                return building.gate("gphase", (), building.angle(gate.coefficient.args[0] / sympy.I, 1))
            case cirq.MatrixGate():
                return building.gate("unitary", qubits, matrix=big_endian(cirq.unitary(gate)))
            case cirq.EigenGate() if (found := self.power(gate, qubits)) is not None:
                return found
        parts = cirq.decompose_once(operation, default=None, context=None)
        if parts is not None:
            return [op for part in parts for op in self.ops(part)]
        matrix: Any = cirq.unitary(operation, default=None)
        if matrix is None:
            raise no_counterpart(f"`{operation}`")
        return building.gate("unitary", qubits, matrix=big_endian(np.asarray(matrix)))

    def power(self, gate: Any, qubits: Sequence[Any]) -> list[Unitary] | None:
        """A power of a gate with two eigenvalues, P**t: the rotation by pi t about P, and the phase that it has besides."""
        building, exponent, shift = self.building, gate.exponent, gate.global_shift
        for kind, (base, count) in _CONTROLLED.items():
            if isinstance(gate, kind):
                inner = self.ops(base(exponent=exponent).on(*qubits[count:]))
                return self.phase(exponent * shift) + building.controlled(inner, qubits[:count])
        for (kind, known), name in _NAMED.items():
            if isinstance(gate, kind) and not cirq.is_parameterized(gate) and exponent == known:
                return building.gate(name, qubits) + self.phase(exponent * shift)
        if isinstance(gate, cirq.ZPowGate):
            if shift == -0.5:
                return building.gate("rz", qubits, building.angle(exponent))
            return building.gate("p", qubits, building.angle(exponent)) + self.phase(exponent * shift)
        for kind, name in _ROTATIONS.items():
            if isinstance(gate, kind):
                turned = building.gate(name, qubits, building.angle(exponent))
                return turned + self.phase(exponent * (shift + 0.5))
        return None

    def phase(self, half_turns: Any) -> list[Unitary]:
        return [] if half_turns == 0 else self.building.gate("gphase", (), self.building.angle(half_turns))


def _values(gate: cirq.ControlledGate) -> list[int]:
    """The numbers that controls, the first least significant, may hold."""
    rows = gate.control_values.expand()
    return [sum(value << k for k, value in enumerate(values)) for values in rows]
