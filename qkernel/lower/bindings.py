"""Values for a kernel's arguments: those fixed when it is compiled, and those of the open ones at each run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean, in_short
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    GradientError,
    KernelTypeError,
    NotFiniteError,
    UnknownBindingError,
)
from qkernel.ir.evaluation import evaluate
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import FLOAT, QUBIT, UINT, Type, is_quantum
from qkernel.lower.angles import OpenParameter
from qkernel.lower.given_values import Converter
from qkernel.records import record_fields, spread

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """What is known of a kernel's arguments before lowering: fixed `values`, and the names left `open`, in signature order.

    Values are int, float, bool, `Hamiltonian` or `Several`, numpy arrays (int64, float64 or bool; a tuple for a vector of
    observables), tuples, and dictionaries whose keys are ints or tuples of ints.
    """

    values: dict[str, Any]
    open: tuple[str, ...]


def given(bindings: Any) -> dict[str, Any]:
    """The `bindings` that a user gave, by the names that the IR has: a struct as its fields `name.field`."""
    if bindings is not None and not isinstance(bindings, Mapping):
        raise KernelTypeError(f"`bindings` is a dictionary from names to values, not `{in_short(bindings)}`")
    return spread(bindings or {})


def normalise(
    entry: Function, bindings: Mapping[str, Any], parameters: Sequence[str] | None = None, takes_qubits: bool = False
) -> Bound:
    """Check compile-time `bindings` against the signature of `entry` and sort its arguments into fixed and open ones.

    An argument in `bindings` is fixed; one in `parameters` is open; of the rest, one with a default is fixed to it, and
    Floats, UInts, their arrays and dictionaries become open by themselves. Quantum arguments are refused, or with
    `takes_qubits` a register's value is its length.
    Raises the binding errors of `qkernel.errors` (QK3xx), which name the argument.
    """
    known = {parameter.name: parameter for parameter in entry.parameters}
    asked = (parameters,) if isinstance(parameters, str) else tuple(parameters or ())
    for name in (*bindings, *asked):
        if name not in known:
            raise UnknownBindingError(
                f"`{entry.name}` has no argument `{name}`{did_you_mean(str(name), list(known))}",
                span=entry.span,
                label=f"its arguments are {signature(entry)}",
            )
    if both := [name for name in asked if name in bindings]:
        raise ConflictingBindingError(
            f"`{both[0]}` stands both in `bindings` and in `parameters`",
            span=known[both[0]].span,
            help="a value in `bindings` is fixed when the kernel is compiled, a name in `parameters` stays open: keep one",
        )
    values: dict[str, Any] = {}
    still_open: list[str] = []
    for parameter in entry.parameters:
        name, type = parameter.name, parameter.type
        if is_quantum(type):
            if not takes_qubits:
                raise EntrypointValidationError(
                    f"`{entry.name}` takes qubits (`{name}`), so that it cannot run by itself",
                    span=parameter.span,
                    help="call it from a kernel that makes its qubits, with `qk.qubit` or `qk.qubit_array`",
                )
            if name in bindings:
                values[name] = register_length(entry, parameter, bindings[name])
            elif parameter.length is not None:
                values[name] = parameter.length
            elif type != QUBIT:
                title = f"`{entry.name}` needs a length for `{name}`"
                raise EntrypointValidationError(title, span=parameter.span, help=f"give its number of qubits: `{name}=3`")
            continue
        if name in bindings:
            values[name] = Converter(name, parameter.span).value(bindings[name], type)
        elif parameter.default is not None and name not in asked:
            values[name] = Converter(name, parameter.span).value(evaluate(parameter.default, {}), type)
        elif can_be_open(type):
            still_open.append(name)
        else:
            raise _missing(entry, parameter, name in asked)
    return Bound(values, tuple(still_open))


def register_length(entry: Function, parameter: Parameter, given: Any) -> int:
    """The number of qubits that is given for a register of `entry`."""
    name, span = parameter.name, parameter.span
    if parameter.type == QUBIT:
        raise BindingTypeError(f"`{name}` is a single qubit, to which no value is given", span=span)
    length: int = Converter(name, span).value(given, UINT)
    if length < 0:
        raise BindingTypeError(f"the length of `{name}` is negative: {length}", span=span)
    parameter.check_length(length, entry.name, span)
    return length


def can_be_open(type: Type) -> bool:
    """Whether an argument of this type may get its value at each run."""
    return type.element in (FLOAT, UINT)


def signature(entry: Function) -> str:
    """`(n: UInt, weights: Vector[Float])`."""
    return f"({', '.join(f'{parameter.name}: {parameter.annotation}' for parameter in entry.parameters)})"


def _missing(entry: Function, parameter: Parameter, asked: bool) -> EntrypointValidationError:
    name, type = parameter.name, parameter.type
    title = f"`{name}` cannot stay open" if asked else f"`{entry.name}` needs a value for `{name}`"
    return EntrypointValidationError(
        title,
        span=parameter.span,
        label=f"a value of type {type} is fixed when the kernel is compiled",
        help=f'give it: `bindings={{"{name}": ...}}`',
    )


def requires_gradient(value: Any) -> bool:
    """Whether a value is, or holds at any depth, a tensor that autograd follows."""
    if isinstance(value, Mapping):
        return any(map(requires_gradient, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(requires_gradient, value))
    if (fields := record_fields(value)) is not None:
        return requires_gradient(fields)
    return getattr(value, "requires_grad", False) is True


def refuse_graph(kernel: str, values: Mapping[str, Any]) -> None:
    """Raise for a torch tensor that autograd follows: what comes back would be cut off from it."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.is_grad_enabled():
        return
    for name, value in values.items():
        if requires_gradient(value):
            raise GradientError(
                f"`{name}` requires a gradient, which would stop here: `{kernel}` runs outside of torch",
                help=f"`qkernel.nn.QLayer` is a torch module of a kernel; for values alone give `{name}.detach()`",
            )


