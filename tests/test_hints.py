"""What messages name exists: functions, methods, attributes and keywords in the texts of errors, all over the tree."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import itertools
import keyword
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.nn
import qkernel.observable as qko
import qkernel_stdlib as library
from qkernel import errors
from qkernel.diagnostics import Span
from qkernel.engine import Engine
from qkernel.executable import Executable
from qkernel.execution import gradient, metric, shots
from qkernel.execution.executor import Executor
from qkernel.execution.results import SampleResult
from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expressions import Expr
from qkernel.lower.reports import Frame, locate
from qkernel.nn import readouts
from qkernel.nn.datasets import published

ROOT = Path(__file__).parent.parent
PACKAGES = ["qkernel", "qkernel_backends", "qkernel_stdlib"]
QISKIT = "qkernel_backends.qiskit"

OWNERS: list[Any] = [
    qk, qko, qkernel.nn, errors, qk.Kernel, Executable, Executor, Engine, SampleResult, qko.Hamiltonian, qko.Pauli, Expr,
    qk.ResourceEstimate, qkernel.nn.QLayer, qkernel.nn.ExecutedLayer, builtins, math, np, itertools, functools, torch,
    torch.Tensor, torch.func, str, bytes, dict, int, qk.noise, qk.mitigation, qk.mitigation.ReadoutCalibration,
    qk.Job, qk.optimize, qk.optimize.OptimizationReport, library, library.PeriodicShiftLCU,
]  # fmt: skip
"""What a message may name a part of."""

OTHERS = {
    "AerSimulator", "SparsePauliOp", "measure_all", "init",  # of Qiskit and of torch.nn
    "from_backend", "generate_preset_pass_manager", "PassManager",  # of Qiskit
    "QiskitTranspiler", "QiskitEngine", "NativeEngine", "from_aer", "executor", "engine",  # of engines
    "ClusterEngine", "cirq", "pennylane", "stim", "braket",  # of engines on other packages
    "Client", "Sampler", "Simulator", "job",  # of dask, Cirq and Qiskit's providers
    "label", "observable",  # of the text form
    "values",  # of `torch.Tensor.split(...)`
    "execute",  # of an executed layer
    "end", "delay", "extern", "cal", "defcal", "defcalgrammar",  # of OpenQASM
}  # fmt: skip
"""What exists where a test without Qiskit cannot ask."""

EXAMPLES = {
    "f",
    "g",
    "H",
    "F",
    "step",
    "result_of",
    "gate",
    "kernel",
    "layer",
    "layers",
    "name",
    "path",
    "weights",
    "value",
    "x",
    "y",
    "n",
}
"""Names that stand for a user's own."""


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The texts in a module, with their lines; what is put into them is shown as `\\0`. Not its docstrings."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # a docstring, of a value too
            skipped.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(parts):
                yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in parts)
            case ast.Constant(str(text)) if id(node) not in skipped:
                yield node.lineno, text


def quoted(text: str) -> list[str]:
    """The code in a text: between backticks."""
    return re.findall(r"`([^`]+)`", text)


def in_sources() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Code in the texts of the packages: where it stands, itself, and what names are the user's there."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for line, text in strings(ast.parse(path.read_text())):
                for code in quoted(text):
                    yield f"{path.relative_to(ROOT)}:{line}", code, frozenset()


