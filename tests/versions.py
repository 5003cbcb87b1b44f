"""`make lowest`, `make pinned`, `make highest`: tests with the lowest versions that are allowed, those pinned, the newest.

In an environment of their own, with all that users install; `PYTHON=python3.13` chooses the Python. PyTorch is the one of
constraints.txt: what is tried of it is one version.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.environments import EXTRAS, PINNED, PROJECT, ROOT, environment, pinned, written

TOOLS = ("pytest", "pytest-xdist", "hypothesis", "wcwidth", "qiskit-qasm3-import", "pytest-benchmark")
TESTS = (
    "language", "lowering", "lowering_runtime", "native", "reference", "torch_engine", "gradient", "estimate", "layer_doors",
    "qiskit", "qiskit_targets", "qiskit_noise", "from_qiskit", "openqasm", "openqasm_reading", "openqasm_structured",
    "text_form", "draw_text", "draw_pictures", "command", "observable", "datasets", "packages", "pennylane", "stim", "cluster",
    "extras", "optimize",
)  # fmt: skip


def main(which: str, base: str = sys.executable) -> None:
    constraints = written(f"{which}.txt", "\n".join([pinned("torch"), *(lowest() if which == "lowest" else ())]) + "\n")
    wanted = f"{ROOT}[{','.join(EXTRAS)}]"
    python = environment(which, wanted, *TOOLS, constraints=PINNED if which == "pinned" else constraints, base=base)
    subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True)
    tests = [f"tests/test_{name}.py" for name in TESTS]
    command = [python, "-m", "pytest", "-q", "--numprocesses=auto", "--maxprocesses=8", "-W", "default", *tests]
    sys.exit(subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode)


def lowest() -> Iterator[str]:
    """`name>=2.0` as `name==2.0`, of all that users install."""
    needed = [*PROJECT["dependencies"], *(text for extra in EXTRAS for text in PROJECT["optional-dependencies"][extra])]
    for requirement in needed:
        name, _, version = re.sub(r"\[.*?\]", "", requirement).partition(">=")
        if name not in ("qkernel", "torch"):
            yield f"{name}=={version}"


if __name__ == "__main__":
    main(*sys.argv[1:])
