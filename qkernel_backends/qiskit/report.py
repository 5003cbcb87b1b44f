"""What circuits are before and after they are fitted to a target: sizes, layout, duration, expected fidelity."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, IfElseOp, Operation
from qiskit.transpiler import Target

Places = Sequence[int]
Weight = Callable[[Operation, Places], float | None]
"""Of an operation on qubits of the target; None for what is not in the way of others."""

_NO_GATES = ("measure", "reset", "delay", "barrier", "store")


@dataclass(frozen=True)
class CircuitFigures:
    """The size of one circuit. Both blocks of a branch count, and one iteration of a loop; for depths the longer block.

    `qubits` are those that instructions act on; `two_qubit` and `multi_qubit` count gates on two qubits and on more. `depth`
    includes measurements, as Qiskit's does. `duration` is that of one shot in seconds, by the durations of the target's
    operations. `fidelity` is the product of 1 - error over all gates and read-outs, of the blocks of a branch the
    one that fails more often; what happens to qubits that wait is not in it. Both are None where the target does not
    know them, and for loops; `unrated` are the operations of which it knows no error, where it knows some.
    """

    qubits: int
    depth: int
    two_qubit_depth: int
    gates: int
    two_qubit: int
    multi_qubit: int
    measurements: int
    counts: dict[str, int]
    duration: float | None = None
    fidelity: float | None = None
    unrated: tuple[str, ...] = ()

    @classmethod
    def of(cls, circuit: QuantumCircuit, target: Target | None = None) -> CircuitFigures:
        """Those of `circuit`, whose qubits are the target's, if there is one."""
        found = list(_operations(circuit, range(circuit.num_qubits)))
        gates = [places for operation, places in found if operation.name not in _NO_GATES]
        rates = None if target is None else _Rates(circuit, target)
        return cls(
            qubits=len({place for operation, places in found if operation.name != "barrier" for place in places}),
            depth=round(longest_path(circuit, lambda operation, _: None if operation.name == "barrier" else 1)),
            two_qubit_depth=round(
                longest_path(circuit, lambda operation, places: None if len(places) < 2 or operation.name in _NO_GATES else 1)
            ),
            gates=len(gates),
            two_qubit=sum(len(places) == 2 for places in gates),
            multi_qubit=sum(len(places) > 2 for places in gates),
            measurements=sum(operation.name == "measure" for operation, _ in found),
            counts=dict(Counter(operation.name for operation, _ in found).most_common()),
            duration=None if rates is None else rates.duration(),
            fidelity=None if rates is None else rates.fidelity(),
            unrated=() if rates is None else rates.unrated(),
        )


def _operations(circuit: QuantumCircuit, places: Places) -> Iterator[tuple[Operation, Places]]:
    """Each operation and the qubits it acts on, those in blocks included and not the branches and loops themselves."""
    at = dict(zip(circuit.qubits, places, strict=True))
    for row in circuit.data:
        on = [at[qubit] for qubit in row.qubits]
        if isinstance(row.operation, ControlFlowOp):
            for block in row.operation.blocks:
                yield from _operations(block, on)
        else:
            yield row.operation, on


def longest_path(circuit: QuantumCircuit, weight: Weight, places: Places | None = None) -> float:
    """The largest sum of weights of operations that wait for one another, by qubits and by bits; `places` are its qubits."""
    at = dict(zip(circuit.qubits, range(circuit.num_qubits) if places is None else places, strict=True))
    ends: dict[Any, float] = {}
    for row in circuit.data:
        on = [at[qubit] for qubit in row.qubits]
        if isinstance(row.operation, ControlFlowOp):
            length: float | None = max(longest_path(block, weight, on) for block in row.operation.blocks)
        else:
            length = weight(row.operation, on)
        if length is not None:
            wires = (*row.qubits, *row.clbits)
            end = length + max((ends.get(wire, 0.0) for wire in wires), default=0.0)
            ends |= dict.fromkeys(wires, end)
    return max(ends.values(), default=0.0)


class _Rates:
    """What a target knows of the operations of a circuit."""

    def __init__(self, circuit: QuantumCircuit, target: Target) -> None:
        self.circuit, self.target = circuit, target
        operations = list(_operations(circuit, range(circuit.num_qubits)))
        self.errors = [(operation.name, self._property(operation, on, "error")) for operation, on in operations]
        self.has_loops = "while_loop" in circuit.count_ops()

    def _property(self, operation: Operation, places: Places, name: str) -> float | None:
        if operation.name not in self.target.operation_names:
            return None
        properties = self.target[operation.name].get(tuple(places))
        return None if properties is None else getattr(properties, name)

    def duration(self) -> float | None:
        """Seconds of one shot."""
        found = math.inf if self.has_loops else longest_path(self.circuit, self._seconds)
        return None if math.isinf(found) else found

    def _seconds(self, operation: Operation, places: Places) -> float:
        if operation.name in ("barrier", "store"):
            return 0.0
        if operation.name == "delay":
            if operation.unit != "dt":
                return float(operation.duration) * _UNITS[operation.unit]
            known = None if self.target.dt is None else operation.duration * self.target.dt
        else:
            known = self._property(operation, places, "duration")
        return math.inf if known is None else float(known)

    def fidelity(self) -> float | None:
        """The product of 1 - error."""
        if self.has_loops or all(error is None for _, error in self.errors):
            return None
        return self._product(self.circuit, range(self.circuit.num_qubits))

    def _product(self, circuit: QuantumCircuit, places: Places) -> float:
        at, product = dict(zip(circuit.qubits, places, strict=True)), 1.0
        for row in circuit.data:
            on = [at[qubit] for qubit in row.qubits]
            if isinstance(row.operation, IfElseOp):
                product *= min(self._product(block, on) for block in row.operation.blocks)
            else:
                product *= 1.0 - (self._property(row.operation, on, "error") or 0.0)
        return product

    def unrated(self) -> tuple[str, ...]:
        """The operations whose errors are not known, where others are."""
        if all(error is None for _, error in self.errors):
            return ()
        return tuple(sorted({name for name, error in self.errors if error is None} - {"barrier", "store"}))


