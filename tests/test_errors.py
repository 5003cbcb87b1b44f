"""Golden errors: every file `tests/errors/<topic>/<case>.py` raises, and `<case>.err` holds the text of what it raises.

A case is a script with `import qkernel as qk` done for it. `pytest --update-golden` writes the texts anew.
Where the help shows other code, `<case>.rewrite.py` is the case written that way, and it compiles.
"""

from __future__ import annotations

import inspect
import linecache
import re
from pathlib import Path
from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel import errors
from qkernel.errors import QKernelError, UnsupportedPythonError
from qkernel.kernel import Kernel

FOLDER = Path(__file__).parent / "errors"
SCRIPTS = sorted(FOLDER.glob("*/*.py"))
CASES = [path for path in SCRIPTS if not path.stem.endswith(".rewrite")]
REWRITES = [path for path in SCRIPTS if path.stem.endswith(".rewrite")]
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, QKernelError)]
ONLY_PARENTS = {errors.QKernelError, errors.EmitError}


def run(path: Path) -> dict[str, Any]:
    """The names that a script leaves. Its file is known to Python by its name alone, so that texts hold no folders."""
    text = path.read_text()
    linecache.cache[path.name] = (len(text), None, text.splitlines(keepends=True), path.name)
    names = {"__name__": "case", "qk": qk, "qko": qko}
    exec(compile(text, path.name, "exec", dont_inherit=True), names)
    return names


def raised_by(path: Path) -> QKernelError:
    """The error that a case raises."""
    with pytest.raises(QKernelError) as caught:
        run(path)
    return caught.value


def golden(path: Path) -> str:
    """The text of a case; none where it has not been written yet."""
    told = path.with_suffix(".err")
    return told.read_text() if told.exists() else ""


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", CASES, ids=name)
def test_text_of_error(path: Path, update_golden: bool) -> None:
    error = raised_by(path)
    text = re.sub(r"[\d.]+ GiB are free", "... GiB are free", f"{type(error).__name__}\n{error}\n")
    if update_golden:
        path.with_suffix(".err").write_text(text)
    assert text == golden(path)


def test_every_case_has_its_text() -> None:
    assert {path.with_suffix("") for path in CASES} == {path.with_suffix("") for path in FOLDER.glob("*/*.err")}
    assert len(CASES) >= 140


def test_every_class_has_a_case() -> None:
    shown = {golden(path).split("\n", 1)[0] for path in CASES}
    assert {kind.__name__ for kind in CLASSES} - {kind.__name__ for kind in ONLY_PARENTS} == shown


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"QK[0-7]\d\d", code) for code in codes)


INTERNAL = {
    "a name of the IR": r"\b[A-Za-z_]\w*\.\d+\b",
    "an expression tree": r"\b(Apply|Const|Name|Item|Pack|Slice|Size|Place|Annotation)\(",
    "an internal class": r"\b(QuantumHandle|ScalarType|ArrayType|DictType|TupleType|NoneType)\b",
    "a memory address": r"\b0x[0-9a-f]{6,}",
    "a uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-",
    "an SSA name": r"%\w",
    "a frame of ours": r'File "|Traceback|qkernel/',
}


@pytest.mark.parametrize("path", CASES, ids=name)
def test_no_internal_names(path: Path) -> None:
    for what, pattern in INTERNAL.items():
        found = re.search(pattern, golden(path))
        assert found is None, f"{what}: {found}"


# rewrites -----------------------------------------------------------------------------------------------------------------


def shown_code(help: str) -> list[str]:
    """The code in a help: its indented lines or, where there are none, what stands between backticks."""
    lines = [line.strip() for line in help.splitlines() if line.startswith("    ")]
    return [line for line in lines or re.findall(r"`([^`]+)`", help) if line.strip(".")]


def pattern(code: str) -> str:
    """`code` as a regular expression in which `...` matches anything and quotes are all alike."""
    return re.escape(code.replace("'", '"')).replace(r"\.\.\.", ".*")


@pytest.mark.parametrize("path", [path for path in CASES if golden(path).startswith("UnsupportedPython")], ids=name)
def test_unsupported_python_shows_a_rewrite(path: Path) -> None:
    help = raised_by(path).help
    rewrite = path.with_suffix(".rewrite.py")
    assert help is not None
    assert shown_code(help), "no code in the help"
    assert rewrite.exists(), help
    text = rewrite.read_text().replace("'", '"')
    for code in shown_code(help):
        assert re.search(pattern(code), text), f"{code} is not in the rewrite"


@pytest.mark.parametrize("path", REWRITES, ids=name)
def test_rewrites_compile(path: Path) -> None:
    kernels = [value for value in run(path).values() if isinstance(value, Kernel)]
    assert kernels
    for kernel in kernels:
        kernel.check()


def test_every_rewrite_has_a_case() -> None:
    assert {path.parent / path.stem.removesuffix(".rewrite") for path in REWRITES} <= {path.with_suffix("") for path in CASES}


# classes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_survive_pickling(kind: type[QKernelError]) -> None:
    import pickle

    span = raised_by(FOLDER / "calls" / "keyword_typo.py").span
    error = kind("title", span=span, label="label", help="help")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)


def test_unsupported_python_is_a_syntax_error_and_prints_our_text() -> None:
    error = raised_by(FOLDER / "python" / "try.py")
    assert isinstance(error, SyntaxError)
    assert isinstance(error, UnsupportedPythonError)
    assert str(error).startswith("[QK102] `try` does not exist in a kernel\n --> try.py:")
