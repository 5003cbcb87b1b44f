"""Makes the site in out/site: `python -m docs.generate_site`, or `make docs`.

The pages are the Markdown of `docs/`, the tutorials with their outputs, and what is made of the package: a gallery and a
reference. Their order is that of docs/README.md. They are put together in out/pages, with links between files of the repository
turned into links between pages; MkDocs makes HTML of them, and stops at a link that leads nowhere. Each page lies beside its
HTML as Markdown too, and `llms.txt` lists them behind the language on a page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docs.generate_gallery import gallery
from docs.generate_reference import KERNEL, MODULES, reference
from docs.generate_tutorials import Tutorial, tutorials

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ROOT / "out" / "pages"
SITE = ROOT / "out" / "site"
INDEX, HOME = DOCS / "README.md", DOCS / "home.md"
LIBRARY = DOCS / "library.md"

FOLDERS = {ROOT / "tutorials": "tutorials.md", DOCS / "decisions": "contents.md"}

LINK = re.compile(r"(?P<code>^```.*?^```|`[^`\n]*`)|\]\((?P<target>[^)\s]+)\)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
ENTRY = re.compile(r"^\* \[(?P<title>.*?)\]\((?P<target>\S+?)\)(?:: (?P<text>.*))?$", re.MULTILINE)
HEAD = re.compile(r"\A---\n.*?\n---\n\n", re.DOTALL)
WEIGHTS = {
    "decisions": 0.1, "tour": 0.1, "contents": 0.1, "changelog": 0.1, "index": 0.3, "benchmarks": 0.3, "limits": 0.3,
    "errors": 1, "tutorials": 0.5, "reference": 0.7, "library": 0.7, "gallery": 0.7, "coming_from": 0.7,
}  # fmt: skip
"""How much pages weigh in a search, by the first part of their place; guides, which are all others, weigh most."""
GUIDE = 3
SPELLING = re.compile(r"\b(?:([a-z]+[iy])([sz])((?:e[drs]?|ers?|ing|ations?))|(col|neighb|behavi)(ou?r)(\w*))\b")
OTHERWISE = {"s": "z", "z": "s", "our": "or", "or": "our"}
TUTORIALS = """# Tutorials

Each is a script that runs from beginning to end; here are its outputs too. The picture beside a name
is the one in which it ends.
"""

SUMMARY = "# qkernel\n\n> Quantum kernels as typed functions of Python: counted, drawn, run, and trained inside PyTorch.\n\n#"


@dataclass
class Pages:
    """Markdown by the path of its page; and which page a file of the repository became."""

    texts: dict[str, str] = field(default_factory=dict)
    places: dict[Path, str] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)
    """The page on which a name of the library, in lower case as in anchors, has its card."""

    def add(self, place: str, text: str, source: Path | None = None) -> None:
        """Have a page, made of `source` where it is of one file."""
        self.texts[place] = text
        if source:
            self.places[source] = place

    def relinked(self, text: str, source: Path, place: str) -> str:
        """`text` with links to files, seen from `source`, as links to pages, seen from `place`."""

        def link(found: re.Match[str]) -> str:
            if found["code"] or "://" in found["target"] or (found["target"][0] == "#" and source != LIBRARY):
                return found[0]
            path, _, anchor = found["target"].partition("#")
            file = Path(os.path.normpath(source.parent / path)) if path else source
            page = self.cards.get(anchor) if file == LIBRARY else None
            page = page or self.places.get(file) or FOLDERS.get(file)
            if page is None:  # a picture, which lies beside its page there too
                return found[0]
            return f"]({os.path.relpath(page, Path(place).parent)}{'#' * bool(anchor)}{anchor})"

        return LINK.sub(link, text)


def main() -> None:
    """Put the pages together and make the site."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    shutil.rmtree(PAGES, ignore_errors=True)
    order = stage(PAGES, tutorials())
    build(load_config(str(DOCS / "mkdocs.yml"), docs_dir=str(PAGES), site_dir=str(SITE), nav=order))
    for page in PAGES.rglob("*.md"):
        (SITE / page.relative_to(PAGES)).write_text(HEAD.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
    find_either_spelling(SITE / "search")
    (SITE / "llms.txt").write_text(card_and_list(), encoding="utf-8")
    print(f"the site is {SITE / 'index.html'}")


def stage(folder: Path, scripts: list[Tutorial]) -> list[Any]:
    """Write the pages and their pictures to `folder`; gives the order in which MkDocs is to show them."""
    pages = Pages()
    for source in sorted(DOCS.rglob("*.md")):
        pages.add(_place(source), source.read_text(encoding="utf-8"), source)
    for script in scripts:
        pictures = folder / "tutorials" / script.name
        pages.add(f"tutorials/{script.name}.md", script.page(pictures), ROOT / "tutorials" / f"{script.name}.py")
        if script.figure:
            script.thumbnail(folder / "tutorials" / f"{script.name}.png")
    pages.texts["errors.md"] = pages.texts["errors.md"].replace("\n\n```\n", "\n\n```python\n")
    sections = _split_library(pages)
    for source, place in pages.places.items():
        text = ROW.sub(lambda row: CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), pages.texts[place])
        pages.texts[place] = pages.relinked(text, source, place)
    names = reference()
    for name, text in names.items():
        pages.add(f"reference/{name}.md", text)
    pages.add("gallery.md", gallery(folder / "gallery", pages.cards))
    pages.add("tutorials.md", _tutorials_page(pages, bool(scripts[0].figure)))
    for place, text in pages.texts.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(_head(place) + text, encoding="utf-8")
    shutil.copytree(DOCS / "drawing", folder / "drawing")
    return _order(pages, sections, list(names))


