"""From values at several strengths of the noise to the value without: fits, and the variance that they cost.

Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.errors import ExecutionError, ValidationError

Array = np.ndarray[Any, Any]

FITS = ("linear", "richardson", "exponential")


def check_fit(fit: Any, scales: list[float]) -> None:
    """Raise `ValidationError` for an unknown fit, and for scales that are too few, or twice the same."""
    if fit not in FITS:
        raise ValidationError(
            f"there is no fit `{fit}`{did_you_mean(str(fit), list(FITS))}", help=f"the fits are {', '.join(FITS)}"
        )
    if len(scales) < 2 or len({*scales}) < len(scales):
        given = ", ".join(f"{scale:g}" for scale in scales)
        raise ValidationError(f"an extrapolation takes two folds or more, all different, not {given}")


def extrapolated(scales: list[float], values: Array, errors: Array, fit: str) -> tuple[Array, Array]:
    """The value at no noise and its standard error, both (...), of values and errors (scales, ...) at each scale.

    `linear` is the straight line of least squares, `richardson` the polynomial through all points, `exponential` a decay to 0,
    a straight line of logarithms. Raises `ExecutionError` where values of an exponential fit have two signs.
    """
    if fit != "exponential":
        weights = _weights(scales, 1 if fit == "linear" else len(scales) - 1)
        return np.tensordot(weights, values, 1), np.sqrt(np.tensordot(weights**2, errors**2, 1))
    sign = np.sign(values[0])
    if not (sign * values > 0).all():
        raise ExecutionError(
            "a decay to 0 has one sign, and these values have not",
            label=f"at the scales {', '.join(f'{scale:g}' for scale in scales)} there is "
            f"{', '.join(f'{value:.3g}' for value in values.reshape(len(scales), -1)[:, 0])}",
            help='take `fit="linear"`, or more shots',
        )
    weights = _weights(scales, 1)
    found = sign * np.exp(np.tensordot(weights, np.log(np.abs(values)), 1))
    return found, np.abs(found) * np.sqrt(np.tensordot(weights**2, (errors / values) ** 2, 1))


def _weights(scales: list[float], degree: int) -> Array:
    """What values at the scales weigh in that of their polynomial of least squares at 0."""
    powers = np.vander(np.array(scales, float), degree + 1, increasing=True)
    weights: Array = np.linalg.pinv(powers)[0]
    return weights
