"""Writes docs/library.md from the kernels of `qkernel_stdlib` and their examples: `python docs/generate_library.py`."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from math import floor, log2
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import synthesis, transpile

import qkernel as qk
import qkernel.observable as qko
import qkernel_stdlib
from qkernel.errors import EntrypointValidationError
from qkernel_stdlib.examples import EXAMPLES, Example

DOCS = Path(__file__).parent

HEAD = """# The library

`qkernel_stdlib` is written in the language itself. Registers come first, then data or weights, then options; qubit 0 of a
register is the least significant one. Each entry has the formula, what it costs and where it comes from, then the counts as
closed forms, which are computed here from the kernel, an example that runs, and a picture. `|q|` is the length of a register.

This page is made by `docs/generate_library.py`; the tests hold every entry to matrices by numpy, on every engine.
"""

BESIDE = """
## Counts beside the papers

What the papers say, what is counted here, and what stands in the circuits of `qiskit.synthesis` {version} for the same, all
computed where this page is made; it is not made where a count here is another than the paper's. w(n) is the number of ones in
n's binary digits. Depth is that of the gates as written, on either side; where T are counted, over Clifford + T. `lookup` has
twice the ANDs of its source, 2**n - 2, as it takes them back without measurements. `controlled` is what `qk.control` makes of a
kernel. Where a library has no circuit of that method its cells are empty, and where a paper states no depth.

Qualtran {qualtran} and Qamomile {qamomile} were asked by `docs/count_peers.py` for what they count of theirs for the same task,
whatever the method: Qualtran magic states, in which it takes back every AND by a measurement and counts it as four T, as
`measured_add` does here; Qamomile Toffoli gates or rotations.
"""

PEERS: dict[str, Any] = json.loads((DOCS / "peer_counts.json").read_text())
LONGEST_PICTURE = 36
LONGEST_FORM = 160
LARGE = (10, 100)


def library_page() -> str:
    """The text of docs/library.md."""
    sections: dict[Any, list[Example]] = {}
    for example in EXAMPLES:
        subject = getattr(qkernel_stdlib, example.of or example.name)
        sections.setdefault(sys.modules[subject.__module__], []).append(example)
    parts = [HEAD, "\n"]
    for module, examples in sections.items():
        names = [name for example in examples for name in (example.of or example.name, *example.shows)]
        parts.append(f"* {_title(module)}: {', '.join(f'[{name}](#{name.lower()})' for name in names)}\n")
    parts.append("* [Counts beside the papers](#counts-beside-the-papers)\n")
    for module, examples in sections.items():
        _, *text = (inspect.getdoc(module) or "").split("\n", 1)
        parts += [f"\n## {_title(module)}\n", *(f"{part.rstrip()}\n" for part in text), *map(_card, examples)]
    return "".join([*parts, *_beside_papers()])


@dataclass(frozen=True)
class Published:
    """A count that a paper has, as text and as a function of n; `peer` is a circuit of Qiskit's for the same, and its name."""

    name: str
    field: str
    formula: str
    count: Callable[[int], int]
    source: str
    values: Callable[[int], dict[str, int]]
    peer: str = ""
    options: tuple[str, ...] = ()
    is_controlled: bool = False
    depth_formula: str = ""
    depth: Callable[[int], int] | None = None


def _numbers(n: int) -> dict[str, int]:
    return {"a": n, "b": n}


def _controls(n: int) -> dict[str, int]:
    return {"controls": n}


def _lookahead(n: int) -> int:
    return 5 * n - 3 * n.bit_count() - 3 * (n.bit_length() - 1) - 1


def _lookahead_depth(n: int) -> int:
    return n.bit_length() - 1 + floor(log2(n / 3)) + 7