def _place(source: Path) -> str:
    """The page that a file of `docs/` becomes."""
    return {HOME: "index.md", INDEX: "contents.md"}.get(source, str(source.relative_to(DOCS)))


def _head(place: str) -> str:
    """What MkDocs is told of a page: which lists it goes without, and how much it weighs in a search."""
    hidden = {"coming_from": "navigation, toc", "index": "navigation, toc", "gallery": "toc"}
    first = Path(place).parts[0].removesuffix(".md")
    return f"---\nhide: [{hidden.get(first, '')}]\nsearch: {{boost: {WEIGHTS.get(first, GUIDE)}}}\n---\n\n"


def find_either_spelling(folder: Path) -> None:
    """Have the search find `optimize` and `color` where a page says `optimise` and `colour`, and the other way round."""
    index = json.loads((folder / "search_index.json").read_text(encoding="utf-8"))
    for entry in index["docs"]:
        words = SPELLING.findall(f"{entry['title']} {entry['text']}".lower())
        others = {begin + OTHERWISE[middle] + end for word in words for begin, middle, end in (word[:3], word[3:]) if middle}
        entry["text"] += f"<p hidden>{' '.join(sorted(others))}</p>" if others else ""
    text = json.dumps(index)
    (folder / "search_index.json").write_text(text, encoding="utf-8")
    (folder / "search_index.js").write_text(f"var __index = {text}", encoding="utf-8")


def _split_library(pages: Pages) -> list[Any]:
    """A page for each section of docs/library.md; gives their order, the page that lists them first."""
    head, *sections = re.split(r"^## ", pages.texts["library.md"], flags=re.MULTILINE)
    order: list[Any] = ["library.md"]
    for section in sections:
        title, body = section.split("\n", 1)
        short = re.split(r"[:,;]", title)[0]
        place = f"library/{'-'.join(short.lower().split())}.md"
        pages.cards |= dict.fromkeys(re.findall(r"^### `(\w+)`$", body.lower(), re.MULTILINE), place)
        pages.cards["-".join(title.lower().split())] = place
        body = re.sub(r"^###(#*) `", r"##\1 `", body, flags=re.MULTILINE)
        pages.texts[place] = pages.relinked(f"# {title}\n{body}", LIBRARY.parent / "library" / "section.md", place)
        order.append({short: place})
    pages.texts["library.md"] = head
    return order


def _order(pages: Pages, sections: list[Any], names: list[str]) -> list[Any]:
    """The order of docs/README.md, with what has no file of its own put among the references."""
    order: list[Any] = [{"Home": "index.md"}]
    for title, body in _sections(INDEX.read_text(encoding="utf-8"), "## "):
        own, *parts = re.split(r"^### ", body, flags=re.MULTILINE)
        entries = [_entry(pages, found) for found in ENTRY.finditer(own)]
        for part in parts:
            entries.append({part.split("\n", 1)[0]: [_entry(pages, found) for found in ENTRY.finditer(part)]})
        order.append({title: entries})
    groups = {title: entries for group in order for title, entries in group.items()}
    groups["Tutorials"].insert(0, "tutorials.md")
    groups["Reference"][0] = {"The library": sections}
    modules = [{name: f"reference/{name}.md"} for name in names]
    groups["Reference"] += [{"Gallery": "gallery.md"}, {"Names": modules}]
    groups["Project"].append({"All pages": "contents.md"})
    return order


def _sections(text: str, mark: str) -> list[tuple[str, str]]:
    """The parts of a text under its headings of one level."""
    parts = re.split(f"^{mark}", text, flags=re.MULTILINE)[1:]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


def _entry(pages: Pages, found: re.Match[str]) -> dict[str, str]:
    return {found["title"].replace("`", ""): pages.places[Path(os.path.normpath(DOCS / found["target"]))]}


def _tutorials_page(pages: Pages, have_pictures: bool) -> str:
    """The tutorials of docs/README.md, with pictures."""
    [text] = [body for title, body in _sections(INDEX.read_text(encoding="utf-8"), "## ") if title == "Tutorials"]

    def card(found: re.Match[str]) -> str:
        name = Path(found["target"]).stem
        picture = f"    [![{name}](tutorials/{name}.png)](tutorials/{name}.md)\n\n" if have_pictures else ""
        return f"* **[{found['title']}](tutorials/{name}.md)**\n\n{picture}    {found['text'][0].upper()}{found['text'][1:]}\n"

    parts = [TUTORIALS]
    for title, body in _sections(text, "### "):
        parts.append(f'\n## {title}\n\n<div class="grid cards" markdown>\n\n{ENTRY.sub(card, body.strip())}\n\n</div>\n')
    return "".join(parts)


def card_and_list() -> str:
    """The text of llms.txt: the language on a page, then every page as Markdown with a line about it."""
    pages = Pages()
    for source in sorted(DOCS.rglob("*.md")):
        pages.add(_place(source), "", source)
    for script in (ROOT / "tutorials").glob("*.py"):
        pages.add(f"tutorials/{script.stem}.md", "", script)
    card = (DOCS / "card.md").read_text(encoding="utf-8")
    lists = INDEX.read_text(encoding="utf-8").split("\n## ", 1)[1]
    names = "".join(f"* [{name}](reference/{name}.md)\n" for name in (KERNEL, *MODULES))
    parts = (SUMMARY, pages.relinked(card, DOCS / "card.md", "llms.txt"), "\n## ", pages.relinked(lists, INDEX, "llms.txt"))
    return "".join([*parts, "\n## Names, with their signatures\n\n", names])


if __name__ == "__main__":
    main()
