"""Names of any characters: nothing in them breaks a frame, a document or a figure, and columns are those of terminals."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from wcwidth import wcswidth

import qkernel as qk
from qkernel.characters import cells, columns, shorten, shorten_name, spelled_out, steady, visible
from qkernel.draw.fonts import _search, families, legible

SHOWN = {
    # name: how a terminal is shown it
    "plain": "plain",
    "量子フーリエ": "量子フーリエ",
    "ﾊﾝ ｆｕｌ": "ﾊﾝ ｆｕｌ",
    "한국어": "한국어",
    "\u1112\u1161\u11ab": "한",
    "か\u3099": "が",
    "\u1161": r"\u1161",
    "x\u0302": "x\u0302",
    "\u0302x": r"\u0302x",
    "ก็": "ก็",
    "कि": "कि",
    "🚀 go": "🚀 go",
    "👩\u200d🔬": r"👩\u200d🔬",
    "👍🏽": r"👍\U0001f3fd",
    "❤\ufe0f": "❤",
    "🇯🇵": r"\U0001f1ef\U0001f1f5",
    "two\nlines": r"two\nlines",
    "tab\tstop": r"tab\tstop",
    "\x1b[31mred": r"\x1b[31mred",
    "nul\0": r"nul\x00",
    "car\rriage": r"car\rriage",
    "next\x85line": r"next\x85line",
    "line\u2028break": r"line\u2028break",
    "\u202eturned": r"\u202eturned",
    "\u200fmark": r"\u200fmark",
    "zero\u200bwidth": r"zero\u200bwidth",
    "soft\xadhyphen": r"soft\xadhyphen",
    "half \ud83d": r"half \ud83d",
    "own \ue000": r"own \ue000",
    "wide\u3000space": "wide space",
    "no\xa0break": "no break",
    "שלום": "שלום",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "<!--DRAWING--> /*COLORS*/": "<!--DRAWING--> /*COLORS*/",
    "&amp; ]]> --> '\"": "&amp; ]]> --> '\"",
    "$x": "$x",
    r"$\frac{$ $x_1^2$": r"$\frac{$ $x_1^2$",
    "%s {0} \\n": "%s {0} \\n",
}


def kernel_of(name: str) -> Any:
    """A kernel whose composite gate and registers bear the name."""

    @qk.composite_gate(name=name)
    @qk.qkernel
    def box(q: qk.Vector[qk.Qubit], t: qk.Float) -> qk.Vector[qk.Qubit]:
        return qk.rx(q, t)

    @qk.qkernel
    def kernel(t: qk.Float) -> qk.Vector[qk.Bit]:
        q, single = qk.qubit_array(2, name=name), qk.qubit(name + "!")
        q = qk.inverse(box)(box(q, t), t)
        for i in qk.range(2):
            q[i] = qk.rx(q[i], t)
        q[0], single = qk.cx(q[0], single)
        if qk.measure(single):
            q = box(q, t)
        return qk.measure(q)

    return kernel


OPTIONS: dict[str, dict[str, Any]] = {
    "folded": {},
    "unfolded": {"fold_loops": False},
    "opened": {"inline": True, "expand_composite": True},
    "narrow": {"width": 95},
}


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
@pytest.mark.parametrize("options", OPTIONS)
def test_frames_stand_as_around_letters_of_one_column(name: str, options: str) -> None:
    shown = SHOWN[name]
    width = wcswidth(shown)
    settings = {"width": 160, **OPTIONS[options]}
    drawn = kernel_of(name).draw(output="text", **settings)
    assert shown in drawn
    assert drawn.replace(shown, "n" * width) == kernel_of("n" * width).draw(output="text", **settings)
    assert all(letter.isprintable() for line in drawn.split("\n") for letter in line)
    assert max(map(wcswidth, drawn.split("\n"))) <= settings["width"]


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_ascii_is_ascii_whatever_the_name(name: str) -> None:
    drawn = kernel_of(name).draw(output="text", ascii=True, width=200)
    spelled = spelled_out(name)
    assert drawn.isascii()
    assert drawn.replace("\n", "").isprintable()
    assert spelled in drawn
    assert drawn.replace(spelled, "n" * len(spelled)) == kernel_of("n" * len(spelled)).draw(
        output="text", ascii=True, width=200
    )


def test_different_names_differ_in_ascii() -> None:
    assert len({spelled_out(name) for name in SHOWN}) == len(SHOWN)
    assert spelled_out("θ_1 Ω ψ† 2π") == "theta_1 Omega psi_dg 2pi"
    assert spelled_out("é量") == r"\xe9\u91cf"


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_svg_is_well_formed_and_shows_the_name(name: str) -> None:
    drawn = kernel_of(name).draw(output="svg")
    root = ElementTree.fromstring(drawn.encode())
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert f"{visible(name)}[0]" in texts
    assert visible(name) in texts
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


class Reader(HTMLParser):
    """Counts the elements of a page and keeps its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.texts = 0, list[str]()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_html_shows_the_name_and_runs_nothing_of_it(name: str) -> None:
    drawn = kernel_of(name).draw(output="html")
    drawn.encode()
    reader, plain = Reader(), Reader()
    reader.feed(drawn)
    plain.feed(kernel_of("plain").draw(output="html"))
    assert reader.scripts == plain.scripts
    assert visible(name) in reader.texts


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_matplotlib_sets_the_name_as_it_is(name: str) -> None:
    kernel = kernel_of(name)
    for options in ({}, {"inline": True, "expand_composite": True}):
        figure = kernel.draw(**options)
        assert legible(name) + "[0]" in [text.get_text() for text in figure.axes[0].texts]
        for form in ("png", "svg", "pdf"):
            figure.savefig(io.BytesIO(), format=form)  # a letter that no font has would be a warning, here an error


