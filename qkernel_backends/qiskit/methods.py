"""The methods of Aer's simulators: what each can do, and a simulator with the method and the noise that are asked for."""

from __future__ import annotations

import re
from typing import Any

from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qkernel import noise as noise_models
from qkernel.diagnostics import did_you_mean, with_article
from qkernel.errors import ValidationError
from qkernel_backends.qiskit.noise import to_aer
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
    noise = to_aer(noise) if isinstance(noise, noise_models.NoiseModel) else noise
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


def truncation(simulator: AerSimulator, circuit: QuantumCircuit) -> tuple[float, int]:
    """The weight that `simulator`, on matrix product states, discards in `circuit`, and the largest bond dimension.

    Aer's log goes on from run to run of a process, so that first a circuit of one gate asks for what is there.
    """
    logging = with_options(simulator, mps_log_data=True)
    mark, kept = QuantumCircuit(2), circuit.remove_final_measurements(inplace=False)
    mark.cx(0, 1)
    before, after = (_log(logging, each) for each in (mark, kept))
    own = after[len(before) :]
    return sum(discarded for _, discarded in own), max((bond for bond, _ in own), default=1)


def _log(simulator: AerSimulator, circuit: QuantumCircuit) -> list[tuple[int, float]]:
    """The largest bond dimension and the discarded weight at each gate of the log after `circuit` was run."""
    saved = circuit.copy()
    saved.save_amplitudes_squared([0])  # depends on all qubits
    (result,) = simulator.run(saved, shots=1).result().results
    entries = re.split(r"I\d+:", result.metadata["MPS_log_data"])[1:]
    bonds = [max((int(bond) for bond in re.search(r"BD=\[([\d ]*)\]", entry)[1].split()), default=1) for entry in entries]  # type: ignore[index]
    weights = [sum(map(float, re.findall(r"discarded_value=([\d.e+-]+)", entry))) for entry in entries]
    return list(zip(bonds, weights, strict=True))
