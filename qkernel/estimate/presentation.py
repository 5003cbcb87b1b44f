"""Estimates for the eye: rich, HTML and LaTeX tables, scaling plots, differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import DependencyError, EntrypointValidationError, ValidationError
from qkernel.estimate.notation import latex, text
from qkernel.estimate.quantity import quantity

if TYPE_CHECKING:
    from qkernel.estimate.report import Number, ResourceEstimate


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
            (title, str(self.before.get(title, 0)), str(self.after.get(title, 0)), str(change))
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
    for title, value in estimate.rows().items():
        table.add_row(title, str(value))
    for name, value in estimate.gates.by_name.items():
        table.add_row(f"  {name}", str(value), style="dim")
    return table


def html(estimate: ResourceEstimate) -> str:
    """The counts as an HTML table, for notebooks."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(title)}</th>"
        f"<td style='text-align:right'><code>{escape(str(value))}</code></td></tr>"
        for title, value in estimate.rows().items()
    )
    return f"<table><caption>Resources of <b>{escape(estimate.origin.name)}</b></caption>{rows}</table>"


def latex_table(estimate: ResourceEstimate) -> str:
    """The counts as a LaTeX array."""
    rows = r" \\ ".join(rf"\text{{{title}}} & {latex(quantity(value))}" for title, value in estimate.rows().items())
    return rf"$\begin{{array}}{{lr}} {rows} \end{{array}}$"


def plot(estimate: ResourceEstimate, name: str, values: Iterable[int], fields: Sequence[str], others: Mapping[str, Any]) -> Any:
    """A log-log plot of fields over values of one argument, as a matplotlib `Figure`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise _missing("matplotlib") from None
    points = list(values)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    at_points = [estimate.substitute(**{name: point, **others}) for point in points]
    for chosen in fields:
        axes.plot(points, [_number(at, chosen) for at in at_points], "o-", markersize=3, label=chosen.replace("_", " "))
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
        raise EntrypointValidationError(f"`{name}` is {text(value)}: give values for the other arguments too")
    return value
