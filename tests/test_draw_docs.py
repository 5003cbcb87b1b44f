"""The drawings in docs/drawing.md are what the package draws (`pytest --update-golden` writes the SVG files anew)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawings import kernels
from drawings.kernels import SMALL, TRIANGLE

import qkernel.observable as qko

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "drawing.md"
COST = 0.5 * qko.Z(0) * qko.Z(1) - qko.X(2)
FIGURES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "ansatz-boxes": (kernels.ansatz, SMALL, {"fold_loops": False}),
    "ansatz-loops": (kernels.ansatz, SMALL, {}),
    "ansatz-open": (kernels.ansatz, {}, {"inline": True}),
    "ansatz-gates": (kernels.ansatz, SMALL, {"fold_loops": False, "inline": True}),
    "ghz-loop": (kernels.ghz, {"n": 4}, {}),
    "teleport": (kernels.teleport, {}, {}),
    "until-zero-dark": (kernels.until_zero, {}, {"style": "dark"}),
    "every-gate": (kernels.every_gate, {"hamiltonian": COST}, {}),
    "qaoa-colorblind": (kernels.qaoa, {"n": 3, "p": 2, "edges": TRIANGLE, "cost": COST}, {"style": "colorblind"}),
    "ansatz-layer": (kernels.ansatz, {**SMALL, "n_layers": 1}, {"fold_loops": False}),
    "ghz-target": (kernels.ghz, {"n": 3}, {"target": ["cx", "rz", "sx"]}),
    "ansatz-lowered": (kernels.ansatz, {**SMALL, "n_layers": 1}, {"lowered": True}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_up_to_date(name: str, update_golden: bool) -> None:
    kernel, values, options = FIGURES[name]
    drawn = kernel.draw(**values, output="svg", **options)
    file = ROOT / "docs" / "drawing" / f"{name}.svg"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")
    assert drawn == file.read_text(encoding="utf-8")
    assert f"drawing/{name}.svg" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["ansatz_unfolded", "ghz_open", "teleport"])
def test_text_drawings_are_up_to_date(name: str) -> None:
    golden = (ROOT / "tests" / "drawings" / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
    assert golden in PAGE.read_text(encoding="utf-8")
