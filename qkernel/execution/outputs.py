"""The host's side of a circuit: what the kernel returns, computed from measured bits, expectation values and arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.errors import ArithmeticEvaluationError, ExecutionError, GradientError, QubitIndexResolutionError, SizeError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Item, Key, Name, Pack, Row, Slice, SystemName, Updated
from qkernel.ir.trees import bounds, free_names, is_constant, system_names
from qkernel.ir.types import FLOAT, UINT, ArrayType, ScalarType, TupleType, Type, is_of_bits
from qkernel.lower.circuit import BITS, EXPECTATIONS, INTEGERS, RUN_TIME, Circuit, probabilities
from qkernel.lower.derivatives import derivatives
from qkernel.lower.integers import fits_words

Array = np.ndarray[Any, Any]
Environment = Mapping[Any, Any]
_WORD = 1 << 63
_VALUE = "a value that the kernel returns"
_DERIVATIVE = "the derivative of " + _VALUE


@dataclass(frozen=True)
class Outputs:
    """Evaluates the outputs of `circuit` for many samples or shots ("rows") at once.

    Readouts are the expectation values and then the outcome probabilities, as columns of one array (rows, readouts).
    """

    circuit: Circuit

    @cached_property
    def names(self) -> frozenset[str]:
        """The open parameters that the outputs depend on."""
        return frozenset().union(*(free_names(output) for output in self.circuit.outputs))

    @cached_property
    def readouts(self) -> frozenset[Key]:
        """What the outputs read of a run: bits, expectation values, distributions."""
        return frozenset().union(*(system_names(output) for output in self.circuit.outputs))

    @cached_property
    def uses_bits(self) -> bool:
        """Whether an output depends on measured bits, or on integers made of them."""
        return not RUN_TIME.isdisjoint(self.readouts)

    @cached_property
    def are_bits(self) -> bool:
        """Whether all that the kernel returns are Bits."""
        return all(is_of_bits(output.type) for output in self.circuit.outputs)

    @cached_property
    def uses_readouts(self) -> bool:
        """Whether an output depends on expectation values or probabilities."""
        return bool(self.readouts - RUN_TIME)

    @cached_property
    def num_readouts(self) -> int:
        """How many numbers the engine hands over for each sample."""
        return len(self.circuit.expectations) + sum(1 << len(qubits) for qubits in self.circuit.probabilities)

    def environment(self, theta: Array, readouts: Array) -> dict[str | Key, Any]:
        """What the outputs' names mean, each with the rows along its last axis."""
        columns = np.moveaxis(theta, -1, 0)
        result: dict[str | Key, Any] = {
            entry.name: entry.read(columns.astype(np.int64) if entry.type.element == UINT else columns)
            for entry in self.circuit.angles.parameters
            if entry.name in self.names
        }
        count = len(self.circuit.expectations)
        result[EXPECTATIONS.key] = readouts[:, :count].T
        for k, qubits in enumerate(self.circuit.probabilities):
            result[probabilities(k).key] = readouts[:, count : count + (1 << len(qubits))].T
            count += 1 << len(qubits)
        return result

    def environment_of_shots(self, theta: Array, memory: Array) -> dict[str | Key, Any]:
        """As `environment`, where shots left `memory` (rows, memory bits) and nothing is read out."""
        given = self.environment(theta, np.zeros((len(theta), 0)))
        if not self.uses_bits:  # of which then nothing was kept
            return given
        bits, integers = self.circuit.unpacked(memory)
        return {**given, BITS.key: bits.T, INTEGERS.key: integers.T}

    def evaluate(self, environment: Environment, rows: int) -> list[Any]:
        """Each output as an array whose first axis are the rows; a tuple as a tuple of such arrays.

        Raises `ArithmeticEvaluationError` where an output has no value.
        """
        return [
            _checked(_evaluate(output, environment, rows, at_once), output.type)
            for output, at_once in zip(self.circuit.outputs, self._at_once, strict=True)
        ]

    def numbers(self, environment: Environment, rows: int) -> Array:
        """The returned numbers, laid end to end, shape (rows, numbers). Raises as `evaluate` does."""
        return np.concatenate([array.reshape(rows, -1) for array in _arrays(self.evaluate(environment, rows))], axis=1)

    @cached_property
    def _at_once(self) -> tuple[bool, ...]:
        integers = self.circuit.integers
        return tuple(
            _is_vectorised(output) and (INTEGERS.key not in system_names(output) or fits_words(output, integers))
            for output in self.circuit.outputs
        )

    def values(self, outputs: list[Any], rows: Any = slice(None)) -> list[Any]:
        """For each row, or those that are asked for, the value that the kernel returns: ints, floats, tuples of them."""
        outputs = [_taken(output, rows) for output in outputs]
        parts = [_values(output, part.type) for output, part in zip(outputs, self.circuit.outputs, strict=True)]
        return list(zip(*parts, strict=True)) if self.circuit.outputs_tuple else parts[0]

    def result(self, outputs: list[Any], batched: bool) -> Any:
        """What `run` hands back: for a batch the arrays themselves, else the first row's values, Floats in arrays."""
        parts = [
            output if batched else _single(output, part.type)
            for output, part in zip(outputs, self.circuit.outputs, strict=True)
        ]
        return tuple(parts) if self.circuit.outputs_tuple else parts[0]

    @cached_property
    def output_shape(self) -> tuple[int, ...]:
        """() for one number, (length,) for a vector or a tuple, whose entries are laid end to end."""
        if self.circuit.outputs_tuple or len(self.circuit.outputs) != 1:
            return (len(self.components),)
        return () if isinstance(self.circuit.outputs[0].type, ScalarType) else (len(self.components),)

    @cached_property
    def is_linear(self) -> bool:
        """Whether the outputs' derivatives by the readouts are constants."""
        return all(map(is_constant, self._slopes.values()))

    def slopes(self, environment: Environment, rows: int, columns: Collection[int] | None = None) -> tuple[Array, Array]:
        """Derivatives of the returned numbers: by readouts (rows, numbers, readouts), by theta (rows, numbers, columns).

        Only what a derivative by `columns` of theta (None: all) needs is computed, the rest is 0.
        Raises `ArithmeticEvaluationError` where one has no value.
        """
        width, total = self.num_readouts, self.circuit.angles.num_columns
        result = np.zeros((rows, len(self.components), width + total))
        for output, column, slope, at_once in self.slopes_by(None if columns is None else tuple(columns)):
            result[:, output, column] = _evaluate(slope, environment, rows, at_once, _DERIVATIVE)
        return result[..., :width], result[..., width:]

    def slopes_by(self, columns: tuple[int, ...] | None) -> list[tuple[int, int, Expr, bool]]:
        """Output, leaf and slope, and whether numpy computes it for all rows at once, for what `columns` of theta need.

        Leaves are numbered as in `leaves`.
        """
        if columns not in self._needed:
            width = self.num_readouts
            needed = set(range(width + self.circuit.angles.num_columns))
            if columns is not None:
                needed = {width + column for column in columns}
                needed |= set(range(width)) if self.circuit.angles.slots_of(columns) else set()
            self._needed[columns] = [
                (output, leaf, slope, _is_vectorised(slope)) for (output, leaf), slope in self._slopes.items() if leaf in needed
            ]
        return self._needed[columns]

    @cached_property
    def _needed(self) -> dict[tuple[int, ...] | None, list[tuple[int, int, Expr, bool]]]:
        return {}

    def curvatures(self, environment: Environment, rows: int) -> list[tuple[int, int, int, Array]]:
        """Second derivatives that are not 0: output, two leaves as in `leaves`, and the values, shape (rows,)."""
        columns = self.leaves
        return [
            (output, leaf, columns[other], np.broadcast_to(_evaluate(second, environment, rows, _is_vectorised(second)), rows))
            for (output, leaf), slope in self._slopes.items()
            for other, second in derivatives(slope, sorted(leaves(slope) & columns.keys(), key=columns.__getitem__))
        ]

    @cached_property
    def components(self) -> list[Expr]:
        """The returned numbers, laid end to end."""
        if self.uses_bits:
            raise GradientError("measured bits have no derivative", help="return `qk.expval(q, H)` or `qk.probabilities(q)`")
        return [part for output in self.circuit.outputs for part in _scalars(output, self._length)]

    @cached_property
    def _slopes(self) -> dict[tuple[int, int], Expr]:
        """Derivatives that are not 0, by (number, column); theta's columns come after the readouts."""
        columns = self.leaves
        found = {}
        for k, component in enumerate(self.components):
            read = sorted(leaves(component) & columns.keys(), key=columns.__getitem__)
            for leaf, slope in derivatives(component, read):
                found[k, columns[leaf]] = slope
        return found

    @cached_property
    def leaves(self) -> dict[Expr, int]:
        """What the returned numbers can depend on: the readouts by their number, then theta's columns that are named there."""
        readouts = [Item(name, (Const(k),)) for name, count in self._vectors.items() for k in range(count)]
        found: dict[Expr, int] = {leaf: k for k, leaf in enumerate(readouts)}
        for entry in self.circuit.angles.parameters:
            if entry.name in self.names:
                found |= {leaf: len(readouts) + entry.start + k for k, leaf in enumerate(entry.elements)}
        return found

    @cached_property
    def _vectors(self) -> dict[SystemName, int]:
        """The vectors of readouts, with their lengths."""
        distributions = {probabilities(k): 1 << len(qubits) for k, qubits in enumerate(self.circuit.probabilities)}
        return {EXPECTATIONS: len(self.circuit.expectations)} | distributions

    def _length(self, vector: Expr) -> int:
        if isinstance(vector, SystemName):
            return self._vectors[vector]
        return next(entry.shape[0] for entry in self.circuit.angles.parameters if vector is Name(entry.name, entry.type))


