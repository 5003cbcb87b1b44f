"""Without an extra, all that does not need it works, and what needs it says how to install it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import EXTRAS
from tests.extras import CORE, USES

ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
USE = """
for name, use in {uses!r}.items():
    try:
        exec(use)
    except DependencyError as error:
        assert error.code == "QK503"
        assert 'pip install "qkernel[{extra}]"' in error.help, (name, error)
    else:
        raise AssertionError(name)
"""


@pytest.mark.parametrize("extra", sorted({extra for extra, _, _ in USES.values()}))
def test_what_is_absent_is_named_where_it_is_needed(extra: str, tmp_path: Path) -> None:
    packages = {package for known, packages, _ in USES.values() for package in packages if known == extra}
    uses = {name: use for name, (known, _, use) in USES.items() if known == extra}
    script = tmp_path / "script.py"
    script.write_text(ABSENT.format(packages=packages) + CORE + USE.format(uses=uses, extra=extra))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_each_extra_has_a_use() -> None:
    """But for `ibm`: it brings backends, which users hand over."""
    assert {extra for extra, _, _ in USES.values()} == {*EXTRAS} - {"ibm"}
