"""Passes over programs beside those over circuits, on the library's kernels: `python -m tests.benchmarks.optimizers`.

Every circuit is counted over `cx` and gates on one qubit: as written, after `optimized`, after Qiskit's transpiler at level 3
and pytket's full peephole pass, and after ours and theirs. The table goes into `docs/optimizing.md`.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytket
import qiskit
from pytket.passes import FullPeepholeOptimise
from pytket.qasm import circuit_from_qasm_str
from qiskit import QuantumCircuit, qasm2, qasm3, transpile

import qkernel as qk
from qkernel.ir.types import is_quantum
from qkernel_stdlib.examples import EXAMPLES
from tests.wrapped import controlled

DOCUMENT = Path("docs/optimizing.md")
BASIS = ["cx", "u"]
LARGEST = 1000  # gates over that basis
SHOWN = 6
MARK = "<!-- measured -->"
Counts = tuple[int, int]
Timed = tuple[Counts, float]


def over_the_basis(kernel: qk.Kernel[..., Any], values: dict[str, Any]) -> QuantumCircuit:
    """The kernel's circuit, gate by gate, over the basis."""
    circuit = qasm3.loads(kernel.to_qasm(flat=True, **values))
    return transpile(circuit, basis_gates=BASIS, optimization_level=0)


def counted(circuit: QuantumCircuit) -> Counts:
    """Gates on two qubits, and all gates."""
    names = circuit.count_ops()
    return names.get("cx", 0), sum(names.values())


def by_qiskit(circuit: QuantumCircuit) -> Counts:
    return counted(transpile(circuit, basis_gates=BASIS, optimization_level=3, seed_transpiler=1))


def by_pytket(circuit: QuantumCircuit) -> Counts:
    theirs = circuit_from_qasm_str(qasm2.dumps(transpile(circuit, basis_gates=["cx", "u3"], optimization_level=0)))
    FullPeepholeOptimise().apply(theirs)
    return theirs.n_2qb_gates(), theirs.n_gates


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return run(), time.perf_counter() - began


def measured(kernel: qk.Kernel[..., Any], values: dict[str, Any]) -> dict[str, Timed] | None:
    """Counts and seconds by column; None for what is too large, or no circuit of gates."""
    assert kernel.ir.functions  # traced before, so that passes alone are timed
    better, seconds = timed(kernel.optimized)
    before, after = over_the_basis(kernel, values), over_the_basis(better, values)
    if not 0 < counted(before)[1] <= LARGEST:
        return None
    found: dict[str, Timed] = {"as written": (counted(before), 0.0), "`optimized`": (counted(after), seconds)}
    for name, run in (("Qiskit, level 3", by_qiskit), ("pytket, full peephole", by_pytket)):
        found[name] = timed(lambda run=run: run(before))
        found[f"`optimized`, then {name.split(',')[0]}"] = timed(lambda run=run: run(after))
    return found


def all_measured() -> Iterator[tuple[str, dict[str, Timed]]]:
    """Every kernel of the library that gives back qubits, and each under a control."""
    for example in EXAMPLES:
        if not all(map(is_quantum, example.kernel.output_types)):
            continue
        for name, kernel in ((example.name, example.kernel), (f"control({example.name})", controlled(example.kernel))):
            if (found := measured(kernel, example.at(example.size))) is not None:
                yield name, found


def table(rows: dict[str, dict[str, Timed]]) -> str:
    """All kernels together, with the time that was taken, and those that `optimized` saves most of."""
    columns = [*next(iter(rows.values()))]
    lines = [f"| cx / all gates | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]

    def cell(counts: list[Counts], seconds: float | None = None) -> str:
        shown = " / ".join(f"{sum(part):,}" for part in zip(*counts, strict=True))
        return shown if not seconds else f"{shown} in {seconds:.1f} s"

    for what, controls in ((f"{len(rows) // 2} kernels", False), ("under a control", True)):
        chosen = [row for name, row in rows.items() if name.startswith("control(") == controls]
        cells = (cell([row[column][0] for row in chosen], sum(row[column][1] for row in chosen)) for column in columns)
        lines.append(f"| {what} | {' | '.join(cells)} |")
    saved = sorted((name for name in rows if _saved(rows[name])), key=lambda name: -_saved(rows[name]))[:SHOWN]
    lines += [f"| `{name}` | {' | '.join(cell([rows[name][column][0]]) for column in columns)} |" for name in saved]
    return "\n".join(lines)


def _saved(row: dict[str, Timed]) -> float:
    """The share of its gates that a kernel loses by `optimized`."""
    return 1 - row["`optimized`"][0][1] / row["as written"][0][1]


def main() -> None:
    """Measure, and write the table into the document."""
    warnings.simplefilter("ignore")
    made = f"{MARK}\nQiskit {qiskit.__version__}, pytket {pytket.__version__}.\n\n{table(dict(all_measured()))}\n{MARK}"
    DOCUMENT.write_text(re.sub(f"{MARK}.*{MARK}", lambda _: made, DOCUMENT.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
