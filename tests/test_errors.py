"""Golden errors: every file `tests/errors/<topic>/<case>.py` raises, and `<case>.err` holds the text of what it raises.

A case is a script with `import qkernel as qk` done for it. `pytest --update-golden` writes the texts anew.
"""

from __future__ import annotations

import linecache
from pathlib import Path

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QKernelError

FOLDER = Path(__file__).parent / "errors"
CASES = sorted(FOLDER.glob("*/*.py"))


def raised_by(path: Path) -> QKernelError:
    """The error that a case raises. Its file is known to Python by its name alone, so that texts hold no folders."""
    text = path.read_text()
    linecache.cache[path.name] = (len(text), None, text.splitlines(keepends=True), path.name)
    names = {"__name__": "case", "qk": qk, "qko": qko}
    with pytest.raises(QKernelError) as caught:
        exec(compile(text, path.name, "exec"), names)
    return caught.value


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_text_of_error(path: Path, request: pytest.FixtureRequest) -> None:
    error = raised_by(path)
    text = f"{type(error).__name__}\n{error}\n"
    golden = path.with_suffix(".err")
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_case_has_its_text() -> None:
    assert {path.stem for path in CASES} == {path.stem for path in FOLDER.glob("*/*.err")}