@dataclass(frozen=True)
class Binder:
    """Brings what is given for the open parameters of a circuit at a run into the columns of theta.

    `kernel` and `fixed` (the arguments that were bound at compile time) serve the messages.
    """

    parameters: tuple[OpenParameter, ...]
    kernel: str = "kernel"
    fixed: frozenset[str] = frozenset()

    @cached_property
    def width(self) -> int:
        """The number of columns."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def _whole(self) -> dict[str, tuple[OpenParameter, tuple[int, ...], int, int]]:
        return {entry.name: (entry, entry.shape, entry.start, entry.start + entry.size) for entry in self.parameters}

    @cached_property
    def _elements(self) -> dict[str, tuple[OpenParameter, int]]:
        return {
            column: (entry, entry.start + k)
            for entry in self.parameters
            if entry.shape
            for k, column in enumerate(entry.column_names)
        }

    def theta(self, bindings: Mapping[str, Any]) -> tuple[Array, bool]:
        """The values as an array (batch, columns) of float64, batch 1 if there is none, and whether there is a batch.

        Values are numbers, lists, arrays or tensors, a mapping for a dictionary, by the name of the argument or of an
        element (`"t[0]"`). One leading axis beyond the argument's own is the batch; all that have it agree.
        Raises the binding errors of `qkernel.errors` (QK3xx).
        """
        pieces: list[tuple[int, int, Array]] = []
        batch, batched_name, filled = None, "", 0
        bindings = given(bindings)
        for name, value in bindings.items():
            if (found := self._whole.get(name)) is not None:
                entry, shape, start, stop = found
                array = self._read(entry, shape, name, value)
            else:
                entry, start = self._element(name, bindings)
                shape, stop = (), start + 1
                array = self._read(entry, shape, name, value)
            if array.ndim > len(shape):
                if batch is None:
                    batch, batched_name = len(array), name
                elif batch != len(array):
                    raise BindingShapeError(
                        f"batches disagree: `{batched_name}` has {batch} samples, and `{name}` has {len(array)}",
                        help="give every batched argument the same number of samples, or no batch axis to share it",
                    )
            pieces.append((start, stop, array))
            filled += stop - start
        if filled != self.width or len(bindings) < len(self.parameters):
            self._refuse_missing(bindings)
        theta = np.empty((1 if batch is None else batch, self.width))
        for start, stop, array in pieces:
            theta[:, start:stop] = array.reshape(-1, stop - start) if array.size else 0.0
        if not np.isfinite(theta).all():
            row, column = np.argwhere(~np.isfinite(theta))[0]
            sample = "" if batch is None else f" in sample {row}"
            raise NotFiniteError(f"`{self.column_names[column]}` is {theta[row, column]}{sample}")
        return theta, batch is not None

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The name of each column: `theta`, `weights[0]`, `m[0][1]`, `d[(0, 1)]`."""
        return tuple(name for entry in self.parameters for name in entry.column_names)

    def _read(self, entry: OpenParameter, shape: tuple[int, ...], name: str, value: Any) -> Array:
        """`value` as an array of numbers of `shape`, or of `shape` with one leading axis."""
        if type(value) is np.ndarray and value.dtype.kind == "f" and entry.type.element == FLOAT:
            array = value
        elif entry.is_dictionary and shape and isinstance(value, Mapping):
            array = self._read_keys(entry, value)
        else:
            array = self._convert(entry, name, value)
        extra = array.ndim - len(shape)
        if extra not in (0, 1) or array.shape[extra:] != shape:
            raise _wrong_shape(name, shape, array)
        return array

    def _convert(self, entry: OpenParameter, name: str, value: Any) -> Array:
        kind = entry.type if name == entry.name else entry.type.element
        try:
            return Converter(name).numbers(value, kind)
        except BindingTypeError:
            if isinstance(value, (list, tuple)) and _is_ragged(value):
                raise BindingShapeError(f"the rows of `{name}` have different lengths") from None
            raise

    def _read_keys(self, entry: OpenParameter, value: Mapping[Any, Any]) -> Array:
        """The values of a dictionary by the circuit's keys, the batch axis first."""
        keys = {key: tuple(key) if isinstance(key, (list, np.ndarray)) else key for key in value}
        if unknown := [key for key in keys.values() if key not in entry.keys]:
            raise UnknownBindingError(
                f"`{entry.name}` has no key `{unknown[0]}` in this circuit",
                label=f"its keys are {_listed(entry.keys)}" if entry.keys else "it has none",
            )
        if missing := [key for key in entry.keys if key not in keys.values()]:
            raise EntrypointValidationError(f"`{entry.name}` needs a value for its key `{missing[0]}`")
        parts = {keys[key]: self._convert(entry, f"{entry.name}[{keys[key]}]", part) for key, part in value.items()}
        lengths = {part.shape for part in parts.values()}
        if any(len(shape) > 1 for shape in lengths) or len(lengths - {()}) > 1:
            raise BindingShapeError(f"the values of `{entry.name}` have different shapes: {_listed(sorted(lengths))}")
        return np.stack(np.broadcast_arrays(*(parts[key] for key in entry.keys)), -1) if parts else np.empty(0)

    def _element(self, name: str, bindings: Mapping[str, Any]) -> tuple[OpenParameter, int]:
        """The parameter and the column of an element such as `t[0]`."""
        found = self._elements.get(name)
        if found is None:
            raise self.unknown(name)
        if found[0].name in bindings:
            raise ConflictingBindingError(f"`{name}` is given twice: as an element and in `{found[0].name}`")
        return found

    def unknown(self, name: str) -> UnknownBindingError | BindingShapeError:
        """The error for a name that no open parameter has."""
        base = re.sub(r"\[.*", "", str(name))
        if name in self.fixed or base in self.fixed:
            return UnknownBindingError(
                f"`{base}` was fixed when `{self.kernel}` was compiled",
                help="list it in `parameters` instead of `bindings` to give it at each run",
            )
        if base in self._whole and base != name:
            shape, keys = self._whole[base][1], self._whole[base][0].keys
            having = f"its keys are {_listed(keys)}" if keys else f"its shape is {shape}" if shape else "it is one number"
            return BindingShapeError(f"`{name}` does not exist in this circuit: {having}")
        names = [entry.name for entry in self.parameters]
        return UnknownBindingError(
            f"`{self.kernel}` has no open parameter `{name}`{did_you_mean(str(name), names)}",
            label=f"open are {_listed(names)}" if names else "none is open",
        )

    def _refuse_missing(self, bindings: Mapping[str, Any]) -> None:
        for entry in self.parameters:
            if entry.name in bindings or (entry.shape and not entry.size):
                continue
            lacking = [name for name in entry.column_names if name not in bindings]
            if lacking:
                name = entry.name if len(lacking) == entry.size else lacking[0]
                raise EntrypointValidationError(
                    f"`{self.kernel}` needs a value for `{name}`", help=f'give it: `bindings={{"{name}": ...}}`'
                )


def theta(parameters: tuple[OpenParameter, ...], bindings: Mapping[str, Any]) -> tuple[Array, bool]:
    """The run-time values of open `parameters` as theta: see `Binder.theta`."""
    return Binder(parameters).theta(bindings)


def _wrong_shape(name: str, shape: tuple[int, ...], array: Array) -> BindingShapeError:
    wanted = f"{shape} or, for a batch, (batch, {', '.join(map(str, shape))})" if shape else "() or, for a batch, (batch,)"
    if array.ndim == len(shape) == 1:
        title = f"`{name}` has length {shape[0]}, and {len(array)} values were given"
    else:
        title = f"`{name}` has the wrong shape: {array.shape}"
    return BindingShapeError(title, label=f"its shape is {wanted}")


def _is_ragged(value: Sequence[Any]) -> bool:
    return len({np.shape(part) if not isinstance(part, (list, tuple)) else (len(part),) for part in value}) > 1


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)