def in_golden_errors() -> Iterator[tuple[str, str, frozenset[str]]]:
    """The same in what the golden errors say to do, indented lines of code too."""
    for path in sorted((ROOT / "tests" / "errors").rglob("*.err")):
        text = path.read_text()
        if " = help: " not in text:
            continue
        help = text.split(" = help: ", 1)[1]
        code = quoted(help) + [line for line in help.splitlines() if line.startswith("         ")]
        case = ast.parse(path.with_suffix(".py").read_text())
        own = {node.id for node in ast.walk(case) if isinstance(node, ast.Name)}
        own |= {node.name for node in ast.walk(case) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        own |= {node.arg for node in ast.walk(case) if isinstance(node, ast.arg)}
        own |= {node.attr for node in ast.walk(case) if isinstance(node, ast.Attribute)}
        for entry in code:
            yield f"{path.relative_to(ROOT)}", entry, frozenset(own)


def known_parts() -> set[str]:
    return {name for owner in OWNERS for name in dir(owner)} | OTHERS | EXAMPLES


def known_keywords() -> set[str]:
    """The arguments of all that users call: functions, classes and their methods, gates, data classes."""
    names = {"theta", "strict", "rows", "wires", "diff_method"}
    names |= {name for rule in GATES.values() for name in rule.qubits + rule.angles}
    modules: list[Any] = [qk, qko, library, qk.noise, qk.mitigation, qkernel.nn, qkernel.nn.datasets, published]
    modules += [importlib.import_module(QISKIT)] if importlib.util.find_spec("qiskit") else []
    called: list[Any] = [*OWNERS, *(getattr(module, name) for module in modules for name in dir(module))]
    ours = [each for each in called if str(getattr(each, "__module__", "")).startswith("qkernel")]
    for owner in ours:
        parts = [getattr(owner, name, None) for name in dir(owner)] if isinstance(owner, type) else []
        for function in (owner, *parts):
            if callable(function):
                try:
                    names |= inspect.signature(function).parameters.keys()
                except (TypeError, ValueError):
                    continue
    return names


VALUES = {
    "native", "reference", "torch", "qiskit", "auto", "differences", "clifford_t", *readouts.NAMES, *gradient.METHODS,
    *metric.KINDS, *shots.ALLOCATIONS, *shots.GROUPINGS,
}  # fmt: skip
"""Engines, ways to differentiate, bases of gates, readouts: what options take."""

DATA = {*published.DATA_SETS, *published.DATA_SETS["mnist"].files}
METHODS = importlib.import_module(f"{QISKIT}.methods").METHODS if importlib.util.find_spec("qiskit") else {}
WORDS = {*VALUES, *DATA, *METHODS, "linecache", "bindings_value", *keyword.kwlist, *GATES}
"""What else stands alone: words of Python, gates, data sets and their parts."""

PARTS, KEYWORDS = known_parts(), known_keywords()
PREFIXES = {"qk": qk, "qko": qko}


def missing(code: str, own: frozenset[str]) -> list[str]:
    """What a piece of code names that does not exist."""
    lacking = []
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", code)
    bare = re.sub(r"\bdef \w+", "", bare)
    if re.fullmatch(r"[a-z]\w+", bare) and bare not in PARTS | KEYWORDS | own | WORDS:
        lacking.append(bare)
    for owner, name in re.findall(r"\b(qk|qko)\.(\w+)", bare):
        if not hasattr(PREFIXES[owner], name):
            lacking.append(f"{owner}.{name}")
    for path in re.findall(r"\bqkernel(?:\.\w+)+", bare):
        if not reachable(path):
            lacking.append(path)
    for name in re.findall(r"(?<![\w.\0])\.(\w+)|(?<![\w.\0])([A-Za-z_]\w*)\(", bare):
        called = name[0] or name[1]
        if called not in PARTS | own:
            lacking.append(called)
    for name in re.findall(r"(?<=[\w\])\0])\.([A-Za-z_]\w*)", bare):
        if name not in PARTS | own and not reachable_anywhere(name):
            lacking.append(f".{name}")
    for name in re.findall(r"(?:(?<=[(,])|(?<=^)|(?<=, ))\s*([a-z_]\w*)=(?!=)", bare):
        if name not in KEYWORDS | own:
            lacking.append(f"{name}=")
    return lacking


def reachable(path: str) -> bool:
    """Whether `qkernel.a.b` can be imported or is an attribute."""
    found: Any = qk
    for part in path.split(".")[1:]:
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (ImportError, AttributeError):
                return False
        found = getattr(found, part)
    return True


def reachable_anywhere(name: str) -> bool:
    """Whether a dotted name ends like a module of ours."""
    return any((ROOT / package / f"{name}.py").exists() or (ROOT / package / name).is_dir() for package in PACKAGES)


@pytest.mark.parametrize("texts", [in_sources, in_golden_errors])
def test_what_messages_name_exists(texts: Any) -> None:
    found = {f"{where}: {code!r} names {', '.join(gone)}" for where, code, own in texts() if (gone := missing(code, own))}
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize(
    "code", ["qk.rotate(q)", "qko.W(0)", "kernel.differentiate()", "run(..., shoots=3)", "qkernel.nn.QModule", "jacobi(x)"]
)
def test_what_does_not_exist_is_found(code: str) -> None:
    assert missing(code, frozenset())


@pytest.mark.parametrize(
    "verb", ["run", "sample", "grad", "jacobian", "hessian", "draw", "estimate_resources", "to_qasm", "explain"]
)
def test_a_verb_that_a_message_names_is_there_on_kernels_and_executables(verb: str) -> None:
    assert hasattr(qk.Kernel, verb)
    assert hasattr(Executable, verb)


@pytest.mark.parametrize(("verb", "option"), [("hessian", "batch"), ("grad", "basis"), ("sample", "wrt"), ("draw", "shots")])
def test_an_option_of_another_verb_is_not_taken_for_an_argument(verb: str, option: str) -> None:
    @qk.qkernel
    def kernel(angle: qk.Float) -> qk.Bit:
        return qk.measure(qk.rx(qk.qubit(), angle))

    with pytest.raises(errors.CallArgumentError, match=f"`{verb}` has no option `{option}`") as caught:
        getattr(kernel, verb)(angle=0.1, **{option: None})
    named = set(re.findall(r"`(\w+)`", caught.value.help or ""))
    assert named
    assert named <= set(inspect.signature(getattr(qk.Kernel, verb)).parameters)


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
FILES = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ".venv" not in path.parts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_names_that_documents_mention_exist(document: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    gone = []
    for code in quoted(prose):
        if (file := re.fullmatch(r"(?:[\w.]+/)*\w+\.py", code)) is not None:
            gone += [code] if not any(f"/{known}".endswith(f"/{file.group()}") for known in FILES) else []
        else:
            gone += [name for name in missing(code, frozenset()) if name.startswith(("qk.", "qko.", "qkernel."))]
    readers = {"mistake.py", "ghz.py", "coin.py"}  # files that the reader is told to write
    assert set(gone) <= {"qkernel.engines", "qkernel.adapters", *readers}, gone  # groups of entry points


def test_only_names_lose_the_number_that_tells_two_of_one_name_apart() -> None:
    """A text that looks like such a name, in the title of an error found at lowering, stays as it is."""
    kept = errors.SizeError("the file v1.25 is too large", label="see v1.25")
    located = locate(kept, Span("v1.25", 1, 0, 1, 1), Frame(ops.Function("main", (), (), ()), {}))
    assert located.title == "the file v1.25 is too large"
    assert located.label == "see v1.25"

    @qk.qkernel
    def two_of_one_name(n: qk.UInt) -> qk.Bit:
        q = qk.qubit_array(2)
        for _ in qk.range(1):
            t = qk.qubit_array(2, "t")
            t = qk.h(t)
        t = qk.qubit_array(2, "t")
        t[n] = qk.x(t[n])
        return qk.measure(q)[0]

    with pytest.raises(errors.QubitIndexResolutionError) as index:
        two_of_one_name.run(n=5)
    assert "index 5 of the register `t` lies outside it" in str(index.value)
