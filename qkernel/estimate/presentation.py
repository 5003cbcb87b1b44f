"""Estimates for the eye: rich, HTML and LaTeX tables, scaling plots, differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle
from typing import Any

from qkernel.errors import DependencyError, ValidationError
from qkernel.estimate.counts import Number
from qkernel.estimate.notation import escaped, latex, shown
from qkernel.estimate.quantity import quantity

_LARGEST_PLOTTED = 10**300


@dataclass(frozen=True)
class EstimateDifference:
    """Two estimates side by side. `changes` holds the differences that are not 0, by title."""

    after: Mapping[str, Number]
    before: Mapping[str, Number]

    @property
    def changes(self) -> dict[str, Number]:
        """`after` less `before`, where they differ."""
        titles = {**self.before, **self.after}
        found = {title: self.after.get(title, 0) - self.before.get(title, 0) for title in titles}
        return {title: value for title, value in found.items() if value != 0}

    def __str__(self) -> str:
        if not self.changes:
            return "No difference"
        rows = [
            (title, shown(self.before.get(title, 0)), shown(self.after.get(title, 0)), shown(change))
            for title, change in self.changes.items()
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        return "\n".join(
            f"{title:<{widths[0]}}  {before:>{widths[1]}} -> {after:>{widths[2]}}  ({_signed(change)})"
            for title, before, after, change in rows
        )

    __repr__ = __str__


def _signed(change: str) -> str:
    return change if change.startswith("-") else f"+{change}"


def missing(package: str) -> DependencyError:
    """The error where an optional package is not there."""
    return DependencyError(f"this needs {package}", help=f"install it: `pip install {package}`")


def rich_table(name: str, rows: Mapping[str, Number], notes: Mapping[str, str], by_name: Mapping[str, Number]) -> Any:
    """The counts and their qualities as a `rich.table.Table`."""
    try:
        from rich.table import Table
    except ImportError:
        raise missing("rich") from None
    table = Table(title=f"Resources of {name}")
    table.add_column("")
    table.add_column("count", justify="right")
    if notes:
        table.add_column("")
    for title, value in rows.items():
        table.add_row(title, shown(value), *([notes.get(title, "")] if notes else []))
    for gate, value in by_name.items():
        table.add_row(f"  {gate}", shown(value), style="dim")
    return table


def html(name: str, rows: Mapping[str, Number], notes: Mapping[str, str]) -> str:
    """The counts as an HTML table, for notebooks."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(title)}</th>"
        f"<td style='text-align:right'><code>{escape(shown(value))}</code></td>"
        f"{f'<td><i>{escape(notes.get(title, str()))}</i></td>' if notes else ''}</tr>"
        for title, value in rows.items()
    )
    return f"<table><caption>Resources of <b>{escape(name)}</b></caption>{cells}</table>"


def latex_table(rows: Mapping[str, Number], notes: Mapping[str, str]) -> str:
    """The counts as a LaTeX array."""
    lines = r" \\ ".join(
        rf"\text{{{escaped(title)}}} & {latex(quantity(value))}" + (rf" & \text{{{notes[title]}}}" if title in notes else "")
        for title, value in rows.items()
    )
    return rf"$\begin{{array}}{{lr{'l' if notes else ''}}} {lines} \end{{array}}$"


@dataclass(frozen=True)
class Curve:
    """One field over the values of an argument, and how its counts are to be read."""

    field: str
    counts: Sequence[int]
    quality: str


def plot(kernel: str, argument: str, points: Sequence[int], curves: Iterable[Curve]) -> Any:
    """A log-log plot of fields over values of one argument, as a matplotlib `Figure`."""
    try:
        from qkernel.figures import DrawnFigure
    except ImportError:
        raise missing("matplotlib") from None
    figure = DrawnFigure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for curve, marker in zip(curves, cycle("os^Dv")):
        if max(curve.counts, default=0) > _LARGEST_PLOTTED:
            raise ValidationError(f"`{curve.field}` grows too large to be plotted", help="plot smaller values")
        above = [count if count > 0 else math.nan for count in curve.counts]  # a logarithmic axis has no 0
        is_exact = curve.quality == "exact"
        label = curve.field.replace("_", " ") + ("" if is_exact else f" ({curve.quality.replace('_', ' ')})")
        label += "" if any(curve.counts) else " (0)"
        axes.plot(points, above, marker=marker, markersize=3, label=label, linestyle="-" if is_exact else "--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(argument)
    axes.set_ylabel("count")
    axes.set_title(f"Resources of {kernel}")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    return figure
