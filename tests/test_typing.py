"""Users' kernels pass strict type checkers, and planted mistakes are flagged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "typing"
ROOT = FOLDER.parent.parent


def mypy(file: str) -> list[int]:
    """Lines that `mypy --strict` flags in `file`."""
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(FOLDER / file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [int(line) for line in re.findall(rf"{re.escape(file)}:(\d+): error", done.stdout)]


def pyright(file: str) -> list[int]:
    """Lines that pyright flags in `file`."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(FOLDER / file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [entry["range"]["start"]["line"] + 1 for entry in found if entry["severity"] == "error"]


def planted() -> set[int]:
    lines = (FOLDER / "mistakes.py").read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# error")}


def test_kernels_pass_mypy() -> None:
    assert mypy("kernels.py") == []


def test_kernels_pass_pyright() -> None:
    assert pyright("kernels.py") == []


def test_mypy_flags_the_mistakes() -> None:
    assert set(mypy("mistakes.py")) == planted()


def test_pyright_flags_the_mistakes() -> None:
    assert set(pyright("mistakes.py")) == planted()
