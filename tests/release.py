"""`make release`: wheel and sdist go into empty environments and compute there; then checksums and a bill of materials.

Run as `python -m tests.release` where `dist` holds what was built. Ends with an error where anything does not work. With
`--times` it also installs all extras, and writes into docs/install.md how long that and the README's programs take.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from qkernel_backends.native.cache import LEVELS
from tests.environments import OUT, ROOT, compute, doctor, elsewhere, environment, only, written
from tests.test_readme import LAYER, QUICK_START

DIST = ROOT / "dist"
INSTALLING = ROOT / "docs" / "install.md"
TIMES = re.compile(r"(<!-- times -->\n).*?(<!-- end of times -->)", re.DOTALL)
NOTHING_KEPT = {"NUMBA_CACHE_DIR": str(OUT / "release" / "cache")}


def main() -> None:
    wheel, sdist = only(DIST)
    shutil.rmtree(NOTHING_KEPT["NUMBA_CACHE_DIR"], ignore_errors=True)
    compute(environment("release/sdist", str(sdist)), sdist.name, **NOTHING_KEPT)
    python = environment("release/wheel", str(wheel))
    shutil.rmtree(NOTHING_KEPT["NUMBA_CACHE_DIR"], ignore_errors=True)
    compute(python, wheel.name, **NOTHING_KEPT)
    bill = DIST / f"{wheel.name.removesuffix('.whl')}.cdx.json"
    elsewhere(sys.executable, "-m", "cyclonedx_py", "environment", "--output-file", str(bill), str(python))
    brought(python)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (wheel, sdist, bill))
    (DIST / "SHA256SUMS").write_text(sums)
    if "--times" in sys.argv:
        INSTALLING.write_text(TIMES.sub(lambda found: found[1] + times(wheel) + found[2], INSTALLING.read_text()))
    print(f"released in {DIST}:\n{sums}", end="")


def brought(python: Path) -> None:
    """Machine code of each level that this processor has is used, and gives the numbers; the highest goes each time."""
    found = elsewhere(str(python), "-c", "import qkernel_backends.native as it; print(it.__path__[0])")
    built = Path(found.strip()) / "built"
    used = []
    while any(built.iterdir()):
        report = doctor(python, **NOTHING_KEPT)
        says, _, level = report["engines"]["native"]["machine_code"].rpartition(" ")
        assert says == "came with the wheel, for", f"{says} {level}"
        assert all(check["passed"] for check in report["checks"])
        used.append(level)
        for done in list(LEVELS)[: list(LEVELS).index(level) + 1]:
            for file in built.glob(f"*-{done}-*.bin"):
                file.unlink()
    print(f"machine code for {', '.join(used)} came with the wheel and computes")


def times(wheel: Path) -> str:
    """How long a beginner waits: rows of a table."""
    rows = []

    def timed(what: str, *work: Any) -> Any:
        began = time.perf_counter()
        result = work[0](*work[1:])
        rows.append(f"| {what} | {time.perf_counter() - began:.0f} s |")
        return result

    def run(script: Path) -> None:
        elsewhere(str(python), str(script), **NOTHING_KEPT)

    python = timed('`pip install "qkernel[all]"`, into an empty environment', environment, "release/all", f"{wheel}[all]")
    script, layer = written("quick_start.py", QUICK_START), written("layer.py", QUICK_START + LAYER)
    timed("the README's first program, the first time", run, script)
    timed("the same again", run, script)
    timed("the same and a layer of PyTorch", run, layer)
    timed("`qkernel doctor`", doctor, python)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"\nOn a machine of {machine}:\n\n| | |\n|---|---:|\n" + "\n".join(rows) + "\n\n"


if __name__ == "__main__":
    main()
