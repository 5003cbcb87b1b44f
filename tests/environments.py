"""Environments that were empty, into which something is installed, and what runs there: for releases and versions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.test_readme import PRINTED, QUICK_START, lines

ROOT = Path(__file__).parent.parent
OUT = ROOT / "out"
PINNED = ROOT / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FOR_DEVELOPERS = {"tutorials", "bench", "docs", "release", "test"}
EXTRAS = [name for name in PROJECT["optional-dependencies"] if name not in {"all", *FOR_DEVELOPERS}]
"""What users install beside the package, each for itself."""


def environment(name: str, *wanted: str, constraints: Path = PINNED, base: str = sys.executable) -> Path:
    """The Python of a new environment in `out` that has this, and what it needs."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    elsewhere(base, "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    elsewhere(str(python), "-m", "pip", "install", "--quiet", *wanted, "--constraint", str(constraints))
    return python


def elsewhere(*command: str, **variables: str) -> str:
    """What a command prints, run elsewhere than in the source, which is not found."""
    hidden = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    OUT.mkdir(exist_ok=True)
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=OUT, env={**hidden, **variables}
    ).stdout


def compute(python: Path, name: str, **variables: str) -> None:
    """The self-test, and what the README says first."""
    assert all(check["passed"] for check in doctor(python, **variables)["checks"])
    found = elsewhere(str(python), str(written("quick_start.py", QUICK_START)), **variables)
    assert lines(found) == lines(PRINTED), found
    print(f"{name} computes in an empty environment")


def doctor(python: Path, **variables: str) -> Any:
    """What the self-test finds."""
    return json.loads(elsewhere(str(python.with_name("qkernel")), "doctor", "--json", **variables))


def written(name: str, code: str) -> Path:
    """A script that holds this."""
    OUT.mkdir(exist_ok=True)
    script = OUT / name
    script.write_text(code, encoding="utf-8")
    return script


def only(folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist in a folder, which holds one of each."""
    archives = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
    if [archive.suffix for archive in archives] != [".whl", ".gz"]:
        sys.exit(f"{folder} holds {[archive.name for archive in archives]}, and one wheel and one sdist are wanted")
    wheel, sdist = archives
    return wheel, sdist


def pinned(name: str) -> str:
    """`torch==2.13.0`, as constraints.txt says."""
    (found,) = re.findall(rf"^{re.escape(name)}==\S+", PINNED.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)
