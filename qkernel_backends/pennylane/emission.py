"""Circuits as operations of PennyLane's, and as quantum functions, which its devices run and its interfaces differentiate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml

from qkernel.errors import CallArgumentError, TargetCapabilityError
from qkernel.ir.expressions import Const, Expr, Item, Pack, SystemName
from qkernel.lower.angles import OpenParameter
from qkernel.lower.circuit import BITS, EXPECTATIONS, Circuit, Instruction, Kind, probabilities
from qkernel.observable import Hamiltonian
from qkernel_backends.formulas import ARITHMETIC, Functions, slot_values
from qkernel_backends.matrices import big_endian
from qkernel_backends.predicated import polynomial, predicated

FIXED: dict[str, Callable[..., Any]] = {
    "id": qml.Identity, "x": qml.PauliX, "y": qml.PauliY, "z": qml.PauliZ, "h": qml.Hadamard, "s": qml.S, "t": qml.T,
    "sx": qml.SX, "swap": qml.SWAP, "iswap": qml.ISWAP, "ecr": qml.ECR,
}  # fmt: skip
_ADJOINT = {"sdg": qml.S, "tdg": qml.T, "sxdg": qml.SX, "iswapdg": qml.ISWAP}
TURNED: dict[str, Callable[..., Any]] = {
    "p": qml.PhaseShift, "rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "u": qml.U3, "rxx": qml.IsingXX, "ryy": qml.IsingYY,
    "rzz": qml.IsingZZ,
}  # fmt: skip
_PAULIS = {"X": qml.PauliX, "Y": qml.PauliY, "Z": qml.PauliZ}
_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_FUNCTIONS: Functions = {
    **ARITHMETIC,
    **{
        name: getattr(qml.math, _NAMES.get(name, name))
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sqrt", "sinh", "cosh", "tanh")
    },
}


def emit(circuit: Circuit) -> QuantumFunction:
    """The circuit as a quantum function: `qml.QNode(function, device)` runs it.

    Raises `TargetCapabilityError` where the kernel computes with what it reads out, for loops on measured bits and integers,
    and measurements and resets in branches.
    """
    predicated(circuit, "PennyLane")
    function = QuantumFunction(circuit)
    function.read()
    return function


@dataclass(frozen=True, eq=False)
class QuantumFunction:
    """A kernel as a quantum function of PennyLane's. Its arguments are the open parameters, in the kernel's order.

    An argument may be a number, or an array or tensor of any interface; one more axis in front is a batch. `wires` are
    those of the circuit's qubits (default: 0, 1, ...). It gives what the kernel reads out, as measurement processes:
    expectation values, probabilities, and measured bits as samples of them; nothing where the kernel gives back its qubits, so
    that it stands in quantum functions as a template does.
    """

    circuit: Circuit

    @property
    def __name__(self) -> str:
        return self.circuit.name

    @property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        named = [kinds(each.name, kinds.POSITIONAL_OR_KEYWORD) for each in self.circuit.angles.parameters]
        return inspect.Signature([*named, kinds("wires", kinds.KEYWORD_ONLY, default=None)])

    def __call__(self, *arguments: Any, wires: Sequence[Any] | None = None, **named: Any) -> Any:
        circuit = self.circuit
        chosen = list(range(circuit.num_qubits)) if wires is None else list(wires)
        if len(chosen) != circuit.num_qubits:
            raise CallArgumentError(f"`{circuit.name}` has {circuit.num_qubits} qubits, and {len(chosen)} wires were given")
        try:
            given = self.__signature__.bind(*arguments, **named).arguments
        except TypeError as error:
            raise CallArgumentError(f"`{circuit.name}` as a function of PennyLane's: {error}") from None
        columns = [column for each in circuit.angles.parameters for column in _columns(each, given[each.name])]
        angles, outcomes = slot_values(circuit.angles, columns, _FUNCTIONS, "PennyLane"), list[Any]()
        steps = predicated(circuit, "PennyLane")
        for step in steps.steps:
            on = [chosen[qubit] for qubit in step.instruction.qubits]
            if step.instruction.kind.name == "measure":
                outcomes.append(qml.measure(*on))
            elif step.instruction.kind.name == "reset":
                qml.measure(*on, reset=True)
            elif step.condition is None:
                operations(step.instruction, angles, on)
            else:
                held = polynomial(step.condition, outcomes.__getitem__)
                qml.cond(held, operations)(step.instruction, angles, on)
        values = [value if isinstance(value, Expr) else Const(value) for value in steps.bits]
        return self.read(chosen, lambda k: polynomial(values[k], outcomes.__getitem__))

    def read(self, wires: Sequence[Any] | None = None, bit: Callable[[int], Any] | None = None) -> Any:
        """The measurement processes of what the kernel returns; without `wires` only checks that there are such."""
        circuit = self.circuit
        found = [_measured(output, circuit, wires, bit) for output in circuit.outputs]
        return None if not found else tuple(found) if circuit.outputs_tuple else found[0]


def _columns(parameter: OpenParameter, value: Any) -> Sequence[Any]:
    """The columns of an argument: numbers, or vectors of a batch."""
    if parameter.is_dictionary:
        return [value[key] for key in parameter.keys]
    shape, rank = tuple(qml.math.shape(value)), len(parameter.shape)
    if shape[len(shape) - rank :] != parameter.shape or len(shape) > rank + 1:
        wanted = "a number" if not rank else f"an array of shape {parameter.shape}"
        raise CallArgumentError(f"`{parameter.name}` is {wanted}, and one of shape {shape} was given")
    if not rank:
        return [value]
    flat = qml.math.reshape(value, (*shape[: len(shape) - rank], -1))
    return [flat[..., k] for k in range(parameter.size)]


def _measured(value: Expr, circuit: Circuit, wires: Sequence[Any] | None, bit: Callable[[int], Any] | None) -> Any:
    match value:
        case Pack(items):
            return [_measured(item, circuit, wires, bit) for item in items]
        case Item(SystemName() as base, (Const(int(k)),)) if base is EXPECTATIONS:
            return wires and qml.expval(operator(circuit.expectations[k].observable, wires))
        case Item(SystemName() as base, (Const(int(k)),)) if base is BITS:
            return bit and qml.sample(bit(k))
    for k, qubits in enumerate(circuit.probabilities):
        if value is probabilities(k):
            return wires and qml.probs(wires=[wires[qubit] for qubit in reversed(qubits)])
    raise TargetCapabilityError(
        f"`{circuit.name}` returns `{value}`, and a function of PennyLane's returns what it reads out as it is",
        help="return the expectation values, and compute with them behind the QNode",
    )


def operator(observable: Hamiltonian, wires: Sequence[Any]) -> Any:
    """A sum of Pauli words as an observable of PennyLane's, its constant included."""
    words = [qml.prod(*(_PAULIS[entry.pauli.value](wires[entry.index]) for entry in key)) for key, _ in observable]
    weights = [float(coefficient.real) for _, coefficient in observable]
    if observable.constant or not words:
        words, weights = [*words, qml.Identity(wires[0])], [*weights, float(observable.constant.real)]
    return qml.Hamiltonian(weights, words)


