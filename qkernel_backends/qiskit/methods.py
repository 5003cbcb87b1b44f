"""The methods of Aer's simulators: what each can do, and a simulator with the method and the noise that are asked for."""

from __future__ import annotations

from typing import Any

from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qkernel.diagnostics import did_you_mean, with_article
from qkernel.errors import ValidationError
from qkernel_backends.qiskit.running import with_options

_SAMPLES = frozenset({"sampling"})
_VALUES = _SAMPLES | {"expectation", "probabilities"}
_STATES = _VALUES | {"state"}

METHODS: dict[str, frozenset[str]] = {
    "automatic": _STATES,
    "statevector": _STATES,
    "density_matrix": _VALUES,
    "matrix_product_state": _STATES,
    "stabilizer": _VALUES,
    "extended_stabilizer": _SAMPLES,
    "unitary": _STATES,
    "superop": _STATES,
    "tensor_network": _STATES,
}
"""What each can do on an ideal simulator; `unitary` and `superop` refuse themselves whatever is asked of them here."""


def features_of(simulator: AerSimulator, is_ideal: bool) -> frozenset[str]:
    """What a simulator can do. Under noise values are exact on density matrices alone."""
    found = METHODS.get(simulator.options.method, _STATES)
    if is_ideal:
        return found
    return _VALUES if simulator.options.method == "density_matrix" else _SAMPLES


def simulator_with(backend: Any, method: str | None, noise: Any) -> Any:
    """`backend`, or a simulator in its place with `method` and `noise`; a simulator as it stands now, whatever is set later.

    Raises `ValidationError` for anything but Aer's simulators with a method or noise, and for what is none of them.
    """
    if method is not None and method not in METHODS:
        raise ValidationError(
            f"Aer has no method `{method}`{did_you_mean(str(method), list(METHODS))}",
            help=f"its methods are {', '.join(f'`{name}`' for name in METHODS)}",
        )
    if noise is not None and not isinstance(noise, NoiseModel):
        raise ValidationError(f"`noise` is a noise model, not {with_article(type(noise).__name__)}")
    options = {name: value for name, value in (("method", method), ("noise_model", noise)) if value is not None}
    if isinstance(backend, AerSimulator):
        return with_options(backend, **options)
    if backend is None:
        return AerSimulator(max_parallel_experiments=0, **options) if options else None
    if options:
        given, kind = "method" if method is not None else "noise", with_article(type(backend).__name__)
        raise ValidationError(
            f"`{given}` is for Aer's simulators, and this engine runs on {kind}",
            help="give it a simulator: `QiskitEngine(AerSimulator.from_backend(backend), ...)`",
        )
    return backend
