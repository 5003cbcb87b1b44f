"""What each pass of an optimisation saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qkernel.ir.module import Module

if TYPE_CHECKING:
    from qkernel.estimate import ResourceEstimate

COUNTS = {
    "gates": "total",
    "one qubit": "single_qubit",
    "two qubits": "two_qubit",
    "more": "multi_qubit",
    "T": "t_gates",
    "rotations": "rotation_gates",
}
"""The columns of the table, and which count of an estimate each is."""


@dataclass(frozen=True, slots=True)
class Step:
    """The program behind a pass."""

    name: str
    module: Module


@dataclass(frozen=True)
class OptimizationReport:
    """The program as it was written, and after each pass that changed it; `print` shows the counts, a row each.

    Counts are closed forms in the arguments that `values` do not bind.
    """

    steps: tuple[Step, ...]
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> Module:
        """The program after all passes."""
        return self.steps[-1].module

    def at(self, **values: Any) -> OptimizationReport:
        """The same with arguments bound: registers, vectors and dictionaries by their lengths or their values."""
        return OptimizationReport(self.steps, {**self.values, **values})

    @cached_property
    def estimates(self) -> tuple[tuple[str, ResourceEstimate], ...]:
        """By the name of the pass, what the program costs behind it; the first as it was written."""
        from qkernel.estimate import estimate

        return tuple((step.name, estimate(step.module).substitute(**self.values)) for step in self.steps)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The table: its head, then a row for each step."""
        yield ("", *COUNTS)
        for name, estimate in self.estimates:
            yield (name, *(str(getattr(estimate.gates, count)) for count in COUNTS.values()))

    def __str__(self) -> str:
        rows = [*self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
            for name, *cells in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
