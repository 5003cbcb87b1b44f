"""What a drawing says about the thing under the pointer: the call in full, its source line, how much it holds."""

from __future__ import annotations

import linecache

from qkernel.characters import visible
from qkernel.diagnostics import Span, counted
from qkernel.draw.scene import Frame, Item, Operation, Wire


def tooltip_text(tooltip: str, span: Span | None) -> str:
    """A few lines: what it is, where it was written, the source itself."""
    if not tooltip:
        return ""
    lines = [tooltip]
    if span is not None:
        source, file = linecache.getline(span.file, span.line).strip(), span.file.replace("\\", "/").rsplit("/", 1)[-1]
        lines.append(visible(f"{file}:{span.line}" + (f"  {source}" if source else "")))
    return "\n".join(lines)


def count_operations(items: tuple[Item, ...], wires: tuple[Wire, ...]) -> int | None:
    """How many operations `items` stand for; None where that depends on something open."""
    total = 0
    for entry in items:
        number = _count(entry, wires)
        if number is None:
            return None
        total += number
    return total


def _count(entry: Item, wires: tuple[Wire, ...]) -> int | None:
    if isinstance(entry, Frame):
        if entry.family == "opened":
            return count_operations(entry.sections[0].items, wires)
        return None if entry.unrolled is None else count_operations(entry.unrolled, wires)
    if entry.body is not None:
        return _count(entry.body, wires)
    if entry.family in ("start", "end", "barrier", "fan"):
        return 0
    known = entry.family not in ("call", "composite", "oracle") and not _is_bundled(entry, wires)
    return 1 if known else None


def _is_bundled(operation: Operation, wires: tuple[Wire, ...]) -> bool:
    return not operation.place and any(wires[touch.wire].size is not None for touch in operation.touches)


def count_text(number: int | None) -> str:
    """A count in words."""
    return "" if number is None else counted(number, "operation")
