"""How often a loop over a range runs."""

from __future__ import annotations

from qkernel.errors import SizeError
from qkernel.estimate.forms import at_least_zero, floor_quotient, is_nonnegative, maximum
from qkernel.estimate.quantity import Quantity
from qkernel.ir.spans import Span


def trips(start: Quantity, stop: Quantity, step: Quantity, span: Span | None) -> Quantity:
    """The length of `range(start, stop, step)`; may come out negative where that is empty."""
    if step == 0:
        raise SizeError("a loop's step is 0", span=span)
    if step.is_constant or is_nonnegative(step):
        down = step.is_constant and step.constant < 0
        return _strides(start - stop, -step) if down else _strides(stop - start, step)
    rising, size = at_least_zero(step - 1), maximum(step, -step)  # a step of 0 divides by zero, also when it is put in later
    return rising * _strides(stop - start, size) + (1 - rising) * _strides(start - stop, size)


def _strides(ahead: Quantity, stride: Quantity) -> Quantity:
    """The ceiling of ahead / stride."""
    return ahead if stride == 1 else floor_quotient(ahead + stride - 1, stride)
