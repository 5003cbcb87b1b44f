"""Noise models of Aer and of backends as `qkernel.noise.NoiseModel`, and the other way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Kraus, Operator, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel as AerModel
from qiskit_aer.noise import QuantumError, ReadoutError, kraus_error, pauli_error

from qkernel.errors import KernelTypeError, TargetCapabilityError
from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit
from qkernel.noise import Channel, NoiseModel, Readout, Rule, name_of
from qkernel_backends.qiskit.running import words_of

_NO_GATES = frozenset(("measure", "reset", "delay", "barrier", "if_else", "while_loop", "for_loop", "switch_case", "store"))
_DIAGONAL = frozenset(("z", "s", "sdg", "t", "tdg", "p"))
_LEAST = 1e-11
"""Aer drops an error of 0, and has the one for all qubits in its place."""
_OWN_NAMES = {"iswapdg": "iswap_dg"}
_WIDTHS = {name: rule.num_qubits for name, rule in GATES.items() if rule.num_qubits and name != "ug"}


def from_aer(model: AerModel) -> NoiseModel:
    """A noise model of Aer as one of ours; its `basis` are the gates that Aer translates circuits to with it.

    Where these are `rz` and `sx`, any other gate of one qubit is as wrong as the two `sx` that it becomes there (or as `rz`, if
    it is diagonal), and part of the basis too. Idling is left out: a kernel has no delays.
    Raises `TargetCapabilityError` for errors of reading out several qubits that depend on each other, and `KernelTypeError`
    for anything but a model of Aer.
    """
    if not isinstance(model, AerModel):
        raise KernelTypeError(f"a noise model of Aer is wanted, not `{model!r}`")
    rules = []
    for name, error in model._default_quantum_errors.items():
        places = frozenset(map(tuple, model._local_quantum_errors.get(name, {})))
        rules.append(Rule(_channel(name, error), frozenset((name,)), None, places))
    for name, errors in model._local_quantum_errors.items():
        for qubits, error in errors.items():
            rules.append(Rule(_channel(name, error), frozenset((name,)), frozenset((tuple(qubits),))))
    readouts = [] if model._default_readout_error is None else [_readout(model._default_readout_error, None)]
    readouts += [_readout(error, qubits) for qubits, error in model._local_readout_errors.items()]
    basis = frozenset(model.basis_gates) - _NO_GATES
    return _with_turns(NoiseModel(tuple(rules), tuple(readouts), basis))


def _with_turns(model: NoiseModel) -> NoiseModel:
    """With the gates of one qubit that are made of `rz` and `sx`."""
    if model.basis is None or not {"rz", "sx"} <= model.basis:
        return model
    diagonal = _DIAGONAL - model.basis
    others = frozenset(name for name, rule in GATES.items() if rule.num_qubits == 1) - _DIAGONAL - model.basis - {"ug"}
    made = [(others, "sx"), (others, "sx"), (diagonal, "rz")]
    rules = [
        replace(rule, gates=names)
        for names, own in made
        for rule in model.rules
        if rule.gates is not None and own in rule.gates
    ]
    return replace(model, rules=(*model.rules, *rules), basis=model.basis | others | diagonal)


def of_backend(backend: Any) -> NoiseModel | None:
    """The noise of a simulator, or what the properties of a backend tell; None where there is nothing."""
    if isinstance(backend, AerSimulator):
        model = backend.options.noise_model
    else:
        try:
            model = AerModel.from_backend(backend)
        except Exception as error:
            raise TargetCapabilityError(f"the noise of `{backend.name}` cannot be read: {words_of(error)}") from error
    return None if model is None or model.is_ideal() else from_aer(model)


def to_aer(model: NoiseModel) -> AerModel:
    """A noise model of ours as one of Aer. Rules for every gate become rules for each gate of the table.

    Raises `TargetCapabilityError` for crosstalk, which Aer has no place for: its errors act on the qubits of their gates.
    """
    made = AerModel(basis_gates=sorted(model.basis or ()) or None)
    names = set(_WIDTHS) if any(rule.gates is None for rule in model.rules) else set()
    for name in sorted(names.union(*(rule.gates or () for rule in model.rules))):
        _add_errors(made, model, name)
    qubits = sorted(frozenset().union(*(readout.qubits or () for readout in model.readouts)))
    default = model.readout_of(-1)
    if any(default):
        made.add_all_qubit_readout_error(_readout_error(*default), warnings=False)
    for qubit in qubits:
        if model.readout_of(qubit) != default:
            rates = (max(rate, _LEAST) for rate in model.readout_of(qubit))
            made.add_readout_error(_readout_error(*rates), [qubit], warnings=False)
    return made


def _add_errors(made: AerModel, model: NoiseModel, name: str) -> None:
    """The errors behind the gates of a name: on the qubits that rules name, and on all others."""
    rules = [rule for rule in model.rules if rule.gates is None or name in rule.gates]
    if any(rule.pair for rule in rules):
        raise TargetCapabilityError(
            "crosstalk acts on qubits beside those of a gate, which Aer has no place for", help="use `NativeEngine(noise=...)`"
        )
    own, width = _OWN_NAMES.get(name, name), {"measure": 1, "reset": 1, **_WIDTHS}.get(name)
    everywhere = any(rule.qubits is None for rule in rules)
    if width is None and everywhere:
        raise TargetCapabilityError(
            f"noise behind every `{name}` has no place in Aer, where errors have a number of qubits",
            help=f'say on which qubits: `gates="{name}", on=(0, 1, 2)`',
        )
    for place in sorted({place for rule in rules for place in (*(rule.qubits or ()), *rule.elsewhere)}):
        least = pauli_error([("I" * len(place), 1 - _LEAST), ("Z" * len(place), _LEAST)])
        error = _error(model, name, place) or (least if everywhere else None)
        if error is not None:
            made.add_quantum_error(error, own, list(place), warnings=False)
    default = _error(model, name, tuple(range(-width, 0))) if width else None
    if default is not None:
        made.add_all_qubit_quantum_error(default, own, warnings=False)


def _readout_error(zero_as_one: float, one_as_zero: float) -> ReadoutError:
    return ReadoutError([[1 - zero_as_one, zero_as_one], [one_as_zero, 1 - one_as_zero]])


def require_place(circuit: Circuit, model: NoiseModel, made: AerModel) -> None:
    """Raise `TargetCapabilityError` for a gate of a circuit that has noise in `model`, and none as it was `made` for Aer."""
    if not any(rule.gates is None for rule in model.rules):
        return
    for kind in circuit.kinds:
        name = _OWN_NAMES.get(name_of(kind), name_of(kind))
        if kind.is_gate and kind.num_qubits and name not in made.noise_instructions:
            raise TargetCapabilityError(
                f"`{circuit.name}` has the gate `{name}`, behind which every gate's noise has no place in Aer",
                help="use `NativeEngine(noise=...)`, or write it in gates of the table",
            )


def _channel(name: str, error: QuantumError) -> Channel:
    """A mixture of unitaries as such; anything else by its Kraus operators."""
    text = f"{name} of Aer"
    try:
        matrices = [
            np.sqrt(share) * Operator(part).data for part, share in zip(error.circuits, error.probabilities, strict=True)
        ]
    except QiskitError:
        found = Kraus(SuperOp(error)).data
        matrices = [matrix for matrix in (found if isinstance(found, list) else found[0]) if np.abs(matrix).max() > 1e-8]
    return Channel.of(text, matrices)


def _readout(error: ReadoutError, qubits: Iterable[int] | None) -> Readout:
    if error.number_of_qubits != 1:
        raise TargetCapabilityError("errors of reading out several qubits together have no place in a noise model here")
    (_, one), (zero, _) = error.probabilities.tolist()
    return Readout(one, zero, None if qubits is None else frozenset(qubits))


def _error(model: NoiseModel, name: str, qubits: tuple[int, ...]) -> QuantumError | None:
    """All that a model has behind a gate on these qubits, as one error."""
    result: QuantumError | None = None
    for channel, where in model.behind(name, qubits):
        error = kraus_error([matrix.copy() for matrix in channel.kraus])
        if len(where) < len(qubits):
            place = qubits.index(where[0])
            error = _beside(_beside(_nothing(place), error), _nothing(len(qubits) - place - 1))
        result = error if result is None else result.compose(error)
    return result


def _nothing(width: int) -> QuantumError | None:
    """The error on so many qubits that is none."""
    return kraus_error([np.eye(1 << width)]) if width else None


def _beside(first: QuantumError | None, second: QuantumError | None) -> QuantumError:
    """Two errors, the first on the lower qubits."""
    if first is None or second is None:
        return second if first is None else first
    return first.expand(second)
