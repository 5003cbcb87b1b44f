"""The house rules that reading alone would not keep: what imports what, how light it is, how long a file may be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.size import PACKAGES, ROOT, SOURCES, circles, graph, imports, late_imports, name_of

HEAVY = (
    "torch",
    "qiskit",
    "qiskit_aer",
    "numba",
    "distributed",
    "openqasm3",
    "sympy",
    "matplotlib",
    "lark",
    "rich",
    "scipy",
    "pooch",
    "sklearn",
    "stim",
    "cirq",
    "pennylane",
    "pytket",
    "braket",
)

GROUND = {
    "boundary",
    "characters",
    "diagnostics",
    "effort",
    "errors",
    "figures",
    "gates",
    "recent",
    "records",
    "recursion",
    "tallies",
    "threads",
    "tracing",
}
IR = GROUND | {"ir", "observable"}
LANGUAGE = IR | {"gate_functions", "types"}
CIRCUIT = IR | {"lower"}
RUNNING = CIRCUIT | {"engine", "execution"}
USING = RUNNING | {"draw", "estimate", "executable", "openqasm", "verb", "verbs"}
KERNEL = USING | LANGUAGE | {"compilation", "decorators", "frontend", "kernel", "prebuilt", "summary", "traceable"}

MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "observable": {"diagnostics", "errors"},
    "ir": IR,
    "types": IR,
    "gate_functions": {"tracing", "types"},
    "frontend": LANGUAGE,
    "operations": LANGUAGE | {"frontend"},
    "lower": CIRCUIT,
    "engine": CIRCUIT,
    "noise": CIRCUIT | {"engine"},
    "mitigation": RUNNING,
    "estimate": CIRCUIT | {"draw"},
    "draw": CIRCUIT,
    "optimize": IR | {"estimate"},
    "openqasm": CIRCUIT | {"engine"},
    "verification": CIRCUIT | {"estimate"},
    "execution": RUNNING,
    "promises": RUNNING,
    "form_checks": RUNNING | {"promises"},
    "verb": RUNNING,
    "derivatives": RUNNING | {"verb"},
    "verbs": RUNNING | {"derivatives", "draw", "estimate", "openqasm", "verb", "verification"},
    "executable": RUNNING | {"nn", "verbs"},
    "summary": {"errors", "frontend", "verbs"},
    "compilation": USING | {"frontend"},
    "traceable": LANGUAGE | {"frontend"},
    "kernel": USING | {"compilation", "form_checks", "frontend", "optimize", "promises", "summary", "traceable"},
    "decorators": KERNEL,
    "prebuilt": KERNEL,
    "kernel_modifiers": KERNEL,
    "modifiers": KERNEL | {"kernel_modifiers"},
    "peer": KERNEL,
    "qkernel": KERNEL | {"mitigation", "modifiers", "noise", "operations", "optimize", "peer"},
    "command": KERNEL | {"qkernel"},
    "__main__": {"command"},
    "nn": KERNEL | {"qkernel"},
    "qkernel_stdlib": {"errors", "observable", "qkernel"},
    "qkernel_backends": KERNEL | {"mitigation", "noise", "peer"},
}
"""What each part of `qkernel` (a file or a folder) and each package beside it may import, in functions and for types too.

`qkernel` itself stands for what users import."""

STARTED_LATE = {
    "difflib", "importlib.metadata", "qkernel.draw", "qkernel.draw.flame", "qkernel.draw.fonts", "qkernel.draw.mpl",
    "qkernel.estimate", "qkernel.figures", "qkernel.ir.parser", "qkernel.nn.hessian", "qkernel.openqasm",
    "qkernel.openqasm.reading", "qkernel.optimize", "qkernel.verification", "qkernel_backends.native.compiler",
    "qkernel_backends.native.engine",
}  # fmt: skip
"""What is imported inside functions, since it takes long and is mostly not needed, beside packages that may be lacking."""


def part_of(module: str) -> str:
    """The part of `qkernel` that a module belongs to, `qkernel.ir.ops` to `ir`; its package for any other module."""
    parts = module.split(".")
    return parts[1] if parts[0] == "qkernel" and len(parts) > 1 else parts[0]


def test_each_part_imports_what_it_may() -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in graph().items()
        for target in targets
        if part_of(target) not in MAY_IMPORT[part_of(module)] | {part_of(module)}
    ]
    assert not wrong, "\n".join(wrong)
    assert MAY_IMPORT.keys() == {part_of(name_of(path)) for path in SOURCES}


def test_no_files_import_each_other() -> None:
    assert circles() == []


def test_functions_import_only_what_may_be_lacking_or_starts_late() -> None:
    def is_late(name: str) -> bool:
        return name.split(".")[0] in HEAVY or bool({name, name.rpartition(".")[0]} & STARTED_LATE)

    late = late_imports()
    assert [f"{path}:{entry.line}: {entry.name}" for path, entry in late if not is_late(entry.name)] == []


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path).startswith("qkernel.")], ids=name_of)
def test_the_core_imports_numpy_alone_at_its_top_level(path: Path) -> None:
    if part_of(name_of(path)) == "nn":
        return
    allowed = sys.stdlib_module_names | {"numpy", "qkernel"}
    if path.name in ("lexer.py", "parser.py"):
        allowed |= {"lark"}  # imported with the first text that is read
    if path.parent.name == "openqasm" and path.name.startswith(("reading", "syntax")):
        allowed |= {"openqasm3"}  # imported with the first text in OpenQASM
    if path.name == "figures.py" or (path.parent.name == "draw" and path.name in ("mpl.py", "fonts.py")):
        allowed |= {"matplotlib"}  # imported with the first figure
    if path.parent.name == "command":
        allowed |= {"click", "rich"}  # imported by the command line
    at_start = [entry for entry in imports(path) if not (entry.in_function or entry.for_types)]
    foreign = [f"{path}:{entry.line}: {entry.name}" for entry in at_start if entry.name.split(".")[0] not in allowed]
    assert not foreign, "\n".join(foreign)


@pytest.mark.parametrize(
    "statement", ["import qkernel", "import qkernel as qk, qkernel.observable, qkernel.errors; qk.qkernel"]
)
def test_import_is_light(statement: str) -> None:
    code = f"import sys, json; {statement}; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(done.stdout))
    assert "numpy" in loaded
    assert not loaded & set(HEAVY)
    assert not loaded & {"qkernel_stdlib", "qkernel_backends"}


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_modules_have_names_that_say_something() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    assert not [path for path in SOURCES if set(path.stem.split("_")) & empty_words]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    folders = {path.parent for path in SOURCES if path.is_relative_to(ROOT / package)}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def test_every_error_has_a_code_and_an_explanation() -> None:
    from qkernel import errors

    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.QKernelError)]
    codes = [kind.code for kind in classes]
    assert len(classes) > 30
    assert len(set(codes)) == len(codes)
    assert all(kind.__doc__ and kind.__doc__.strip() for kind in classes)
