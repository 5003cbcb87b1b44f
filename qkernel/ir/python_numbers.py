"""Which of Python's, numpy's and torch's values are numbers of a kernel."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np


def is_array(value: Any) -> bool:
    """Whether a value is an array, or a tensor whose numbers are known and that nobody trains."""
    if not hasattr(value, "detach"):
        return isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)
    return not value.requires_grad and value.device.type != "meta" and "strided" in str(value.layout)


def is_number(value: Any) -> bool:
    """Whether a Python value is a real number or a bit: numpy's and torch's without axes too, complex numbers not."""
    if is_array(value) and not value.ndim:
        value = value.tolist()
    return isinstance(value, (Real, np.bool_))


class NotClassical(TypeError):
    """A Python value that is no classical value of a kernel."""

    def __init__(self, value: Any) -> None:
        super().__init__(f"a {type(value).__name__} is no value of a kernel")
        self.value = value
