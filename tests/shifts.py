"""Gradients by parameter shift in the form of engines' own, to compare the two."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.engine import Prepared
from qkernel.execution.gradient import ShiftTerms, shift
from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]


def shift_vjp(
    prepared_open: Prepared, circuit: Circuit, theta: Array, cotangent: Array, terms: ShiftTerms | None = None
) -> tuple[Array, Array]:
    """As `Prepared.expect_vjp` of `circuit`, by shifts of `prepared_open`, which is `open_slots(circuit)` on an engine."""
    values, by_slots = shift(prepared_open.expect, circuit, theta, terms)
    gradient = circuit.angles.pullback(theta, np.einsum("bo,bso->bs", np.asarray(cotangent, float), by_slots))
    return values, gradient.astype(values.dtype, copy=False)
