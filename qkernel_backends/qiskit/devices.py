"""What a device takes: circuits in its gates, with all that its noise model says, or an error that names what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from types import NoneType
from typing import Any

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ControlFlowOp, SessionEquivalenceLibrary
from qiskit.primitives.base import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import BasisTranslator, HighLevelSynthesis, UnitarySynthesis
from qiskit_aer import AerSimulator

from qkernel.errors import TargetCapabilityError, ValidationError
from qkernel.lower.circuit import Circuit
from qkernel_backends.qiskit.gates import other_names
from qkernel_backends.qiskit.refusals import called, check_control_flow, check_made, check_width, refusal
from qkernel_backends.qiskit.running import is_failure, with_options

# What circuits are translated to for Aer. It binds arrays of values to the parameters of these gates itself, and gets
# controlled rotations (cp, crx, mcphase ...) wrong or refuses them there; of others it has no kernel.
# fmt: off
_GATES = [
    "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "p", "rx", "ry", "rz", "u",
    "cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx", "unitary",
]
_NO_GATES = ["measure", "reset", "barrier", "if_else", "while_loop", "store"]
# What stays besides where a noise model has it; each row of parameters is then bound here.
_IN_NOISE_MODELS = [
    *_GATES, "u1", "u2", "u3", "r", "cu1", "cu3", "cu", "cp", "crx", "cry", "crz", "csx", "cswap",
    "ccx", "ccz", "mcx", "mcphase",
]
_NOT_ON_COUPLING_MAPS = {"unitary", "mcx", "mcphase", "ccx", "ccz", "cswap"}  # which `transpile` does not take there
# fmt: on


def device_of(backend: Any) -> Any:
    """The backend that circuits are translated for, if it is known; of a primitive its own, with its options of running."""
    if not isinstance(backend, (BaseEstimatorV2, BaseSamplerV2)):
        return backend
    device = getattr(backend, "backend", None) or getattr(backend, "_backend", None)
    device = device() if callable(device) and not isinstance(device, BackendV2) else device
    noise = (getattr(getattr(backend, "options", None), "run_options", None) or {}).get("noise_model")
    return with_options(device, noise_model=noise) if isinstance(device, AerSimulator) and noise is not None else device


def is_restricted(simulator: AerSimulator) -> bool:
    """Whether it has noise, or qubits that are not all connected."""
    return simulator.options.noise_model is not None or simulator.coupling_map is not None


def check_options(options: Mapping[str, Any], pass_manager: Any, backend: Any) -> None:
    """Raise `ValidationError` for options of the transpiler that are none, and for those that `backend` has no use for."""
    level, seed, device = options.get("optimization_level"), options.get("seed_transpiler"), device_of(backend)
    if level not in (None, 0, 1, 2, 3) or isinstance(level, bool):
        raise ValidationError(f"`optimization_level` is 0, 1, 2 or 3, not {level!r}")
    if isinstance(seed, bool) or not isinstance(seed, (Integral, NoneType)) or (seed is not None and int(seed) < 0):
        raise ValidationError(f"`seed_transpiler` is a whole number of at least 0, not {seed!r}")
    has_connections = device is not None and getattr(device, "coupling_map", None) is not None
    if pass_manager is None:
        if options and not has_connections:
            raise ValidationError(
                f"`{next(iter(options))}` is for devices, and this engine has none",
                help="give a backend with connections of its own, or leave the option out",
            )
        if "initial_layout" in options:
            _check_layout(options["initial_layout"], device)
        return
    if not callable(getattr(pass_manager, "run", None)):
        raise ValidationError(f"a pass manager has a method `run`, and `{pass_manager!r}` has none")
    if options:
        raise ValidationError(f"`{next(iter(options))}` and `pass_manager` are both given: keep one")
    if not has_connections and not isinstance(backend, (BaseEstimatorV2, BaseSamplerV2)):
        raise ValidationError("`pass_manager` is for devices and primitives, and this engine has neither")


def _check_layout(layout: Sequence[Any], device: Any) -> None:
    for place in layout:
        if isinstance(place, bool) or not isinstance(place, Integral) or int(place) not in range(device.num_qubits):
            raise ValidationError(
                f"`initial_layout` has {place!r}, and the qubits of {called(device)} are 0 to {device.num_qubits - 1}"
            )
    if len(set(layout)) < len(layout):
        twice = next(place for k, place in enumerate(layout) if place in layout[:k])
        raise ValidationError(f"`initial_layout` has qubit {twice} of {called(device)} twice")


def fitted(circuit: Circuit, written: QuantumCircuit, device: Any, pass_manager: Any = None, **options: Any) -> QuantumCircuit:
    """`written`, which is `circuit` in Qiskit, in gates that `device` takes; `options` are for Qiskit's transpiler.

    A `pass_manager` that is given does it in place of the transpiler.

    Raises `TargetCapabilityError` for what the device cannot hold, and where its noise would be lost.
    """
    noise = device.options.noise_model if isinstance(device, AerSimulator) else None
    layout = options.get("initial_layout")
    check_control_flow(circuit, device, noise)
    if device is not None and not (isinstance(device, AerSimulator) and device.coupling_map is None):
        check_width(circuit, device, layout)
    try:
        translated = pass_manager.run(written) if pass_manager is not None else translate(written, device, **options)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise refusal(circuit, device, error, layout) from error
    if pass_manager is not None:
        check_made(circuit, written, translated, device, "the pass manager")
    if noise is not None:
        _check_noise(circuit, written, translated, noise)
    return translated


def translate(circuit: QuantumCircuit, device: Any, **options: Any) -> QuantumCircuit:
    """`circuit` in gates that `device` (None: an ideal Aer simulator) takes; on ideal Aer none is a controlled rotation."""
    if device is not None and not isinstance(device, AerSimulator):
        return transpile(circuit, backend=device, **{"optimization_level": 1, "seed_transpiler": 0, **options})
    restricted = isinstance(device, AerSimulator) and is_restricted(device)
    basis = _IN_NOISE_MODELS if restricted else _GATES
    if device is not None:
        basis = [name for name in basis if name in device.operation_names]
    if device is not None and device.coupling_map is not None:
        names = [name for name in basis if name not in _NOT_ON_COUPLING_MAPS]
        goal = {"basis_gates": names, "coupling_map": device.coupling_map, "qubits_initially_zero": False}
        return transpile(circuit, **goal, **{"optimization_level": 0, "seed_transpiler": 0, **options})
    if circuit.count_ops().keys() <= {*basis, "measure", "reset", "barrier", "store"}:
        return circuit
    passes = (
        HighLevelSynthesis(equivalence_library=SessionEquivalenceLibrary, basis_gates=basis, qubits_initially_zero=False),
        UnitarySynthesis(basis_gates=basis),
        BasisTranslator(SessionEquivalenceLibrary, [*basis, *_NO_GATES]),
    )
    return PassManager(passes).run(circuit)


def _check_noise(circuit: Circuit, written: QuantumCircuit, translated: QuantumCircuit, noise: Any) -> None:
    """Raise where `noise` names an operation of the circuit that is not there any more under this name."""
    before, after = Counter(_names(written)), Counter(_names(translated))
    noisy = set(noise.noise_instructions)
    lost = {name: "which becomes other gates there" for name in noisy if before[name] > after[name]}
    for kind in circuit.kinds:
        for name, own in other_names(kind).items():
            if name in noisy and own not in noisy and not after[name]:
                lost[name] = f"and Qiskit's name of it is `{own}`"
    lost |= {box.label: "which is a box of other gates" for box in circuit.boxes if box.label in noisy}
    for name, reason in sorted(lost.items()):
        raise TargetCapabilityError(
            f"the noise model has errors on `{name}` in `{circuit.name}`, {reason}: they would be lost",
            help="put the errors on gates that the simulator has, such as `cx` and `rz`",
        )


def _names(circuit: QuantumCircuit) -> Iterator[str]:
    """The name of each operation, those in branches and loops included."""
    for row in circuit.data:
        yield row.operation.name
        if isinstance(row.operation, ControlFlowOp):
            for block in row.operation.blocks:
                yield from _names(block)
