"""The angle map: every angle of a circuit as an affine function of its open parameters.

`a = A @ theta + b`, sparse, plus the rare rows that are not affine, kept as expressions. Binding, batching, shift rules,
the chain rule and the torch bridge all read this one structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.ir.expressions import Expr
from qkernel.ir.types import Type

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class OpenParameter:
    """An argument that stays open: its columns `start` to `start + size` of theta, in C order of `shape` (() for a scalar).

    `keys` are the keys of a dictionary argument, in column order.
    """

    name: str
    type: Type
    start: int
    shape: tuple[int, ...] = ()
    keys: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def column_names(self) -> tuple[str, ...]:
        """`theta`, or `weights[0]`, `m[0][1]`, `d[(0, 1)]`, one for each column."""
        if self.keys:
            return tuple(f"{self.name}[{key}]" for key in self.keys)
        return tuple(self.name + "".join(f"[{k}]" for k in index) for index in np.ndindex(*self.shape))


@dataclass(frozen=True)
class AngleMap:
    """`num_slots` angles of `num_columns` open parameters.

    The affine part is in coordinate form: slot `rows[k]` has `coefficients[k]` times column `columns[k]`, plus
    `offsets[slot]`. `curved` holds (slot, expression) for slots that are not affine; their expressions name the open
    parameters, and their offsets are 0.
    """

    parameters: tuple[OpenParameter, ...]
    offsets: Floats
    rows: Integers
    columns: Integers
    coefficients: Floats
    curved: tuple[tuple[int, Expr], ...] = ()

    @property
    def num_slots(self) -> int:
        return len(self.offsets)

    @property
    def num_columns(self) -> int:
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(name for parameter in self.parameters for name in parameter.column_names)
