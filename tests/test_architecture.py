"""The house rules that reading alone would not keep: what imports what, how light it is, how long a file may be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.size import PACKAGES, ROOT, SOURCES, imports, name_of

HEAVY = ("torch", "qiskit", "qiskit_aer", "numba", "sympy", "matplotlib", "lark", "rich", "scipy", "pooch", "sklearn")

FOUNDATION = {"characters", "diagnostics", "effort", "errors", "gates", "ir", "observable", "records", "recursion", "types"}
TRACING = {"gate_functions", "tracing"}
MAY_IMPORT = {
    "ir": FOUNDATION,
    "observable": {"diagnostics", "errors", "observable"},
    "lower": FOUNDATION | {"lower"},
    "engine": FOUNDATION | {"lower"},
    "frontend": FOUNDATION | TRACING | {"frontend"},
    "estimate": FOUNDATION | {"estimate", "figures", "lower"},
    "draw": FOUNDATION | {"draw", "figures", "lower"},
    "gradient": FOUNDATION | {"lower", "engine"},
}
"""For a part of `qkernel` (a file or a folder) the parts that it may import, inside functions too."""


def part_of(module: str) -> str | None:
    """The part of `qkernel` that a module belongs to: `qkernel.ir.ops` is of `ir`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "qkernel" and len(parts) > 1 else None


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_layers(path: Path) -> None:
    name = name_of(path)
    part = part_of(name)
    wrong = []
    for entry in imports(path):
        if entry.for_types:
            continue
        module, line = entry.name, entry.line
        package = module.split(".")[0]
        if package == "qkernel" and part in MAY_IMPORT:
            target = part_of(module)
            if target not in MAY_IMPORT[part]:
                wrong.append(f"{path}:{line}: {part} imports {module}")
        if name.startswith("qkernel.") and package in ("qkernel_stdlib", "qkernel_backends"):
            wrong.append(f"{path}:{line}: the core imports {module}")
        if name.startswith("qkernel_stdlib") and package == "qkernel_backends":
            wrong.append(f"{path}:{line}: the library imports {module}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path).startswith("qkernel.")], ids=name_of)
def test_the_core_imports_numpy_alone_at_its_top_level(path: Path) -> None:
    if part_of(name_of(path)) == "nn":
        return
    allowed = sys.stdlib_module_names | {"numpy", "qkernel"}
    if path.name in ("lexer.py", "parser.py"):
        allowed |= {"lark"}  # imported with the first text that is read
    if path.name == "figures.py" or (path.parent.name == "draw" and path.name in ("mpl.py", "fonts.py")):
        allowed |= {"matplotlib"}  # imported with the first figure
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
