"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK_START, LAYER, MISTAKE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PRINTED, SAID = re.findall(r"```text\n(.*?)```", README, re.DOTALL)


def run(script: Path, code: str) -> subprocess.CompletedProcess[str]:
    script.write_text(code, encoding="utf-8")
    command = [sys.executable, "-W", "error", script.name]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=script.parent, env=environment)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def test_the_quick_start_prints_what_the_readme_says(tmp_path: Path) -> None:
    done = run(tmp_path / "quick_start.py", QUICK_START)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout) == lines(PRINTED)


def test_the_layer_is_one(tmp_path: Path) -> None:
    check = "\nimport torch\nassert abs(layer(torch.tensor([0.1])).item() - torch.tensor(0.3).cos()) < 1e-6\n"
    done = run(tmp_path / "layer.py", QUICK_START + LAYER + check)
    assert done.returncode == 0, done.stderr


def test_the_mistake_is_told_as_the_readme_says(tmp_path: Path) -> None:
    done = run(tmp_path / "mistake.py", MISTAKE)
    assert done.returncode == 1
    shown = lines(SAID)
    told = lines(done.stderr)[-len(shown) :]
    told[0] = told[0].removeprefix("qkernel.errors.UnreturnedBorrowError: ")
    assert told == shown


def test_the_quick_start_is_short() -> None:
    assert len([line for line in QUICK_START.splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("command", [*re.findall(r"`make (\w+)`", README), "tutorial", "test"])
def test_the_commands_exist(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link])
def test_the_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target.split("#")[0]).exists()
