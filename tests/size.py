"""How large the house is, and how its rooms hang together: `make size` prints it. Also what `test_architecture.py` asks.

Needs nothing but Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("qkernel", "qkernel_stdlib", "qkernel_backends")
SOURCES = tuple(sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")))

ROOMS = {
    "core: frontend, ir, lower, errors": ("frontend/", "ir/", "lower/", "errors.py"),
    "estimate": ("estimate/",),
    "draw": ("draw/",),
    "nn": ("nn/",),
    "kernel to results": ("kernel.py", "kernel_modifiers.py", "verbs.py", "executable.py", "execution/"),
}
"""Parts of `qkernel` whose lines are counted together."""

LONG_FUNCTION = 60


@dataclass(frozen=True)
class Import:
    """One name that a file imports, and where the statement stands."""

    name: str
    line: int
    in_function: bool
    for_types: bool


def name_of(path: Path) -> str:
    """`qkernel.ir.ops` for its file, `qkernel.ir` for the folder's `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every name that a file imports, absolute, in the order of the file."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), False, False))


def _imports(node: ast.AST, in_function: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _imports(ast.Module(child.body, []), in_function, True)
            yield from _imports(ast.Module(child.orelse, []), in_function, for_types)
        elif isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, in_function, for_types) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno} imports relatively"
            names = (f"{child.module}.{alias.name}" for alias in child.names)
            yield from (Import(name, child.lineno, in_function, for_types) for name in names)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(child, in_function or is_function, for_types)


def graph() -> dict[str, set[str]]:
    """For each module the modules of ours that it imports: at the top, in functions and for types alike."""
    modules = {name_of(path): path for path in SOURCES}

    def target(name: str) -> str | None:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return name or None

    return {
        module: {found for entry in imports(path) if (found := target(entry.name)) and found != module}
        for module, path in modules.items()
    }


def circles() -> list[list[str]]:
    """The groups of modules that all lead to each other, largest first; each has two modules or more."""
    edges = graph()
    reached = {module: _reached(module, edges) for module in edges}
    groups = {tuple(sorted(other for other in reached[module] if module in reached[other])) for module in edges}
    return sorted((list(group) for group in groups if len(group) > 1), key=lambda group: (-len(group), group))


def _reached(module: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [module]
    while ahead:
        new = edges[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def late_imports() -> list[tuple[Path, Import]]:
    """The statements that import inside a function: each is counted once, whatever it imports."""
    found = {(path, entry.line): entry for path in SOURCES for entry in imports(path) if entry.in_function}
    return [(path, entry) for (path, _), entry in found.items()]


def functions(path: Path) -> list[tuple[str, int]]:
    """The functions of a file, and how many lines each has."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in tree
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def _lines(paths: list[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def _room(starts: tuple[str, ...]) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).as_posix().startswith(starts)]


def rows() -> Iterator[tuple[str, str]]:
    """What is printed: a thing and its figure."""
    core = [path for path in SOURCES if path.is_relative_to(ROOT / "qkernel")]
    for room, starts in ROOMS.items():
        yield f"{room}, lines", f"{_lines([path for path in _room(starts) if path in core]):,}"
    for folder in ("frontend/", "ir/", "lower/"):
        yield f"{folder.rstrip('/')}, files", str(len([path for path in _room((folder,)) if path in core]))
    for package in PACKAGES:
        yield f"{package}, lines", f"{_lines([path for path in SOURCES if path.is_relative_to(ROOT / package)]):,}"
    for label, paths in [
        ("qkernel", core),
        *((part, [path for path in _room((f"{part}/",)) if path in core]) for part in ("frontend", "lower")),
    ]:
        asked = sum(len(re.findall(r"\bisinstance\(", path.read_text(encoding="utf-8"))) for path in paths)
        yield f"isinstance per 1,000 lines, {label}", f"{1000 * asked / _lines(paths):.0f}"
    yield "imports inside functions", str(len(late_imports()))
    yield "largest circle of imports, files", str(max(map(len, circles()), default=1))
    lengths = [length for path in SOURCES for _, length in functions(path)]
    long = sum(length > LONG_FUNCTION for length in lengths)
    yield f"functions of more than {LONG_FUNCTION} lines", f"{100 * long / len(lengths):.1f} % ({long} of {len(lengths):,})"


def main() -> None:
    """Print the table."""
    table = list(rows())
    width = max(len(label) for label, _ in table)
    for label, figure in table:
        print(f"{label:<{width}}  {figure:>8}")


if __name__ == "__main__":
    main()
