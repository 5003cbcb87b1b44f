"""Derivatives by the columns of theta, handed out by the names of the arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from qkernel.lower.angles import OpenParameter

Array = np.ndarray[Any, Any]


def columns_of(entries: Iterable[OpenParameter]) -> list[int]:
    """The columns of theta that hold these parameters."""
    return [column for entry in entries for column in range(entry.start, entry.start + entry.size)]


def first(slopes: Array, wrt: Iterable[OpenParameter], batched: bool) -> dict[str, Any]:
    """Derivatives (batch, ..., columns) as one entry for each parameter, of its shape; a dictionary's by its keys."""
    result: dict[str, Any] = {}
    for entry in wrt:
        part = slopes[..., entry.start : entry.start + entry.size]
        part = part.reshape((*part.shape[:-1], *entry.shape))
        part = part if batched else part[0, ...]
        if entry.is_dictionary:
            result[entry.name] = {key: _plain(part[..., k]) for k, key in enumerate(entry.keys)}
        else:
            result[entry.name] = _plain(part)
    return result


def second(curvature: Array, wrt: Iterable[OpenParameter], batched: bool) -> dict[str, dict[str, Any]]:
    """Second derivatives (batch, ..., columns, columns) as `{a: {b: array}}`, arrays (batch, ..., shape of a, shape of b)."""
    entries, result = list(wrt), dict[str, dict[str, Any]]()
    for entry in entries:
        part = curvature[..., entry.start : entry.start + entry.size, :]
        if entry.is_dictionary:
            result[entry.name] = {key: first(part[..., k, :], entries, batched) for k, key in enumerate(entry.keys)}
        else:
            shaped = part.reshape((*part.shape[:-2], *entry.shape, part.shape[-1]))
            result[entry.name] = first(shaped, entries, batched)
    return result


def _plain(array: Array) -> Any:
    return array if array.ndim else float(array)
