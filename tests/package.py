"""`make package`: the wheel that comes of the sdist is installed into an empty environment, and computes there.

Run as `python -m tests.package` where `out/package` holds what was built. Its machine code is that of this machine: what a
wheel brings along is tried by `tests.release`.
"""

from __future__ import annotations

import tarfile

from tests.environments import OUT, ROOT, compute, environment, only

PACKAGES = ("qkernel", "qkernel_backends", "qkernel_stdlib")


def main() -> None:
    wheel, sdist = only(OUT / "package")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    sources = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert sources <= held, f"{sdist.name} lacks {sorted(sources - held)[:5]}"
    compute(environment("package/environment", str(wheel)), wheel.name)


if __name__ == "__main__":
    main()
