"""The reference of public names as Markdown, made of their signatures and docstrings."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Any

from qkernel import Kernel
from qkernel.gate_functions import Gate

MODULES = (
    "qkernel", "qkernel.observable", "qkernel.nn", "qkernel.noise", "qkernel.mitigation", "qkernel.estimate", "qkernel.draw",
    "qkernel.optimize", "qkernel.engine", "qkernel_backends.qiskit",
)  # fmt: skip
KERNEL = "qkernel.Kernel"
TITLES = {
    "qkernel.decorators": "Kernels",
    "qkernel.ir.measured": "Kernels",
    "qkernel.types": "Types",
    "qkernel": "Types",
    "qkernel.records": "Types",
    "qkernel.operations": "Qubits, measurements, functions",
    "qkernel.gate_functions": "Gates",
    "qkernel.modifiers": "Control, inverse, choice",
    "qkernel.prebuilt": "Kernels from elsewhere",
    "qkernel.ir.parser": "Kernels from elsewhere",
    "qkernel.execution.results": "Results",
    "qkernel.execution.shots": "Shots",
    "qkernel.execution.stochastic": "Gradients from few evaluations",
    "qkernel.execution.jobs": "Jobs",
    "qkernel.estimate": "Estimates",
    "qkernel.estimate.report": "Estimates",
    "qkernel.estimate.counts": "Counts",
    "qkernel.estimate.quantity": "Closed forms",
    "qkernel.draw": "Drawings",
    "qkernel.draw.style": "Styles",
    "qkernel.execution.executor": "As in Qamomile",
    "qkernel.peer": "As in Qamomile",
    "qkernel.observable": "Sums of Pauli words",
    "qkernel.observable.paulis": "Pauli words",
    "qkernel.nn.layer": "Layers",
    "qkernel.nn.executed": "Layers that somebody else runs",
    "qkernel.nn.networks": "As in qiskit-machine-learning",
    "qkernel.nn.natural": "Natural gradients",
    "qkernel.nn.plateaus": "Vanishing gradients",
    "qkernel.nn.kernels": "Quantum kernels",
    "qkernel.nn.estimators": "Estimators of scikit-learn",
    "qkernel.nn.reports": "Reports",
    "qkernel.noise": "Noise",
    "qkernel.mitigation.estimates": "Estimates",
    "qkernel.mitigation.readout": "Misread bits",
    "qkernel.optimize.passes": "Passes",
    "qkernel.optimize": "All passes",
    "qkernel.optimize.report": "What they save",
    "qkernel.engine": "Engines",
    "qkernel_backends.qiskit.engine": "Engine",
    "qkernel_backends.qiskit.transpiler": "As in Qamomile",
    "qkernel_backends.qiskit.emission": "Circuits of kernels",
    "qkernel_backends.qiskit.placement": "Circuits of kernels",
    "qkernel_backends.qiskit.reading": "Kernels of circuits",
    "qkernel_backends.qiskit.noise": "Noise models",
    "qkernel_backends.qiskit.decoupling": "Decoupling",
}
"""Headings, by the modules that names are from, in their order on a page."""
VERBS = {
    "qkernel.estimate": ("estimate_resources", "verify_resources"),
    "qkernel.draw": ("draw",),
    "qkernel.optimize": ("optimized",),
}
"""What kernels do by the module that a page is about."""
WIDTH = 96


def reference() -> dict[str, str]:
    """The pages by the name of what they are about: a page for each module, and one for `Kernel` and its verbs."""
    kernel = f"# `Kernel`\n\n{inspect.getdoc(Kernel)}\n" + "".join(_members("Kernel", Kernel, 2))
    pages = {name: _module_page(import_module(name)) for name in MODULES}
    return {"qkernel": pages.pop("qkernel"), KERNEL: kernel, **pages}


def _module_page(module: ModuleType) -> str:
    groups: dict[str, list[str]] = {}
    for name in _public(module):
        subject = getattr(module, name)
        if subject is not Kernel and not isinstance(subject, ModuleType):
            groups.setdefault(TITLES[_home(subject, module)], []).append(name)
    head, *text = (inspect.getdoc(module) or "").split("\n", 1)
    parts = [f"# `{module.__name__}`\n\n{head}\n", *(f"\n{_literal(part.strip(chr(10)))}\n" for part in text)]
    if verbs := VERBS.get(module.__name__):
        parts.append("\n## What kernels do\n")
        parts += [_member("Kernel", Kernel, verb, inspect.getattr_static(Kernel, verb), 3) for verb in verbs]
    order = list(TITLES.values())
    for title, names in sorted(groups.items(), key=lambda group: order.index(group[0])):
        parts.append(f"\n## {title}\n" if len(groups) > 1 else "")
        for name in names:
            parts += _entry(name, getattr(module, name), module)
    return "".join(parts)


def _public(module: ModuleType) -> list[str]:
    if hasattr(module, "__all__"):
        return sorted({*module.__all__, *getattr(module, "_LAZY", ())}, key=str.lower)
    return [name for name, subject in vars(module).items() if name[0] != "_" and _home(subject, None) == module.__name__]


def _home(subject: Any, module: ModuleType | None) -> str:
    """The module that an object is from; that of its class, for a gate."""
    home = getattr(type(subject) if isinstance(subject, Gate) else subject, "__module__", None)
    return home if home in sys.modules and home.startswith("qkernel") else getattr(module, "__name__", "")


def _literal(text: str) -> str:
    """A docstring's text with its code, which stands for itself or is indented, as blocks."""
    return re.sub(r"(?m)(?:^(?:    .*|)\n?)+\Z|(?:^    .*\n(?:\n(?=    ))?)+", _block, text) if "    " in text else text


