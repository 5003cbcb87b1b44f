"""The physical cost of a kernel over the values of an argument: a table, and a log-log plot with the code distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qkernel.estimate.physical import PhysicalEstimate, duration
from qkernel.estimate.presentation import missing

_HEAD = ("logical qubits", "T gates", "distance", "physical qubits", "factories", "run time")
_DISTANCE = "0.45"  # a grey of matplotlib's


@dataclass(frozen=True)
class PhysicalCurve:
    """Physical estimates of `kernel`, one for each of `points`, the values of `argument`. Printed, it is a table."""

    kernel: str
    argument: str
    points: tuple[int, ...]
    estimates: tuple[PhysicalEstimate, ...]

    def steps(self) -> Iterator[tuple[int, int]]:
        """Where the code distance changes: the first point of each distance, and the distance."""
        last = 0
        for point, estimate in zip(self.points, self.estimates, strict=True):
            if estimate.code_distance != last:
                last = estimate.code_distance
                yield point, last

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [(self.argument, *_HEAD)]
        for point, found in zip(self.points, self.estimates, strict=True):
            numbers = (found.logical_qubits, found.t_gates, found.code_distance, found.physical_qubits)
            rows.append((str(point), *(f"{number:,}" for number in numbers), _share(found), duration(found.run_time)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([f"Physical Estimates of {self.kernel}:", *(f"  {line}" for line in lines)])

    __repr__ = __str__

    def plot(self) -> Any:
        """Physical qubits and run time over the argument, and where the code distance steps up: a matplotlib `Figure`."""
        try:
            from qkernel.figures import DrawnFigure
        except ImportError:
            raise missing("matplotlib") from None
        figure = DrawnFigure(figsize=(6, 5), layout="constrained")
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        above.plot(self.points, [found.physical_qubits for found in self.estimates], marker="o", markersize=3, label="all")
        factories = [found.factory_qubits for found in self.estimates]
        above.plot(self.points, factories, marker="s", markersize=3, linestyle="--", label="in factories")
        below.plot(self.points, [found.run_time for found in self.estimates], marker="o", markersize=3)
        for axes, label in ((above, "physical qubits"), (below, "run time (s)")):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylabel(label)
            axes.grid(True, axis="y", which="major", alpha=0.3)
            for point, _ in self.steps():
                axes.axvline(point, color=_DISTANCE, linewidth=0.8, linestyle=":")
        for point, distance in self.steps():
            place = {"xy": (point, 1), "xycoords": above.get_xaxis_transform(), "xytext": (2, 2), "textcoords": "offset points"}
            above.annotate(str(distance), **place, fontsize=8, color=_DISTANCE)
        above.set_title(f"{self.kernel} on a surface code, with its code distances", pad=16)
        above.legend()
        below.set_xlabel(self.argument)
        return figure


def _share(found: PhysicalEstimate) -> str:
    return f"{found.factories} ({found.factory_share:.0%})"
