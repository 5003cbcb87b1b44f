"""Engines as devices of PennyLane's: QNodes run on them, and are differentiated by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.devices import Device, ExecutionConfig
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.devices.preprocess import decompose, validate_device_wires, validate_measurements
from pennylane.measurements import ExpectationMP, ProbabilityMP, StateMP, VarianceMP
from pennylane.tape import QuantumScript
from pennylane.transforms import broadcast_expand, defer_measurements, split_non_commuting
from pennylane.transforms.core import CompilePipeline

from qkernel.engine import resolve_engine
from qkernel.errors import TargetCapabilityError
from qkernel.executable import Executable
from qkernel.ir.expressions import Const, Item, Name
from qkernel.ir.ops import Parameter
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.kernel import Kernel
from qkernel.recent import Recent
from qkernel_backends.pennylane.reading import kind_of, knows, read, wires_of

Array = np.ndarray[Any, Any]
_ANGLES = Name("angles", ArrayType(FLOAT))
_MOST_FORMS = 64
"""How many forms of tapes a device keeps compiled."""


@simulator_tracking
@single_tape_support
class EngineDevice(Device):  # type: ignore[misc]
    """An engine of ours as a device: `qml.device("qkernel.native", wires=3)`, or `EngineDevice(engine, wires=3)` for any other.

    `engine` is what `kernel.run` takes as one. QNodes are differentiated by the adjoint method where the engine has it
    (`diff_method="adjoint"` or `"best"`), else by PennyLane's own methods. Tapes that differ in their angles alone are compiled
    once, and run together. Measurements within a circuit are deferred to fresh wires. `seed` makes samples repeatable.
    Raises `DependencyError` and `KernelTypeError` for what is no engine; circuits that kernels lack raise PennyLane's errors,
    and `TargetCapabilityError` stands for derivatives by matrices.
    """

    def __init__(self, wires: Any = None, shots: Any = None, *, engine: Any = "native", seed: int | None = None) -> None:
        super().__init__(wires=wires, shots=shots)
        self.engine = resolve_engine(engine)
        self._seeds = np.random.default_rng(seed)
        self._forms: Recent[Any, _Form] = Recent(_MOST_FORMS)

    @property
    def name(self) -> str:
        """As `qml.device` knows it."""
        return f"qkernel.{self.engine.name}"

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> ExecutionConfig:
        """The adjoint method where nothing else is asked for."""
        config = config or ExecutionConfig()
        changes: dict[str, Any] = {"mcm_config": replace(config.mcm_config, mcm_method="deferred")}
        if config.gradient_method == "best" and self.supports_derivatives(config, circuit):
            changes["gradient_method"] = "adjoint"
        is_ours = changes.get("gradient_method", config.gradient_method) == "adjoint"
        changes |= {"use_device_gradient": is_ours, "grad_on_execution": is_ours, "use_device_jacobian_product": False}
        return replace(config, **changes)

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> CompilePipeline:
        """What turns a tape into such as kernels can be made of."""
        program = CompilePipeline()
        program.add_transform(defer_measurements, allow_postselect=False)
        program.add_transform(decompose, stopping_condition=knows, name=self.name)
        program.add_transform(validate_device_wires, self.wires, name=self.name)
        program.add_transform(validate_measurements, analytic_measurements=_is_exact, name=self.name)
        program.add_transform(broadcast_expand)
        program.add_transform(qml.transform(_one_way))
        return program

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """Whether the engine differentiates, and all that `circuit` measures are exact numbers."""
        method = "adjoint" if execution_config is None else execution_config.gradient_method
        if method not in ("adjoint", "best") or "gradient" not in self.engine.features:
            return False
        if circuit is None:
            return True
        count = len(circuit.get_parameters(trainable_only=False, operations_only=True))
        exact = not circuit.shots and all(kind_of(each) in ("values", "probs") for each in circuit.measurements)
        return exact and all(number < count for number in circuit.trainable_params)

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """The results of tapes, those of one form together."""
        return self._together(circuits, lambda form, angles, chosen: form.results(angles, chosen, self._seeds))

    def compute_derivatives(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """The derivatives of all results by the trainable parameters of tapes."""
        return self._together(circuits, lambda form, angles, chosen: form.derivatives(angles, chosen))

    def execute_and_compute_derivatives(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """Both."""
        return self.execute(circuits, execution_config), self.compute_derivatives(circuits, execution_config)

    def _together(self, circuits: Sequence[Any], run: Callable[[_Form, Array, list[Any]], list[Any]]) -> tuple[Any, ...]:
        groups: dict[_Form, list[int]] = defaultdict(list)
        angles: list[Array] = []
        for number, tape in enumerate(circuits):
            form, own = self._form(tape)
            groups[form].append(number)
            angles.append(own)
        results: dict[int, Any] = {}
        for form, numbers in groups.items():
            found = run(form, np.array([angles[k] for k in numbers], float), [circuits[k] for k in numbers])
            results |= dict(zip(numbers, found, strict=True))
        return tuple(results[number] for number in range(len(circuits)))

    def _form(self, tape: Any) -> tuple[_Form, Array]:
        """What is compiled for tapes like this one, and the angles of this one."""
        leaves, structure = qml.pytrees.flatten(tape)
        count = len(tape.get_parameters(trainable_only=False, operations_only=True))
        is_open = [k < count and np.ndim(leaf) == 0 and not np.iscomplexobj(leaf) for k, leaf in enumerate(leaves)]
        fixed = tuple(_key(leaf) for leaf, opened in zip(leaves, is_open, strict=True) if not opened)
        given = np.array([float(leaf) for leaf, opened in zip(leaves, is_open, strict=True) if opened])
        key = structure, tuple(is_open), fixed, bool(tape.shots)
        form = self._forms.get(key)
        if form is None:
            form = self._forms.keep(key, _Form(self, tape, tuple(is_open[:count])))
        return form, given


def _key(leaf: Any) -> Any:
    return (leaf.shape, leaf.tobytes()) if isinstance(leaf, np.ndarray) else leaf


def _is_exact(process: Any) -> bool:
    """Whether a measurement process has a value without shots here."""
    match process:
        case ExpectationMP(mv=None) | VarianceMP(mv=None) | ProbabilityMP(obs=None, mv=None) | StateMP():
            return True
    return False


def _one_way(tape: QuantumScript) -> tuple[Sequence[QuantumScript], Callable[[Any], Any]]:
    """Tapes of which each reads its qubits out in one way: values together, any other measurement by itself."""
    if tape.shots:
        split: tuple[Sequence[QuantumScript], Callable[[Any], Any]] = split_non_commuting(tape)
        return split
    groups: dict[Any, list[int]] = defaultdict(list)
    for number, process in enumerate(tape.measurements):
        kind = kind_of(process)
        groups[kind if kind == "values" else number].append(number)

    def restored(results: Sequence[Any]) -> Any:
        found: dict[int, Any] = {}
        for numbers, result in zip(groups.values(), results, strict=True):
            found |= dict(zip(numbers, (result,) if len(numbers) == 1 else result, strict=True))
        return found[0] if len(found) == 1 else tuple(found[number] for number in range(len(found)))

    return [tape.copy(measurements=[tape.measurements[k] for k in numbers]) for numbers in groups.values()], restored


@dataclass(frozen=True, eq=False)
class _Form:
    """Tapes that differ in their angles alone. `is_open` says of each parameter of `tape` whether it is one of those."""

    device: EngineDevice
    tape: Any
    is_open: tuple[bool, ...]

    @cached_property
    def _tape(self) -> Any:
        """The tape with symbols for angles."""
        chosen = [k for k, opened in enumerate(self.is_open) if opened]
        return self.tape.bind_new_parameters([Item(_ANGLES, (Const(number),)) for number in range(len(chosen))], chosen)

    @cached_property
    def _kernel(self) -> Kernel[..., Any]:
        return self._read(self._tape)

    @cached_property
    def _exact(self) -> Executable:
        return self._compiled(self._kernel)

    @cached_property
    def _sampled(self) -> Any:
        """The tape's wires, measured in the basis of what it measures, on the engine."""
        operations = [*self._tape.operations, *self._tape.diagonalizing_gates]
        tape = self._tape.copy(operations=operations, measurements=[qml.sample(wires=wires_of(self.tape))])
        return self.device.engine.prepare(self._compiled(self._read(tape)).circuit)

    def _read(self, tape: Any) -> Kernel[..., Any]:
        return read(tape, "tape", {_ANGLES.name: Parameter(_ANGLES.name, _ANGLES.type)} if any(self.is_open) else {})

    def _compiled(self, kernel: Kernel[..., Any]) -> Executable:
        lengths = {_ANGLES.name: sum(self.is_open)} if any(self.is_open) else None
        return kernel.compile(lengths=lengths, engine=self.device.engine)

    def results(self, angles: Array, tapes: Sequence[Any], seeds: np.random.Generator) -> list[Any]:
        """What tapes with these angles, shape (tapes, angles), measure."""
        if self.tape.shots:
            return [self._counted(*each, int(seeds.integers(1 << 62))) for each in zip(angles, tapes, strict=True)]
        given: dict[str, Any] = {_ANGLES.name: angles} if angles.shape[1] else {}
        if [kind_of(each) for each in self.tape.measurements] == ["state"]:
            amplitudes = self._kernel.statevector(q=len(self.tape.wires), engine=self.device.engine, **given)
            found = self._in_batches(amplitudes, len(tapes))
            axes = [0, *range(len(self.tape.wires), 0, -1)]
            states = found.reshape(-1, *(2,) * len(self.tape.wires)).transpose(axes).reshape(found.shape)
            return [tape.measurements[0].process_state(row, wires_of(tape)) for tape, row in zip(tapes, states, strict=True)]
        values = self._exact.run(**given)
        if len(self.tape.measurements) == 1:
            return list(self._in_batches(values, len(tapes)))
        return list(zip(*(self._in_batches(each, len(tapes)) for each in values), strict=True))

    def _in_batches(self, values: Any, count: int) -> Array:
        """Values with the tapes along the first axis."""
        return np.asarray(values) if sum(self.is_open) else np.broadcast_to(values, (count, *np.shape(values)))

    def _counted(self, angles: Array, tape: Any, seed: int) -> Any:
        """What the shots of one tape say."""
        samples = self._sampled.sample(angles[None], tape.shots.total_shots, seed)[0].astype(int)
        wires = wires_of(tape)
        parts = []
        for first, last in tape.shots.bins():
            found = tuple(process.process_samples(samples[first:last], wires) for process in tape.measurements)
            parts.append(found[0] if len(found) == 1 else found)
        return tuple(parts) if tape.shots.has_partitioned_shots else parts[0]

    def derivatives(self, angles: Array, tapes: Sequence[Any]) -> list[Any]:
        """For each tape the derivatives, for each measurement and each trainable parameter, as PennyLane nests them."""
        if any(not self.is_open[number] for tape in tapes for number in tape.trainable_params):
            raise TargetCapabilityError(
                f"`{self.device.name}` differentiates by angles, and a matrix is to be differentiated by too",
                help='choose another method, `diff_method="parameter-shift"`, or keep the matrix fixed, `requires_grad=False`',
            )
        places = np.cumsum(self.is_open) - 1
        slopes = self._exact.jacobian(angles=angles)[_ANGLES.name] if angles.shape[1] else np.zeros((len(tapes), 0))
        results = []
        for tape, rows in zip(tapes, slopes, strict=True):
            columns = [int(places[number]) for number in tape.trainable_params]
            each = [rows] if len(tape.measurements) == 1 else list(rows)
            found = tuple(_single([row[..., column] for column in columns]) for row in each)
            results.append(found[0] if len(found) == 1 else found)
        return results


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else tuple(values)