def test_matplotlib_sets_names_as_outlines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkernel.draw.mpl._SET_UP_TO", 0)
    for name in SHOWN:
        kernel_of(name).draw().savefig(io.BytesIO(), format="png")


def test_matplotlib_reads_no_name_as_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    kernel_of(r"$\frac{$ $x_1^2$").draw().savefig(io.BytesIO(), format="png")


def test_letters_come_from_a_font_that_has_them() -> None:
    assert families("θ plain") == ["sans-serif"]
    own = [get_font(findfont(FontProperties(family="sans-serif", weight=weight))) for weight in ("normal", "bold")]
    (other,) = (entry for entry in fontManager.ttflist if entry.fname.endswith("STIXGeneral.ttf"))
    lacking = (code for code in get_font(other.fname).get_charmap() if not all(font.get_char_index(code) for font in own))
    letter = next(chr(code) for code in lacking if steady(chr(code)) == chr(code) and columns(chr(code)) == 1)
    assert legible(letter) == letter
    (_, found) = families(letter)
    assert get_font(findfont(FontProperties(family=found))).get_char_index(ord(letter))


def test_letters_that_no_font_has_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fontManager, "ttflist", [entry for entry in fontManager.ttflist if "DejaVu" in entry.name])
    _search.cache_clear()
    assert legible("θ 量🚀") == r"θ \u91cf\U0001f680"
    assert families(legible("θ 量")) == ["sans-serif"]
    _search.cache_clear()


@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_columns_are_those_of_terminals(name: str) -> None:
    shown = steady(name)
    assert shown == SHOWN[name]
    assert columns(shown) == wcswidth(shown)
    assert steady(shown) == shown
    assert "".join(piece for piece, _ in cells(shown)) == shown
    for width in range(2, columns(shown) + 2):
        cut = shorten(shown, width)
        assert wcswidth(cut) <= width
        assert cut == shown or shown.startswith(cut.removesuffix("…"))


def test_long_names_of_wires_keep_their_index() -> None:
    assert shorten_name("a" * 50 + "[12]", 10) == "aaaaa…[12]"
    assert shorten_name("量" * 50 + "[0]", 10) == "量量量…[0]"
    assert shorten_name("a" * 50, 10) == "aaaaaaaaa…"
    assert shorten_name("q[0]", 10) == "q[0]"
    kernel = kernel_of("n" * 200)
    for output in ("text", "svg", "html"):
        drawn = kernel.draw(output=output, **({"width": 80} if output == "text" else {}))
        assert "…[0]" in drawn
        assert "…[1]" in drawn
