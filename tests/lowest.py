"""`make lowest`: the tests of the core, with the lowest versions that pyproject.toml allows, in an environment of their own.

PyTorch is the one of constraints.txt: what is tried of it is one version.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / "out" / "lowest"
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "wcwidth", "qiskit-qasm3-import")
TESTS = (
    "language", "lowering", "lowering_runtime", "native", "reference", "torch_engine", "qiskit", "from_qiskit", "nn",
    "layer_doors", "openqasm", "openqasm_reading", "openqasm_structured", "text_form", "gradient", "estimate", "draw_text",
    "draw_pictures", "command", "observable", "datasets",
)  # fmt: skip


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    needed = {"numpy", "lark", "click", "numba", "llvmlite", "matplotlib", "rich", "qiskit", "qiskit-aer", "pylatexenc"}
    needed |= {"pooch", "scikit-learn", "scipy", "sympy", "openqasm3"}
    pins = sorted({pin for text in wanted if (pin := lowest(text)).split("==")[0] in needed})
    (torch,) = re.findall(r"^torch==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    ENVIRONMENT.mkdir(parents=True, exist_ok=True)
    constraints = ENVIRONMENT / "constraints.txt"
    constraints.write_text("\n".join([*pins, torch]) + "\n")
    run(sys.executable, "-m", "venv", str(ENVIRONMENT))
    python = str(ENVIRONMENT / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", f"{ROOT}[all]", *TOOLS, "--constraint", str(constraints))
    run(
        python,
        "-m",
        "pytest",
        "-q",
        "-n",
        "auto",
        "--maxprocesses=8",
        "-W",
        "default",
        *(f"tests/test_{name}.py" for name in TESTS),
    )


def lowest(requirement: str) -> str:
    """`name>=2.0` as `name==2.0`."""
    name, _, version = re.sub(r"\[.*?\]", "", requirement).partition(">=")
    return f"{name}=={version}"


def run(*command: str) -> None:
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(f"`{' '.join(command[:4])} ...` failed")


if __name__ == "__main__":
    main()
