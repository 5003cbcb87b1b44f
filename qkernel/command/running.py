"""`run`, `sample` and `explain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import numpy as np
from rich.table import Table

from qkernel.command.output import named, on_a_kernel, only_ascii
from qkernel.command.program import AnyKernel
from qkernel.diagnostics import counted
from qkernel.lower.circuit import probabilities

_BAR = 24  # columns
_STATES = 32
"""How many states of a distribution are listed."""


def _on(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--engine", metavar="NAME", help="The engine; `qkernel doctor` lists them."),
        click.option("--shots", type=click.IntRange(min=1), help="From so many shots."),
    ):
        function = option(function)
    return function


@click.command()
@_on
@click.option("--seed", type=click.IntRange(min=0), help="Makes shots reproducible.")
@click.option("--grad", is_flag=True, help="The gradient by all Floats too.")
@on_a_kernel
def run(kernel: AnyKernel, values: dict[str, Any], grad: bool, **options: Any) -> Any:
    """Print what a kernel returns.

    Exactly, or from shots with the standard error.
    """
    if options["shots"] is not None:
        value, error, _ = kernel.run_with_errors(bindings=values, options=options)
        found = {"value": value, "standard_error": error}
        rows = [("value", value), ("standard error", error)]
    else:
        found = {"value": kernel.run(bindings=values, options=options)}
        rows = _states(found["value"]) if _is_distribution(kernel, values) else [("value", found["value"])]
    if grad:
        found["gradient"] = kernel.grad(bindings=values, options=options)
        rows += [(f"d / d {name}", slope) for name, slope in found["gradient"].items()]
    return named(kernel, values, **found), _table(kernel.name, rows)


@click.command()
@_on
@click.option("--seed", type=click.IntRange(min=0), help="Makes samples reproducible.")
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="How many outcomes to list.")
@on_a_kernel
def sample(kernel: AnyKernel, values: dict[str, Any], most: int, **options: Any) -> Any:
    """Count what many runs of a kernel return.

    1024 runs, unless --shots says otherwise.
    """
    result = kernel.sample(bindings=values, options=options)
    listed = result.most_common(most)
    table = Table("value", "count", "share", "", title=f"{kernel.name}, {result.shots} shots")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for value, count in listed:
        bar = ("#" if only_ascii() else "█") * max(1, round(_BAR * count / listed[0][1]))
        table.add_row(repr(value), str(count), f"{count / result.shots:.1%}", bar)
    if len(result) > most:
        table.caption = f"and {len(result) - most} more"
    counts = [{"value": value, "count": count} for value, count in result.most_common()]
    return named(kernel, values, shots=result.shots, counts=counts), table


@click.command()
@_on
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Samples at once.")
@on_a_kernel
def explain(kernel: AnyKernel, values: dict[str, Any], **options: Any) -> Any:
    """Tell what would run.

    The circuit's size, how derivatives are computed, and the engine's plan.
    """
    text = kernel.explain(bindings=values, options=options)
    return named(kernel, values, explanation=text.splitlines()), text


def _is_distribution(kernel: AnyKernel, values: dict[str, Any]) -> bool:
    """Whether all that is returned is `qk.probabilities` of some qubits."""
    circuit = kernel.compile(bindings=values).circuit
    return not circuit.outputs_tuple and circuit.outputs == (probabilities(0),)


def _states(distribution: np.ndarray[Any, Any]) -> list[tuple[str, Any]]:
    """A row for each basis state, its first qubit rightmost: the most likely ones, in order."""
    width = len(distribution).bit_length() - 1
    listed = np.sort(np.argsort(-distribution, kind="stable")[:_STATES])
    rows: list[tuple[str, Any]] = [(f"|{state:0{width}b}>", distribution[state]) for state in listed]
    rest = len(distribution) - len(rows)
    return rows if not rest else [*rows, (counted(rest, "other"), np.delete(distribution, listed).sum())]


def _table(name: str, rows: list[tuple[str, Any]]) -> Table:
    table = Table(title=name, show_header=False)
    for what, value in rows:
        table.add_row(what, _shown(value))
    return table


def _shown(value: Any) -> str:
    """With ten digits: JSON has all."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=10)
    return f"{value:.10g}" if isinstance(value, float | np.floating) else repr(value)
