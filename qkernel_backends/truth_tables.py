"""Expressions over measured bits as tables of their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.errors import QubitIndexResolutionError, TargetCapabilityError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr
from qkernel.lower.circuit import BITS, bits_read

_MOST_BITS = 10
"""Arithmetic over at most so many bits is written as a table of its results."""


def table_of(value: Expr) -> tuple[Any, list[int]]:
    """The values of an expression over bits, and the bits: row number r is for their values in r, the first least significant.

    Raises `TargetCapabilityError` for more than ten bits.
    """
    read = sorted(bits_read(value))
    if len(read) > _MOST_BITS:
        raise TargetCapabilityError(
            f"conditions in circuits cannot compute with {len(read)} measured bits at once",
            help="use `and`, `or`, `not` and `^` on the bits, or run the kernel on the built-in engine",
        )
    rows = np.arange(1 << len(read))
    columns = {bit: (rows >> k & 1).astype(bool) for k, bit in enumerate(read)}
    try:
        table = evaluate(value, {BITS.key: columns})
    except QubitIndexResolutionError as error:
        raise TargetCapabilityError(
            f"a condition looks up an element that may not exist, which no condition in a circuit can tell: {error.title}",
            help="give the vector an element for each value of the bits, or run the kernel on the built-in engine",
        ) from None
    return np.broadcast_to(np.asarray(table, bool), rows.shape), read