def operations(row: Instruction, angles: Sequence[Any], on: Sequence[Any]) -> list[Any]:
    """The operations that do what a gate does, on its wires."""
    kind = row.kind
    if not kind.is_gate:
        return []
    controls, targets = list(on[: kind.controls]), list(on[kind.controls :])
    made = list(_plain(kind, [angles[slot] for slot in row.slots], targets))
    if not controls:
        return [make() for make in made]
    values = [kind.control_value >> k & 1 for k in range(kind.controls)]
    return [qml.ctrl(make(), controls, control_values=values) for make in made]


def _plain(kind: Kind, angles: Sequence[Any], on: Sequence[Any]) -> Iterator[Callable[[], Any]]:
    """What makes the operations of a gate without its controls."""
    match kind.name:
        case "gphase":
            yield lambda: qml.GlobalPhase(-angles[0])
        case "ug":
            yield lambda: qml.U3(*angles[:3], wires=on)
            yield lambda: qml.GlobalPhase(-angles[3])
        case "unitary":
            yield lambda: qml.QubitUnitary(big_endian(np.array(kind.unitary)), wires=on)
        case "pauli" | "rzx":
            yield lambda: qml.PauliRot(angles[0], kind.word or "ZX", wires=on)
        case name if name in _ADJOINT:
            yield lambda: qml.adjoint(_ADJOINT[name])(wires=on)
        case name:
            yield lambda: (FIXED | TURNED)[name](*angles, wires=on)
