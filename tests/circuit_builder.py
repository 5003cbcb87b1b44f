"""Builds circuits by hand, so that engines and executables are tested without the compiler in front of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Expr, Item
from qkernel.ir.types import FLOAT, ArrayType, Type
from qkernel.lower.angles import AngleMap, OpenParameter
from qkernel.lower.circuit import (
    EXPECTATIONS,
    Assign,
    Branch,
    Circuit,
    Expectation,
    IntegerVariable,
    Kind,
    Repeat,
    Run,
    bit,
)
from qkernel.observable import Hamiltonian


def bits(*indices: int) -> Expr:
    """A vector of bits."""
    from qkernel.ir.expressions import vector

    return vector([bit(k) for k in indices])


def expectation(k: int) -> Expr:
    """The circuit's expectation value k."""
    return Item(EXPECTATIONS, (Const(k),))


@dataclass(frozen=True)
class Affine:
    """An angle: coefficients of columns of theta, and an offset."""

    terms: tuple[tuple[int, float], ...] = ()
    offset: float = 0.0

    def __mul__(self, factor: float) -> Affine:
        return Affine(tuple((column, value * factor) for column, value in self.terms), self.offset * factor)

    __rmul__ = __mul__

    def __add__(self, other: Affine | float) -> Affine:
        if isinstance(other, Affine):
            return Affine(self.terms + other.terms, self.offset + other.offset)
        return Affine(self.terms, self.offset + other)


Angle = Affine | Expr | float


@dataclass
class _Columns:
    kind: list[int] = field(default_factory=list)
    qubits: list[int] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    first_slot: int = 0