def _block(found: re.Match[str]) -> str:
    code = "\n".join(line[4:] for line in found[0].strip("\n").split("\n"))
    return f"```python\n{code}\n```\n" if code.strip() else found[0]


def _entry(name: str, subject: Any, module: ModuleType) -> Iterator[str]:
    yield f"\n### `{name}`\n"
    if isinstance(subject, Gate):
        yield _signature(name, _gate_signature(type(subject)))
    elif callable(subject) and not (isinstance(subject, type) and issubclass(subject, enum.Enum)):
        yield _signature(name, subject)
    yield f"\n{_literal(_below(module, name) if isinstance(subject, (tuple, dict)) else _text(subject))}\n"
    if isinstance(subject, type) and issubclass(subject, enum.Enum):
        yield f"\nIts values are {', '.join(f'`{member.name}`' for member in subject)}.\n"
    elif isinstance(subject, type):
        yield from _members(name, subject, 4)


def _text(subject: Any) -> str:
    return inspect.getdoc(subject) or ""


def _below(module: ModuleType, name: str) -> str:
    """The text below an assignment in a module, or in the one that the name is imported from."""
    body = ast.parse(inspect.getsource(module)).body
    for node, after in pairwise(body):
        match node, after:
            case ast.Assign(targets=[ast.Name(id)]), ast.Expr(ast.Constant(str(text))) if id == name:
                return text
    sources = [
        node.module for node in body if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]
    ]
    return _below(import_module(str(sources[0])), name)


def _members(name: str, kind: type, level: int) -> Iterator[str]:
    """Public methods and properties that are ours, inherited ones too, in the order in which they are defined."""
    owners = [owner for owner in kind.__mro__ if owner.__module__.startswith("qkernel")]
    members = {member: value for owner in reversed(owners) for member, value in vars(owner).items() if member[0] != "_"}
    for member, value in members.items():
        if _text(value):
            yield _member(name, kind, member, value, level)


def _member(name: str, kind: type, member: str, value: Any, level: int) -> str:
    if isinstance(value, property | cached_property):
        return f"\n{'#' * level} `{name}.{member}`\n\n{_literal(_text(value))}\n"
    if isinstance(value, classmethod | staticmethod) or inspect.isfunction(value):
        return f"\n{'#' * level} `{name}.{member}`\n{_signature(member, getattr(kind, member))}\n{_literal(_text(value))}\n"
    return ""


def _signature(name: str, subject: Any) -> str:
    """A code block with the signature, an argument a line where it is long; nothing where Python knows none."""
    try:
        text = subject if isinstance(subject, str) else str(inspect.signature(subject))
    except (ValueError, TypeError):
        return ""
    text = re.sub(r"((?:: |-> ))'((?:[^'\\]|\\.)*)'", r"\1\2", text)
    text = re.sub(r"^\(self(?:, /)?(?:, )?", "(", text)
    if len(name + text) > WIDTH:
        inside, rest = _split(text)
        text = "(\n" + "".join(f"    {argument},\n" for argument in inside) + f"){rest}"
    return f"\n```python\n{name}{text}\n```\n"


def _split(text: str) -> tuple[list[str], str]:
    """The arguments of a signature, and what comes after them."""
    arguments, depth, start = [], 0, 1
    for position, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 or (depth == 1 and letter == ","):
            arguments.append(text[start:position].strip())
            start = position + 1
        if depth == 0:
            break
    return arguments, text[start:]


def _gate_signature(kind: type) -> str:
    """As type checkers are told it: `__call__` at run time takes anything, to say what is wrong with it."""
    tree = ast.parse(inspect.getsource(kind))
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__call__")
    call.args.args = call.args.args[1:]
    return f"({ast.unparse(call.args)})" + (f" -> {ast.unparse(call.returns)}" if call.returns else "")
