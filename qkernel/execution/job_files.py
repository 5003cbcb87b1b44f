"""Jobs in files: JSON around the text form of a kernel. What a file holds is data, and nothing of it is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike, fspath
from typing import Any

import numpy as np

from qkernel import errors
from qkernel.diagnostics import Note
from qkernel.errors import DataError, QKernelError, ValidationError, of_file
from qkernel.execution.results import EstimatedValue, SampleResult
from qkernel.execution.shots import ShotPlan
from qkernel.execution.stochastic import RULES, Rule
from qkernel.lower.given_values import plain
from qkernel.observable import Hamiltonian

Array = np.ndarray[Any, Any]

VERSION = 1
_HELP = "give a file that `job.to_file(path)` wrote"
_KEYS = frozenset((
    "id", "verb", "kernel", "reuse_measured", "fixed", "open", "shapes", "values", "wrt", "engine", "shots", "seed", "gradient",
    "retries", "backoff", "sent", "status", "outcome",
))  # fmt: skip


def written(content: Mapping[str, Any]) -> str:
    """The text of a file. Raises `ValidationError` for a value that files do not hold, by the name of what it was given for."""
    parts = {"qkernel_job": VERSION} | {key: _named(key, value) for key, value in content.items()}
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(part)}" for key, part in parts.items()) + "\n}\n"


def read(path: str | PathLike[str]) -> dict[str, Any]:
    """What `written` wrote. Raises `DataError` for any other file, and for one that cannot be read."""
    name = fspath(path)
    try:
        with of_file(path, "read"), open(path, encoding="utf-8") as file:
            content = json.load(file)
        if not isinstance(content, dict) or "qkernel_job" not in content:
            raise DataError(f"`{name}` holds no job", help=_HELP)
        if content["qkernel_job"] != VERSION:
            raise DataError(f"`{name}` was written by another version of this package", help="install that one, or a later one")
        found = {key: decode(value) for key, value in content.items() if key != "qkernel_job"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, QKernelError):
            raise
        raise DataError(f"`{name}` is no whole file of a job: {error}", help=_HELP) from error
    if lacking := sorted(_KEYS - found.keys()):
        raise DataError(f"`{name}` is no whole file of a job: it lacks `{lacking[0]}`")
    return found


def _named(key: str, value: Any) -> Any:
    if key in ("values", "fixed"):
        return {"dictionary": [[name, _encoded(part, f"`{name}`")] for name, part in value.items()]}
    return _encoded(value, f"`{key}`")


def _encoded(value: Any, name: str) -> Any:
    """A value as JSON has it: an object with one key says what kind of value it is."""

    def each(parts: Any) -> list[Any]:
        return [_encoded(part, name) for part in parts]

    value = plain(value)
    match value:
        case None | bool() | int() | float() | str() if type(value) in (type(None), bool, int, float, str):
            return value
        case np.generic():
            return _encoded(value.item(), name)
        case complex():
            return {"complex": [value.real, value.imag]}
        case np.ndarray() if value.dtype.kind in "biufc":
            numbers = value.ravel().view(value.real.dtype) if value.dtype.kind == "c" else value.ravel()
            return {"array": [value.dtype.str, list(value.shape), numbers.tolist()]}
        case Hamiltonian():
            return {"observable": [str(value), value.num_qubits]}
        case ShotPlan():
            return {"shots": asdict(value)}
        case _ if isinstance(value, Rule):
            return {"rule": [value.name, asdict(value)]}
        case SampleResult():
            return {"samples": [each(value.results), value.shots, value.of_bits]}
        case EstimatedValue():
            return {"estimate": each([*value, dict(value.metadata)])}
        case QKernelError():
            return {"error": [value.code, value.title, [note.text for note in value.notes], value.help]}
        case tuple():
            return {"tuple": each(value)}
        case list():
            return each(value)
        case Mapping():
            return {"dictionary": [each(pair) for pair in value.items()]}
    raise ValidationError(f"files of jobs do not hold what was given for {name}: {type(value).__name__}")


def decode(value: Any) -> Any:
    """The value that `_encoded` made this of."""
    if isinstance(value, list):
        return [decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, given),) = value.items()
    return _READERS[kind](given)


def _array(given: Any) -> Array:
    dtype, shape, numbers = given
    kind = np.dtype(dtype)
    if kind.kind not in "biufc":
        raise ValueError(f"no numbers are of the type {dtype}")
    parts = np.array(numbers, kind.type(0).real.dtype if kind.kind == "c" else kind)
    result: Array = parts.view(kind).reshape(shape)
    return result


def _error(given: Any) -> QKernelError:
    code, title, notes, help = given
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QKernelError)]
    kind = next(each for each in kinds if each.code == code)
    return kind(title, notes=tuple(map(Note, notes)), help=help)


def _estimate(given: Any) -> EstimatedValue:
    value, error, shots, metadata = map(decode, given)
    return EstimatedValue(value, error, shots, metadata)


_READERS: dict[str, Callable[[Any], Any]] = {
    "complex": lambda given: complex(*given),
    "array": _array,
    "observable": lambda given: Hamiltonian.from_string(*given),
    "shots": lambda given: ShotPlan(**given),
    "rule": lambda given: type(RULES[given[0]]())(**given[1]),
    "samples": lambda given: SampleResult(decode(given[0]), *given[1:]),
    "estimate": _estimate,
    "error": _error,
    "tuple": lambda given: tuple(map(decode, given)),
    "dictionary": lambda given: {decode(key): decode(part) for key, part in given},
}