@qk.qkernel
def _added_where(
    control: qk.Qubit, a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    return qk.control(qkernel_stdlib.measured_add)(control, a, b)  # type: ignore[no-any-return]


@qk.qkernel
def _constant_where(control: qk.Qubit, q: qk.Vector[qk.Qubit], constant: qk.UInt) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    return qk.control(qkernel_stdlib.draper_add_const)(control, q, constant)  # type: ignore[no-any-return]


@qk.qkernel
def _flipped_where(
    control: qk.Qubit, controls: qk.Vector[qk.Qubit], target: qk.Qubit
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Qubit]:
    return qk.control(qkernel_stdlib.mcx_clean)(control, controls, target)  # type: ignore[no-any-return]


CONTROLLED: dict[str, Any] = {"measured_add": _added_where, "draper_add_const": _constant_where, "mcx_clean": _flipped_where}
GIDNEY, BARENCO, KHATTAR = "Gidney 2018", "Barenco et al. 1995", "Khattar, Gidney 2024"
PUBLISHED = (
    Published("add", "Toffoli", "2n - 2", lambda n: 2 * n - 2, "Takahashi, Tani, Kunihiro 2010", _numbers, "adder_modular_v17"),
    Published("controlled_add", "Toffoli", "3n - 2", lambda n: 3 * n - 2, "Munoz-Coreas, Thapliyal 2019", _numbers),
    Published(
        "ripple_carry_add",
        "Toffoli",
        "2n",
        lambda n: 2 * n,
        "Cuccaro et al. 2004",
        lambda n: {"left": n, "right": n},
        "adder_ripple_c04",
        ("full",),
    ),
    Published("measured_add", "T", "4n - 4", lambda n: 4 * n - 4, GIDNEY, _numbers),
    Published("measured_add", "T", "8n - 4", lambda n: 8 * n - 4, GIDNEY, _numbers, is_controlled=True),
    Published(
        "carry_lookahead_add",
        "Toffoli",
        "5n - 3w(n) - 3 floor(log2 n) - 1",
        _lookahead,
        "Draper et al. 2006",
        lambda n: {"a": n, "b": n, "total": n + 1},
        depth_formula="floor(log2 n) + floor(log2(n/3)) + 7",
        depth=_lookahead_depth,
    ),
    Published(
        "draper_add",
        "CP",
        "n (3n - 1)/2",
        lambda n: n * (3 * n - 1) // 2,
        "Draper 2000",
        _numbers,
        "adder_qft_d00",
        ("fixed",),
    ),
    Published(
        "draper_add_const",
        "CP",
        "n**2",
        lambda n: n**2,
        "Beauregard 2003",
        lambda n: {"q": n, "constant": 1},
        is_controlled=True,
    ),
    Published(
        "lookup",
        "Toffoli",
        "2 (2**n - 2)",
        lambda n: 2 * (2**n - 2),
        "Babbush et al. 2018",
        lambda n: {"address": n, "target": 1},
    ),
    Published(
        "measured_lookup",
        "T",
        "4 (2**n - 2)",
        lambda n: 4 * (2**n - 2),
        "Babbush et al. 2018",
        lambda n: {"address": n, "target": 1},
    ),
    Published("mcx_clean", "Toffoli", "2n - 3", lambda n: 2 * n - 3, "Nielsen, Chuang 2010", _controls),
    Published("mcx_clean", "Toffoli", "2n - 1", lambda n: 2 * n - 1, "Nielsen, Chuang 2010", _controls, is_controlled=True),
    Published(
        "mcx_dirty",
        "Toffoli",
        "4n - 8",
        lambda n: 4 * n - 8,
        BARENCO,
        lambda n: {"controls": n, "dirty": n - 2},
        "synth_mcx_n_dirty_i15",
    ),
    Published("mcx_one_dirty", "Toffoli", "8n - 24", lambda n: 8 * n - 24, BARENCO, _controls, "synth_mcx_1_dirty_kg24"),
    Published(
        "mcx_relative_phase",
        "T over Clifford + T",
        "8n - 9",
        lambda n: 8 * n - 9,
        "Maslov 2016",
        _controls,
        "synth_mcx_n_clean_m15",
    ),
    Published(
        "mcx_one_clean", "T over Clifford + T", "8n - 9", lambda n: 8 * n - 9, KHATTAR, _controls, "synth_mcx_1_clean_kg24"
    ),
)
WRITTEN = ["ccx", "cx", "cp", "h", "x", "z", "s", "sdg", "t", "tdg", "swap"]


def _beside_papers() -> list[str]:
    """Counts as published, as counted here and in Qiskit's circuits, at one size. Raises ValueError where they differ."""
    lines = [
        BESIDE.format(version=version("qiskit"), **{name: peer["version"] for name, peer in PEERS.items()}),
        "\n| kernel | counted | published | its depth | source | n | here | depth | Qiskit | its count | depth |",
        f" Qualtran | its count | Qamomile | its count |\n{'|---' * 15}|\n",
    ]
    for row in PUBLISHED:
        n = 6 if "lookup" in row.name else 16
        found = _found(row, n)
        here = {"Toffoli": found.gates.toffoli, "CP": found.gates.by_name.get("cp", 0)}.get(row.field, found.gates.t_gates)
        if here != row.count(n):
            raise ValueError(f"{row.name} has {here} {row.field} at n = {n}, and not {row.count(n)}")
        if row.depth is not None and found.depth != row.depth(n):
            raise ValueError(f"{row.name} has depth {found.depth} at n = {n}, and not {row.depth(n)}")
        under = ", controlled" if row.is_controlled else ""
        cells: list[Any] = [f"`{row.name}`{under}", row.field, row.formula, row.depth_formula, row.source, n, here, found.depth]
        cells += _peer(row, n)
        for peer in ("qualtran", "qamomile"):
            named, count = PEERS[peer]["counts"].get(row.name + under, ("", ""))
            cells += [f"`{named}`" if named else "", count]
        lines.append(f"| {' | '.join(map(str, cells))} |\n")
    return lines


def _found(row: Published, n: int) -> qk.ResourceEstimate:
    """What a kernel, or that under one control, costs at a size."""
    kernel = getattr(qkernel_stdlib, row.name)
    values: dict[str, Any] = dict(row.values(n))
    if "lookup" in row.name:
        values["table"] = [1] * 2**n
    if row.is_controlled:
        kernel = CONTROLLED[row.name]
    return kernel.estimate_resources(bindings=values, basis="clifford_t" if "Clifford" in row.field else "native")  # type: ignore[no-any-return]


def _peer(row: Published, n: int) -> tuple[str, str, str]:
    """Qiskit's circuit for the same: its name, its count, its depth."""
    if not row.peer:
        return "", "", ""
    circuit = transpile(getattr(synthesis, row.peer)(n, *row.options), basis_gates=WRITTEN, optimization_level=0)
    counts = circuit.count_ops()
    total = {"Toffoli": counts.get("ccx", 0), "CP": counts.get("cp", 0)}.get(row.field, 0)
    turns = counts.get("t", 0) + counts.get("tdg", 0)
    shown = f"{turns} T" if turns and not total else f"{total or turns}"
    return f"`{row.peer}`", shown, str(circuit.depth())


def _title(module: Any) -> str:
    return (inspect.getdoc(module) or "").split("\n")[0].rstrip(".")


def _card(example: Example) -> str:
    picture, drawing = _picture(example)
    blocks = [inspect.getsource(example.kernel.__wrapped__).rstrip()] if example.of else []
    code = "\n\n\n".join([*blocks, *([example.code] if example.code else [])])
    lines = [_described(example.of or example.name), *map(_described, example.shows)]
    lines += [f"\n```text\n{_counts(example)}```\n"]
    lines += [f"\n```python\n{code or drawing}\n```\n"]
    lines += [f"\n```text\n{_printed(example)}```\n"] if example.code else []
    return "".join([*lines, f"\n```text\n{picture}```\n"])


def _described(name: str) -> str:
    """Name, signature and text."""
    subject = getattr(qkernel_stdlib, name)
    signature = str(inspect.signature(subject)).replace("'", "").replace("qk.", "")
    return f"\n### `{name}`\n\n    {name}{signature}\n\n{inspect.getdoc(subject)}\n"


def _printed(example: Example) -> str:
    """What the example's code prints."""
    names: dict[str, Any] = {"np": np, "qk": qk, "qko": qko, "__name__": "__main__"}
    names |= {name: getattr(qkernel_stdlib, name) for name in qkernel_stdlib.__all__}
    names |= {each.name: each.kernel for each in EXAMPLES}
    name = f"<example of {example.name}>"
    linecache.cache[name] = (len(example.code), None, example.code.splitlines(keepends=True), name)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example.code, name, "exec", dont_inherit=True), names)
    return out.getvalue()


