"""What kernels compute of their expectation values, and the derivatives of that, in few operations on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from qkernel.execution.outputs import leaves
from qkernel.ir.expressions import Apply, Const, Expr
from qkernel.nn.splits import AnySplit, DirectSplit
from qkernel.nn.tensors import LIKE, compiled

_FINITE = frozenset(
    ("+", "-", "*", "neg", "abs", "min", "max", "select", "<", "<=", ">", ">=", "==", "!=", "and", "or", "not", "^",
     "floor", "ceil", "uint", "sin", "cos", "tanh", "atan")
)  # fmt: skip
"""Operators that make finite numbers of finite ones."""


@dataclass(frozen=True)
class ComputedOutputs:
    """The outputs of a program that are computed of the values that `direct` gives, those of the form `observed`.

    Where something is not finite, `joined` knows what that means for a sample and for what is asked.
    """

    joined: AnySplit
    direct: DirectSplit
    matrices: dict[torch.dtype, Tensor] = field(default_factory=dict, init=False, repr=False)

    def evaluate(self, count: int, inputs: Tensor, weights: Tensor, mark: Any = None) -> Tensor:
        """The outputs of `count` samples, shape (count, outputs), in a tensor of their own.

        `inputs` and `weights` are what a `DirectSplit` takes, of any shape, and `mark` is its mark.
        """
        expectations, is_finite = self._expectations(count, inputs, weights, mark)
        environment = self._environment(expectations, inputs, weights)
        if mark is not None:
            mark.environment = environment
        numbers = [number(environment) for number in self._numbers]
        if self._is_single:
            outputs = numbers[0]
        else:
            outputs = torch.cat([number.expand(count, 1) for number in numbers], 1).to(expectations.dtype)
        if (is_finite and self._is_finite) or math.isfinite((outputs.sum() + expectations.sum()).item()):
            return outputs
        return torch.from_numpy(self.joined.value(*self._arrays(count, inputs, weights)))

    def differentiate(
        self, count: int, inputs: Tensor, weights: Tensor, cotangent: Tensor, mark: Any = None
    ) -> tuple[Tensor, Tensor]:
        """The gradients of sum(cotangent * outputs) by `inputs` and by `weights`; `cotangent` has shape (count, outputs)."""
        environment = getattr(mark, "environment", None)
        if environment is None:
            expectations, _ = self._expectations(count, inputs, weights, None)
            environment = self._environment(expectations, inputs, weights)
        pulled, by_theta = self._pulled_back(cotangent, environment)
        if not self._has_finite_slopes:
            total = pulled.sum() + sum(part.sum() for _, _, part in by_theta)
            if not math.isfinite(total.item()):
                found = self.joined.vjp(*self._arrays(count, inputs, weights), cotangent.detach().numpy())
                return torch.from_numpy(found[0]), torch.from_numpy(found[1])
        unread, by_inputs, by_weights = map(torch.empty_like, (pulled, inputs, weights))
        given = inputs.data_ptr(), weights.data_ptr(), pulled.data_ptr()
        written = unread.data_ptr(), by_inputs.data_ptr(), by_weights.data_ptr()
        self.direct.differentiate(count, *given, *written, mark)
        for is_batched, column, part in by_theta:
            if is_batched:
                by_inputs.view(count, len(self.joined.batched))[:, column : column + 1] += part
            else:
                by_weights.view(-1)[column] += part.sum()
        return by_inputs, by_weights

    def _expectations(self, count: int, inputs: Tensor, weights: Tensor, mark: Any) -> tuple[Tensor, bool]:
        """The values that outputs are computed of, and whether all are known to be finite."""
        found = torch.empty((count, self.joined.program.direct_width), dtype=inputs.dtype, device="cpu")
        return found, self.direct.evaluate(count, inputs.data_ptr(), weights.data_ptr(), found.data_ptr(), mark)

    def _pulled_back(self, cotangent: Tensor, environment: dict[Any, Tensor]) -> tuple[Tensor, list[tuple[bool, int, Tensor]]]:
        """From the gradient by outputs that by expectation values, and those by what the outputs read of theta itself.

        The latter are given with their columns: whether one comes per sample, and its number of its kind.
        """
        rows = _columns(cotangent)
        found: dict[int, Tensor] = {}
        for output, leaf, slope in self._slopes:
            part = rows[output] if slope is None else rows[output] * slope(environment)
            found[leaf] = found[leaf] + part if leaf in found else part
        count = self.joined.program.outputs.num_readouts
        by_theta = [(*self._places[leaf - count], found.pop(leaf)) for leaf in sorted(found) if leaf >= count]
        if count == len(found) == 1:
            pulled = found[0]
        else:
            pulled = torch.cat([found[leaf] if leaf in found else rows[0] * 0 for leaf in range(count)], 1)
        if self.joined.program.circuit.probabilities:
            pulled = pulled @ self._observed(pulled.dtype).T
        return pulled.contiguous(), by_theta

    def _arrays(self, count: int, inputs: Tensor, weights: Tensor) -> tuple[Any, Any]:
        """What an `AnySplit` takes."""
        return inputs.detach().numpy().reshape(count, len(self.joined.batched)), weights.detach().numpy().reshape(-1)

    def _environment(self, expectations: Tensor, inputs: Tensor, weights: Tensor) -> dict[Any, Tensor]:
        """What the leaves of expressions stand for, each of shape (batch, 1) or ()."""
        readouts = self._readouts(expectations) if self.joined.program.circuit.probabilities else expectations
        columns = _columns(readouts)
        values: dict[Any, Tensor] = {leaf: columns[k] for leaf, k in self._read}
        values[LIKE] = readouts
        if self._read_of_theta:
            samples, shared = inputs.reshape(len(readouts), len(self.joined.batched)), weights.reshape(-1)
            for leaf, (is_batched, k) in self._read_of_theta:
                values[leaf] = samples[:, k : k + 1] if is_batched else shared[k]
        return values

    def _readouts(self, expectations: Tensor) -> Tensor:
        """With probabilities in the place of parities; they are never negative."""
        values = expectations @ self._observed(expectations.dtype)
        values[:, len(self.joined.program.circuit.expectations) :].clamp_(min=0)
        return values

    def _observed(self, dtype: torch.dtype) -> Tensor:
        if dtype not in self.matrices:
            self.matrices[dtype] = torch.tensor(self.joined.program.observed, dtype=dtype, device="cpu")
        return self.matrices[dtype]

    @cached_property
    def _numbers(self) -> list[Callable[[Any], Tensor]]:
        return [compiled(number) for number in self.joined.program.outputs.components]

    @cached_property
    def _slopes(self) -> list[tuple[int, int, Callable[[Any], Tensor] | None]]:
        """Output, leaf and slope, None for 1; see `Outputs.slopes`."""
        return [(output, leaf, None if slope is Const(1.0) else compiled(slope)) for output, leaf, slope in self._needed]

    @cached_property
    def _needed(self) -> list[tuple[int, int, Expr]]:
        joined = self.joined
        return [entry[:3] for entry in joined.program.outputs.slopes_by(joined.needed)]

    @cached_property
    def _is_single(self) -> bool:
        """Whether there is one output, in a tensor of its own, for all samples."""
        match self.joined.program.outputs.components:
            case [Apply(operator)]:
                return operator in ("+", "-", "*", "/", "**", "neg", "sin", "cos") and bool(self._read)
        return False

    @cached_property
    def _is_finite(self) -> bool:
        """Whether the outputs are finite where all that is read out is."""
        return not self._read_of_theta and all(map(_is_finite, self.joined.program.outputs.components))

    @cached_property
    def _has_finite_slopes(self) -> bool:
        return all(_is_finite(slope) for _, _, slope in self._needed)

    @cached_property
    def _read(self) -> list[tuple[Expr, int]]:
        """The readouts that outputs and slopes depend on, with their numbers."""
        return [(leaf, k) for leaf, k in self._leaves if k < self.joined.program.outputs.num_readouts]

    @cached_property
    def _read_of_theta(self) -> list[tuple[Expr, tuple[bool, int]]]:
        """The same of theta: leaves with their columns."""
        count = self.joined.program.outputs.num_readouts
        return [(leaf, self._places[k - count]) for leaf, k in self._leaves if k >= count]

    @cached_property
    def _leaves(self) -> list[tuple[Expr, int]]:
        outputs = self.joined.program.outputs
        used = set[Expr]().union(*map(leaves, outputs.components))
        return [(leaf, k) for leaf, k in outputs.leaves.items() if leaf in used]

    @cached_property
    def _places(self) -> dict[int, tuple[bool, int]]:
        """For each column of theta whether it comes per sample, and its number of its kind."""
        kinds = (True, self.joined.batched), (False, self.joined.shared)
        return {column: (kind, k) for kind, columns in kinds for k, column in enumerate(columns)}


def _columns(rows: Tensor) -> Sequence[Tensor]:
    """The columns, each of shape (rows, 1)."""
    return (rows,) if rows.shape[1] == 1 else torch.split(rows, 1, 1)


def _is_finite(expr: Expr) -> bool:
    """Whether an expression of finite numbers is one."""
    match expr:
        case Apply("**", (base, Const(int(exponent)))):
            return exponent >= 0 and _is_finite(base)
        case Apply("/", (part, Const(divisor))):
            return divisor != 0 and _is_finite(part)
        case Apply(operator, operands):
            return operator in _FINITE and all(map(_is_finite, operands))
    return True
