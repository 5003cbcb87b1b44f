"""A compiled kernel: run it, sample it, differentiate it, one value or a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from os import PathLike
from typing import Any, NoReturn

import numpy as np

from qkernel.engine import (
    ESTIMATION,
    Engine,
    Prepared,
    SampleRequest,
    engine_for,
    load_engine,
    require_engine,
    require_feature,
    resolve_engine,
    tally,
)
from qkernel.errors import (
    CallArgumentError,
    ConflictingBindingError,
    ExecutionError,
    GradientError,
    KernelTypeError,
    ShotsError,
    TargetCapabilityError,
    ValidationError,
)
from qkernel.execution import named, states
from qkernel.execution.curvature import double_shift_hessian
from qkernel.execution.executor import Executor
from qkernel.execution.metric import check_kind, metric, natural
from qkernel.execution.outputs import Outputs, shaped_like, whole_numbers
from qkernel.execution.program import Program
from qkernel.execution.results import EstimatedValue, SampleResult, Table
from qkernel.execution.shots import DEFAULT_SHOTS, ShotPlan, Shots, check_seed, check_shots, shot_count
from qkernel.execution.stochastic import Rule
from qkernel.ir.expressions import wrap
from qkernel.ir.files import save
from qkernel.ir.module import Module
from qkernel.ir.types import UINT
from qkernel.lower.angles import OpenParameter
from qkernel.lower.bindings import Binder, given
from qkernel.lower.circuit import Circuit
from qkernel.recent import Recent
from qkernel.records import fields_among
from qkernel.tallies import Tally
from qkernel.verbs import Verbs

Array = np.ndarray[Any, Any]
_MOST_ENGINES = 4
"""On so many engines an executable stays prepared."""


class Executable(Verbs):
    """A circuit with open parameters, ready to run on any engine: see `Verbs` for what can be done with it.

    `circuit` is what `lower` made of `module` with the arguments `fixed`. `engine`, `shots` and `seed` hold where a call
    names none. Values are numbers, lists, arrays or tensors by the name of a parameter, or of an element (`"t[0]"`).
    Amplitudes are complex128.
    """

    def __init__(
        self,
        circuit: Circuit,
        module: Module | None = None,
        engine: Any = "auto",
        *,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule = "auto",
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(engine, str):
            require_engine(engine)  # loaded when it is needed
        else:
            engine = resolve_engine(engine)
        self.circuit, self.module, self.engine = circuit, module, engine
        self.shots, self.seed = None if shots is None else check_shots(shots), check_seed(seed)
        self.gradient = gradient
        self.name, self.fixed = circuit.name, dict(fixed or {})
        self._outputs = Outputs(circuit)
        self._programs: Recent[int, tuple[Engine, Program]] = Recent(_MOST_ENGINES)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_programs": Recent(_MOST_ENGINES)}

    def __repr__(self) -> str:
        names = ", ".join(entry.name for entry in self.circuit.angles.parameters)
        return f"<Executable of {self.circuit.name}: {self.circuit.num_qubits} qubits, parameters ({names})>"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The open parameters, one name for each number, in signature order: `theta`, `weights[0]`, `d[(0, 1)]`."""
        return self.circuit.angles.column_names

    @property
    def has_parameters(self) -> bool:
        """Whether values must be given to run."""
        return bool(self.parameter_names)

    # What the verbs build on --------------------------------------------------------------------------------------------

    @property
    def ir(self) -> Module:
        """The kernel that this was compiled from, as IR."""
        if self.module is None:
            raise KernelTypeError(f"`{self.name}` was made of a circuit and not of a kernel")
        return self.module

    @cached_property
    def _argument_names(self) -> frozenset[str]:  # type: ignore[override]
        known = [entry.name for entry in self.circuit.angles.parameters]
        known += [entry.name for entry in self.module.entry.parameters] if self.module else []
        return frozenset(name.partition(".")[0] for name in known)

    @property
    def _fixed(self) -> dict[str, Any]:
        return self.fixed

    @property
    def _shapes(self) -> dict[str, tuple[Any, ...]]:
        return {
            entry.name: entry.keys if entry.is_dictionary else entry.shape
            for entry in self.circuit.angles.parameters
            if entry.shape
        }

    def _values(
        self, arguments: tuple[Any, ...], bindings: Mapping[str, Any] | None, keywords: dict[str, Any]
    ) -> dict[str, Any]:
        entries = self.circuit.angles.parameters
        for value, entry in zip(arguments, entries, strict=False):
            if isinstance(value, Executor) or (isinstance(value, Mapping) and not entry.is_dictionary):
                self._refuse_positional(value)
        if len(arguments) > len(entries):
            self._refuse_positional(arguments[-1])
        values = dict(zip((entry.name for entry in entries), arguments, strict=False))
        by_place = tuple(values)
        for more, how in ((given(bindings), "in `bindings`"), (given(keywords), "by its name")):
            if twice := [name for name in more if name in values]:
                where = "by its place" if twice[0] in by_place else "in `bindings`"
                raise ConflictingBindingError(f"`{twice[0]}` is given twice: {where} and {how}")
            values |= more
        return values

    def _refuse_positional(self, value: Any) -> NoReturn:
        if isinstance(value, Executor):
            raise KernelTypeError(
                "an executor is no argument of a kernel",
                help="write `engine=...`, `shots=...` and `seed=...`; executors are for what `QiskitTranspiler` makes",
            )
        if isinstance(value, Mapping):
            raise KernelTypeError("a dictionary of values was given by its place", help="write `bindings=...`")
        count = len(self.circuit.angles.parameters)
        raise CallArgumentError(f"`{self.name}` has {count} open parameters, and more values are given")

    def _ready(
        self, values: dict[str, Any], wrt: tuple[str, ...] = (), positional: int = 0, takes_qubits: bool = False
    ) -> tuple[Executable, dict[str, Any]]:
        return self, values

    def _fields(self, names: Iterable[str] | str | None) -> tuple[str, ...] | None:
        known = [entry.name for entry in (self.module.entry.parameters if self.module else self.circuit.angles.parameters)]
        asked = (names,) if isinstance(names, str) else names
        return None if asked is None else tuple(part for name in asked for part in fields_among(known, name))

    def _derivable(self, wrt: Iterable[str] | str | None) -> tuple[str, ...] | None:
        asked, floats = (wrt,) if isinstance(wrt, str) else wrt, [entry.name for entry in self._floats]
        return None if asked is None else tuple(part for name in asked for part in fields_among(floats, name))

    @property
    def _returns_bits(self) -> bool:
        return self._outputs.uses_bits

    @property
    def _floats(self) -> list[OpenParameter]:
        return [entry for entry in self.circuit.angles.parameters if entry.type.element != UINT]

    def _on(
        self,
        engine: Any = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule | None = None,
    ) -> Executor:
        """How a call runs that asks for this."""
        if engine is None and shots is None and seed is None and gradient is None:
            return self._default
        return Executor(
            self._default.engine if engine is None else engine,
            self.seed if seed is None else seed,
            self.shots if shots is None else shots,
            self.gradient if gradient is None else gradient,
        )

    @cached_property
    def _default(self) -> Executor:
        return Executor(self.engine, self.seed, self.shots, self.gradient)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the kernel's text form, the fixed arguments as defaults, to a file (`.qk`); `qkernel.load` reads it back.

        Raises `ValidationError` for a fixed dictionary, tuple or vector of observables: those cannot be defaults.
        """
        if others := [name for name, value in self.fixed.items() if isinstance(value, (dict, tuple))]:
            raise ValidationError(
                f"the text form holds no default for `{others[0]}`, which was fixed when `{self.name}` was compiled",
                help="save the kernel itself, and give the value when it is loaded",
            )
        entry, *callees = self.ir.functions
        defaults = {
            name: wrap(value.tolist() if isinstance(value, np.ndarray) else value) for name, value in self.fixed.items()
        }
        parameters = tuple(replace(p, default=defaults.get(p.name)) for p in entry.parameters)
        save(Module((replace(entry, parameters=parameters), *callees)), path)

    def with_circuit(self, circuit: Any, *, engine: Any = None) -> Executable:
        """The same kernel, run by `circuit`: what you made of `to_circuit()` by a transpiler of your own, such as Qiskit's.

        Results are what the kernel returns: values, samples and estimates, without derivatives. Parameters keep their names.
        Raises `ValidationError` where parameters or qubits are not those of `to_circuit()`, `TargetCapabilityError` where bits
        are lacking, where gates are not the device's, and for an engine that takes no circuits.
        """
        chosen: Any = self._on(engine).engine
        if not hasattr(chosen, "with_circuit"):
            raise TargetCapabilityError(
                f"the engine `{chosen.name}` takes no circuits", help="give the target: `with_circuit(circuit, engine=backend)`"
            )
        engine = chosen.with_circuit(self.circuit, circuit)
        return Executable(self.circuit, self.module, engine, shots=self.shots, seed=self.seed, fixed=self.fixed)

    def report(self, *, engine: Any = None, bindings: Mapping[str, Any] | None = None, **values: Any) -> Any:
        """What the engine's target makes of the circuit: depth, gates, layout, duration, expected fidelity, before and after.

        Prints as a table; its `circuits` have the numbers and the circuits themselves, one for each measurement basis. With
        values of all parameters it also has what a simulation by matrix product states leaves out.
        Raises `TargetCapabilityError` for an engine without a target.
        """
        target: Any = self._on(engine).engine
        if not hasattr(target, "report"):
            raise TargetCapabilityError(
                f"the engine `{target.name}` runs circuits as they are, and has nothing to report",
                help="give the target: `report(engine=backend)`",
            )
        measures = self._outputs.uses_readouts and "expectation" not in target.features
        program = self._program(target, **{"shots": Shots(DEFAULT_SHOTS)} if measures else {})
        known = {**given(bindings), **values}
        theta = self._theta(known)[0][:1] if known or not self.has_parameters else None
        return target.report(self.name, program.sent(), theta)

    # What the verbs do --------------------------------------------------------------------------------------------------

    def _evaluate(self, values: Mapping[str, Any], chosen: Executor) -> Any:
        theta, batched = self._theta(values)
        self._refuse_nothing()
        if self._outputs.uses_bits:
            self._refuse_mixed("run")
            shot = self._sampled(chosen).sample(theta, 1, chosen.seed)
            environment = self._outputs.environment_of_shots(theta, shot[:, 0])
        else:
            environment = self._chosen(chosen).environment(theta)
        return self._outputs.result(self._outputs.evaluate(environment, len(theta)), batched)

    def _estimate(self, values: Mapping[str, Any], chosen: Executor) -> EstimatedValue:
        if ESTIMATION not in chosen.engine.features:
            chosen = replace(chosen, shots=DEFAULT_SHOTS if chosen.shots is None else chosen.shots)
            if chosen.shots is not None and shot_count(chosen.shots) < 2:
                raise ShotsError("one shot tells nothing of its spread", help="give `shots` of 2 or more")
        theta, batched = self._theta(values)
        self._refuse_nothing()
        if not self._outputs.uses_readouts or self._outputs.uses_bits:
            self._refuse_mixed("run_with_errors")
            raise ExecutionError(f"`{self.name}` returns nothing that is estimated", help="use `run` or `sample`")
        found = self._chosen(chosen).estimates(theta)
        environment = self._outputs.environment(theta, found.readouts)
        outputs = self._outputs.evaluate(environment, len(theta))
        slopes, _ = self._outputs.slopes(environment, len(theta))
        shaped = self._outputs.result(shaped_like(outputs, found.standard_errors(slopes)), batched)
        count = found.metadata.get("shots", 0) if chosen.shots is None else shot_count(chosen.shots)
        return EstimatedValue(self._outputs.result(outputs, batched), shaped, count, found.metadata)

    def _sample(self, values: Mapping[str, Any], chosen: Executor) -> Any:
        count = DEFAULT_SHOTS if chosen.shots is None else shot_count(chosen.shots)
        theta, batched = self._theta(values)
        self._refuse_nothing()
        if self._outputs.uses_readouts:
            self._refuse_mixed("sample")
            raise ExecutionError(
                f"`{self.name}` returns no measured bits, so that there is nothing to sample",
                help="use `run`; with `shots` it estimates from that many shots",
            )
        if self._outputs.uses_bits:
            left = tally(SampleRequest(self._sampled(chosen), theta, count, chosen.seed))
        else:
            left = Tally(np.zeros((1, 1, 0), np.uint8), np.full((len(theta), 1), count), count)
        results = [self._count(theta[k : k + 1], *left.distinct(k), count) for k in range(len(theta))]
        return results if batched else results[0]

    def _gradient(self, values: Mapping[str, Any], wrt: tuple[str, ...] | None, chosen: Executor) -> tuple[Any, dict[str, Any]]:
        self._refuse_nothing()
        if self._outputs.output_shape != ():
            raise self._no_gradient()
        theta, batched = self._theta(values)
        entries = self._wrt(wrt)
        value, slopes = self._chosen(chosen).jacobian(theta, self._asked_columns(entries))
        return (value[:, 0] if batched else float(value[0, 0])), named.first(slopes[:, 0], entries, batched)

    def _jacobian(self, values: Mapping[str, Any], wrt: tuple[str, ...] | None, chosen: Executor) -> dict[str, Any]:
        theta, batched = self._theta(values)
        entries = self._wrt(wrt)
        _, slopes = self._chosen(chosen).jacobian(theta, self._asked_columns(entries))
        return named.first(slopes[:, 0] if self._outputs.output_shape == () else slopes, entries, batched)

    def _hessian(self, values: Mapping[str, Any], wrt: tuple[str, ...] | None, chosen: Executor) -> dict[str, dict[str, Any]]:
        theta, batched = self._theta(values)
        entries, program = self._wrt(wrt), replace(self._chosen(chosen), gradient="auto", directions=None)
        columns, curvature = named.columns_of(entries), None
        if program.method == "adjoint":
            load_engine("torch")
            from qkernel.nn.hessian import hessian

            curvature = hessian(self.circuit, theta, columns)
        if curvature is None:
            curvature = double_shift_hessian(replace(program, gradient="shift"), theta, columns)
        return named.second(curvature[:, 0] if self._outputs.output_shape == () else curvature, entries, batched)

    def _metric(
        self, values: Mapping[str, Any], wrt: tuple[str, ...] | None, kind: str, chosen: Executor
    ) -> dict[str, dict[str, Any]]:
        check_kind(kind)
        (theta, batched), entries = self._theta(values), self._wrt(wrt)
        return named.second(metric(self._chosen(chosen), theta, kind, named.columns_of(entries)), entries, batched)

    def _natural_gradient(
        self, values: Mapping[str, Any], wrt: tuple[str, ...] | None, kind: str, damping: float, chosen: Executor
    ) -> dict[str, Any]:
        check_kind(kind)
        if self._outputs.output_shape != ():
            raise self._no_gradient()
        (theta, batched), entries = self._theta(values), self._wrt(wrt)
        columns, program = named.columns_of(entries), self._chosen(chosen)
        _, slopes = program.jacobian(theta, columns)
        found = np.zeros_like(slopes[:, 0])
        found[:, columns] = natural(
            metric(program, theta, kind, columns)[:, columns][..., columns], slopes[:, 0, columns], damping
        )
        return named.first(found, entries, batched)

    def _state(self, values: Mapping[str, Any], chosen: Executor) -> Array:
        theta, batched = self._theta(values)
        amplitudes = states.statevector(self._prepared_for_state(chosen, "plain"), self.circuit, theta)
        return amplitudes if batched else amplitudes[0]

    def _matrix(self, values: Mapping[str, Any], chosen: Executor) -> Array:
        theta, batched = self._theta(values)
        matrix = states.matrix(self._prepared_for_state(chosen, "with entangled inputs"), self.circuit, theta)
        return matrix if batched else matrix[0]

    def _prepared_for_state(self, chosen: Executor, form: str) -> Prepared:
        if not self.circuit.is_unitary:
            raise ExecutionError(
                f"`{self.name}` measures or resets qubits, so that it has no single final state",
                help="use `sample`, or leave the measurement to the kernel that calls this one",
            )
        require_feature(chosen.engine, "state")
        return self._program(chosen.engine).prepared(form)

    def _open_columns(self, values: Mapping[str, Any]) -> list[int]:
        """The columns of theta for which `values` hold a batch."""
        return [
            column
            for entry in self.circuit.angles.parameters
            if np.ndim(values.get(entry.name, 0.0)) > len(entry.shape)
            for column in range(entry.start, entry.start + entry.size)
        ]

    def _asked_columns(self, wrt: list[OpenParameter]) -> list[int] | None:
        """The columns of theta that hold `wrt`; None for all."""
        return None if len(wrt) == len(self.circuit.angles.parameters) else named.columns_of(wrt)

    def _program(self, engine: Engine, **how: Any) -> Program:
        """The circuit on an engine, exactly unless said otherwise."""
        kept = self._programs.get(id(engine))
        if kept is None:  # one that is made anew for each call, as of a backend, is often equal to one that is there
            kept = next((entry for entry in self._programs.values() if entry[0] == engine), None)
        if kept is None:
            kept = self._programs.keep(id(engine), (engine, Program(self.circuit, engine, outputs=self._outputs)))
        program = kept[1]
        return replace(program, **how) if how else program

    def _chosen(self, chosen: Executor) -> Program:
        how: dict[str, Any] = {} if chosen.shots is None else {"shots": Shots(chosen.shots, chosen.seed)}
        if chosen.gradient != "auto":
            how |= {"gradient": chosen.gradient, "directions": Shots(1, chosen.seed)}
        return self._program(engine_for(chosen.engine, self.circuit), **how)

    def _sampled(self, chosen: Executor) -> Prepared:
        engine = engine_for(chosen.engine, self.circuit)
        require_feature(engine, "sampling")
        return self._program(engine).prepared()

    def _count(self, theta: Array, memory: Array, counts: Array, shots: int) -> SampleResult[Any]:
        """Count the values that the memory (outcomes, bits) of shots gives, which came out so often."""
        rows = np.repeat(theta, len(memory), axis=0)
        environment = self._outputs.environment_of_shots(rows, memory)
        outputs, are_bits = self._outputs.evaluate(environment, len(memory)), self._outputs.are_bits
        numbers = whole_numbers(outputs, len(memory), are_bits)
        if numbers is not None and numbers.shape[1]:
            table = Table.of(numbers, counts, partial(self._outputs.values, outputs), are_bits)
            return SampleResult(table, shots, are_bits)
        totals: dict[Any, int] = {}
        for value, count in zip(self._outputs.values(outputs), counts.tolist(), strict=True):
            totals[value] = totals.get(value, 0) + count
        ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        return SampleResult(ordered, shots, are_bits)

    @cached_property
    def _binder(self) -> Binder:
        still_open = {entry.name for entry in self.circuit.angles.parameters}
        known = {entry.name for entry in self.module.entry.parameters} if self.module else set()
        return Binder(self.circuit.angles.parameters, self.circuit.name, frozenset(known - still_open))

    def _theta(self, values: Mapping[str, Any]) -> tuple[Array, bool]:
        return self._binder.theta(values)

    def _wrt(self, wrt: tuple[str, ...] | None) -> list[OpenParameter]:
        self._refuse_nothing()
        known = {entry.name: entry for entry in self.circuit.angles.parameters}
        if wrt is None:
            return self._floats or self._refuse_no_floats()
        types = {entry.name: entry.type for entry in self.module.entry.parameters} if self.module else {}
        types |= {name: entry.type for name, entry in known.items()}
        for name in wrt:
            if name in types and types[name].element == UINT:
                raise GradientError(f"`{name}` is a {types[name]}: there is no derivative by whole numbers")
            if name in self._binder.fixed:
                raise GradientError(
                    f"there is no derivative by `{name}`, which was fixed when `{self.circuit.name}` was compiled",
                    help=_why_fixed([name]),
                )
            if name not in known:
                raise self._binder.unknown(name)
        return [known[name] for name in wrt]

    def _no_gradient(self) -> GradientError:
        title = f"`{self.name}` returns more than one number, so that it has no gradient"
        return GradientError(title, help="use `jacobian`")

    def _refuse_no_floats(self) -> NoReturn:
        raise GradientError(
            f"`{self.circuit.name}` has no open Float, so that there is nothing to differentiate by",
            label=f"fixed are {', '.join(f'`{name}`' for name in fixed)}" if (fixed := sorted(self._binder.fixed)) else "",
            help=_why_fixed(fixed) if fixed else None,
        )

    def _refuse_nothing(self) -> None:
        if not self.circuit.outputs:
            raise ExecutionError(
                f"`{self.circuit.name}` returns nothing that can be read",
                help="return measured bits (`qk.measure(q)`), an expectation value (`qk.expval(q, H)`) or a number",
            )

    def _refuse_shots_of_bits(self) -> None:
        if self._outputs.uses_bits:
            self._refuse_mixed("run")
            raise ExecutionError(
                f"`{self.name}` returns measured bits, of which `run` gives one shot",
                help="use `sample`, which counts what comes out of `shots` shots",
            )

    def _refuse_mixed(self, what: str) -> None:
        if self._outputs.uses_bits and self._outputs.uses_readouts:
            raise ExecutionError(
                f"`{self.circuit.name}` returns measured bits and expectation values together, so that `{what}` has no meaning",
                help="return the bits from one kernel and the expectation values from another",
            )


def _why_fixed(names: list[str]) -> str:
    """What to do about arguments that there are no derivatives by."""
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        "an argument that decides about the circuit's shape is always fixed; one that has a default is open where it is named: "
        f"`wrt=[{listed}]`, and `compile(parameters=[{listed}])`"
    )
