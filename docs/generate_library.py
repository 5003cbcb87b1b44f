"""Writes docs/library.md from the kernels of `qkernel_stdlib` and their examples: `python docs/generate_library.py`."""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np

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

LONGEST_PICTURE = 36
LONGEST_FORM = 160
LARGE = (10, 100)


def library_page() -> str:
    """The text of docs/library.md."""
    parts = [HEAD]
    section = ""
    for example in EXAMPLES:
        subject = getattr(qkernel_stdlib, example.of or example.name)
        if subject.__module__ != section:
            section = subject.__module__
            parts.append(f"\n## {_first_sentence(sys.modules[section])}\n")
        parts.append(_card(example))
    return "".join(parts)


def _first_sentence(module: Any) -> str:
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
    names: dict[str, Any] = {"np": np, "qk": qk, "qko": qko, "__name__": "__main__", **vars(qkernel_stdlib)}
    names |= {each.name: each.kernel for each in EXAMPLES}
    name = f"<example of {example.name}>"
    linecache.cache[name] = (len(example.code), None, example.code.splitlines(keepends=True), name)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example.code, name, "exec", dont_inherit=True), names)
    return out.getvalue()


def _counts(example: Example) -> str:
    """The closed forms, a line each; of recursion and of what would fill lines, the counts at two sizes."""
    try:
        rows = _rows(example.kernel.estimate_resources())
    except EntrypointValidationError:  # it calls itself, or a loop of its carries what has no closed form
        rows = {}
    if not rows or any(len(text) > LONGEST_FORM for text in rows.values()):
        sizes = LARGE if example.grows else example.sizes[-2:]
        few, many = (_rows(example.kernel.estimate_resources(bindings=example.shape(n))) for n in sizes)
        for name in [name for name in many if len(rows.get(name, "")) > LONGEST_FORM] if rows else many:
            rows[name] = f"{few.get(name, 0)} at size {sizes[0]}, {many[name]} at {sizes[1]}"
    width = max(map(len, rows), default=0)
    return "".join(f"{name:{width}}  {count}\n" for name, count in rows.items())


def _rows(found: qk.ResourceEstimate) -> dict[str, str]:
    rows = {"qubits": found.qubits, **found.gates.by_name, "measurements": found.measurements}
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
