"""Numbers as users give them (lists, arrays of numpy, tensors of torch) as numpy arrays, and what to say of all else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from qkernel.diagnostics import in_short
from qkernel.ir.types import BIT, FLOAT, UINT, Type

Array = np.ndarray[Any, Any]

_KINDS: dict[Type, str] = {FLOAT: "fiu", UINT: "iu", BIT: "b"}


@dataclass(frozen=True)
class Several:
    """Observables that stand for one argument: the circuit reads out each, and returns once more what it returns for each."""

    observables: tuple[Any, ...]


def shown(value: Any) -> str:
    """A value that does not fit, in a few words."""
    if value is None:
        return "`None`"
    if isinstance(value, (bool, np.bool_)):
        return f"the bool `{bool(value)}`"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {value.dtype}"
    return f"`{in_short(value)}` ({value.__class__.__name__})"


def plain(value: Any) -> Any:
    """A torch tensor as an array (a view where there can be one); anything else, and a tensor without data, as it is."""
    if type(value).__module__ != "torch" and not hasattr(value, "detach"):
        return value
    try:
        tensor = value.detach().cpu()
        return tensor.numpy() if str(tensor.dtype) != "torch.bfloat16" else tensor.double().numpy()
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        return value


def as_array(value: Any, element: Type = FLOAT) -> Array | None:
    """`value` as an array of numbers or bools; None if it is not one. For a Bit 1 and 0 are True and False."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping, np.ma.MaskedArray)) or value is None:
        return None
    listed = isinstance(value, (list, tuple))
    if listed and any(hasattr(part, "detach") for part in value):
        value = [plain(part) for part in value]
    try:
        array = np.asarray(plain(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if array.dtype.kind not in "fiub":
        return None
    if element == BIT:
        return array.astype(bool) if array.dtype.kind != "f" and ((array == 0) | (array == 1)).all() else array
    return None if listed and array.dtype.kind != "b" and _holds_bool(value) else array


def _of_objects(array: Array) -> Array:
    """An array of Python's real numbers, such as fractions, as one of numpy's; any other array as it is."""
    entries = array.ravel().tolist()
    if not entries or not all(isinstance(entry, Real) and not isinstance(entry, bool) for entry in entries):
        return array
    kind = np.int64 if all(isinstance(entry, Integral) for entry in entries) else np.float64
    try:
        return np.array([*map(float if kind is np.float64 else int, entries)], kind).reshape(array.shape)
    except OverflowError:
        return array


def fits(dtype: np.dtype[Any], element: Type) -> bool:
    """Whether numbers of a type of numpy's are of type `element`."""
    return dtype.kind in _KINDS[element]


def _holds_bool(values: Iterable[Any]) -> bool:
    return any(_holds_bool(part) if isinstance(part, (list, tuple)) else isinstance(part, bool) for part in values)
