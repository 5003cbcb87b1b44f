"""A plan as PyTorch operations: any device and dtype, differentiable as often as you like, under `torch.func`.

States have shape (batch or 1, 2**n), qubit 0 the least significant bit. All merged rotations of a plan are computed
together, rotations side by side become Kronecker blocks of up to four qubits, flips in a row one permutation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from qkernel_backends.plan.operations import Dense, PauliRotation, Phases, Rotation
from qkernel_backends.plan.plan import Plan
from qkernel_backends.plan.schedule import Layer, Permutation, Schedule, Step

Array = np.ndarray[Any, Any]

_HADAMARD_BITS = 6
_LARGEST_SIGNS = 1 << 21
# The quaternions (ar, ai, br, bi) of -iX, -iY, -iZ; products, of the pairs (left, right) laid end to end; the matrix
# [[a, -b*], [b, a*]] of a quaternion.
_AXES = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, -1, 0, 0]], float)
_PRODUCTS = np.zeros((4, 4, 4))
_PRODUCTS[[0, 0, 0, 0], [0, 1, 2, 3], [0, 1, 2, 3]] = 1
_PRODUCTS[[1, 1, 1, 1], [1, 0, 3, 2], [0, 1, 2, 3]] = [-1, 1, 1, -1]
_PRODUCTS[[2, 2, 2, 2], [2, 3, 0, 1], [0, 1, 2, 3]] = [-1, -1, 1, 1]
_PRODUCTS[[3, 3, 3, 3], [3, 2, 1, 0], [0, 1, 2, 3]] = [-1, 1, -1, 1]
_MATRIX = np.zeros((4, 8))
_MATRIX[[0, 1, 2, 3, 2, 3, 0, 1], range(8)] = [1, 1, -1, 1, 1, 1, 1, -1]


class Constants:
    """Arrays as tensors, once per device and dtype."""

    def __init__(self) -> None:
        self._kept: dict[Any, Tensor] = {}

    def __call__(self, name: Any, values: Any, like: Tensor, complex: bool = False) -> Tensor:
        """`values()` as a tensor of the device and precision of `like`; whole numbers stay whole."""
        key = (name, like.device, like.dtype, complex)
        found = self._kept.get(key)
        if found is None:
            array = np.asarray(values())
            dtype = like.dtype if not complex else torch.complex64 if like.dtype == torch.float32 else torch.complex128
            # What is kept must not belong to the function transform or the inference mode that first asked for it.
            with temporarily_clear_interpreter_stack(), torch.inference_mode(False):
                found = torch.as_tensor(array, device=like.device)
                found = self._kept[key] = found if array.dtype.kind in "iu" else found.to(dtype)
        return found


class TorchSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, plan: Plan, batched: Sequence[int], shared: Sequence[int]) -> None:
        self.plan, self.schedule, self.constants = plan, Schedule(plan), Constants()
        self.num_qubits = plan.num_qubits
        rows = list(self.schedule.rows)
        position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.offsets = np.array([angle.offset for angle in rows])
        self.by_input, self.by_weight = np.zeros((len(batched), len(rows))), np.zeros((len(shared), len(rows)))
        for k, angle in enumerate(rows):
            for column, coefficient in angle.terms:
                (self.by_input if column in plan.batched else self.by_weight)[position[column], k] += coefficient
        self.varies: Array = np.asarray(self.by_input.any(0))
        groups = self.schedule.groups
        group_varies = [any(self.varies[self.schedule.rows[angle]] for _, angle in factors) for factors in groups]
        self.members = [[k for k, varies in enumerate(group_varies) if varies == wanted] for wanted in (False, True)]
        self.slot = {k: (part, at) for part, members in enumerate(self.members) for at, k in enumerate(members)}

    def values(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The expectation values, shape (batch, outputs), of `inputs` (batch, ...) and `weights` (one axis)."""
        state = self.state(inputs, weights)
        words = self._words(state, inputs)
        readout = self.plan.readout
        matrix = self.constants("sums", self._sums, inputs)
        values = torch.addmm(self.constants("constants", lambda: np.array(readout.constants), inputs), words, matrix)
        return values.expand(len(inputs), len(readout.sums))

    def state(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The final state, without the plan's global phase, shape (batch or 1, 2**n)."""
        turns = [self._turns(part, inputs, weights) for part in (0, 1)]
        blocks = self._blocks(turns, inputs)
        state = self._start(turns)
        for number, (step, group) in enumerate(self.schedule.steps):
            if isinstance(step, Phases):
                state = state * self._phases(number, step, inputs, weights)
            else:
                state = self._apply(number, step, group, state, turns, blocks)
        return state

    def _angles(self, name: Any, rows: list[int], varies: bool, inputs: Tensor, weights: Tensor) -> Tensor:
        """The angles of these rows (-1: 0), shape (batch or 1, rows)."""
        used, keep = np.array(rows) >= 0, self.constants
        offsets = keep((name, "offsets"), lambda: self.offsets[rows] * used, inputs)
        by_weight = keep((name, "by weight"), lambda: self.by_weight[:, rows] * used, inputs)
        common = torch.addmm(offsets, weights.unsqueeze(0), by_weight)
        if not varies:
            return common
        return torch.addmm(common, inputs, keep((name, "by input"), lambda: self.by_input[:, rows] * used, inputs))

    def _turns(self, part: int, inputs: Tensor, weights: Tensor) -> Tensor:
        """The quaternions of the merged rotations, shape (batch or 1, groups, 4)."""
        chosen, keep = [self.schedule.groups[k] for k in self.members[part]], self.constants
        depth = max(map(len, chosen), default=0)
        if not depth:
            return keep(("one", part), lambda: np.tile([1.0, 0, 0, 0], (1, len(chosen), 1)), inputs)
        factors = [factors[at] if at < len(factors) else None for at in range(depth) for factors in chosen]
        rows = [self.schedule.rows[factor[1]] if factor else -1 for factor in factors]
        angles = self._angles(("turns", part), rows, bool(part), inputs, weights).unsqueeze(-1)
        axes = keep(("axes", part), lambda: np.array([_AXES[factor[0] if factor else 0] for factor in factors]), inputs)
        ones = keep("one", lambda: np.array([1.0, 0, 0, 0]), inputs)
        turns = (angles.cos() * ones + angles.sin() * axes).reshape(-1, depth, len(chosen), 4)
        products = keep("products", lambda: _PRODUCTS.reshape(16, 4), inputs)
        return _product(turns, lambda later, first: (later.unsqueeze(-1) * first.unsqueeze(-2)).flatten(-2) @ products)

    def _matrices(self, turns: Tensor) -> Tensor:
        """[[a, -b*], [b, a*]] of quaternions, shape (..., 2, 2)."""
        entries = turns @ self.constants("matrix", lambda: _MATRIX, turns)
        return torch.view_as_complex(entries.reshape(*entries.shape[:-1], 2, 2, 2))

    @cached_property
    def _block_lists(self) -> list[dict[int, list[tuple[int, ...]]]]:
        """For shared and for varying ones: the blocks of each width, by their groups."""
        lists: list[dict[int, list[tuple[int, ...]]]] = [{}, {}]
        for step, _ in self.schedule.steps:
            if isinstance(step, Layer):
                for _, members in step.blocks:
                    varies = any(k >= 0 and self.slot[k][0] for k in members)
                    lists[varies].setdefault(len(members), []).append(members)
        return lists

    def _blocks(self, turns: list[Tensor], like: Tensor) -> dict[tuple[int, ...], Tensor]:
        """The Kronecker products of all blocks, those of one width together."""
        result: dict[tuple[int, ...], Tensor] = {}
        shared = self._matrices(turns[0])
        one = self.constants("eye", lambda: np.eye(2)[None, None], like, complex=True)
        for part, lists in enumerate(self._block_lists):
            if not lists:
                continue
            if part:
                batch = turns[1].shape[0]
                both = torch.cat([shared.expand(batch, -1, -1, -1), self._matrices(turns[1]), one.expand(batch, -1, -1, -1)], 1)
            else:
                both = torch.cat([shared, one], 1)
            first = len(self.members[0]), both.shape[1] - 1
            for width, blocks in lists.items():
                places = [
                    [first[1] if k < 0 else self.slot[k][1] + (first[0] if self.slot[k][0] else 0) for k in members]
                    for members in blocks
                ]
                index = self.constants(("block", part, width), lambda p=places: np.array(p).T.ravel(), like)
                factors = both.index_select(1, index).reshape(-1, width, len(blocks), 2, 2)
                product = _product(factors, _kronecker)
                result.update(zip(blocks, product.unbind(1), strict=True))
        return result

    def _start(self, turns: list[Tensor]) -> Tensor:
        """The product of the rotated qubits."""
        if not self.schedule.start:
            return self.constants("vacuum", lambda: np.ones((1, 1)), turns[0], complex=True)
        slots = [self.slot[group] for group in self.schedule.start]
        which = {part for part, _ in slots}
        if len(which) == 1:
            (part,) = which
            both, index = turns[part], [at for _, at in slots]
        else:
            both = torch.cat([turns[0].expand(len(turns[1]), -1, -1), turns[1]], 1)
            index = [at + part * turns[0].shape[1] for part, at in slots]
        chosen = both.index_select(1, self.constants("start", lambda: np.array(index), both))
        qubits = torch.view_as_complex(chosen.reshape(-1, len(slots), 2, 2))
        return _product(qubits, lambda high, low: (high.unsqueeze(-1) * low.unsqueeze(-2)).flatten(-2))

    def _apply(
        self, number: int, step: Step, group: int, state: Tensor, turns: list[Tensor], blocks: dict[tuple[int, ...], Tensor]
    ) -> Tensor:
        like = turns[0]
        match step:
            case Layer():
                for low, members in step.blocks:
                    matrix = blocks[members]
                    state = _on_bits(matrix, state, low, len(members))
                return state
            case Permutation():
                return state.index_select(1, self.constants(number, lambda: step.source, like))
            case Rotation(qubit, _, controls, value):
                part, at = self.slot[group]
                index = np.arange(1 << self.num_qubits)
                chosen = index[((index & controls) == value) & (index & step.moved == 0)]
                pair = self.constants(number, lambda: np.stack([chosen, chosen | 1 << qubit]).ravel(), like)
                old = state.index_select(1, pair).reshape(state.shape[0], 2, pair.shape[0] // 2)
                new = torch.matmul(self._matrices(turns[part][:, at]), old)
                return _replaced(state, pair, new.flatten(1))
            case PauliRotation():
                return self._pauli(number, step, turns[self.slot[group][0]][:, self.slot[group][1]], state)
            case Dense():
                return self._dense(number, step, state, like)
        raise AssertionError(step)

    def _phases(self, number: int, step: Phases, inputs: Tensor, weights: Tensor) -> Tensor:
        """exp(i angles), shape (batch or 1, 2**n)."""
        if not any(angle.terms for angle in step.terms.values()):
            return self.constants((number, "table"), lambda: self._fixed_phases(step), inputs, complex=True)
        rows, size = [self.schedule.rows[angle] for angle in step.terms.values()], 1 << self.num_qubits
        terms = self._angles((number, "terms"), rows, bool(self.varies[rows].any()), inputs, weights)
        masks = np.array(list(step.terms))
        if len(rows) * size <= _LARGEST_SIGNS:
            angles = terms @ self.constants((number, "signs"), lambda: _signs(masks, self.num_qubits).T, inputs)
        else:
            places = self.constants((number, "masks"), lambda: masks, inputs)
            angles = self._transform(terms.new_zeros(len(terms), size).index_add(1, places, terms))
        return torch.complex(angles.cos(), angles.sin())

    def _fixed_phases(self, step: Phases) -> Array:
        angles = np.zeros((1, 1 << self.num_qubits))
        for mask, angle in step.terms.items():
            angles += angle.offset * _signs(np.array([mask]), self.num_qubits).T
        return np.asarray(np.exp(1j * angles))

    def _transform(self, table: Tensor) -> Tensor:
        """Walsh-Hadamard over the last axis."""
        for low in range(0, self.num_qubits, _HADAMARD_BITS):
            bits = min(_HADAMARD_BITS, self.num_qubits - low)
            matrix = self.constants(("hadamard", bits), lambda b=bits: _hadamard(b), table)
            table = _on_bits(matrix.unsqueeze(0), table, low, bits)
        return table

    def _pauli(self, number: int, step: PauliRotation, turn: Tensor, state: Tensor) -> Tensor:
        source, phase = _pauli_action(step.x, step.z, self.num_qubits)
        held = (np.arange(1 << self.num_qubits) & step.controls) == step.value
        moved = state.index_select(1, self.constants((number, "source"), lambda: source, turn))
        image = moved * self.constants((number, "phase"), lambda: phase * held, turn, complex=True)
        cosine, sine = turn[:, :1], -turn[:, 1:2]
        if step.controls:
            mask = self.constants((number, "held"), lambda: held.astype(float), turn)
            cosine = 1 + mask * (cosine - 1)
        return cosine * state - 1j * (sine * image)

    def _dense(self, number: int, step: Dense, state: Tensor, like: Tensor) -> Tensor:
        index = np.arange(1 << self.num_qubits)
        chosen = index[((index & step.controls) == step.value) & (index & step.moved == 0)]
        offsets = [sum((row >> k & 1) << qubit for k, qubit in enumerate(step.qubits)) for row in range(len(step.matrix))]
        places = self.constants(number, lambda: np.stack([chosen + offset for offset in offsets]).ravel(), like)
        matrix = self.constants((number, "matrix"), lambda: step.matrix, like, complex=True)
        old = state.index_select(1, places).reshape(state.shape[0], len(offsets), len(chosen))
        return _replaced(state, places, torch.matmul(matrix, old).flatten(1))

    @cached_property
    def _word_groups(self) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for k, (x, _) in enumerate(self.plan.readout.words):
            groups.setdefault(x, []).append(k)
        return groups

    def _words(self, state: Tensor, like: Tensor) -> Tensor:
        """The expectation values of all Pauli words, shape (batch or 1, words), grouped by their X part."""
        parts = []
        for x, members in self._word_groups.items():
            if x:
                source = self.constants(("partner", x), lambda x=x: np.arange(1 << self.num_qubits) ^ x, like)
                product = state.index_select(1, source).conj() * state
                tables = [product.real, product.imag]
            else:
                tables = [torch.view_as_real(state).square().sum(-1)]
            words = [self.plan.readout.words[k] for k in members]
            ys = np.array([(x & z).bit_count() % 4 for _, z in words])
            picked = self._parities(tables[0], ("z", x), [z for _, z in words])
            if x:
                even = self.constants(("even", x), lambda y=ys: np.array([1.0, 0, -1, 0])[y], like)
                odd = self.constants(("odd", x), lambda y=ys: np.array([0, -1.0, 0, 1])[y], like)
                picked = even * picked + odd * self._parities(tables[1], ("z", x), [z for _, z in words])
            parts.append(picked)
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts, 1) if parts else like.new_zeros(1, 0)

    def _parities(self, table: Tensor, name: Any, masks: list[int]) -> Tensor:
        """The sums over a table with the signs of each mask's parity."""
        if len(masks) << self.num_qubits > _LARGEST_SIGNS:
            return self._transform(table).index_select(1, self.constants(name, lambda: np.array(masks), table))
        return table @ self.constants((name, "signs"), lambda: _signs(np.array(masks), self.num_qubits), table)

    def _sums(self) -> Array:
        readout = self.plan.readout
        order = [k for members in self._word_groups.values() for k in members]
        matrix = np.zeros((len(readout.words), len(readout.sums)))
        for output, entries in enumerate(readout.sums):
            for word, coefficient in entries:
                matrix[order.index(word), output] += coefficient
        return matrix

    def value(self, inputs: Array, weights: Array, mark: object | None = None) -> Array:
        """As `values`, numpy in and out."""
        with torch.no_grad():
            return np.asarray(self.values(torch.as_tensor(inputs), torch.as_tensor(weights)).numpy())

    def vjp(self, inputs: Array, weights: Array, cotangent: Array, mark: object | None = None) -> tuple[Array, Array, Array]:
        """Values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`, numpy in and out."""
        tensors = [torch.as_tensor(array).detach().requires_grad_() for array in (inputs, weights)]
        with torch.enable_grad():
            values = self.values(*tensors)
            total = (values * torch.as_tensor(cotangent, dtype=values.dtype)).sum()
            if not total.requires_grad:
                return values.detach().numpy(), np.zeros_like(inputs), np.zeros_like(weights)
            gradients = torch.autograd.grad(total, tensors, allow_unused=True)
        found = [
            np.zeros(tensor.shape, values.detach().numpy().dtype) if gradient is None else gradient.numpy()
            for gradient, tensor in zip(gradients, tensors, strict=True)
        ]
        return values.detach().numpy(), found[0], found[1]


def _replaced(state: Tensor, index: Tensor, new: Tensor) -> Tensor:
    """The state with the amplitudes `index` replaced."""
    if new.shape[0] != state.shape[0]:
        batch = max(new.shape[0], state.shape[0])
        state, new = state.expand(batch, -1), new.expand(batch, -1)
    return state.index_copy(1, index, new)


def _on_bits(matrix: Tensor, state: Tensor, low: int, bits: int) -> Tensor:
    """`matrix`, shape (batch or 1, 2**bits, 2**bits), on the bits of each state's index from `low` on."""
    batch, size = state.shape
    if low == 0:
        rows = state.reshape(batch, size >> bits, 1 << bits)
        if matrix.shape[0] == 1:
            return torch.matmul(rows.flatten(0, 1), matrix[0].mT).reshape(batch, size)
        return torch.matmul(rows, matrix.mT).flatten(1)
    if matrix.shape[0] == 1:
        return torch.matmul(matrix[0], state.reshape(batch * size >> bits + low, 1 << bits, 1 << low)).reshape(batch, size)
    return torch.matmul(matrix.unsqueeze(1), state.reshape(batch, size >> bits + low, 1 << bits, 1 << low)).flatten(1)


def _product(parts: Tensor, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """All entries along axis 1 joined, those behind on the left; neighbours at once, so that few operations do."""
    left = []
    while (count := parts.shape[1]) > 1:
        if count % 2:
            parts, last = parts.tensor_split([count - 1], 1)
            left.append(last)
        first, second = parts.reshape(len(parts), count // 2, 2, *parts.shape[2:]).unbind(2)
        parts = join(second, first)
    for last in reversed(left):
        parts = join(last, parts)
    return parts.squeeze(1)


def _kronecker(high: Tensor, low: Tensor) -> Tensor:
    """Of the matrices in the last two axes."""
    return (high[..., :, None, :, None] * low[..., None, :, None, :]).flatten(-4, -3).flatten(-2, -1)


def _signs(masks: Array, num_qubits: int) -> Array:
    """(-1)^|k & mask|, shape (2**num_qubits, masks)."""
    return np.asarray(1.0 - 2.0 * (np.bitwise_count(np.arange(1 << num_qubits)[:, None] & masks[None, :]) & 1))


def _hadamard(bits: int) -> Array:
    return _signs(np.arange(1 << bits), bits)


def _pauli_action(x: int, z: int, num_qubits: int) -> tuple[Array, Array]:
    """(P psi)[k] = phase[k] psi[source[k]]."""
    source = np.arange(1 << num_qubits) ^ x
    phase = 1j ** ((x & z).bit_count() % 4) * (1.0 - 2.0 * (np.bitwise_count(source & z) & 1))
    return source, phase
