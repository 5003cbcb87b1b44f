"""The results of a run as one table on the screen and as `docs/benchmarks.md`: `python -m tests.benchmarks.report FILE...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.growth import curves, milliseconds, plot, reasons, section

DOCUMENT = Path("docs/benchmarks.md")
Grid = dict[str, dict[str, dict[str, Any]]]
# Column over column, in the same run.
RATIOS = {
    "Forward and gradient, complex64": [("engine", "C floor"), ("layer", "empty Function")],
    "Forward and gradient, complex128": [("engine", "C floor")],
    "Compiling": [("to_circuit", "Qiskit by hand")],
    "With noise: values, complex128": [("Aer density_matrix", "engine"), ("PennyLane default.mixed", "engine")],
    "With noise: forward and gradient, complex128": [("PennyLane default.mixed", "engine")],
}


def grids(results: dict[str, Any]) -> dict[str, Grid]:
    """table -> row -> column -> {median, goal, ...}, in milliseconds."""
    tables: dict[str, Grid] = {}
    for entry in results["benchmarks"]:
        info = entry["extra_info"]
        if "growth" in info:
            continue
        cell = {"median": 1e3 * entry["stats"]["median"], "fastest": 1e3 * entry["stats"]["min"], **info}
        row = tables.setdefault(info["table"], {}).setdefault(info["row"], {})
        row[info["column"]] = cell
        if "beside" in info:
            row[info["beside_column"]] = {"median": info["beside"]}
    _compare(tables)
    return tables


def _compare(tables: dict[str, Grid]) -> None:
    """Ratios of columns, of double to single precision, of the best peer to the layer, of the network to its plain form."""
    for name, pairs in RATIOS.items():
        for row in tables.get(name, {}).values():
            for one, other in pairs:
                if one in row and other in row:
                    row[f"{one} / {other}"] = {"ratio": row[one]["median"] / row[other]["median"]}
    single = tables.get("Forward and gradient, complex64", {})
    for name, row in tables.get("Forward and gradient, complex128", {}).items():
        if "engine" in row and "engine" in single.get(name, {}):
            row["complex128 / complex64"] = {"ratio": row["engine"]["median"] / single[name]["engine"]["median"], "goal": 2.0}
    for name, row in tables.get("Peers: forward and gradient", {}).items():
        layer = single.get(name, {}).get("layer")
        if layer:
            best = min(cell["median"] for cell in row.values())
            row["our layer"] = layer
            row["best peer / our layer"] = {"ratio": best / layer["median"]}
    for row in [row for table in tables.values() for row in table.values()]:
        for cell in [cell for cell in row.values() if "beside_column" in cell]:
            ratio = cell["median"] / cell["beside"]
            row[cell["ratio_column"]] = {"ratio": ratio, "goal": cell.get("ratio_goal")}


def text(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    value = f"{cell['ratio']:.2f}x" if "ratio" in cell else milliseconds(cell["median"])
    value += f" [{milliseconds(cell['fastest'])}]" if "fastest" in cell else ""
    goal = cell.get("goal")
    first = f" (first {milliseconds(cell['first'])})" if "first" in cell else ""
    return value + (f" (goal {goal:g})" if goal else "") + first


def columns_of(grid: Grid) -> list[str]:
    return list(dict.fromkeys(column for row in grid.values() for column in row))


def show(tables: dict[str, Grid]) -> None:
    """One table for the screen; its sections are the tables of the document."""
    sheet = Table("what", "case", "milliseconds", "goal", title="qkernel benchmarks: medians")
    for name, grid in tables.items():
        for row, cells in grid.items():
            for column, cell in cells.items():
                value, goal = text({k: v for k, v in cell.items() if k != "goal"}), cell.get("goal")
                reached = goal is None or cell.get("ratio", cell.get("median", 0)) <= goal
                sheet.add_row(name, f"{row}: {column}", value, f"{goal:g}" if goal else "", style=None if reached else "yellow")
        sheet.add_section()
    Console().print(sheet)


def document(results: dict[str, Any], tables: dict[str, Grid]) -> str:
    machine = results["machine_info"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, never by hand. Medians in milliseconds, the fastest round in brackets, goals in parentheses;",
        "ratios are of medians. Every candidate's values and gradients are checked before it is timed.",
        "W1 to W5 are the tutorial's ansatz at 4 x 2 (batches 4, 32 and 256), 8 x 4 (32), 12 x 4 (16), 16 x 4 (4) and 20 x 2",
        "(1) qubits x layers: expectation values of Z on every qubit, gradients by all inputs and weights.",
        "The C floor is the same ansatz written by hand with vector registers for this one circuit; it is not part of qkernel.",
        "",
        f"Machine: {machine['cpu'].get('brand_raw', machine['processor'])}, {machine['cores']} cores, "
        f"{machine['threads']} threads used; load averages when its runs ended: "
        + ", ".join(f"{load:.1f}" for load in results["loads"])
        + (". Above 2, other work ran beside it: those medians are too high." if max(results["loads"]) > 2.5 else "."),
        f"Python {machine['python']}, {versions}.",
        "",
    ]
    for name, grid in tables.items():
        columns = columns_of(grid)
        lines += [f"## {name}", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for row, cells in grid.items():
            lines.append(f"| {row} | " + " | ".join(text(cells.get(column)) for column in columns) + " |")
        notes = [cell["note"] for cells in grid.values() for cell in cells.values() if "note" in cell]
        lines += ["", *(f"- {note}" for note in notes), *([""] if notes else [])]
    if found := curves(results):
        plot(found)
        lines += section(found, reasons(results))
    return "\n".join(lines).rstrip() + "\n"


def main(*paths: str) -> None:
    runs = [json.loads(Path(path).read_text()) for path in paths]
    results = {**runs[-1], "benchmarks": [entry for run in runs for entry in run["benchmarks"]]}
    results["loads"] = [run["machine_info"]["load"] for run in runs]
    tables = grids(results)
    show(tables)
    DOCUMENT.write_text(document(results, tables))
    print(f"written: {DOCUMENT}")


if __name__ == "__main__":
    main(*sys.argv[1:])
