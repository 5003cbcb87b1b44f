"""A layer's program as text, which a graph can hold: what `torch.export` saves, another process computes from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from qkernel.engine import load_engine
from qkernel.errors import TextFormError
from qkernel.execution.program import Program
from qkernel.ir.parser import parse
from qkernel.lower.given_values import Several
from qkernel.nn.compile import Recipe
from qkernel.nn.readouts import as_readout
from qkernel.observable import Hamiltonian

FORM = "qkernel layer 2"
"""The first entry of a text; another number for another form."""


def format_layer(recipe: Recipe, engine: str, gradient: str) -> str:
    """The text: JSON around the text form of the kernel. `parse_layer` makes the same circuit of it."""
    return json.dumps(
        {
            "form": FORM,
            "engine": engine,
            "gradient": gradient,
            "open": recipe.names,
            "lengths": recipe.lengths,
            "fixed": {name: _encoded(value) for name, value in recipe.fixed.items()},
            "readout": _encoded(recipe.readout),
            "kernel": str(recipe.module),
        }
    )


def parse_layer(text: str) -> tuple[Recipe, Program]:
    """The recipe and the program of a text.

    Raises `TextFormError` for any other text, `DependencyError` where its engine is not there.
    """
    try:
        parts = json.loads(text)
        if parts["form"] != FORM:
            raise TextFormError(f"a quantum layer in the form `{parts['form']}` cannot be read, only `{FORM}`")
        recipe = Recipe(
            parse(parts["kernel"]),
            {name: _decoded(value) for name, value in parts["fixed"].items()},
            tuple(parts["open"]),
            {name: tuple(shape) for name, shape in parts["lengths"].items()},
            as_readout(_decoded(parts["readout"])),
        )
        return recipe, Program(recipe.circuit, load_engine(parts["engine"]), parts["gradient"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, TextFormError):
            raise
        raise TextFormError(f"this is no quantum layer in text form: {error}") from error


def _encoded(value: Any) -> Any:
    """A value of an argument, as lowering reads it, in terms of JSON."""
    match value:
        case Hamiltonian():
            return {"observable": value.to_string(), "qubits": value.num_qubits}
        case Several():
            return {"several": _encoded(value.observables)}
        case np.ndarray():
            return {"array": value.ravel().tolist(), "shape": value.shape, "dtype": value.dtype.name}
        case Mapping():
            return {"items": [[key, _encoded(part)] for key, part in value.items()]}
        case tuple():
            return [_encoded(part) for part in value]
    return value


def _decoded(value: Any) -> Any:
    match value:
        case {"observable": str(text), "qubits": int(width)}:
            return Hamiltonian.from_string(text, width)
        case {"several": list(observables)}:
            return Several(tuple(map(_decoded, observables)))
        case {"array": list(numbers), "shape": list(shape), "dtype": "float64" | "int64" | "bool" as dtype}:
            return np.array(numbers, dtype).reshape(shape)
        case {"items": list(items)}:
            return {tuple(key) if isinstance(key, list) else key: _decoded(part) for key, part in items}
        case list():
            return tuple(_decoded(part) for part in value)
        case dict():
            raise TextFormError("this is no quantum layer in text form: a value is of no known kind")
    return value
