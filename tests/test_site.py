"""The site holds together before MkDocs sees it: every page has its place, and every link, picture and anchor is there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qkernel as qk
from docs.generate_reference import MODULES
from docs.generate_site import HEAD, card_and_list, find_either_spelling, stage
from docs.generate_tutorials import tutorials

CODE = re.compile(r"^( *)```.*?^\1```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def places(order: list[Any]) -> Iterator[str]:
    """The pages that an order names."""
    for entry in order:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [value] if isinstance(value, str) else places(value)


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """The pages, with tutorials that did not run, and their order."""
    folder = tmp_path_factory.mktemp("pages")
    return folder, stage(folder, tutorials(run=False))


def test_every_page_has_one_place(site: tuple[Path, list[Any]]) -> None:
    folder, order = site
    assert sorted(places(order)) == sorted(str(page.relative_to(folder)) for page in folder.rglob("*.md"))


def test_every_link_leads_somewhere(site: tuple[Path, list[Any]]) -> None:
    folder, _ = site
    (folder / "llms.txt").write_text(card_and_list(), encoding="utf-8")
    found = 0
    for page in (*folder.rglob("*.md"), folder / "llms.txt"):
        for link in LINK.findall(CODE.sub("`code`", page.read_text(encoding="utf-8"))):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = Path(os.path.normpath(page.parent / path)) if path else page
            assert target.exists(), f"{page.relative_to(folder)}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.relative_to(folder)}: {link}"
            found += 1
    assert found > 500


def test_the_reference_has_every_public_name(site: tuple[Path, list[Any]]) -> None:
    folder, _ = site
    assert MODULES[0] == "qkernel"
    named = anchors(folder / "reference" / "qkernel.md")
    assert {name.lower() for name in qk.__all__} - {"kernel", "mitigation", "noise", "optimize"} <= named
    verbs = anchors(folder / "reference" / "qkernel.Kernel.md")
    assert {f"kernel{verb}" for verb in ("run", "sample", "grad", "draw", "estimate_resources", "to_circuit")} <= verbs


def test_tutorials_are_pages_with_their_code(site: tuple[Path, list[Any]]) -> None:
    folder, _ = site
    page = (folder / "tutorials" / "first_kernel.md").read_text(encoding="utf-8")
    assert HEAD.sub("", page).startswith("# A first kernel\n")
    assert "\n```python\nresult = ghz.sample(n=4, shots=1000, seed=1)\n" in page


def test_the_search_finds_either_spelling(tmp_path: Path) -> None:
    page = {"location": "a.html", "title": "Optimising", "text": "<p>colours of neighbors; size 3</p>"}
    (tmp_path / "search_index.json").write_text(json.dumps({"docs": [page]}), encoding="utf-8")
    find_either_spelling(tmp_path)
    found = json.loads((tmp_path / "search_index.json").read_text(encoding="utf-8"))["docs"][0]["text"]
    hidden = re.search("<p hidden>(.*?)</p>", found)
    assert hidden
    assert {"optimizing", "colors", "neighbours"} <= set(hidden[1].split())
    assert (tmp_path / "search_index.js").read_text(encoding="utf-8").startswith("var __index = {")


def test_guides_come_before_decisions_in_a_search(site: tuple[Path, list[Any]]) -> None:
    folder, _ = site

    def weight(page: str) -> float:
        found = re.match(r"---\nhide: .*\nsearch: {boost: (\S+)}\n---\n", (folder / page).read_text(encoding="utf-8"))
        assert found, page
        return float(found[1])

    decisions = [f"decisions/{path.name}" for path in (folder / "decisions").iterdir()]
    assert max(map(weight, decisions)) < min(map(weight, ("layers.md", "hardware.md", "optimizing.md", "reference/qkernel.md")))
