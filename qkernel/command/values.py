"""What `--set` gives: numbers, lists and dictionaries as Python writes them, sums of Paulis, and arrays in files."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from qkernel.command.program import AnyKernel
from qkernel.diagnostics import did_you_mean
from qkernel.errors import ObservableError
from qkernel.ir.types import OBSERVABLE, ArrayType, Type
from qkernel.observable import Hamiltonian


def values_of(kernel: AnyKernel, given: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of `kernel` in texts `NAME=VALUE`; raises `click.UsageError` for what is none."""
    values: dict[str, Any] = {}
    known = kernel.input_types
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise click.UsageError(f"--set takes NAME=VALUE, not {text!r}")
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
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        forms = "a number, a list or a dictionary as Python writes it, or @FILE (.npy, .json)"
        raise click.UsageError(f"the value of {name!r} is {forms}, not {text!r}") from None


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
