"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```\n+(?:It prints:\n+)?```text\n(.*?)```", README, re.DOTALL)


def test_the_quick_start_prints_what_the_readme_says(tmp_path: Path) -> None:
    assert len(SHOWN) == 1
    ((code, printed),) = SHOWN
    script = tmp_path / "quick_start.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in printed.splitlines()]


def test_the_quick_start_is_short() -> None:
    assert len([line for line in SHOWN[0][0].splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("command", [*re.findall(r"`make (\w+)`", README), "tutorial", "test"])
def test_the_commands_exist(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link])
def test_the_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target.split("#")[0]).exists()
