"""Passes over programs beside those over circuits, on the library's kernels: `python -m tests.benchmarks.optimizers`.

Every circuit is counted over `cx` and gates on one qubit: as written, after `optimized`, with calls opened first and without,
after Qiskit's transpiler at level 3 and pytket's full peephole pass, and after ours and theirs. Another table tells what each
pass saves, by estimates. Both go into `docs/optimizing.md`.
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
from qkernel import optimize
from qkernel.estimate import estimate
from qkernel.ir.types import is_quantum
from qkernel_stdlib.examples import EXAMPLES
from tests.wrapped import controlled

DOCUMENT = Path("docs/optimizing.md")
BASIS = ["cx", "u"]
LARGEST = 1000  # gates over that basis
SHOWN = 6
MARK = "<!-- measured -->"
MARK_OF_PASSES = "<!-- passes -->"
OPENED = (optimize.inline, *optimize.DEFAULT)
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
    opened, slower = timed(lambda: kernel.optimized(*OPENED))
    found: dict[str, Timed] = {
        "as written": (counted(before), 0.0),
        "`optimized`": (counted(after), seconds),
        "with `inline`": (counted(over_the_basis(opened, values)), slower),
    }
    for name, run in (("Qiskit, level 3", by_qiskit), ("pytket, full peephole", by_pytket)):
        found[name] = timed(lambda run=run: run(before))
        found[f"`optimized`, then {name.split(',')[0]}"] = timed(lambda run=run: run(after))
    return found


def all_kernels() -> Iterator[tuple[str, qk.Kernel[..., Any], dict[str, Any]]]:
    """Every kernel of the library that gives back qubits, and each under a control, with values for its arguments."""
    for example in EXAMPLES:
        if all(map(is_quantum, example.kernel.output_types)):
            for name, kernel in ((example.name, example.kernel), (f"control({example.name})", controlled(example.kernel))):
                yield name, kernel, example.at(example.size)


def all_measured() -> Iterator[tuple[str, dict[str, Timed]]]:
    """What is measured of each of them."""
    for name, kernel, values in all_kernels():
        if (found := measured(kernel, values)) is not None:
            yield name, found


def table_of_passes() -> str:
    """What is left after each pass of the first turn and in the end, of all kernels together, by their estimates."""
    left: dict[str, list[int]] = {}
    for _, kernel, values in all_kernels():
        better = kernel.optimized(*OPENED)
        assert better.report is not None
        first = [(step.name, step.module) for step in better.report.steps[: len(OPENED) + 1]]
        for name, module in [*first, ("in the end", better.report.module)]:
            gates = estimate(module, values).gates
            counts = [gates.total, gates.single_qubit, gates.two_qubit, gates.multi_qubit, gates.t_gates]
            left[name] = [one + int(other) for one, other in zip(left.get(name, [0] * len(counts)), counts, strict=True)]
    lines = ["| after | gates | one qubit | two qubits | more | T |", "|---|---|---|---|---|---|"]
    for name, counts in left.items():
        shown = f"`{name}`" if name in {each.name for each in OPENED} else name
        lines.append(f"| {shown} | {' | '.join(f'{number:,}' for number in counts)} |")
    return "\n".join(lines)


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
    _write(MARK_OF_PASSES, table_of_passes())
    _write(MARK, f"Qiskit {qiskit.__version__}, pytket {pytket.__version__}.\n\n{table(dict(all_measured()))}")


def _write(mark: str, text: str) -> None:
    """Put a text between two marks of the document."""
    made = f"{mark}\n{text}\n{mark}"
    DOCUMENT.write_text(re.sub(f"{mark}.*{mark}", lambda _: made, DOCUMENT.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
