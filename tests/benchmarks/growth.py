"""How times grow, as the section of the document that `make bench` writes: log-log plots, each with its slope."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

PLOTS = Path("docs/drawing/growth.svg")
Curve = list[tuple[int, float]]
_STEEP, _COLUMNS = 1.1, 4


def milliseconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def curves(results: dict[str, Any]) -> dict[str, Curve]:
    """What grows -> (size, fastest milliseconds), by size: what disturbs a call only makes it slower."""
    found: dict[str, Curve] = {}
    for entry in results["benchmarks"]:
        if (what := entry["extra_info"].get("growth")) is not None:
            found.setdefault(what, []).append((entry["extra_info"]["size"], 1e3 * entry["stats"]["min"]))
    return {what: sorted(points) for what, points in found.items()}


def slope(points: Curve) -> float:
    """Between the two largest sizes."""
    (small, before), (large, after) = points[-2:]
    return math.log(after / before) / math.log(large / small)


def plot(found: dict[str, Curve]) -> None:
    rows = -(-len(found) // _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(4 * _COLUMNS, 3.5 * rows), layout="constrained")
    for axis, (what, points) in zip(axes.flat, found.items(), strict=False):
        sizes, times = zip(*points, strict=True)
        axis.loglog(sizes, [times[-1] * size / sizes[-1] for size in sizes], ":", color="#999999")
        axis.loglog(sizes, times, "o-", color="#1f5fa8")
        name, _, how = what.partition(": ")
        axis.set_title(f"{how}\nslope {slope(points):.2f}", fontsize=10)
        axis.set_xlabel(name)
        axis.set_ylabel("ms")
        axis.set_ylim(min(times) / 2, max(times) * 2)
        axis.grid(alpha=0.3)
    figure.savefig(PLOTS, metadata={"Date": None})
    plt.close(figure)


def reasons(results: dict[str, Any]) -> dict[str, str]:
    """What grows -> why time grows faster than that, where it is known to."""
    infos = [entry["extra_info"] for entry in results["benchmarks"]]
    return {info["growth"]: info["why"] for info in infos if info.get("why")}


def section(found: dict[str, Curve], why: dict[str, str]) -> list[str]:
    """The lines of the document about all curves."""
    steep = [
        f"{what} ({slope(points):.2f}{', since ' + why[what] if what in why else ''})"
        for what, points in found.items()
        if slope(points) > _STEEP
    ]
    return [
        "## Growth",
        "",
        f"![Time against what grows, log-log]({PLOTS.relative_to('docs')})",
        "",
        "Fastest of five rounds. The slope is that between the two largest sizes; the dotted line is proportional to the size.",
        f"Steeper than {_STEEP:g}: {'; '.join(steep) or 'none'}.",
        "",
        "| | sizes | ms | slope |",
        "|---|---|---|---|",
        *(
            f"| {what} | {points[0][0]:,} to {points[-1][0]:,} "
            f"| {milliseconds(points[0][1])} to {milliseconds(points[-1][1])} | {slope(points):.2f} |"
            for what, points in found.items()
        ),
    ]
