"""Estimates for the eye: rich, HTML and LaTeX tables, scaling plots, differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import DependencyError, EntrypointValidationError, ValidationError
from qkernel.estimate.notation import escaped, latex, shown
from qkernel.estimate.quantity import quantity

if TYPE_CHECKING:
    from qkernel.estimate.report import Number, ResourceEstimate

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


def _missing(package: str) -> DependencyError:
    return DependencyError(f"this needs {package}", help=f"install it: `pip install {package}`")


def rich_table(estimate: ResourceEstimate) -> Any:
    """The counts and their qualities as a `rich.table.Table`."""
    try:
        from rich.table import Table
    except ImportError:
        raise _missing("rich") from None
    table = Table(title=f"Resources of {estimate.origin.name}")
    table.add_column("")
    table.add_column("count", justify="right")
    notes = estimate.notes()
    if notes:
        table.add_column("")
    for title, value in estimate.rows().items():
        table.add_row(title, shown(value), *([notes.get(title, "")] if notes else []))
    for name, value in estimate.gates.by_name.items():
        table.add_row(f"  {name}", shown(value), style="dim")
    return table


def html(estimate: ResourceEstimate) -> str:
    """The counts as an HTML table, for notebooks."""
    notes = estimate.notes()
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(title)}</th>"
        f"<td style='text-align:right'><code>{escape(shown(value))}</code></td>"
        f"{f'<td><i>{escape(notes.get(title, str()))}</i></td>' if notes else ''}</tr>"
        for title, value in estimate.rows().items()
    )
    return f"<table><caption>Resources of <b>{escape(estimate.origin.name)}</b></caption>{rows}</table>"


def latex_table(estimate: ResourceEstimate) -> str:
    """The counts as a LaTeX array."""
    notes = estimate.notes()
    rows = r" \\ ".join(
        rf"\text{{{escaped(title)}}} & {latex(quantity(value))}" + (rf" & \text{{{notes[title]}}}" if title in notes else "")
        for title, value in estimate.rows().items()
    )
    return rf"$\begin{{array}}{{lr{'l' if notes else ''}}} {rows} \end{{array}}$"


def plot(estimate: ResourceEstimate, name: str, values: Iterable[int], fields: Sequence[str], others: Mapping[str, Any]) -> Any:
    """A log-log plot of fields over values of one argument, as a matplotlib `Figure`."""
    try:
        from qkernel.figures import DrawnFigure
    except ImportError:
        raise _missing("matplotlib") from None
    points = list(values)
    figure = DrawnFigure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    at_points = [estimate.substitute(**{name: point, **others}) for point in points]
    for chosen, marker in zip(fields, cycle("os^Dv")):
        counts = [_number(at, chosen) for at in at_points]
        if max(counts, default=0) > _LARGEST_PLOTTED:
            raise ValidationError(f"`{chosen}` grows too large to be plotted", help="plot smaller values")
        above = [count if count > 0 else math.nan for count in counts]  # a logarithmic axis has no 0
        quality = at_points[-1].quality.get(chosen, "exact") if at_points else "exact"
        label = chosen.replace("_", " ") + ("" if quality == "exact" else f" ({quality.replace('_', ' ')})")
        label += "" if any(counts) else " (0)"
        axes.plot(points, above, marker=marker, markersize=3, label=label, linestyle="-" if quality == "exact" else "--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(name)
    axes.set_ylabel("count")
    axes.set_title(f"Resources of {estimate.origin.name}")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    return figure


def _number(estimate: ResourceEstimate, name: str) -> int:
    known = [
        "qubits",
        "ancillas",
        "measurements",
        "resets",
        "depth",
        *(key for key in vars(estimate.gates) if key != "by_name"),
    ]
    if name not in known:
        raise ValidationError(f"an estimate has no field `{name}`{did_you_mean(name, known)}")
    value = getattr(estimate, name) if hasattr(estimate, name) else getattr(estimate.gates, name)
    if not isinstance(value, int):
        raise EntrypointValidationError(f"`{name}` is {shown(value)}: give values for the other arguments too")
    return value
