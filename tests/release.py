"""`make release`: wheel and sdist go into empty environments and compute there; then checksums and a bill of materials.

Run as `python -m tests.release` where `dist` holds what was built. Ends with an error where anything does not work.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
EMPTY = ROOT / "out" / "release"


def main() -> None:
    archives = sorted([*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")])
    if [archive.suffix for archive in archives] != [".whl", ".gz"]:
        sys.exit(f"dist holds {[archive.name for archive in archives]}, and one wheel and one sdist are released")
    for archive in archives:
        python = installed(archive)
        compute(python, archive.name)
    wheel = archives[0]
    bill = DIST / f"{wheel.name.removesuffix('.whl')}.cdx.json"
    python = EMPTY / wheel.name / "bin" / "python"
    run(sys.executable, "-m", "cyclonedx_py", "environment", "--output-file", str(bill), str(python))
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (*archives, bill))
    (DIST / "SHA256SUMS").write_text(sums)
    print(f"released in {DIST}:\n{sums}", end="")


def installed(archive: Path) -> Path:
    """The Python of an empty environment that has this and what it needs."""
    folder = EMPTY / archive.name
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", str(archive), "--constraint", str(ROOT / "constraints.txt"))
    return python


def compute(python: Path, name: str) -> None:
    """The self-test, and what the README says first."""
    report = json.loads(run(str(python.with_name("qkernel")), "doctor", "--json"))
    assert all(check["passed"] for check in report["checks"]), report["checks"]
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```\n", (ROOT / "README.md").read_text(), re.DOTALL)[:2]
    script = python.parent.parent / "quick_start.py"
    script.write_text(code)
    found = run(str(python), str(script))
    assert [line.rstrip() for line in found.splitlines()] == printed.rstrip("\n").splitlines(), found
    print(f"{name} computes in an empty environment")


def run(*command: str) -> str:
    """What a command prints, elsewhere than in the source."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=EMPTY).stdout


if __name__ == "__main__":
    EMPTY.mkdir(parents=True, exist_ok=True)
    main()
