"""The HTML drawing in headless Chromium: clicks and keys unfold and fold, tips show, zoom zooms (`make browser`)."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import qkernel as qk
from qkernel.draw import STYLES, draw


@qk.qkernel
def layer(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    for i in qk.range(q.shape[0]):
        q[i] = qk.rx(q[i], angle)
    return q


@qk.qkernel
def two_layers(n: qk.UInt, angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    for k in qk.range(2):
        q = layer(q, angles[k])
    return qk.measure(q)


SCRIPT = """
<script>
(() => {
  const visible = selector => [...document.querySelectorAll(selector)].filter(node => node.getClientRects().length);
  const click = node => node.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const words = () => visible(".strip text").map(node => node.textContent);
  const edges = () => {
    const top = document.querySelector(".strip").getBoundingClientRect().top;
    const boxes = visible(".strip line, .strip rect, .strip .frame").map(node => node.getBoundingClientRect());
    return boxes.flatMap(box => [box.top - top, box.bottom - top]).sort((a, b) => a - b);
  };
  const widest = () => edges().map((y, k, all) => y - (k ? all[k - 1] : 0)).reduce((a, b) => Math.max(a, b));
  const seen = {};
  seen.start = words();
  seen.gaps = [widest()];
  click(visible("button.heading")[0]);
  seen.rounds = words();
  click(visible(".fold.call > .closed > svg > g.operation")[0]);
  seen.opened = visible("button.heading").map(node => node.textContent.trim().replace(/\\s+/g, " "));
  const box = visible(".fold.call > .closed > svg > g.operation")[0];
  box.focus();
  const tip = document.getElementById("tip");
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  seen.focus = document.activeElement.textContent.trim();
  document.activeElement.click();
  seen.back = document.activeElement === box;
  box.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  seen.key = visible(".fold.call > .closed > svg > g.operation").length;
  const gate = visible("g.operation.rotation")[0];
  gate.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  seen.tip = [getComputedStyle(tip).display, tip.textContent];
  const width = document.querySelector(".strip").getBoundingClientRect().width;
  click(document.querySelector("[data-act=in]"));
  seen.zoom = document.querySelector(".strip").getBoundingClientRect().width / width;
  click(document.querySelector("[data-act=out]"));
  click(document.querySelector("[data-act=unfold]"));
  seen.gaps.push(widest());
  seen.all = words().filter(word => word === "RX").length;
  const boxes = visible("g.operation").map(node => node.getBoundingClientRect());
  seen.overlaps = boxes.filter((a, i) => boxes.some((b, j) =>
    j < i && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)).length;
  const isSeen = node => node.getClientRects().length > 0;
  const frames = visible(".around").map(node => [...node.querySelectorAll(".frame")].filter(isSeen));
  seen.nested = frames.filter(inside => inside.length > 1).length;
  seen.outside = frames.filter(([own, ...inner]) => inner.some(one => {
    const [a, b] = [own.getBoundingClientRect(), one.getBoundingClientRect()];
    return b.top < a.top || b.bottom > a.bottom || b.left < a.left || b.right > a.right;
  })).length;
  const main = document.querySelector("main"), from = main.scrollLeft;
  const pointer = (kind, target, x) => target.dispatchEvent(
    new PointerEvent(kind, { bubbles: true, pointerType: "mouse", button: 0, clientX: x, clientY: 50 }));
  pointer("pointerdown", main, 300);
  pointer("pointermove", window, 180);
  seen.panned = main.scrollLeft - from;
  pointer("pointerup", window, 180);
  click(document.querySelector("[data-act=fold]"));
  seen.end = words();
  seen.gaps.push(widest());
  seen.row = +document.querySelector(".strip").dataset.row;
  seen.background = getComputedStyle(document.body).backgroundColor;
  const result = document.createElement("pre");
  result.id = "seen";
  result.textContent = JSON.stringify(seen);
  document.body.append(result);
})();
</script>
"""


@pytest.fixture(scope="module")
def seen(chromium: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a reader sees who clicks through the page."""
    page = tmp_path_factory.mktemp("browser") / "page.html"
    return look(chromium, page, draw(two_layers.ir, {"n": 3}, output="html"))


def look(chromium: list[str], page: Path, text: str, *flags: str) -> dict[str, Any]:
    """What the script sees on the page, in a window of 500 pixels."""
    return show(chromium, page, text.replace("</body>", SCRIPT + "</body>"), *flags)


