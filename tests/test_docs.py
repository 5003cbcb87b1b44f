"""The documents tell the truth: their examples run and print what they say, and every path that they name exists.

In `docs/*.md` the blocks marked `python` run from top to bottom in one namespace, so that the first can be copied alone; a
`text` block that follows one holds what it prints, and an SVG file that it writes is the picture of that name on the page.
`pytest --update-golden` writes these anew, and docs/errors.md and docs/library.md with them. Blocks with the title of another
package are run by `tests/benchmarks/test_coming_from.py`, where that is installed.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest

from docs.generate_errors import errors_page
from docs.generate_library import library_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(
    r'^```python(?P<title> title="qkernel")?\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?',
    re.MULTILINE | re.DOTALL,
)


def printed(code: str, name: str, names: dict[str, object]) -> str:
    """What a block prints. Its source is kept under `name`, so that kernels find it."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, name, "exec", dont_inherit=True), names)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


MADE = {"errors.md": errors_page, "library.md": library_page}
FILES = DOCS / "command.md"  # its blocks are files of their own, which tests/test_command.py runs
PROGRAMS = [page for page in PAGES if BLOCK.search(page.read_text()) and page.name not in MADE and page != FILES]


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_examples_print_what_they_say(page: Path, update_golden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", page.stem)
    text = page.read_text()
    names: dict[str, object] = {"__name__": "__main__"}
    pieces, position = [], 0
    for number, block in enumerate(BLOCK.finditer(text), 1):
        output = printed(block["code"], f"example_{number}.py", names)
        if update_golden:
            shown = f"\n```text\n{output}```\n" if output else ""
            pieces += [text[position : block.start()], f"```python{block['title'] or ''}\n{block['code']}```\n{shown}"]
            position = block.end()
        else:
            assert output == (block["output"] or ""), block["code"]
    if update_golden:
        page.write_text("".join(pieces) + text[position:])
    for drawn in tmp_path.glob("*.svg"):
        kept, picture = DOCS / "drawing" / drawn.name, drawn.read_text()
        assert f"(drawing/{drawn.name})" in text
        if update_golden:
            kept.write_text(picture)
        assert kept.read_text() == picture


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_code_is_as_wide_as_its_column(page: Path) -> None:
    """In a window of 1,280 pixels, where two programs side by side have less."""
    text = page.read_text()
    widest = 80 if '<div class="beside"' in text else 96
    assert [line for block in BLOCK.finditer(text) for line in block["code"].splitlines() if len(line) > widest] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_and_paths_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    paths = re.findall(r"`((?:qkernel|qkernel_stdlib|qkernel_backends|tests|docs|tutorials)/[\w./*-]*)`", text)
    missing += [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
    assert not missing


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert not [page.name for page in PAGES if page.name != "README.md" and str(page.relative_to(DOCS)) not in index]


@pytest.mark.parametrize(("name", "made"), MADE.items(), ids=MADE)
def test_pages_that_are_made_are_up_to_date(name: str, made: Callable[[], str], update_golden: bool) -> None:
    page, text = DOCS / name, made()
    if update_golden:
        page.write_text(text)
    assert page.read_text() == text


def test_installing_names_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "install.md").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(extras)


def test_every_capability_of_the_five_documents_has_a_test_with_its_number() -> None:
    ranges = re.findall(r"\b([A-Z])1 to \1(\d+)", (DOCS / "tour.md").read_text())
    assert len(ranges) == 5
    wanted = {f"{letter.lower()}{number}" for letter, last in ranges for number in range(1, int(last) + 1)}
    tests = "".join(path.read_text() for path in ROOT.glob("tests/test_*.py"))
    names = re.findall(r"^def test_(\w+)", tests, re.MULTILINE)
    assert wanted - {part for name in names for part in name.split("_")} == set()


def test_every_limit_has_its_test() -> None:
    text = (DOCS / "limits.md").read_text()
    rows = [row for row in re.findall(r"^\| .* \|$", text, re.MULTILINE) if "|---" not in row]
    named = [re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row) for row in rows]
    assert [row for row, tests in zip(rows, named, strict=True) if not tests] == [rows[0], "| what | the error |"]
    for path, test in (each for tests in named for each in tests):
        if test:
            assert f"\ndef {test}(" in (ROOT / path).read_text(), f"{path}::{test}"
        else:
            assert (ROOT / path).with_suffix(".err").exists(), path
