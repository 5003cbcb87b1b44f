"""Estimates for the eye: rich, HTML and LaTeX tables, scaling plots, differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape
from itertools import cycle
from typing import Any

from qkernel.errors import DependencyError, ValidationError
from qkernel.estimate.counts import Number
from qkernel.estimate.forms import multiple
from qkernel.estimate.notation import escaped, latex, shown
from qkernel.estimate.quantity import Quantity, quantity

_LARGEST_PLOTTED = 10**300
_WIDEST = 40  # in characters, of a printed column


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


@dataclass(frozen=True)
class EstimateComparison:
    """Two estimates side by side, count by count: `print` it, or show its `table()`.

    `first` and `second` hold the counts by title, of the kernels of these `names`; `bounds` of each the titles of what is an
    upper bound, which is shown as `<= n`. Printed, a form that is too long for a column ends in `...`.
    """

    names: tuple[str, str]
    first: Mapping[str, Number]
    second: Mapping[str, Number]
    bounds: tuple[Set[str], Set[str]] = (frozenset(), frozenset())

    @property
    def rows(self) -> dict[str, tuple[Number, Number]]:
        """Both counts by title, 0 where one of them has none."""
        titles = {**self.first, **self.second}
        return {title: (self.first.get(title, 0), self.second.get(title, 0)) for title in titles}

    @property
    def differences(self) -> dict[str, Number]:
        """By title, how much more the first has than the second."""
        return {title: first - second for title, (first, second) in self.rows.items()}

    @property
    def ratios(self) -> dict[str, float | None]:
        """By title, how many times as much the first has; None of forms that are not proportional, and of 0."""
        return {title: _ratio(quantity(first), quantity(second)) for title, (first, second) in self.rows.items()}

    def _cells(self) -> list[tuple[str, ...]]:
        ratios, differences, found = self.ratios, self.differences, []
        for title, counts in self.rows.items():
            marked = ("<= " * (title in bounds) + shown(count) for count, bounds in zip(counts, self.bounds, strict=True))
            found.append((title, *marked, shown(differences[title]), f"{ratio:.4g}" if (ratio := ratios[title]) else ""))
        return found

    @property
    def _titles(self) -> tuple[str, ...]:
        first, second = self.names if self.names[0] != self.names[1] else (f"{self.names[0]}, first", "second")
        return ("", first, second, "difference", "ratio")

    def __str__(self) -> str:
        rows = [[_shortened(cell) for cell in row] for row in (self._titles, *self._cells())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:]))).rstrip() for row in rows)

    __repr__ = __str__

    def table(self) -> Any:
        """A `rich` table, for a terminal."""
        table = _rich("Two estimates")
        for title in self._titles:
            table.add_column(title, justify="right" if title else "left")
        for cells in self._cells():
            table.add_row(*map(_as_it_is, cells))
        return table

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:right'>{escape(title)}</th>" for title in self._titles)
        lines = (
            f"<tr><th style='text-align:left'>{escape(title)}</th>"
            + "".join(f"<td style='text-align:right'><code>{escape(cell)}</code></td>" for cell in cells)
            + "</tr>"
            for title, *cells in self._cells()
        )
        return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _shortened(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 3]}..."


def _ratio(first: Quantity, second: Quantity) -> float | None:
    share = multiple(first, second) if second.terms else None
    return None if share is None else float(share)


def _signed(change: str) -> str:
    return change if change.startswith("-") else f"+{change}"


def missing(package: str) -> DependencyError:
    """The error where an optional package is not there."""
    return DependencyError(f"this needs {package}", help=f"install it: `pip install {package}`")


def _rich(title: str) -> Any:
    """An empty table."""
    try:
        from rich.table import Table
    except ImportError:
        raise missing("rich") from None
    return Table(title=title)


def _as_it_is(cell: str) -> Any:
    """A cell in which `[n >= 2]` is no style."""
    from rich.text import Text

    return Text(cell)


def rich_table(name: str, rows: Mapping[str, Number], notes: Mapping[str, str], by_name: Mapping[str, Number]) -> Any:
    """The counts and their qualities as a `rich.table.Table`."""
    table = _rich(f"Resources of {name}")
    table.add_column("")
    table.add_column("count", justify="right")
    if notes:
        table.add_column("")
    for title, value in rows.items():
        table.add_row(*map(_as_it_is, (title, shown(value), *([notes.get(title, "")] if notes else []))))
    for gate, value in by_name.items():
        table.add_row(*map(_as_it_is, (f"  {gate}", shown(value))), style="dim")
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
