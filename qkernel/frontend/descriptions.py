"""Values in the user's words, for messages."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from qkernel.diagnostics import in_short, with_article
from qkernel.frontend.ownership import QuantumHandle
from qkernel.gate_functions import Gate
from qkernel.ir.expressions import Expr


def describe(value: Any) -> str:
    """`value` in the user's words: `a Qubit`, `an Observable`, `the int 3`, `a list`."""
    if isinstance(value, QuantumHandle):
        return f"a {value.type}"
    if isinstance(value, Expr):
        return with_article(value.type)
    if value is None:
        return "None"
    if getattr(value, "requires_grad", False) is True:
        return "a tensor that requires grad"
    if isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        return f"the {type(value).__name__} {in_short(value.item() if isinstance(value, np.generic) else value)}"
    if isinstance(value, Gate):
        return f"the gate `{value.name}`"
    if hasattr(value, "signature") and hasattr(value, "outline"):
        return f"the kernel `{value.name}`"
    if isinstance(value, types.FunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else f"the function `{value.__name__}`"
    return with_article(type(value).__name__)