_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


@dataclass(frozen=True)
class Truncation:
    """What a matrix product state left out: the weight of all Schmidt values discarded, and the largest bond dimension.

    The squared overlap with the exact state is about 1 - `discarded`.
    """

    discarded: float
    bond_dimension: int


@dataclass(frozen=True)
class CircuitReport:
    """One circuit as it is written and as the target runs it: `circuit`, in the target's gates.

    `layout` has, for each of the kernel's qubits, the target's qubit where it starts, `final_layout` that where it ends.
    `truncation` is there for the method `matrix_product_state`.
    """

    before: CircuitFigures
    after: CircuitFigures
    layout: dict[str, int]
    final_layout: dict[str, int]
    circuit: QuantumCircuit
    truncation: Truncation | None = None


@dataclass(frozen=True)
class TargetReport:
    """What a target makes of a kernel: a `CircuitReport` for each circuit that it runs for one value, one for each
    measurement basis. Prints as a table; `to_dict()` has it as plain data.
    """

    name: str
    target: str
    circuits: tuple[CircuitReport, ...]

    @property
    def duration(self) -> float | None:
        """Seconds of one shot of each circuit together; None where a duration is not known."""
        known = [entry.after.duration for entry in self.circuits]
        return None if None in known else sum(known)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """All of it but the circuits themselves, in dictionaries, lists and numbers."""
        rows = [
            {
                "before": asdict(entry.before),
                "after": asdict(entry.after),
                "layout": entry.layout,
                "final_layout": entry.final_layout,
                "truncation": None if entry.truncation is None else asdict(entry.truncation),
            }
            for entry in self.circuits
        ]
        return {"name": self.name, "target": self.target, "circuits": rows}

    def _titles(self) -> list[str]:
        after = [self.target] if len(self.circuits) == 1 else [f"basis {k + 1}" for k in range(len(self.circuits))]
        return ["", "as written", *after]

    def _rows(self) -> Iterator[list[str]]:
        columns = [self.circuits[0].before, *(entry.after for entry in self.circuits)]
        for name, (title, written) in _SHOWN.items():
            values = [getattr(column, name) for column in columns]
            if any(values):
                yield [title, *map(written, values)]
        operations = list(dict.fromkeys(name for column in columns for name in column.counts))
        yield from ([f"  {name}", *(str(column.counts.get(name, 0)) for column in columns)] for name in operations)

    def _notes(self) -> Iterator[str]:
        first = self.circuits[0]
        yield "layout: " + ", ".join(
            f"{name} → {place}{'' if end == place else f' (ends on {end})'}"
            for (name, place), end in zip(first.layout.items(), first.final_layout.values(), strict=True)
        )
        unrated = sorted({name for entry in self.circuits for name in entry.after.unrated})
        for truncation in (entry.truncation for entry in self.circuits if entry.truncation is not None):
            yield f"bond dimension {truncation.bond_dimension}, discarded weight {truncation.discarded:.3g}"
        if unrated:
            yield f"fidelity without {', '.join(unrated)}, of which no error is known"

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table(title=f"{self.name} on {self.target}", caption="\n".join(self._notes()), caption_justify="left")
        for k, title in enumerate(self._titles()):
            table.add_column(title, justify="right" if k else "left")
        for row in self._rows():
            table.add_row(*row, style="dim" if row[0].startswith(" ") else None)
        return table

    def __str__(self) -> str:
        """A table in plain text."""
        rows = [self._titles(), *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width) for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join([f"{self.name} on {self.target}", *(line.rstrip() for line in lines), *self._notes()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(title)}</th>" for title in self._titles())
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows()]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes())
        return f"<div>{escape(self.name)} on {escape(self.target)}</div><table><tr>{head}</tr>{body}</table>{notes}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    unit = next((unit for unit in ("s", "ms", "us") if value >= _UNITS[unit]), "ns")
    return f"{value / _UNITS[unit]:.3g} {'µs' if unit == 'us' else unit}"


_SHOWN: dict[str, tuple[str, Callable[[Any], str]]] = {
    "qubits": ("qubits", str),
    "depth": ("depth", str),
    "two_qubit_depth": ("two-qubit depth", str),
    "gates": ("gates", str),
    "two_qubit": ("two-qubit gates", str),
    "multi_qubit": ("larger gates", str),
    "measurements": ("measurements", str),
    "duration": ("duration", _seconds),
    "fidelity": ("expected fidelity", lambda value: "" if value is None else f"{value:.3g}"),
}
"""What the figures are called in a table, and how they are written."""
