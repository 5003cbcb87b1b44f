"""Matplotlib, SVG and HTML drawings: what they hold, that it fits, and that nothing outside them is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from drawings import kernels
from drawings.kernels import SMALL
from matplotlib.figure import Figure
from test_draw_text import CASES

import qkernel as qk
from qkernel.draw import STYLES, CircuitStyle, draw
from qkernel.errors import QubitIndexResolutionError, ValidationError

SVG = "{http://www.w3.org/2000/svg}"


def picture(name: str, output: str = "mpl", **more: Any) -> Any:
    kernel, values, options = CASES[name]
    shown = {key: value for key, value in options.items() if key not in ("width", "ascii")}
    return draw(kernel.ir, values, output=output, **{**shown, **more})


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("name", CASES)
def test_letters_stay_inside_the_figure_and_boxes_do_not_overlap(name: str) -> None:
    figure = picture(name)
    assert isinstance(figure, Figure)
    renderer = figure.canvas.get_renderer()
    width, height = figure.bbox.width, figure.bbox.height
    for text in figure.axes[0].texts:
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= 0, text
        assert extent.x1 <= width, text
        assert extent.y0 >= 0, text
        assert extent.y1 <= height, text
    names = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_weight() == "bold"]
    for k, one in enumerate(names):
        for other in names[:k]:
            assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1)


def test_letters_fit_their_boxes() -> None:
    figure = picture("ansatz_gates")
    renderer = figure.canvas.get_renderer()
    paths = [path for drawn in figure.axes[0].collections for path in drawn.get_paths()]
    boxes = [figure.axes[0].transData.transform_path(path).get_extents() for path in paths if len(path.vertices) == 13]
    labels = [text for text in figure.axes[0].texts if re.fullmatch(r"R[YZ]|(weights|inputs)\[\d+\]", text.get_text())]
    assert len(labels) == 2 * 28
    for text in labels:
        extent = text.get_window_extent(renderer)
        assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1 for box in boxes)


def test_the_ansatz_shows_its_layers_as_boxes() -> None:
    shown = texts(picture("ansatz_unfolded"))
    assert [text for text in shown if text.endswith("_layer")] == [
        "rz_layer", "ry_layer", "rz_layer", "cz_entangling_layer", "rz_layer", "ry_layer", "rz_layer", "cz_entangling_layer",
    ]  # fmt: skip
    assert [text for text in shown if text.startswith("inputs[")] == [f"inputs[{k}]" for k in range(4)]
    assert "⟨Z0⟩" in shown
    assert not any(text.startswith("for ") for text in shown)


def test_folded_loops_are_frames_and_inline_shows_the_gates() -> None:
    folded = texts(picture("ansatz_folded"))
    assert "for i in range(4)" in folded
    assert "for layer_idx in range(2)" in folded
    assert "× 2" in folded
    gates = texts(picture("ansatz_gates"))
    assert gates.count("RZ") == 16
    assert gates.count("RY") == 12
    assert gates.count("cz_entangling_layer") == 2


def test_wide_circuits_wrap_and_repeat_their_labels() -> None:
    narrow, wide = picture("ansatz_gates", width=8), picture("ansatz_gates", width=60)
    assert texts(wide).count("q[3]") == 1
    assert texts(narrow).count("q[3]") > 2
    assert narrow.get_size_inches()[0] <= 8
    assert narrow.get_size_inches()[1] > wide.get_size_inches()[1]


def test_forty_qubits() -> None:
    figure = draw(kernels.ghz.ir, {"n": 40}, fold_loops=False)
    assert [text for text in texts(figure) if text == "q[39]"]
    width, height = figure.get_size_inches()
    assert 14 < width < height < 25
    assert texts(figure).count("q[39]") == 1  # a picture that is tall anyway may be wider before it wraps
    narrow = draw(kernels.ghz.ir, {"n": 40}, fold_loops=False, width=10)
    assert narrow.get_size_inches()[0] <= 10
    assert texts(narrow).count("q[39]") == 2
    bundled = texts(draw(kernels.ghz.ir, {"n": 1000}))
    assert "/ 1000" in bundled


def test_a_thousand_gates_are_few_artists_and_no_figure_is_too_large_to_save() -> None:
    figure = draw(kernels.ansatz.ir, {**SMALL, "n_qubits": 40, "n_layers": 3}, fold_loops=False, inline=True)
    axes = figure.axes[0]
    assert len(axes.get_children()) < 100
    letters = [len(drawn.get_paths()) for drawn in axes.collections if len(drawn.get_offsets()) > 1]
    assert sum(letters) > 1000  # as outlines
    tall = draw(kernels.ghz.ir, {"n": 128}, fold_loops=False, width=1, max_gates=5000)
    height = tall.get_size_inches()[1]
    assert height > 650
    assert height * tall.dpi < 2**16


def test_drawing_leaves_pyplot_alone() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from drawings import kernels\n"
        "kernels.ghz.draw(output='text', width=90)\n"
        "assert 'matplotlib' not in sys.modules\n"
        "kernels.ghz.draw()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, *sys.path], check=True)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("style", STYLES)
def test_svg_is_one_self_contained_document(name: str, style: str) -> None:
    text = picture(name, "svg", style=style)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"(href|src|url\()", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for shape in root.iter(f"{SVG}rect"):
        if "x" in shape.attrib:
            assert float(shape.attrib["x"]) >= 0
            assert float(shape.attrib["x"]) + float(shape.attrib["width"]) <= width
            assert float(shape.attrib["y"]) + float(shape.attrib["height"]) <= height
    assert STYLES[style].background in text
    assert ("prefers-color-scheme: dark" in text) == (style == "default")


def test_svg_and_matplotlib_show_the_same_words() -> None:
    for name in ("ansatz_gates", "every_gate", "teleport", "qaoa_open"):
        root = ElementTree.fromstring(picture(name, "svg", width=1400))
        assert sorted(node.text or "" for node in root.iter(f"{SVG}text")) == sorted(texts(picture(name, width=1400 / 96)))


def test_svg_tooltips_show_the_source_line() -> None:
    titles = [node.text for node in ElementTree.fromstring(picture("ansatz_gates", "svg")).iter(f"{SVG}title")]
    assert any("ry(q[0], inputs[0])" in title and "q[i] = qk.ry(q[i], inputs[i])" in title for title in titles)
    assert any(re.search(r"kernels\.py:\d+", title) for title in titles)


class Outline(HTMLParser):
    """Every tag is closed in order; classes, attributes and script are kept."""

    VOID = frozenset({"meta", "br", "line", "rect", "circle", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.classes: list[str] = []
        self.tips: list[str] = []
        self.labels: list[str] = []
        self.feed(text)
        assert not self.stack

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        assert not {"src", "href"} & set(given)
        self.classes.append(given.get("class") or "")
        self.tips += [given["data-tip"]] if given.get("data-tip") else []
        self.labels += [given["data-label"]] if given.get("data-label") else []
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.mark.parametrize("name", [name for name in CASES if "lowered" not in name])
def test_html_is_one_well_formed_page_without_network(name: str) -> None:
    text = picture(name, "html")
    outline = Outline(text)
    assert [kind for kind in outline.classes if kind.startswith("strip ")]
    assert not re.search(r"https?://|@import|url\(", text)


@qk.qkernel
def now_and_then(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2, name="q")
    for k in qk.range(n):
        if k > 3:
            q[0] = qk.x(q[0])
    return qk.measure(q)


@qk.qkernel
def last_but(q: qk.Vector[qk.Qubit], k: qk.UInt) -> qk.Vector[qk.Qubit]:
    q[q.shape[0] - k] = qk.x(q[q.shape[0] - k])
    return q


def test_html_keeps_a_box_closed_that_cannot_be_opened() -> None:
    @qk.qkernel
    def kernel(k: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(last_but(qk.qubit_array(2), k))

    assert "fold call" in Outline(kernel.draw(output="html", k=2)).classes
    closed = kernel.draw(output="html", k=3)
    assert "last_but" in closed
    assert "fold call" not in Outline(closed).classes
    with pytest.raises(QubitIndexResolutionError):
        kernel.draw(output="html", k=3, inline=True)


def test_html_of_a_loop_whose_rounds_hold_nothing() -> None:
    outline = Outline(now_and_then.draw(output="html", n=3))
    assert outline.labels == ["for k in range(3)"]


def test_html_unfolds_every_known_loop_and_call() -> None:
    outline = Outline(draw(kernels.ansatz.ir, SMALL, output="html"))
    folds = [kind for kind in outline.classes if kind.startswith("fold ")]
    # the encoding loop; the layer loop; 4 calls folded and 8 unfolded, each with a loop of its own
    assert folds.count("fold loop") == 2 + 12
    assert folds.count("fold call") == 12
    assert outline.labels.count("for i in range(3)") == 3
    opened = [tip for tip in outline.tips if tip.startswith("cz_entangling_layer")]
    assert any("3 operations" in tip for tip in opened)
    assert any("34 operations" in tip or "30 operations" in tip for tip in outline.tips)


def test_html_with_open_sizes_keeps_its_loops() -> None:
    outline = Outline(draw(kernels.ansatz.ir, {}, output="html"))
    assert not [kind for kind in outline.classes if kind == "fold loop"]
    assert outline.classes.count("frame loop") == 2 + 4


def test_styles_color_the_figure() -> None:
    dark = picture("ansatz_folded", style="dark")
    assert np.allclose(dark.get_facecolor()[:3], [int(STYLES["dark"].background[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    large = draw(kernels.ghz.ir, {"n": 3}, style=replace(STYLES["default"], font_size=22.0), width=40)
    small = draw(kernels.ghz.ir, {"n": 3}, width=40)
    assert large.get_size_inches()[0] > 1.8 * small.get_size_inches()[0]
    assert isinstance(draw(kernels.ghz.ir, {}, style=CircuitStyle()), Figure)
    with pytest.raises(ValidationError, match="did you mean `dark`"):
        draw(kernels.ghz.ir, {}, style="darc")


def luminance(color: str) -> float:
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_letters_are_readable_on_their_boxes(style: CircuitStyle) -> None:
    """Contrast of at least 4.5 to 1, as WCAG 2.1 asks for text, and 3 to 1 for edges that carry meaning."""

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    assert contrast(style.text, style.background) > 7
    assert contrast(style.muted, style.background) > 4.5
    assert contrast(style.wire, style.background) > 3
    for family, paint in style.paints.items():
        assert contrast(paint.ink, paint.fill) > 4.5, family


def test_a_heading_is_whole_where_something_wide_stands_beside_the_edge_of_its_frame() -> None:
    @qk.qkernel
    def turn(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
        return qk.rx(q, t)

    @qk.qkernel
    def kernel() -> qk.Vector[qk.Bit]:
        q, target = qk.qubit_array(3), qk.qubit()
        q[2], target = qk.control(qk.inverse(turn), power=3)(q[2], target, 0.5)
        q[0], q[1] = qk.swap(q[0], q[1])
        q[0], q[1] = qk.swap(q[0], q[1])
        q[0], q[1] = qk.rzz(q[0], q[1], 0.123456789)
        return qk.measure(q)

    assert "turn†(t=0.5)" in texts(kernel.draw(inline=True))
    assert "turn†(t=0.5) " in kernel.draw(inline=True, output="text", width=120)


def test_a_chain_of_calls_is_opened_within_bounds() -> None:
    """Each kernel calls the next one twice: what is hidden in a page grows twofold with each, and ends at a bound."""

    def twice(inner: Any) -> Any:
        @qk.qkernel
        def outer(q: qk.Qubit) -> qk.Qubit:
            return inner(inner(q))

        return outer

    @qk.qkernel
    def flip(q: qk.Qubit) -> qk.Qubit:
        return qk.x(q)

    lengths = []
    for depth in (20, 40):
        kernel = flip
        for _ in range(depth):
            kernel = twice(kernel)
        lengths.append(len(kernel.draw(output="html")))
    assert lengths[1] < 2 * lengths[0]


def test_h4_layers_are_boxes_that_open_and_loops_fold() -> None:
    drawn = {
        (folded, inline): texts(kernels.ansatz.draw(**SMALL, fold_loops=folded, inline=inline))
        for folded in (False, True)
        for inline in (False, True)
    }
    for folded in (False, True):
        layers = 1 if folded else 2
        boxes = {name: drawn[folded, False].count(name) for name in ("rz_layer", "ry_layer", "cz_entangling_layer")}
        assert boxes == {"rz_layer": 2 * layers, "ry_layer": layers, "cz_entangling_layer": layers}
        assert [drawn[folded, inline].count("RZ") for inline in (False, True)] == [0, 2 if folded else 16]
        assert [drawn[folded, inline].count("for layer_idx in range(2)") for inline in (False, True)] == [int(folded)] * 2
