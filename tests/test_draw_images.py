"""Matplotlib drawings as images, compared with PNG files in tests/drawings/baseline (`--update-golden` writes them anew).

Letters are set in the DejaVu Sans that matplotlib brings, so that an image does not depend on the machine's fonts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from drawings import kernels
from drawings.kernels import SMALL
from matplotlib.testing.compare import compare_images
from test_draw_text import ISING

import qkernel.observable as qko
from qkernel.draw import draw

BASELINE = Path(__file__).parent / "drawings" / "baseline"
DOTS_PER_INCH = 60
TOLERANCE = 1.0
"""Root mean square over all pixels, of 255; one other letter in a small figure makes about 3."""

FIGURES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "ansatz": (kernels.ansatz, {**SMALL, "n_layers": 1}, {"fold_loops": False}),
    "ansatz-open": (kernels.ansatz, {}, {"style": "colorblind"}),
    "teleport": (kernels.teleport, {}, {}),
    "until-zero": (kernels.until_zero, {}, {"style": "dark"}),
    "every-gate": (kernels.every_gate, {"hamiltonian": ISING}, {"width": 9}),
    "ghz-lowered": (kernels.ghz, {"n": 3}, {"lowered": True}),
}


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Matplotlib's own settings, whatever a user's or the machine's are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans"]
        yield


def saved(name: str, file: Path, **more: Any) -> Path:
    kernel, values, options = FIGURES[name]
    draw(kernel.ir, values, **{**options, **more}).savefig(file, dpi=DOTS_PER_INCH, metadata={"Software": None})
    return file


@pytest.mark.parametrize("name", FIGURES)
def test_image(name: str, tmp_path: Path, update_golden: bool) -> None:
    baseline = BASELINE / f"{name}.png"
    if update_golden:
        BASELINE.mkdir(exist_ok=True)
        saved(name, baseline)
    assert compare_images(str(baseline), str(saved(name, tmp_path / "drawn.png")), TOLERANCE) is None


def test_one_other_letter_or_colour_is_a_difference(tmp_path: Path) -> None:
    kernel, values, options = FIGURES["ansatz"]
    changed = tmp_path / "changed.png"
    draw(kernel.ir, {**values, "hamiltonian": qko.Z(1)}, **options).savefig(changed, dpi=DOTS_PER_INCH)
    assert compare_images(str(BASELINE / "ansatz.png"), str(changed), TOLERANCE) is not None
    dark = saved("ghz-lowered", tmp_path / "dark.png", style="dark")
    assert compare_images(str(BASELINE / "ghz-lowered.png"), str(dark), TOLERANCE) is not None