@dataclass
class CircuitBuilder:
    """Collects instructions in program order; `circuit` makes the circuit."""

    num_qubits: int
    num_bits: int = 0
    integers: tuple[IntegerVariable, ...] = ()
    parameters: list[OpenParameter] = field(default_factory=list)
    _kinds: dict[Kind, int] = field(default_factory=dict)
    _angles: list[Angle] = field(default_factory=list)
    _body: list[Any] = field(default_factory=list)

    def parameter(self, name: str, *shape: int, type: Type | None = None, keys: tuple[Any, ...] = ()) -> Any:
        """A new open parameter: its columns as angles, one or an array of `shape`."""
        start = sum(entry.size for entry in self.parameters)
        kind = type or (ArrayType(FLOAT, len(shape)) if shape else FLOAT)
        self.parameters.append(OpenParameter(name, kind, start, shape, keys))
        columns = [Affine(((start + k, 1.0),)) for k in range(int(np.prod(shape, dtype=int)))]
        if not shape:
            return columns[0]
        result = np.empty(len(columns), object)
        result[:] = columns
        return result.reshape(shape)

    def gate(self, name: str, *qubits: int, angles: tuple[Angle, ...] = (), **control: Any) -> CircuitBuilder:
        """A gate of the table by any of its names, such as `crx`; `controls`, `control_value` as in `Kind`."""
        rule = GATES[name]
        controls = rule.controls + control.get("controls", 0)
        value = control.get("control_value", (1 << controls) - 1)
        kind = Kind(rule.base, len(qubits) - controls, len(rule.angles), controls, value)
        return self._add(kind, qubits, angles)

    def unitary(self, matrix: Any, *qubits: int, controls: int = 0, control_value: int | None = None) -> CircuitBuilder:
        """A matrix, little-endian on the qubits after the controls."""
        value = (1 << controls) - 1 if control_value is None else control_value
        rows = tuple(map(tuple, np.asarray(matrix, complex).tolist()))
        return self._add(Kind("unitary", len(qubits) - controls, 0, controls, value, unitary=rows), qubits)

    def pauli(self, word: str, angle: Angle, *qubits: int, controls: int = 0) -> CircuitBuilder:
        """exp(-i angle P / 2)."""
        kind = Kind("pauli", len(word), 1, controls, (1 << controls) - 1, word=word)
        return self._add(kind, qubits, (angle,))

    def measure(self, qubit: int, bit: int) -> CircuitBuilder:
        """Measure into a bit."""
        return self._add(Kind("measure", 1), (qubit,), bits=(bit,))

    def reset(self, qubit: int) -> CircuitBuilder:
        """Put into 0."""
        return self._add(Kind("reset", 1), (qubit,))

    def barrier(self, *qubits: int) -> CircuitBuilder:
        """A barrier."""
        return self._add(Kind("barrier", len(qubits)), qubits)

    def branch(
        self, condition: Expr, then: Callable[[CircuitBuilder], Any], otherwise: Callable[[CircuitBuilder], Any] | None = None
    ) -> CircuitBuilder:
        """A run-time branch; `then` and `otherwise` fill the builder that they are given."""
        self._body.append(Branch(condition, self._nested(then), self._nested(otherwise)))
        return self

    def repeat(self, condition: Expr, body: Callable[[CircuitBuilder], Any]) -> CircuitBuilder:
        """A run-time loop."""
        self._body.append(Repeat(condition, self._nested(body)))
        return self

    def assign(self, target: int | Item, value: Expr) -> CircuitBuilder:
        """A run-time classical value; a `target` that is a number is the bit of this number."""
        self._body.append(Assign(bit(target) if isinstance(target, int) else target, value))
        return self

    def _nested(self, fill: Callable[[CircuitBuilder], Any] | None) -> tuple[Any, ...]:
        outer, self._body = self._body, []
        if fill is not None:
            fill(self)
        inner, self._body = self._frozen(), outer
        return inner

    def _add(
        self, kind: Kind, qubits: tuple[int, ...], angles: tuple[Angle, ...] = (), bits: tuple[int, ...] = ()
    ) -> CircuitBuilder:
        assert len(qubits) == kind.num_qubits
        assert len(angles) == kind.num_angles
        if not self._body or not isinstance(self._body[-1], _Columns):
            self._body.append(_Columns(first_slot=len(self._angles)))
        columns = self._body[-1]
        columns.kind.append(self._kinds.setdefault(kind, len(self._kinds)))
        columns.qubits += qubits
        columns.bits += bits
        self._angles += angles
        return self

    def _frozen(self) -> tuple[Any, ...]:
        def column(values: list[int]) -> Any:
            return np.array(values, np.int32)

        return tuple(
            Run(
                column(part.kind),
                column(part.qubits),
                column(part.bits),
                np.full(len(part.kind), -1, np.int32),
                part.first_slot,
            )
            if isinstance(part, _Columns)
            else part
            for part in self._body
        )

    def angle_map(self) -> AngleMap:
        """The angles as a function of the open parameters."""
        affine = [(slot, angle) for slot, angle in enumerate(self._angles) if isinstance(angle, Affine)]
        entries = [(slot, column, value) for slot, angle in affine for column, value in angle.terms]
        offsets = [
            angle.offset if isinstance(angle, Affine) else angle if isinstance(angle, float) else 0.0 for angle in self._angles
        ]
        return AngleMap(
            tuple(self.parameters),
            np.array(offsets, float),
            np.array([slot for slot, _, _ in entries], np.int32),
            np.array([column for _, column, _ in entries], np.int32),
            np.array([value for _, _, value in entries], float),
            tuple((slot, angle) for slot, angle in enumerate(self._angles) if isinstance(angle, Expr)),
        )

    def circuit(
        self,
        *outputs: Expr,
        observables: tuple[Hamiltonian, ...] = (),
        probabilities: tuple[tuple[int, ...], ...] = (),
        outputs_tuple: bool | None = None,
    ) -> Circuit:
        """The circuit; with no `outputs`, all expectation values as a vector if there are any."""
        shown = outputs or ((EXPECTATIONS,) if observables else ())
        return Circuit(
            self.num_qubits,
            self.num_bits,
            tuple(self._kinds),
            self._frozen(),
            self.angle_map(),
            tuple(map(Expectation, observables)),
            probabilities,
            shown,
            len(shown) > 1 if outputs_tuple is None else outputs_tuple,
            integers=self.integers,
        )


def hybrid_circuit() -> Circuit:
    """The ansatz of the Fashion-MNIST document: 4 inputs, 24 weights, Z of each of 4 qubits."""
    from qkernel.observable import Z

    builder = CircuitBuilder(4)
    inputs, weights = builder.parameter("inputs", 4), builder.parameter("weights", 24)
    for k in range(4):
        builder.gate("ry", k, angles=(inputs[k],))
    for layer in range(2):
        for part, name in enumerate(("rz", "ry", "rz")):
            for k in range(4):
                builder.gate(name, k, angles=(weights[12 * layer + 4 * part + k],))
        for k in range(3):
            builder.gate("cz", k, k + 1)
    return builder.circuit(observables=tuple(Z(k) for k in range(4)))