def _counts(example: Example) -> str:
    """The closed forms, a line each; of what has none, and of what would fill lines, the counts at two sizes."""
    subject = getattr(qkernel_stdlib, example.of or example.name)
    counted = subject if isinstance(subject, qk.Kernel) else example.kernel
    try:
        rows = _rows(counted.estimate_resources())
    except EntrypointValidationError:  # it calls itself
        rows = {}
    if not rows or any(_is_sampled(form, True) for form in rows.values()):
        sizes = LARGE if example.grows else example.sizes[-2:]
        few, many = (_rows(example.kernel.estimate_resources(bindings=example.shape(n))) for n in sizes)
        for name in [name for name in rows or many if _is_sampled(rows.get(name, "unknown"), name in many)]:
            rows[name] = f"{few.get(name, 0)} at size {sizes[0]}, {many.get(name, 0)} at {sizes[1]}"
    width = max(map(len, rows), default=0)
    return "".join(f"{name:{width}}  {count}\n" for name, count in rows.items())


def _is_sampled(form: str, is_held: bool) -> bool:
    return form == "unknown" or (is_held and len(form) > LONGEST_FORM)


def _rows(found: qk.ResourceEstimate) -> dict[str, str]:
    written = found.to_dict()
    calls = {f"calls of {name}": count for name, count in written["calls"]["oracle_calls"].items()}
    rows = {"qubits": written["qubits"], **written["gates_by_name"], "measurements": written["measurements"], **calls}
    return {name: str(count) for name, count in rows.items() if str(count) != "0"}


def _picture(example: Example) -> tuple[str, str]:
    """The circuit at a small size, folded where that would be long; and the code that draws it."""
    options = {"output": "text", "fold_loops": False}
    picture = example.kernel.draw(**options, bindings=example.bindings)
    if picture.count("\n") > LONGEST_PICTURE:
        del options["fold_loops"]
        picture = example.kernel.draw(**options, bindings=example.bindings)
    named = {"bindings": example.bindings} if "target" in example.bindings else example.bindings
    given = ", ".join(f"{name}={value!r}" for name, value in {**named, **options}.items())
    return picture, f"print({example.name}.draw({given}))".replace("'text'", '"text"')


if __name__ == "__main__":
    (DOCS / "library.md").write_text(library_page())
