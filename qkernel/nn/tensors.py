"""A program as tensor operations: for any device, for second derivatives, and under torch's function transforms."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from qkernel.engine import load_engine
from qkernel.errors import DependencyError, GradientError
from qkernel.execution.program import Program
from qkernel.ir.compiled import Compiled, Domain
from qkernel.ir.expressions import Apply, Const, Expr, Item, Key, Name, Row, SystemName
from qkernel.ir.trees import is_constant, variables
from qkernel.ir.types import FLOAT
from qkernel.lower.angles import AngleMap
from qkernel.lower.preparation import Preparation
from qkernel.nn.splits import Columns

Array = np.ndarray[Any, Any]

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": torch.floor_divide,
    "%": torch.remainder, "**": operator.pow, "neg": operator.neg, "abs": torch.abs, "min": torch.minimum, "max": torch.maximum,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "and": torch.logical_and, "or": torch.logical_or, "^": torch.logical_xor, "not": torch.logical_not, "select": torch.where,
    "&": lambda left, right: (left.long() & right.long()).to(left.dtype),
    "gcd": lambda left, right: torch.gcd(left.long(), right.long()).to(left.dtype),
    "pow": lambda base, exponent, modulus: _modular_power(base, exponent, modulus),
    "uint": torch.trunc, "float": lambda value: value, "natural": lambda value: value, "floor": torch.floor, "ceil": torch.ceil,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan,
    "atan2": torch.atan2, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "exp": torch.exp, "log": torch.log, "log2": torch.log2, "sqrt": torch.sqrt,
}  # fmt: skip


def _modular_power(base: Tensor, exponent: Tensor, modulus: Tensor) -> Tensor:
    """pow(base, exponent, modulus) of whole numbers, one by one."""
    numbers = torch.broadcast_tensors(base, exponent, modulus)  # type: ignore[no-untyped-call]
    found = [pow(*map(int, each)) for each in zip(*(part.flatten().tolist() for part in numbers), strict=True)]
    return torch.tensor(found, dtype=base.dtype, device=base.device).reshape(numbers[0].shape)


_WITH_NUMBERS = frozenset(("+", "-", "*", "/", "**"))
"""Operators of which torch takes one operand as a number."""


@dataclass(frozen=True)
class TensorProgram:
    """The outputs of a program for columns that come per sample and columns that all samples share."""

    program: Program
    split: Any
    leaves: Mapping[Expr, tuple[bool, int]]
    batched_angles: tuple[Expr, ...]
    shared_angles: tuple[Expr, ...]
    vectors: tuple[AmplitudeVector, ...] = ()
    matrices: dict[tuple[torch.device, torch.dtype], Tensor] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, inputs: Tensor, weights: Tensor, parts: Mapping[bool, Sequence[Tensor]] | None = None) -> Tensor:
        """The outputs, shape (batch, outputs), of `inputs` (batch, ...) and `weights` (one axis).

        `parts` are what they were joined of, by whether it comes per sample: a number joined to one with a tangent has a
        tangent of 0 itself, times which an infinite derivative is NaN.
        """
        if self.program.reads_all and not self.program.circuit.angles.computed:
            outputs: Tensor = self.split.values(inputs, weights)
            return outputs
        parts = parts or {True: [inputs], False: [weights.unsqueeze(0)]}
        columns = {kind: [part[:, k] for part in parts[kind] for k in range(part.shape[1])] for kind in (True, False)}
        values = {
            leaf: columns[True][k] if is_batched else columns[False][k][0] for leaf, (is_batched, k) in self.leaves.items()
        }
        expectations: Tensor = self.split.values(*self._extended(inputs, weights, values))
        if self.program.reads_all:
            return expectations
        if self.program.circuit.probabilities:
            expectations = self._readouts(expectations)
        count = expectations.shape[1]
        values |= {leaf: expectations[:, k] for leaf, k in self.program.outputs.leaves.items() if k < count}
        numbers = _evaluate(self.program.outputs.components, values, weights)
        if not numbers:  # as of an empty list of observables
            return inputs[:, :0] + weights[:0]
        return torch.stack([number.expand(len(inputs)) for number in numbers], 1)

    def _extended(self, inputs: Tensor, weights: Tensor, values: Mapping[Expr, Tensor]) -> tuple[Tensor, Tensor]:
        """The columns and behind them the computed slots; angles are wide until whole turns are off."""
        wide = weights if weights.device.type == "mps" else weights.double()
        leaves = (
            {leaf: value.to(wide.dtype) for leaf, value in values.items()}
            if self.batched_angles or self.shared_angles or any(vector.non_affine for vector in self.vectors)
            else {}
        )
        columns = [angle.expand(len(inputs)) for angle in _evaluate(self.batched_angles, leaves, wide)]
        common = _evaluate(self.shared_angles, leaves, wide)
        without_turns = self.split.without_turns
        per_sample = [without_turns(torch.stack(columns, 1))] if columns else []
        for_all = [without_turns(torch.stack(common))] if common else []
        for vector in self.vectors:
            state = vector(inputs.to(wide.dtype), wide, leaves)
            (per_sample if vector.is_batched else for_all).append(state.expand(len(inputs), -1) if vector.is_batched else state)
        return (
            torch.cat([inputs, *(part.to(inputs.dtype) for part in per_sample)], 1) if per_sample else inputs,
            torch.cat([weights, *(part.to(weights.dtype) for part in for_all)]) if for_all else weights,
        )

    def _readouts(self, expectations: Tensor) -> Tensor:
        """With probabilities in the place of parities; they are never negative, and have derivatives even where they are 0."""
        values = expectations @ self._readout_matrix(expectations.device, expectations.dtype)
        count = len(self.program.circuit.expectations)
        floor = torch.cat([values[:, :count], values[:, count:].clamp(min=0)], 1)
        return values + (floor - values).detach()

    def _readout_matrix(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """What makes probabilities of parities, copied to a device once."""
        if (device, dtype) not in self.matrices:
            # What is kept must not belong to the function transform or the inference mode that first asked for it.
            with temporarily_clear_interpreter_stack(), torch.inference_mode(False):
                self.matrices[device, dtype] = torch.tensor(self.program.observed, dtype=dtype, device=device)
        return self.matrices[device, dtype]


def tensor_program(program: Program, batched: Columns, shared: Columns) -> TensorProgram | None:
    """`program` as tensor operations; None where the torch engine does not reach it: branches, very many outcomes."""
    if program.method != "adjoint":
        return None
    circuit = program.form("observed" if program.circuit.probabilities else "plain")
    try:
        prepared: Any = load_engine("torch").prepare(circuit)
    except DependencyError:
        return None
    if not hasattr(prepared, "split"):
        return None
    position = {column: (True, k) for k, column in enumerate(batched)} | {column: (False, k) for k, column in enumerate(shared)}
    leaves = list(circuit.angles.elements)
    varying = {leaf for column, leaf in enumerate(leaves) if position[column][0]}
    angles: dict[bool, list[Expr]] = {True: [], False: []}
    columns = {True: list(batched), False: list(shared)}
    further = {slot: len(leaves) + k for k, slot in enumerate(circuit.angles.computed)}
    for slot, angle in circuit.angles.non_affine:
        if slot in further and slot < circuit.angles.num_angles:
            kind = not varying.isdisjoint(variables(angle))
            angles[kind].append(angle)
            columns[kind].append(further[slot])
    vectors = []
    for part in circuit.angles.preparations:
        if not part.is_loaded:
            return None
        vectors.append(AmplitudeVector.of(circuit.angles, part, batched, shared, varying))
        columns[vectors[-1].is_batched] += [further[slot] for slot in range(part.start, part.stop)]
    split = prepared.split(columns[True], columns[False])
    where = {leaf: position[column] for column, leaf in enumerate(leaves)}
    return TensorProgram(program, split, where, tuple(angles[True]), tuple(angles[False]), tuple(vectors))


@dataclass(frozen=True)
class AmplitudeVector:
    """Amplitudes scaled to norm 1: `offsets` plus columns times `matrices`, by whether these come per sample, and expressions.

    `non_affine` has for each amplitude that is not affine its place and its expression.
    """

    part: Preparation
    is_batched: bool
    offsets: Array
    matrices: dict[bool, Array]
    non_affine: tuple[tuple[int, Expr], ...]

    @classmethod
    def of(cls, angles: AngleMap, part: Preparation, batched: Columns, shared: Columns, varying: set[Expr]) -> AmplitudeVector:
        """Those of a preparation."""
        own = (angles.rows >= part.start) & (angles.rows < part.stop)
        non_affine = tuple((slot - part.start, angle) for slot, angle in angles.non_affine if part.start <= slot < part.stop)
        matrices = {}
        for kind, columns in ((True, batched), (False, shared)):
            dense = np.zeros((angles.num_columns, part.stop - part.start))
            dense[angles.columns[own], angles.rows[own] - part.start] = angles.coefficients[own]
            matrices[kind] = dense[list(columns)]
        is_batched = bool(matrices[True].any()) or any(not varying.isdisjoint(variables(angle)) for _, angle in non_affine)
        return cls(part, is_batched, angles.offsets[part.start : part.stop], matrices, non_affine)

    def __call__(self, inputs: Tensor, weights: Tensor, leaves: Mapping[Expr, Tensor]) -> Tensor:
        """The state, shape (batch, amplitudes), or (amplitudes,) where all samples share it.

        NaN for a vector of zeros where it would take waiting for a device to see that it is one, and in function transforms.
        """
        amplitudes = torch.as_tensor(self.offsets).to(weights)
        for columns, matrix in ((inputs, self.matrices[True]), (weights, self.matrices[False])):
            if matrix.any():
                amplitudes = amplitudes + columns @ torch.as_tensor(matrix).to(weights)
        values = _evaluate([angle for _, angle in self.non_affine], leaves, weights)
        for (place, _), value in zip(self.non_affine, values, strict=True):
            unit = torch.as_tensor(np.eye(len(self.offsets))[place]).to(weights)
            amplitudes = amplitudes + value.unsqueeze(-1) * unit
        largest = amplitudes.detach().abs().amax(-1, keepdim=True)  # so that no square overflows
        if largest.device.type == "cpu" and not _are_functorch_transforms_active():
            self.part.require_direction(largest[..., 0].numpy() != 0)
        scaled = amplitudes / largest
        return scaled / scaled.square().sum(-1, keepdim=True).sqrt()


class _Tensors(Domain):
    """Tensor operations, in an environment of tensors by the names and elements of names that stand for columns.

    Constants take the dtype and device of the tensor `LIKE`, or stay numbers where torch takes those.
    """

    slot = "tensorial"

    def constant(self, expr: Const) -> Compiled:
        value = expr.value  # made where it is wanted: a copy would wait for the device
        return lambda values: torch.full((), value, dtype=values[LIKE].dtype, device=values[LIKE].device)

    def name(self, expr: Name) -> Compiled:
        return itemgetter(expr)

    def system_name(self, expr: SystemName) -> Compiled:
        return itemgetter(expr)

    def item(self, expr: Item | Row) -> Compiled:
        is_column = type(expr.base) in (Name, SystemName) and all(map(is_constant, expr.keys))
        return itemgetter(expr) if is_column else self.other(expr)

    def applied(self, expr: Apply) -> Compiled:
        if (function := FUNCTIONS.get(expr.operator)) is None:
            return self.other(expr)
        match expr.operands if expr.operator in _WITH_NUMBERS else ():
            case left, Const(number):
                first = self.compiled(left)
                return lambda values: function(first(values), number)
            case Const(number), right:
                second = self.compiled(right)
                return lambda values: function(number, second(values))
        operands = self.compiled_parts(expr.operands)
        return lambda values: function(*[operand(values) for operand in operands])

    def other(self, expr: Expr) -> Compiled:
        raise GradientError(f"there are no tensor operations for `{expr}`")


_TENSORS = _Tensors()
LIKE = SystemName(Key("like"), FLOAT)
"""A tensor whose dtype and device constants take."""


def compiled(expr: Expr) -> Compiled:
    """The value of an expression as a function of tensors by its leaves, and of `LIKE`."""
    return _TENSORS.compiled(expr)


def _evaluate(exprs: Iterable[Expr], values: Mapping[Expr, Tensor], like: Tensor) -> list[Tensor]:
    """The values of expressions where `values` has their leaves; constants take the dtype and device of `like`."""
    environment = {**values, LIKE: like}
    return [compiled(expr)(environment) for expr in exprs]
