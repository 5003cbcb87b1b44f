"""Gradients by parameter shift in the form of engines' own, to compare the two."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.engine import Prepared
from qkernel.gradient import ShiftTerms, shift_jacobian
from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]


def shift_vjp(
    prepared_open: Prepared, circuit: Circuit, theta: Array, cotangent: Array, terms: ShiftTerms | None = None
) -> tuple[Array, Array]:
    """As `Prepared.expect_vjp` of `circuit`, by shifts of `prepared_open`, which is `open_slots(circuit)` on an engine."""
    values, jacobian = shift_jacobian(prepared_open.expect, circuit, theta, terms)
    return values, np.einsum("bo,bok->bk", np.asarray(cotangent, float), jacobian).astype(values.dtype, copy=False)