def shaped_like(outputs: list[Any], flat: Array) -> list[Any]:
    """The columns of `flat` (rows, numbers) in the shapes of `outputs`."""
    shaped: list[Any] = []
    for output in outputs:
        if isinstance(output, tuple):
            width = sum(part.size // max(1, len(part)) for part in _arrays(output))
            shaped.append(tuple(shaped_like(list(output), flat[:, :width])))
        else:
            width = int(np.prod(output.shape[1:], dtype=int))
            shaped.append(flat[:, :width].reshape(output.shape))
        flat = flat[:, width:]
    return shaped


def whole_numbers(outputs: list[Any], rows: int, are_bits: bool) -> Array | None:
    """The numbers of each row laid end to end, shape (rows, numbers), bits in a byte each; None unless all are such."""
    arrays = _arrays(outputs)
    if any(array.dtype.kind not in "bi" for array in arrays):
        return None
    kind = np.uint8 if are_bits else np.int64
    return np.concatenate([array.reshape(rows, -1) for array in arrays], axis=1, dtype=kind, casting="unsafe")


def _taken(output: Any, rows: Any) -> Any:
    return tuple(_taken(part, rows) for part in output) if isinstance(output, tuple) else output[rows]


def _arrays(output: Any) -> list[Array]:
    return [array for part in output for array in _arrays(part)] if isinstance(output, (tuple, list)) else [output]


def _evaluate(output: Expr, environment: Environment, rows: int, at_once: bool, what: str = _VALUE) -> Any:
    if at_once:
        try:
            with np.errstate(divide="raise", invalid="raise", over="raise"):
                return _rows_first(evaluate(output, environment), output.type, rows)
        except (ArithmeticError, ValueError):
            pass  # only a branch that is not taken may be at fault: row by row tells
    read = {name: environment[name] for name in (*free_names(output), *system_names(output))}
    return _stack([_evaluate_row(output, read, row, what) for row in range(rows)], output.type)


def _evaluate_row(output: Expr, environment: Environment, row: int, what: str) -> Any:
    values = {name: _at(value, row) for name, value in environment.items()}
    try:
        return evaluate(output, values)
    except QubitIndexResolutionError as error:
        raise ExecutionError(f"{what} reads an element that does not exist: {error.title}") from error
    except (ArithmeticError, ValueError) as error:
        raise ArithmeticEvaluationError(f"{what} cannot be computed: {error}") from error


def _at(value: Any, row: int) -> Any:
    return {key: part[row].item() for key, part in value.items()} if isinstance(value, dict) else value[..., row].tolist()


def _is_vectorised(expr: Expr) -> bool:
    """Whether numpy computes `expr` for all rows at once: no element is chosen by a run-time value, no int can overflow."""
    match expr:
        case Item(base, keys) | Row(base, keys):
            return all(map(is_constant, keys)) and _is_vectorised(base)
        case Slice(base, start, stride, length):
            return all(isinstance(part, Const) for part in (start, stride, length)) and _is_vectorised(base)
        case Updated(_, key) if not isinstance(key, Const):
            return False
        case Apply(name, operands) if expr.type == UINT and name not in (
            "+",
            "-",
            "//",
            "%",
            "&",
            "min",
            "max",
            "neg",
            "abs",
            "select",
        ):
            if name != "*":
                return False
            if max(map(abs, bounds(expr))) >= _WORD:
                return any(isinstance(part, Const) for part in operands) and not any(map(_is_apply, operands))
    return all(map(_is_vectorised, expr.children))


def _is_apply(expr: Expr) -> bool:
    return isinstance(expr, Apply)


def _rows_first(value: Any, type: Type, rows: int) -> Any:
    """A value with the rows along the last axis, or the same for all rows, as an array with the rows first."""
    match type:
        case TupleType(items):
            return tuple(_rows_first(part, item, rows) for part, item in zip(value, items, strict=True))
        case ArrayType() if not isinstance(value, np.ndarray):
            parts = [_rows_first(part, type.entry, rows) for part in value]
            return np.stack(parts, axis=1) if parts else np.zeros((rows, 0))
    array = np.asarray(value)
    return np.moveaxis(array, -1, 0) if array.ndim else np.broadcast_to(array, (rows,))


def _checked(value: Any, type: Type) -> Any:
    """`value` itself; raises where what must be a whole number has a fraction, such as 2 ** -1."""
    if isinstance(type, TupleType):
        return tuple(_checked(part, item) for part, item in zip(value, type.items, strict=True))
    if type.element == UINT and value.dtype.kind == "f" and (fractions := value[value % 1 != 0]).size:
        raise SizeError(
            f"the result is a whole number, and here it is {fractions.flat[0]}", help="say that it is a Float: `-> qk.Float`"
        )
    return value


def _stack(values: list[Any], type: Type) -> Any:
    if isinstance(type, TupleType):
        return tuple(_stack([value[k] for value in values], item) for k, item in enumerate(type.items))
    return np.array(values)


def _values(output: Any, type: Type) -> list[Any]:
    """Rows of an output as Python values."""
    if isinstance(type, TupleType):
        return list(zip(*(_values(part, item) for part, item in zip(output, type.items, strict=True)), strict=True))
    kind, machine_type, kinds = (float, np.float64, "biuf") if type.element == FLOAT else (int, np.int64, "bi")
    if output.dtype.kind in kinds and output.ndim < 3:
        rows = output.astype(machine_type).tolist()
        return list(map(tuple, rows)) if output.ndim == 2 else rows
    convert: Callable[[Any], Any] = kind
    return [_nested(row, convert) for row in output.tolist()]


def _nested(row: Any, convert: Callable[[Any], Any]) -> Any:
    return tuple(_nested(part, convert) for part in row) if isinstance(row, list) else convert(row)


def _single(output: Any, type: Type) -> Any:
    if isinstance(type, TupleType):
        return tuple(_single(part, item) for part, item in zip(output, type.items, strict=True))
    if isinstance(type, ArrayType) and type.element == FLOAT:
        return output[0]
    return _values(output[:1], type)[0]


def _scalars(expr: Expr, length: Callable[[Expr], int]) -> list[Expr]:
    """The numbers that `expr` consists of, in order."""
    match expr:
        case Pack(items):
            return [part for item in items for part in _scalars(item, length)]
        case Slice(base, Const(start), Const(stride), Const(count)):
            return [_scalars(base, length)[start + k * stride] for k in range(count)]
        case Updated(base, Const(key), value):
            parts = _scalars(base, length)
            return [*parts[:key], value, *parts[key + 1 :]]
        case Name(_, ArrayType(_, 1)) | SystemName(_, ArrayType(_, 1)):
            return [Item(expr, (Const(k),)) for k in range(length(expr))]
    if not isinstance(expr.type, ScalarType):
        raise GradientError(f"there is no derivative of `{expr}`, whose length is known only later")
    return [expr]


def leaves(expr: Expr) -> set[Expr]:
    """The names and elements of names that an output reads. Raises `GradientError` for an element that only a run decides."""
    match expr:
        case Name():
            return {expr}
        case Item(Name() | SystemName(), keys) if all(map(is_constant, keys)):
            return {expr}
        case Item() | Row():
            raise GradientError(f"there is no derivative of `{expr}`: which element it is is known only later")
    return set().union(*(leaves(child) for child in expr.children))