def show(chromium: list[str], page: Path, text: str, *flags: str) -> dict[str, Any]:
    """What a page writes down about itself."""
    page.write_text(text, encoding="utf-8")
    command = [*chromium, "--window-size=500,500", *flags, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:]
    return dict(json.loads(unescape(found.group(1))))


def test_it_starts_folded(seen: dict[str, Any]) -> None:
    assert seen["start"].count("layer") == 1
    assert "angle=angles[k]" in seen["start"]
    assert "RX" not in seen["start"]


def test_a_click_on_a_heading_unfolds_the_loop(seen: dict[str, Any]) -> None:
    assert seen["rounds"].count("layer") == 2
    assert {"angle=angles[0]", "angle=angles[1]"} <= set(seen["rounds"])


def test_a_click_or_key_on_a_box_opens_the_call(seen: dict[str, Any]) -> None:
    assert seen["opened"] == ["▾ for k in range(2) × 2", "▾ layer(angle=angles[0])", "▸ for i in range(3) × 3"]
    assert seen["key"] == 0


def test_the_keyboard_keeps_its_place(seen: dict[str, Any]) -> None:
    assert seen["focus"] == "▾ layer(angle=angles[1])"
    assert seen["back"] is True


def test_the_tip_shows_call_and_source(seen: dict[str, Any]) -> None:
    display, text = seen["tip"]
    assert display == "block"
    assert text.startswith("rx(q[i], angles[0])")
    assert "q[i] = qk.rx(q[i], angle)" in text


def test_it_zooms_and_everything_unfolded_fits_beside_one_another(seen: dict[str, Any]) -> None:
    assert seen["zoom"] == pytest.approx(1.25, rel=0.02)
    assert seen["all"] == 6
    assert seen["overlaps"] == 0


def test_what_is_folded_leaves_no_gap(seen: dict[str, Any]) -> None:
    assert max(seen["gaps"]) < 1.2 * seen["row"]  # of wires without names and boxes


def test_it_folds_again(seen: dict[str, Any]) -> None:
    assert seen["end"] == seen["start"]


def test_frames_hold_what_is_unfolded_in_them(seen: dict[str, Any]) -> None:
    assert seen["nested"] == 3
    assert seen["outside"] == 0


def test_it_pans(seen: dict[str, Any]) -> None:
    assert seen["panned"] == 120


def test_it_follows_the_readers_mode(chromium: list[str], seen: dict[str, Any], tmp_path: Path) -> None:
    text = draw(two_layers.ir, {"n": 3}, output="html")
    dark = look(chromium, tmp_path / "dark.html", text, "--blink-settings=preferredColorScheme=0")
    assert seen["background"] == rgb(STYLES["default"].background)
    assert dark["background"] == rgb(STYLES["dark"].background)


def rgb(color: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(color[1:]))


NOTEBOOK = """
<!DOCTYPE html><html><body style="color: rgb(1, 2, 3)"><h1>Out</h1>{outputs}
<script>
addEventListener("load", () => {{
  const pages = [...document.querySelectorAll("iframe")].map(frame => frame.contentDocument);
  const words = page => [...page.querySelectorAll(".strip text")].filter(node => node.getClientRects().length).length;
  const seen = {{ before: pages.map(words) }};
  pages[0].querySelector("[data-act=unfold]").click();
  seen.after = pages.map(words);
  seen.fits = pages.map(page => page.documentElement.scrollHeight <= page.defaultView.innerHeight);
  seen.title = [document.querySelector("h1"), pages[0].querySelector("h1")].map(node => getComputedStyle(node).fontSize);
  seen.color = getComputedStyle(document.body).color;
  seen.names = document.querySelectorAll("#tip, .strip, main").length;
  const result = document.createElement("pre");
  result.id = "seen";
  result.textContent = JSON.stringify(seen);
  document.body.append(result);
}});
</script></body></html>
"""


def test_several_on_one_page_of_a_notebook_do_not_meet(chromium: list[str], tmp_path: Path) -> None:
    outputs = [two_layers.draw(n=3, output="html", style=style)._repr_html_() for style in ("default", "dark", "default")]
    seen = show(chromium, tmp_path / "notebook.html", NOTEBOOK.format(outputs="".join(outputs)))
    assert len(set(seen["before"])) == 1
    assert seen["after"][0] > seen["before"][0]
    assert seen["after"][1:] == seen["before"][1:]
    assert seen["fits"] == [True] * 3
    assert seen["title"][0] != seen["title"][1]
    assert seen["color"] == "rgb(1, 2, 3)"
    assert seen["names"] == 0
