"""A plan as PyTorch operations: any device and dtype, differentiable as often as you like, under `torch.func`.

States have shape (batch or 1, 2**n), qubit 0 the least significant bit. What a small state costs is the number of its
operations: all blocks of rotations are made together, and a layer of them is one product of matrices for each block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd import forward_ad

from qkernel.threads import poll
from qkernel_backends.memory import require_memory
from qkernel_backends.plan import plan as plans
from qkernel_backends.plan.operations import Dense, Load, PauliRotation, Phases, Rotation
from qkernel_backends.torch.large_angles import LargeAngles, without_turns
from qkernel_backends.torch.schedule import Layer, Permutation, Schedule, Step
from qkernel_backends.torch.tables import (
    Blocks,
    Columns,
    Parities,
    PhaseTables,
    Place,
    Vectors,
    few_signs,
    fixed_angles,
    on_bits,
    parity_sums,
)

Array = np.ndarray[Any, Any]
Apply = Callable[[Tensor, Mapping[int, Tensor]], Tensor]
"""A step: the state after it, of the state before it and the parts of the schedule by their numbers."""

_LARGE_STATE = 1 << 16
_SIGNS_OF_PARTS = (1, 0, -1, 0), (0, -1, 0, 1)


class TorchSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples.

    `large` is for columns that are too large for `plan`.
    """

    without_turns = staticmethod(without_turns)

    def __init__(
        self, plan: plans.Plan, batched: Sequence[int], shared: Sequence[int], large: LargeAngles | None = None
    ) -> None:
        self.plan, self.schedule, self.large = plan, Schedule(plan), large
        self.columns = {
            column: (kind, k) for kind, columns in ((False, shared), (True, batched)) for k, column in enumerate(columns)
        }
        self._placed: dict[tuple[torch.device, torch.dtype], PlacedCircuit] = {}

    def values(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The expectation values, shape (batch, outputs), of `inputs` (batch, ...) and `weights` (one axis)."""
        if self.large is not None and self.large.are_in(inputs, weights):
            return self.large.values(inputs, weights)
        placed = self._on(inputs)
        values = placed.read(placed.state(inputs, weights))
        return values if len(values) == len(inputs) else values.expand(len(inputs), -1)

    def state(self, inputs: Tensor, weights: Tensor, begin: Tensor | None = None) -> Tensor:
        """The final state, without the plan's global phase, shape (batch or 1, 2**n); `begin` is for plans from any state."""
        return self._on(inputs).state(inputs, weights, begin)

    def _on(self, like: Tensor) -> PlacedCircuit:
        """The circuit with its constants on the device and in the precision of `like`."""
        key = like.device, like.dtype
        found = self._placed.get(key)
        if found is None:
            steps = len(self.schedule.steps) + len({x for x, _ in self.plan.readout.words})
            require_memory_on(like.device, self.plan.num_qubits, 2 * like.element_size(), 1 + steps)
            # What is kept must not belong to the function transform or the inference mode that first asked for it.
            with temporarily_clear_interpreter_stack(), torch.inference_mode(False):
                found = self._placed[key] = PlacedCircuit(self.schedule, self.columns, Place(*key))
        return found

    def value(self, inputs: Array, weights: Array) -> Array:
        """As `values`, numpy in and out."""
        with torch.no_grad():
            return np.asarray(self.values(torch.as_tensor(inputs), torch.as_tensor(weights)).numpy())

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
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


class PlacedCircuit:
    """A schedule with its constants on one device and in one precision."""

    def __init__(self, schedule: Schedule, columns: Columns, place: Place) -> None:
        self.schedule, self.place, self.num_qubits = schedule, place, schedule.plan.num_qubits
        self.index: Array = np.arange(1 << self.num_qubits)
        self.widths = [min(schedule.width, self.num_qubits - low) for low in range(0, self.num_qubits, schedule.width or 1)]
        self.start = Blocks(schedule.start or [()], True, columns, place)
        kinds: dict[tuple[int, bool], list[int]] = {}
        for number, part in enumerate(schedule.parts):
            width = 0 if isinstance(part, Phases) else -len(part.amplitudes) if isinstance(part, Load) else len(part)
            kinds.setdefault((width, schedule.part_varies(part)), []).append(number)
        self.kinds: list[tuple[list[int], Blocks | PhaseTables | Vectors]] = []
        for (width, _), numbers in kinds.items():
            parts: Any = [schedule.parts[number] for number in numbers]
            made: Blocks | PhaseTables | Vectors
            if width < 0:
                made = Vectors(parts, columns, place)
            elif width:
                made = Blocks(parts, False, columns, place)
            else:
                made = PhaseTables(parts, self.num_qubits, columns, place)
            self.kinds.append((numbers, made))
        self.steps = [self._step(step, number) for step, number in schedule.steps]
        self.read = Readout(schedule.plan.readout, self.num_qubits, place)

    def state(self, inputs: Tensor, weights: Tensor, begin: Tensor | None = None) -> Tensor:
        """See `TorchSplit`."""
        is_kept = torch.is_grad_enabled() and (inputs.requires_grad or weights.requires_grad)
        states = max(1, len(inputs)) * (2 + sum(map(_kept_states, self.schedule.steps)) if is_kept else 3)
        require_memory_on(inputs.device, self.num_qubits, 2 * inputs.element_size(), states, len(inputs))
        inputs, weights = inputs.to(self.place.wide), weights.unsqueeze(0).to(self.place.wide)
        found: dict[int, Tensor] = {}
        for numbers, made in self.kinds:
            found.update(zip(numbers, made(inputs, weights).unbind(0), strict=True))
        state, *others = self.start(inputs, weights).unbind(0)
        for high, width in zip(others, self.widths[1:], strict=True):
            state = high[:, : 1 << width].unsqueeze(2).bmm(state.unsqueeze(1)).flatten(1)
        state = state if begin is None else begin
        is_long = state.numel() >= _LARGE_STATE and not torch._C._are_functorch_transforms_active()
        for step in self.steps:
            poll()
            state = step(state, found)
            if is_long and state.requires_grad:
                state.register_hook(_let_signals_in)  # type: ignore[no-untyped-call]
        return state

    def _step(self, step: Step, number: int | None) -> Apply:
        match step:
            case Layer(blocks):
                return self._layer(blocks)
            case Permutation(source):
                index = self.place(source)
                return lambda state, _: state.index_select(1, index)
            case Phases():
                if number is not None:
                    return lambda state, found: state * found[number]
                table = self.place(np.exp(1j * fixed_angles(step, self.num_qubits)))
                return lambda state, _: state * table
            case Rotation():
                assert number is not None
                return self._controlled(step, number)
            case PauliRotation():
                assert number is not None
                return self._pauli(step, number)
            case Dense():
                return self._dense(step)
            case Load():
                assert number is not None
                return self._load(step, number)

    def _layer(self, blocks: tuple[int | None, ...]) -> Apply:
        width = self.schedule.width
        lows = [k * width for k in range(len(blocks))]
        given = [(number, low, bits) for number, low, bits in zip(blocks, lows, self.widths, strict=True) if number is not None]

        def on_each(state: Tensor, found: Mapping[int, Tensor]) -> Tensor:
            for number, low, bits in given:
                state = on_bits(_narrowed(found[number], bits, width), state, low, bits)
            return state

        def turning(state: Tensor, found: Mapping[int, Tensor]) -> Tensor:
            matrices = [(_narrowed(found[number], bits, width), bits) for number, _, bits in reversed(given)]
            return _turned(state, matrices)

        return turning if len(given) == len(blocks) > 1 else on_each

    def _controlled(self, step: Rotation, number: int) -> Apply:
        index = self.index
        chosen = index[((index & step.controls) == step.value) & (index & step.moved == 0)]
        pairs = self.place(np.stack([chosen, chosen | step.moved]).ravel())

        def apply(state: Tensor, found: Mapping[int, Tensor]) -> Tensor:
            old = state.index_select(1, pairs).reshape(len(state), 2, len(chosen))
            return _replaced(state, pairs, torch.matmul(found[number].mT, old).flatten(1))

        return apply

    def _pauli(self, step: PauliRotation, number: int) -> Apply:
        """exp(-i h P) is cos h - i sin h P."""
        source, phase = _pauli_action(step.x, step.z, self.num_qubits)
        held = (self.index & step.controls) == step.value
        partner, factor, mask = self.place(source), self.place(phase * held), self.place(held.astype(float))

        def apply(state: Tensor, found: Mapping[int, Tensor]) -> Tensor:
            turn = found[number][..., :1, 0]
            cosine = 1 + mask * (turn.real - 1) if step.controls else turn.real
            return cosine * state + 1j * turn.imag * (state.index_select(1, partner) * factor)

        return apply

    def _dense(self, step: Dense) -> Apply:
        index = self.index
        chosen = index[((index & step.controls) == step.value) & (index & step.moved == 0)]
        offsets = [sum((row >> k & 1) << qubit for k, qubit in enumerate(step.qubits)) for row in range(len(step.matrix))]
        places = self.place(np.stack([chosen + offset for offset in offsets]).ravel())
        matrix = self.place(step.matrix.astype(complex))

        def apply(state: Tensor, _: Mapping[int, Tensor]) -> Tensor:
            old = state.index_select(1, places).reshape(len(state), len(offsets), len(chosen))
            return _replaced(state, places, torch.matmul(matrix, old).flatten(1))

        return apply

    def _load(self, step: Load, number: int) -> Apply:
        index = self.index
        rest = index[index & step.moved == 0]
        amplitude = sum((index >> qubit & 1) << k for k, qubit in enumerate(step.qubits))
        before = self.place(rest)
        order = self.place((np.searchsorted(rest, index & ~step.moved) << len(step.qubits)) + amplitude)

        def apply(state: Tensor, found: Mapping[int, Tensor]) -> Tensor:
            vector = found[number]
            vector = torch.complex(vector[..., ::2], vector[..., 1::2]) if step.is_complex else vector
            products = state.index_select(1, before).unsqueeze(2) * vector.unsqueeze(1)
            return products.flatten(1).index_select(1, order)

        return apply


class Readout:
    """Expectation values of a state, from its amplitudes times their partners under the X part of each word."""

    def __init__(self, readout: plans.Readout, num_qubits: int, place: Place) -> None:
        self.constants = place(np.array(readout.constants, float))
        self.conjugated = place(np.array([1.0, -1.0]))
        coefficients = np.zeros((len(readout.words), len(readout.sums)))
        for output, entries in enumerate(readout.sums):
            for word, coefficient in entries:
                coefficients[word, output] += coefficient
        direct = few_signs(2 * len(readout.sums), num_qubits)
        self.parts: list[tuple[Tensor | None, Parities | None, Tensor]] = []
        for x in sorted({x for x, _ in readout.words}):
            members = [k for k, (other, _) in enumerate(readout.words) if other == x]
            masks = [readout.words[k][1] for k in members]
            # With y letters Y the real part counts with the sign of i^y, the imaginary one with that of i^(y + 1).
            letters = np.array([(x & mask).bit_count() % 4 for mask in masks])
            parts = [np.array(signs)[letters, None] * coefficients[members] for signs in _SIGNS_OF_PARTS[: 2 if x else 1]]
            if direct:
                parts = [parity_sums(masks, part, num_qubits) for part in parts]
            matrix = np.stack((parts * 2)[:2], 1 if direct else 0)  # without X part the squares of both count alike
            partner = place(np.arange(1 << num_qubits) ^ x) if x else None
            parities = None if direct else Parities(masks, num_qubits, place)
            self.parts.append((partner, parities, place(matrix.reshape(-1, matrix.shape[-1]))))

    def __call__(self, state: Tensor) -> Tensor:
        """Shape (batch or 1, outputs)."""
        values = self.constants.unsqueeze(0)
        amplitudes = torch.view_as_real(state)
        for partner, parities, matrix in self.parts:
            if partner is None:
                products = amplitudes * amplitudes
            else:
                partners = state.index_select(1, partner)
                if forward_ad._current_level >= 0:  # torch has no batched tangents of `conj()`, which is faster
                    conjugates = torch.view_as_complex(torch.view_as_real(partners) * self.conjugated)
                else:
                    conjugates = partners.conj()
                products = torch.view_as_real(conjugates * state)
            if parities is not None:
                products = parities.collected(products.mT.flatten(0, 1)).reshape(len(state), -1)
            values = torch.addmm(values, products.flatten(1), matrix)
        return values


def require_memory_on(device: torch.device, num_qubits: int, amplitude_bytes: int, states: int = 1, samples: int = 1) -> None:
    """Raise `MemoryRefusedError` where so many states cannot be had."""
    available = None
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        available = torch.cuda.mem_get_info(device)[0] + cached
    require_memory(num_qubits, amplitude_bytes, states * amplitude_bytes << num_qubits, available=available, samples=samples)


def _kept_states(step: tuple[Step, int | None]) -> int:
    """How many states a step leaves for its derivative, at most."""
    return len(step[0].blocks) if isinstance(step[0], Layer) else 3


def _let_signals_in(gradient: Tensor) -> None:
    """A hook of a derivative: as in any Python code, errors that signals raise come up here."""
    poll()


def _narrowed(matrix: Tensor, bits: int, width: int) -> Tensor:
    """A block of fewer qubits than the others have."""
    return matrix if bits == width else matrix[..., : 1 << bits, : 1 << bits]


def _turned(state: Tensor, matrices: Sequence[tuple[Tensor, int]]) -> Tensor:
    """A matrix on each stretch of qubits, highest first: each product takes its qubits from first to last place."""
    if all(matrix.dim() == 2 for matrix, _ in matrices):
        turning = state.T
        for matrix, bits in matrices:
            turning = turning.reshape(1 << bits, -1).T.mm(matrix)
        return turning.reshape(state.shape)
    turning = state
    for matrix, bits in matrices:
        turning = torch.matmul(turning.reshape(len(turning), 1 << bits, state.shape[1] >> bits).mT, matrix)
    return turning.flatten(1)


def _replaced(state: Tensor, index: Tensor, new: Tensor) -> Tensor:
    """The state with the amplitudes `index` replaced."""
    if new.shape[0] != state.shape[0]:
        batch = max(new.shape[0], state.shape[0])
        state, new = state.expand(batch, -1), new.expand(batch, -1)
    return state.index_copy(1, index, new)


def _pauli_action(x: int, z: int, num_qubits: int) -> tuple[Array, Array]:
    """(P psi)[k] = phase[k] psi[source[k]]."""
    source = np.arange(1 << num_qubits) ^ x
    phase = 1j ** ((x & z).bit_count() % 4) * (1.0 - 2.0 * (np.bitwise_count(source & z) & 1))
    return source, phase
