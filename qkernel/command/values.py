"""What `--set` gives: numbers and arithmetic of them and pi, lists, dictionaries, sums of Paulis, and arrays in files."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from qkernel.command.program import AnyKernel
from qkernel.diagnostics import did_you_mean
from qkernel.errors import ObservableError, TextFormError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.parser import parse_expression
from qkernel.ir.types import FLOAT, OBSERVABLE, UINT, ArrayType, Type
from qkernel.observable import Hamiltonian


def values_of(kernel: AnyKernel, given: tuple[str, ...], option: str = "--set") -> dict[str, Any]:
    """The arguments of `kernel` in texts `NAME=VALUE`; raises `click.UsageError` for what is none."""
    values: dict[str, Any] = {}
    known = kernel.input_types
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        if name in values:
            raise click.UsageError(f"{name!r} is set twice")
        if name not in known:
            names = ", ".join(known) or "none"
            raise click.UsageError(f"{kernel.name!r} has no argument {name!r}{did_you_mean(name, list(known))}; it has {names}")
        values[name] = _value(name, value.strip(), known[name])
    return values


def _value(name: str, text: str, type: Type) -> Any:
    if text.startswith("@"):
        return _in_file(name, Path(text[1:]))
    if type == OBSERVABLE:
        return _observable(name, text)
    if isinstance(type, ArrayType) and type.element == OBSERVABLE:
        return [_observable(name, part.strip()) for part in text.strip("[]").split(",")]
    try:
        return _read(ast.parse(text, mode="eval").body)
    except (TextFormError, ArithmeticError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        forms = "a number such as 0.3 or pi/2, a list or a dictionary as Python writes it, or @FILE (.npy, .json)"
        reason = error.label if isinstance(error, TextFormError) else str(error) if isinstance(error, ArithmeticError) else ""
        raise click.UsageError(f"the value of {name!r} is {forms}, not {text!r}{reason and f': {reason}'}") from None


def _read(node: ast.expr) -> Any:
    """Lists and dictionaries as Python has them, numbers by the reader of the text form: nothing is run."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id="true" | "false" as word):
            return word == "true"
        case ast.List(elts=items):
            return [_read(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_read(item) for item in items)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_read(key): _read(value) for key, value in zip(keys, values, strict=True) if key is not None}
    number = parse_expression(ast.unparse(node), {"pi": FLOAT})
    if number.type not in (UINT, FLOAT):
        raise ValueError
    return evaluate(number, {"pi": math.pi})


def _observable(name: str, text: str) -> Hamiltonian:
    try:
        return Hamiltonian.from_string(text)
    except ObservableError as error:
        raise click.UsageError(f"the value of {name!r}: {error}") from None


def _in_file(name: str, path: Path) -> Any:
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"the value of {name!r} cannot be read from {str(path)!r}: {error}") from None
