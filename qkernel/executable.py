"""A compiled kernel: run it, sample it, differentiate it, one value or a batch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NoReturn

import numpy as np

from qkernel import gradient as rules
from qkernel.diagnostics import did_you_mean
from qkernel.engine import Engine, Prepared, require_engine, require_exact_values, require_feature, resolve_engine
from qkernel.errors import (
    ConflictingBindingError,
    ExecutionError,
    GradientError,
    KernelTypeError,
    UnknownBindingError,
)
from qkernel.ir.evaluation import Environment
from qkernel.ir.ops import Module
from qkernel.ir.types import UINT
from qkernel.lower.angles import OpenParameter
from qkernel.lower.bindings import Layout, refuse_graph
from qkernel.lower.circuit import BITS, Circuit
from qkernel.outputs import Outputs
from qkernel.recent import Recent
from qkernel.results import ExpvalJob, RunJob, SampleJob, SampleResult
from qkernel.shots import Measured, check_seed, check_shots, estimate, measured_circuits

Array = np.ndarray[Any, Any]
Form = Literal["plain", "slots"]
_MOST_ENGINES = 4
"""On so many engines an executable stays prepared."""


@dataclass(frozen=True, slots=True)
class Executor:
    """How circuits run: on what `resolve_engine` takes; exactly, or with `shots`; reproducible under a `seed`.

    Each call starts from the seed anew: the same call gives the same result.
    Raises `DependencyError` for an engine that is not there, `ShotsError` and `ValidationError` for bad numbers.
    """

    engine: Any = "auto"
    seed: int | None = None
    shots: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "engine", resolve_engine(self.engine))
        object.__setattr__(self, "seed", check_seed(self.seed))
        if self.shots is not None:
            object.__setattr__(self, "shots", check_shots(self.shots))


class Executable:
    """A circuit with open parameters, ready to run on any engine.

    `circuit` is what `lower` made of `module`; `engine` is used where a call names no executor.
    Bindings are numbers, lists, arrays or tensors by the name of a parameter, or of an element (`"t[0]"`). One leading
    axis on any of them is a batch. Amplitudes are complex128.
    """

    def __init__(self, circuit: Circuit, module: Module | None = None, engine: Engine | str = "auto") -> None:
        if isinstance(engine, str):
            require_engine(engine)  # loaded when it is needed
        else:
            engine = resolve_engine(engine)
        self.circuit, self.module, self.engine = circuit, module, engine
        self._outputs = Outputs(circuit)
        self._ready = Recent[int, tuple[Engine, dict[Any, Prepared]]](_MOST_ENGINES)
        self._groups: dict[Form, list[Measured]] = {}

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

    def run(self, executor: Executor | None = None, bindings: Mapping[str, Any] | None = None, **values: Any) -> RunJob:
        """Compute what the kernel returns.

        Its `.result()` is a float, an array for a `Vector[Float]`, a tuple where the kernel returns one; for a batch,
        arrays with the batch first. Exact, unless the executor has `shots`, which estimate expectation values and
        probabilities from that many shots for each measurement basis. A kernel that returns bits gives one shot.
        Raises the binding errors (QK3xx), and `TargetCapabilityError` for what the engine lacks.
        """
        chosen = self._executor(executor)
        theta, batched = self._theta(bindings, values)
        refuse_graph(self.circuit.name, {**(bindings or {}), **values})
        self._refuse_nothing()
        if self._outputs.uses_bits:
            self._refuse_mixed("run")
            bits = self._bits(chosen, theta, 1, chosen.seed)[:, 0]
            environment = self._outputs.environment(theta, np.zeros((len(theta), 0)))
            outputs = self._outputs.evaluate(environment | {BITS.key: bits.T.astype(np.int64)}, len(theta))
            return RunJob(self._outputs.result(outputs, batched))
        readouts = self._readouts(chosen, "plain", theta) if self._outputs.uses_readouts else np.zeros((len(theta), 0))
        outputs = self._outputs.evaluate(self._outputs.environment(theta, readouts), len(theta))
        job = ExpvalJob if self._outputs.uses_readouts else RunJob
        return job(self._outputs.result(outputs, batched))

    def sample(
        self,
        executor: Executor | None = None,
        shots: int | None = None,
        bindings: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **values: Any,
    ) -> SampleJob:
        """Run the kernel `shots` times (default: the executor's number, else 1024) and count what it returns.

        Its `.result()` is a `SampleResult`; for a batch, a list of them. `seed` goes before the executor's.
        Raises `ShotsError` for a bad number of shots and `ExecutionError` for a kernel that returns no measured bits.
        """
        chosen = self._executor(executor)
        count = check_shots(shots if shots is not None else 1024 if chosen.shots is None else chosen.shots)
        theta, batched = self._theta(bindings, values)
        self._refuse_nothing()
        if self._outputs.uses_readouts:
            self._refuse_mixed("sample")
            raise ExecutionError(
                f"`{self.circuit.name}` returns no measured bits, so that there is nothing to sample",
                help="use `run`; with `shots` in the executor it estimates from that many shots",
            )
        seeded = chosen.seed if seed is None else check_seed(seed)
        if self._outputs.uses_bits:
            bits = self._bits(chosen, theta, count, seeded)
        else:
            bits = np.zeros((len(theta), count, 0), np.uint8)
        results = [self._count(theta[k : k + 1], bits[k]) for k in range(len(theta))]
        return SampleJob(results if batched else results[0])

    def value_and_grad(
        self,
        bindings: Mapping[str, Any] | None = None,
        wrt: Iterable[str] | str | None = None,
        executor: Executor | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """The returned number, and its gradient by each parameter of `wrt` (default: all Floats), in the parameter's shape.

        With a batch the value has shape (batch,) and the gradients have the batch first. A dictionary's gradient is a
        dictionary. Exact and by the adjoint method where the engine has it, else by parameter shift; with `shots` in
        the executor, by parameter shift on estimates.
        Raises `GradientError` for a kernel that returns anything but one Float.
        """
        if self._outputs.output_shape != ():
            raise GradientError(
                f"`{self.circuit.name}` returns more than one number, so that it has no gradient", help="use `jacobian`"
            )
        chosen = self._executor(executor)
        theta, batched = self._theta(bindings, {})
        entries = self._wrt(wrt)
        value, slopes = self._derivatives(chosen, theta, entries)
        gradient = self._by_name(slopes[:, 0], entries, batched)
        return (value[:, 0] if batched else float(value[0, 0])), gradient

    def jacobian(
        self,
        bindings: Mapping[str, Any] | None = None,
        wrt: Iterable[str] | str | None = None,
        executor: Executor | None = None,
    ) -> dict[str, Any]:
        """Derivatives of all returned numbers: for each parameter of `wrt` an array (outputs..., its shape).

        `outputs...` is empty for one Float, the length of a vector, or the number of a tuple's numbers laid end to end;
        a batch comes first. Otherwise as `value_and_grad`.
        """
        chosen = self._executor(executor)
        theta, batched = self._theta(bindings, {})
        entries = self._wrt(wrt)
        _, slopes = self._derivatives(chosen, theta, entries)
        if self._outputs.output_shape == ():
            slopes = slopes[:, 0]
        return self._by_name(slopes, entries, batched)

    def _derivatives(self, chosen: Executor, theta: Array, wrt: list[OpenParameter]) -> tuple[Array, Array]:
        """Returned numbers, laid end to end (batch, numbers), and their derivatives by theta (batch, numbers, columns)."""
        columns = [column for entry in wrt for column in range(entry.start, entry.start + entry.size)]
        exact = chosen.shots is None
        if not self._outputs.uses_readouts:
            readouts, by_readouts = np.zeros((len(theta), 0)), np.zeros((len(theta), 0, theta.shape[1]))
        elif exact and rules.method(self.circuit, _engine(chosen)) == "adjoint":
            return self._adjoint(_engine(chosen), theta, columns)
        else:
            terms, rows = rules.shift_terms(self.circuit, columns), rules.rows_at_once(self.circuit, _engine(chosen))
            parts = itertools.count()
            readouts, by_readouts = rules.shift_jacobian(
                lambda angles: self._readouts(chosen, "slots", angles, next(parts)), self.circuit, theta, terms, rows
            )
        environment = self._outputs.environment(theta, readouts)
        slopes, direct = self._outputs.slopes(environment, len(theta), columns)
        self.circuit.angles.require_derivatives(theta, by_readouts, columns)
        return self._flat(environment, len(theta)), slopes[..., : by_readouts.shape[1]] @ by_readouts + direct

    def _adjoint(self, engine: Engine, theta: Array, columns: list[int]) -> tuple[Array, Array]:
        """One adjoint sweep for each sample and returned number, in one call of the engine (two where outputs are curved)."""
        circuit, matrix = self._observed
        prepared, batch = self._prepare(engine, circuit), len(theta)
        linear = self._outputs.is_linear
        readouts = np.zeros((batch, self._outputs.num_readouts)) if linear else prepared.expect(theta) @ matrix
        slopes, direct = self._outputs.slopes(self._outputs.environment(theta, readouts), batch, columns)
        count = slopes.shape[1]
        values, swept = prepared.expect_vjp(np.repeat(theta, count, axis=0), slopes.reshape(batch * count, -1) @ matrix.T)
        environment = self._outputs.environment(theta, values.reshape(batch, count, -1)[:, 0] @ matrix)
        swept = swept.reshape(batch, count, -1)
        self.circuit.angles.require_derivatives(theta, swept, columns)
        return self._flat(environment, batch), swept + direct

    @cached_property
    def _observed(self) -> tuple[Circuit, Array]:
        if self.circuit.probabilities:
            return rules.as_expectations(self.circuit)
        return self.circuit, np.eye(len(self.circuit.expectations))

    def _flat(self, environment: Environment, rows: int) -> Array:
        return np.concatenate([part.reshape(rows, -1) for part in _parts(self._outputs.evaluate(environment, rows))], axis=1)

    def _readouts(self, chosen: Executor, form: Form, theta: Array, part: int = 0) -> Array:
        """Expectation values and then probabilities, (rows, readouts); `theta` are the angles for the form `slots`.

        Under a seed each `part` of a computation has shots of its own.
        """
        engine, circuit = _engine(chosen), self._forms[form]
        if chosen.shots is None:
            require_exact_values(engine, circuit)
            prepared = self._prepare(engine, circuit)
            parts = [prepared.expect(theta)] if circuit.expectations else []
            return np.concatenate(parts + (prepared.probabilities(theta) if circuit.probabilities else []), axis=1)
        require_feature(engine, "sampling")
        groups = self._groups[form] = self._groups.get(form) or measured_circuits(circuit)
        samples = [
            self._prepare(engine, group.circuit).sample(theta, chosen.shots, _seed_of_group(chosen.seed, k, part))
            for k, group in enumerate(groups)
        ]
        return estimate(circuit, groups, samples, len(theta))

    def _bits(self, chosen: Executor, theta: Array, shots: int, seed: int | None) -> Array:
        require_feature(_engine(chosen), "sampling")
        return self._prepare(_engine(chosen), self.circuit).sample(theta, shots, seed)

    def _count(self, theta: Array, bits: Array) -> SampleResult[Any]:
        """Count the values that rows of bits (shots, bits) give; each distinct row is evaluated once."""
        _, first, counts = np.unique(np.packbits(bits, axis=1), axis=0, return_index=True, return_counts=True)
        rows = np.repeat(theta, len(first), axis=0)
        environment = self._outputs.environment(rows, np.zeros((len(first), 0))) | {BITS.key: bits[first].T.astype(np.int64)}
        totals: dict[Any, int] = {}
        for value, count in zip(
            self._outputs.values(self._outputs.evaluate(environment, len(first))), counts.tolist(), strict=True
        ):
            totals[value] = totals.get(value, 0) + count
        return SampleResult(sorted(totals.items(), key=lambda item: (-item[1], item[0])), len(bits))

    @cached_property
    def _forms(self) -> dict[Form, Circuit]:
        return {"plain": self.circuit, "slots": rules.open_slots(self.circuit)}

    def _prepare(self, engine: Engine, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """`circuit`, which is one of those that this executable keeps, ready on an engine."""
        found = self._ready.get(id(engine)) or self._ready.keep(id(engine), (engine, {}))  # kept: its id is its own
        key = id(circuit), np.dtype(dtype)
        if key not in found[1]:
            found[1][key] = engine.prepare(circuit, dtype)
        return found[1][key]

    @cached_property
    def _default(self) -> Executor:
        return Executor(self.engine)

    def _executor(self, executor: Any) -> Executor:
        if executor is None:
            return self._default
        if not isinstance(executor, Executor):
            help = "write `bindings=...`" if isinstance(executor, Mapping) else "make one with `transpiler.executor()`"
            raise KernelTypeError(f"an executor is wanted first, not `{executor!r}`", help=help)
        return executor

    @cached_property
    def _layout(self) -> Layout:
        still_open = {entry.name for entry in self.circuit.angles.parameters}
        known = {entry.name for entry in self.module.entry.parameters} if self.module else set()
        return Layout(self.circuit.angles.parameters, self.circuit.name, frozenset(known - still_open))

    def _theta(self, bindings: Mapping[str, Any] | None, values: Mapping[str, Any]) -> tuple[Array, bool]:
        if bindings is not None and not isinstance(bindings, Mapping):
            raise KernelTypeError(f"`bindings` is a dictionary from names to values, not `{bindings!r}`")
        if not values:
            return self._layout.theta(bindings or {})
        if twice := [name for name in values if name in (bindings or {})]:
            raise ConflictingBindingError(f"`{twice[0]}` is given twice: in `bindings` and by its name")
        return self._layout.theta({**(bindings or {}), **values})

    def _wrt(self, wrt: Iterable[str] | str | None) -> list[OpenParameter]:
        known = {entry.name: entry for entry in self.circuit.angles.parameters}
        if wrt is None:
            floats = [entry for entry in known.values() if entry.type.element != UINT]
            return floats or self._refuse_no_floats()
        names = [wrt] if isinstance(wrt, str) else list(wrt)
        for name in names:
            if name in self._layout.fixed:
                raise GradientError(
                    f"there is no derivative by `{name}`, which was fixed when `{self.circuit.name}` was compiled",
                    help="an angle that decides about the circuit's shape is always fixed",
                )
            if name not in known:
                raise UnknownBindingError(
                    f"`{self.circuit.name}` has no open parameter `{name}`{did_you_mean(name, list(known))}"
                )
            if known[name].type.element == UINT:
                raise GradientError(f"`{name}` is a {known[name].type}: there is no derivative by whole numbers")
        return [known[name] for name in names]

    def _refuse_no_floats(self) -> NoReturn:
        raise GradientError(
            f"`{self.circuit.name}` has no open Float, so that there is nothing to differentiate by",
            label=f"fixed are {', '.join(f'`{name}`' for name in fixed)}" if (fixed := sorted(self._layout.fixed)) else "",
            help="an argument that decides about the circuit's shape is always fixed" if fixed else None,
        )

    def _by_name(self, slopes: Array, wrt: list[OpenParameter], batched: bool) -> dict[str, Any]:
        """Derivatives (batch, ..., columns) as one entry for each parameter, of its shape."""
        result: dict[str, Any] = {}
        for entry in wrt:
            part = slopes[..., entry.start : entry.start + entry.size]
            part = part.reshape((*part.shape[:-1], *entry.shape))
            part = part if batched else part[0, ...]
            if entry.keys:
                result[entry.name] = {key: _plain(part[..., k]) for k, key in enumerate(entry.keys)}
            else:
                result[entry.name] = _plain(part)
        return result

    def _refuse_nothing(self) -> None:
        if not self.circuit.outputs:
            raise ExecutionError(
                f"`{self.circuit.name}` returns nothing that can be read",
                help="return measured bits (`qk.measure(q)`), an expectation value (`qk.expval(q, H)`) or a number",
            )

    def _refuse_mixed(self, what: str) -> None:
        if self._outputs.uses_bits and self._outputs.uses_readouts:
            raise ExecutionError(
                f"`{self.circuit.name}` returns measured bits and expectation values together, so that `{what}` has no meaning",
                help="return the bits from one kernel and the expectation values from another",
            )


def _engine(executor: Executor) -> Engine:
    engine: Engine = executor.engine
    return engine


def _seed_of_group(seed: int | None, group: int, part: int) -> int | None:
    if seed is None:
        return None
    return int(np.random.SeedSequence((seed, group, part) if part else (seed, group)).generate_state(1)[0])


def _parts(outputs: Iterable[Any]) -> Iterable[Array]:
    for output in outputs:
        if isinstance(output, tuple):
            yield from _parts(output)
        else:
            yield output


def _plain(array: Array) -> Any:
    return array if array.ndim else float(array)
