"""What a fresh notebook shows of kernels and their drawings: pictures, and never their source."""

from __future__ import annotations

import base64
import io
import pickle
import re
from copy import deepcopy
from html import unescape
from typing import Any
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from drawings import kernels
from drawings.kernels import SMALL
from matplotlib.figure import Figure
from matplotlib.image import imread
from nbclient import NotebookClient

import qkernel as qk

CELLS = {
    "setup": """
import qkernel as qk

@qk.composite_gate(name="<b>bell</b>")
@qk.qkernel
def pair(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.cx(qk.h(a), b)

@qk.qkernel
def bell() -> tuple[qk.Bit, qk.Bit]:
    a, b = pair(qk.qubit(), qk.qubit())
    return qk.measure(a), qk.measure(b)

@qk.qkernel
def register(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(n)))

@qk.qkernel
def wrong() -> qk.Bit:
    q = qk.qubit()
    qk.measure(q)
    return qk.measure(q)
""",
    "figure": "bell.draw()",
    "dark figure": "bell.draw(style='dark')",
    "svg": "bell.draw(output='svg')",
    "html": "bell.draw(output='html')",
    "html again": "bell.draw(output='html', inline=True)",
    "text": "bell.draw(output='text')",
    "plot": "register.estimate_resources().plot('n', [1, 2])",
    "calls": "bell.estimate_resources().by_call()",
    "ir": "bell.ir",
    "kernel": "bell",
    "kernel with a mistake": "wrong",
    "assigned": "kept = bell.draw()",
    "displayed": "display(bell.draw())",
    "in a list": "[bell.draw(output='svg'), bell.draw()]",
    "loaded": "import sys; 'matplotlib.pyplot' in sys.modules",
    "inline": "%matplotlib inline",
    "figure with inline": "bell.draw()",
    "kept with inline": "kept",
    "svg with inline": "bell.draw(output='svg')",
    "pyplot beside it": "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2])\nbell.draw()",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The outputs of each cell, run one after another in a kernel that has just started, with nobody's settings."""
    home = str(tmp_path_factory.mktemp("home"))
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    with pytest.MonkeyPatch.context() as patch:
        for folder in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(folder, home)
        patch.delenv("MPLBACKEND", raising=False)
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    nbformat.validate(notebook)
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def data(outputs: list[Any]) -> Any:
    """What the one output of a cell is, by kind."""
    (output,) = outputs
    return output["data"]


def pixels(picture: str) -> Any:
    return imread(io.BytesIO(base64.b64decode(picture)))


@pytest.mark.parametrize("cell", ["figure", "dark figure", "displayed", "figure with inline", "kept with inline"])
def test_a_figure_is_one_picture(shown: dict[str, list[Any]], cell: str) -> None:
    found = data(shown[cell])
    assert set(found) == {"image/png", "text/plain"}
    image = pixels(found["image/png"])
    background = (0x14, 0x18, 0x1E) if cell == "dark figure" else (0xFF, 0xFF, 0xFF)
    assert image[0, 0, :3] == pytest.approx(np.array(background) / 255, abs=0.01)
    colours = np.unique(image[..., :3].reshape(-1, 3).round(2), axis=0)
    assert len(colours) > 20
    inked = np.abs(image[..., :3] - image[0, 0, :3]).max(axis=2) > 0.2
    assert 0.02 < inked.mean() < 0.6


def test_the_picture_is_the_figure_twice_as_fine(shown: dict[str, list[Any]]) -> None:
    (output,) = shown["figure"]
    size = output["metadata"]["image/png"]
    height, width, _ = pixels(output["data"]["image/png"]).shape
    assert (width, height) == pytest.approx((2 * size["width"], 2 * size["height"]), abs=2)


def test_a_plot_of_an_estimate_is_one_picture(shown: dict[str, list[Any]]) -> None:
    found = data(shown["plot"])
    assert set(found) == {"image/png", "text/plain"}
    assert pixels(found["image/png"])[..., :3].std() > 0.05


def test_a_tree_of_calls_is_read_as_lines(shown: dict[str, list[Any]]) -> None:
    assert data(shown["calls"])["text/plain"] == "bell: 2 gates\n└─ <b>bell</b>: 2 gates"


def test_pyplot_is_not_needed_and_its_figures_are_shown_beside(shown: dict[str, list[Any]]) -> None:
    assert data(shown["loaded"])["text/plain"] == "False"
    assert shown["assigned"] == []
    assert [set(output["data"]) for output in shown["pyplot beside it"]] == [{"image/png", "text/plain"}] * 2


@pytest.mark.parametrize("cell", ["svg", "svg with inline"])
def test_an_svg_shows_itself(shown: dict[str, list[Any]], cell: str) -> None:
    found = data(shown[cell])
    assert set(found) == {"image/svg+xml", "text/plain"}
    assert ElementTree.fromstring(found["image/svg+xml"]).tag == "{http://www.w3.org/2000/svg}svg"
    assert len(found["text/plain"]) < 120
    assert "<svg" not in found["text/plain"]


def test_html_shows_itself_each_in_a_frame_of_its_own(shown: dict[str, list[Any]]) -> None:
    for cell in ("html", "html again"):
        found = data(shown[cell])
        assert set(found) == {"text/html", "text/plain"}
        assert len(found["text/plain"]) < 120
        (page,) = re.fullmatch(r'<iframe srcdoc="([^"]*)"[^<>]*></iframe>', found["text/html"]).groups()
        assert unescape(page).startswith("<!DOCTYPE html>")
        assert "<" not in page
    height = int(re.search(r"height:(\d+)px", data(shown["html"])["text/html"])[1])
    assert 100 < height < 500


def test_text_and_ir_are_read_as_lines(shown: dict[str, list[Any]]) -> None:
    drawn = data(shown["text"])["text/plain"]
    assert "\n" in drawn
    assert "┤ M │" in drawn
    listed = data(shown["ir"])["text/plain"]
    assert listed.startswith("qkernel 1\n\nkernel bell() -> (Bit, Bit):\n")
    assert "Span(" not in listed


def test_a_kernel_is_a_card_and_one_with_a_mistake_shows_it(shown: dict[str, list[Any]]) -> None:
    card = data(shown["kernel"])["text/html"]
    assert "<svg" in card
    assert "<b>bell</b>" not in card
    assert "&lt;b&gt;bell&lt;/b&gt;" in card
    assert "already" in data(shown["kernel with a mistake"])["text/html"]


def test_a_list_of_drawings_is_short(shown: dict[str, list[Any]]) -> None:
    listed = data(shown["in a list"])
    assert set(listed) == {"text/plain"}
    assert len(listed["text/plain"]) < 250


@pytest.mark.parametrize("output", ["text", "svg", "html"])
def test_drawings_are_strings(output: str) -> None:
    drawn = kernels.ansatz.draw(**SMALL, output=output)
    text = str(drawn)
    assert type(text) is str
    assert drawn == text
    assert hash(drawn) == hash(text)
    assert (drawn + "").encode() == text.encode()
    for copied in (deepcopy(drawn), pickle.loads(pickle.dumps(drawn))):
        assert copied == drawn
        assert type(copied) is type(drawn)
        assert vars(copied) == vars(drawn) if output == "html" else not hasattr(copied, "__dict__")
    assert repr(drawn) == text.rstrip("\n") if output == "text" else len(repr(drawn)) < 120


def test_a_figure_is_a_figure() -> None:
    figure = kernels.ghz.draw(n=3)
    assert isinstance(figure, Figure)
    copied = pickle.loads(pickle.dumps(figure))
    assert type(copied) is type(figure)
    assert copied._repr_png_()[1] == figure._repr_png_()[1]
    assert len(copied.axes[0].texts) == len(figure.axes[0].texts)


def test_a_huge_figure_is_shown_no_finer_than_it_is() -> None:
    figure = kernels.ansatz.draw(**{**SMALL, "n_qubits": 40}, fold_loops=False, inline=True, max_gates=5000, width=40)
    picture, size = figure._repr_png_()
    height, width, _ = imread(io.BytesIO(picture)).shape
    assert max(width, height) == pytest.approx(max(size.values()), abs=2)


def test_svgs_on_one_page_do_not_colour_each_other() -> None:
    """Only a drawing in the default style has rules for readers in dark mode, and they reach only drawings of that style."""
    automatic, fixed = (kernels.ghz.draw(output="svg", style=style) for style in ("default", "colorblind"))
    scope = ElementTree.fromstring(automatic).attrib["class"]
    rules = re.search(r"<style>@media[^{]*\{(.*)\}</style>", automatic)[1]
    assert {selector.split(" ")[0] for selector in re.findall(r"(?:^|\})([^{}]+)\{", rules)} == {f".{scope}"}
    assert "class" not in ElementTree.fromstring(fixed).attrib
    assert "<style>" not in fixed


def test_html_replaces_its_marks_once() -> None:
    @qk.composite_gate(name="/*DRAWING*/ <!--COLORS-->")
    @qk.qkernel
    def box(q: qk.Qubit) -> qk.Qubit:
        return qk.h(q)

    @qk.qkernel
    def kernel() -> qk.Bit:
        return qk.measure(box(qk.qubit()))

    assert kernel.draw(output="html").count("<main>") == 1
    assert "/*DRAWING*/ &lt;!--COLORS--&gt;" in kernel.draw(output="html")
