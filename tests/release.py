"""`make release`: wheel and sdist go into empty environments and compute there; then checksums and a bill of materials.

Run as `python -m tests.release` where `dist` holds what was built. Ends with an error where anything does not work. With
`--times` it also installs all extras, and writes into docs/install.md how long that and the README's programs take.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from qkernel_backends.native.cache import LEVELS
from tests.test_readme import LAYER, PRINTED, QUICK_START, lines

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
EMPTY = ROOT / "out" / "release"
INSTALLING = ROOT / "docs" / "install.md"
TIMES = re.compile(r"(<!-- times -->\n).*?(<!-- end of times -->)", re.DOTALL)


def main() -> None:
    archives = sorted([*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")])
    if [archive.suffix for archive in archives] != [".whl", ".gz"]:
        sys.exit(f"dist holds {[archive.name for archive in archives]}, and one wheel and one sdist are released")
    wheel, _ = archives
    for archive in archives:
        python = installed(archive)
        compute(python, archive.name)
    python = EMPTY / wheel.name / "bin" / "python"
    bill = DIST / f"{wheel.name.removesuffix('.whl')}.cdx.json"
    run(sys.executable, "-m", "cyclonedx_py", "environment", "--output-file", str(bill), str(python))
    brought(python)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (*archives, bill))
    (DIST / "SHA256SUMS").write_text(sums)
    if "--times" in sys.argv:
        INSTALLING.write_text(TIMES.sub(lambda found: found[1] + times(wheel) + found[2], INSTALLING.read_text()))
    print(f"released in {DIST}:\n{sums}", end="")


def installed(archive: Path, extras: str = "") -> Path:
    """The Python of an empty environment that has this and what it needs."""
    folder = EMPTY / f"{archive.name}{extras}"
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    wanted = f"{archive}{extras}"
    run(str(python), "-m", "pip", "install", "--quiet", wanted, "--constraint", str(ROOT / "constraints.txt"))
    return python


def compute(python: Path, name: str) -> None:
    """The self-test, and what the README says first."""
    assert all(check["passed"] for check in doctor(python)["checks"])
    found = run(str(python), str(written("quick_start.py", QUICK_START)))
    assert lines(found) == lines(PRINTED), found
    print(f"{name} computes in an empty environment")


def written(name: str, code: str) -> Path:
    """A script that holds this."""
    script = EMPTY / name
    script.write_text(code)
    return script


def brought(python: Path) -> None:
    """Machine code of each level that this processor has is used, and gives the numbers; the highest goes each time."""
    built = Path(run(str(python), "-c", "import qkernel_backends.native as it; print(it.__path__[0])").strip()) / "built"
    used = []
    while any(built.iterdir()):
        found = doctor(python)
        says, _, level = found["engines"]["native"]["machine_code"].rpartition(" ")
        assert says == "came with the wheel, for", f"{says} {level}"
        assert all(check["passed"] for check in found["checks"])
        used.append(level)
        for done in list(LEVELS)[: list(LEVELS).index(level) + 1]:
            for file in built.glob(f"*-{done}-*.bin"):
                file.unlink()
    print(f"machine code for {', '.join(used)} came with the wheel and computes")


def doctor(python: Path) -> Any:
    """What the self-test finds."""
    return json.loads(run(str(python.with_name("qkernel")), "doctor", "--json"))


def times(wheel: Path) -> str:
    """How long a beginner waits: rows of a table."""
    rows = []

    def timed(what: str, *work: Any) -> Any:
        began = time.perf_counter()
        result = work[0](*work[1:])
        rows.append(f"| {what} | {time.perf_counter() - began:.0f} s |")
        return result

    python = timed('`pip install "qkernel[all]"`, into an empty environment', installed, wheel, "[all]")
    script, layer = written("quick_start.py", QUICK_START), written("layer.py", QUICK_START + LAYER)
    timed("the README's first program, the first time", run, str(python), str(script))
    timed("the same again", run, str(python), str(script))
    timed("the same and a layer of PyTorch", run, str(python), str(layer))
    timed("`qkernel doctor`", doctor, python)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"\nOn a machine of {machine}:\n\n| | |\n|---|---:|\n" + "\n".join(rows) + "\n\n"


def run(*command: str) -> str:
    """What a command prints, elsewhere than in the source, and where no machine code is kept."""
    hidden = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CACHE_DIR")}
    environment = {**hidden, "XDG_CACHE_HOME": str(EMPTY / "cache")}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=EMPTY, env=environment).stdout


if __name__ == "__main__":
    shutil.rmtree(EMPTY, ignore_errors=True)
    EMPTY.mkdir(parents=True)
    main()
