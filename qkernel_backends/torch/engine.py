"""The engine and what it prepares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qkernel.engine import FEATURES, Prepared
from qkernel.errors import ExecutionError
from qkernel.execution.gradient import open_slots
from qkernel.lower.circuit import Circuit, Instruction
from qkernel.recent import Recent
from qkernel_backends.deferral import deferred_if_small
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.memory import require_memory_for_shots
from qkernel_backends.plan import compile_plan
from qkernel_backends.plan.sampling import FinalMeasurements, disturbed, draw, final_measurements, marginal, ordered
from qkernel_backends.plan.translate import extended, pulled_back
from qkernel_backends.reference import ReferenceEngine, ReferencePrepared
from qkernel_backends.releases import require_clean
from qkernel_backends.torch.large_angles import LargeAngles
from qkernel_backends.torch.tensors import TorchSplit, require_memory_on

Array = np.ndarray[Any, Any]
_MOST_SPLITS = 16


@dataclass(frozen=True)
class TorchEngine:
    """Runs circuits as tensor operations on `device`."""

    name: str = "torch"
    features: frozenset[str] = FEATURES
    device: str = "cpu"

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """See `qkernel.engine.Engine`."""
        final = final_measurements(circuit)
        if final is not None and not disturbed(circuit, final):
            return TorchPrepared(circuit, np.dtype(dtype), final, torch.device(self.device))
        histories, unitary = ReferenceEngine().prepare(circuit, dtype), deferred_if_small(circuit)
        return histories if unitary is None else TorchBranching(unitary, histories, np.dtype(dtype), torch.device(self.device))


class TorchPrepared(AtAnyAngle):
    """See `qkernel.engine.Prepared`; `split(...).values` takes and gives tensors."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], final: FinalMeasurements, device: torch.device) -> None:
        self.circuit, self.dtype, self.final, self.device = circuit, dtype, final, device
        self.real = torch.float32 if dtype == np.complex64 else torch.float64
        self._splits = Recent[Any, TorchSplit](_MOST_SPLITS)
        self._checked: bytes | None = None

    def split(self, batched: Sequence[int], shared: Sequence[int]) -> TorchSplit:
        """For layers: columns of theta that come per sample, and columns that are one for all samples.

        Computed slots are further columns, one each, after those of theta.
        """
        key = tuple(batched), tuple(shared)
        if (found := self._splits.get(key)) is not None:
            return found
        plan = compile_plan(self.circuit, key[0], expectations=True)
        require_memory_on(self.device, plan.num_qubits, self.dtype.itemsize)
        large = LargeAngles(
            self.circuit, *key, lambda open, count: TorchSplit(compile_plan(open, range(count), True), range(count), ())
        )
        return self._splits.keep(key, TorchSplit(plan, *key, large))

    def with_open_slots(self, circuit: Circuit) -> TorchPrepared:
        """See `AtAnyAngle`."""
        return TorchPrepared(circuit, self.dtype, self.final, self.device)

    @property
    def _columns(self) -> tuple[int, ...]:
        return tuple(range(self.circuit.angles.num_columns + len(self.circuit.angles.computed)))

    def _extended(self, theta: Array) -> Tensor:
        return torch.as_tensor(extended(self.circuit, theta, np.dtype(float))).to(self.device, self.real)

    def check_releases(self, theta: Array) -> None:
        """See `AtAnyAngle`. What was checked last is not checked again."""
        if self.circuit.has_releases and self._checked != (key := theta.tobytes()):
            with torch.no_grad():
                self._check_stretches(self._extended(theta))
            self._checked = key

    def _check_stretches(self, columns: Tensor) -> None:
        state: Tensor | None = None
        for split, release in self._stretches:
            state = split.state(columns, columns.new_zeros(0), state)
            found = ordered(state.cpu().numpy(), split.plan.place)
            require_clean(np.stack([found.real, found.imag], 1), release, self.dtype)
            state = torch.as_tensor(found).to(state)

    @cached_property
    def _stretches(self) -> list[tuple[TorchSplit, Instruction]]:
        """The gates up to each release."""
        found: list[tuple[TorchSplit, Instruction]] = []
        gates: list[Instruction] = []
        for instruction in self.circuit.instructions():
            if instruction.kind.is_gate:
                gates.append(instruction)
            elif instruction.kind.promise is not None:
                plan = compile_plan(self.circuit, self._columns, False, gates, from_zero=not found)
                found.append((TorchSplit(plan, self._columns, ()), instruction))
                gates = []
        return found

    def expectations(self, theta: Tensor) -> Tensor:
        """Expectation values, shape (batch, outputs), differentiable; non-affine angles are refused."""
        if self.circuit.angles.computed:
            raise ExecutionError(
                f"`{self.circuit.name}` has angles that are not affine in its parameters; give those as further columns",
                help="use `split(...).values` with a column for each such angle",
            )
        return self.split(self._columns, ()).values(theta, theta.new_zeros(0))

    @guarded
    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        with torch.no_grad():
            columns = self._extended(theta)
            return self.split(self._columns, ()).values(columns, columns.new_zeros(0)).cpu().numpy()

    @guarded
    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`."""
        columns = self._extended(theta).requires_grad_()
        with torch.enable_grad():
            values = self.split(self._columns, ()).values(columns, columns.new_zeros(0))
            total = (values * torch.as_tensor(np.array(cotangent)).to(values)).sum()
            gradient = np.zeros(tuple(columns.shape), values.detach().cpu().numpy().dtype)
            if total.requires_grad:
                (found,) = torch.autograd.grad(total, (columns,), allow_unused=True)
                gradient = gradient if found is None else found.cpu().numpy()
        by_theta = pulled_back(self.circuit, theta, gradient).astype(gradient.dtype, copy=False)
        return values.detach().cpu().numpy(), by_theta

    @cached_property
    def _state_split(self) -> TorchSplit:
        plan = compile_plan(self.circuit, self._columns, expectations=False)
        require_memory_on(self.device, plan.num_qubits, self.dtype.itemsize)
        return TorchSplit(plan, self._columns, ())

    @guarded
    def state(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        self.final.refuse_state(self.circuit)
        return self._state(theta)

    def _state(self, theta: Array) -> Array:
        with torch.no_grad():
            columns, split = self._extended(theta), self._state_split
            phase = columns.new_full((len(columns),), split.plan.global_phase.offset)
            for column, coefficient in split.plan.global_phase.terms:
                phase = phase + coefficient * columns[:, column]
            state = split.state(columns, columns.new_zeros(0)) * torch.complex(phase.cos(), phase.sin()).unsqueeze(1)
            return ordered(state.cpu().numpy(), split.plan.place)

    @guarded
    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        weights = np.abs(self._state(theta)) ** 2
        return [marginal(weights, self.circuit.num_qubits, qubits) for qubits in self.circuit.probabilities]

    @guarded
    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        require_memory_for_shots(len(theta), shots, self.circuit.num_bits)
        qubits = tuple(qubit for qubit, _ in self.final.measured)
        weights = marginal(np.abs(self._state(theta)) ** 2, self.circuit.num_qubits, qubits)
        return draw(weights, self.final.measured, self.circuit.num_bits, shots, seed)


class TorchBranching(TorchPrepared):
    """See `qkernel.engine.Prepared`; exact values come from the circuit with its measurements deferred."""

    def __init__(self, unitary: Circuit, histories: ReferencePrepared, dtype: np.dtype[Any], device: torch.device) -> None:
        super().__init__(unitary, dtype, FinalMeasurements(()), device)
        self.histories = histories

    def with_open_slots(self, circuit: Circuit) -> TorchPrepared:
        """See `AtAnyAngle`."""
        histories = self.histories.with_open_slots(open_slots(self.histories.circuit, with_loads=True))
        return TorchBranching(circuit, histories, self.dtype, self.device)

    def check_releases(self, theta: Array) -> None:
        """See `AtAnyAngle`."""
        if self.histories.circuit.has_releases:
            self.histories.expect(theta)

    def state(self, theta: Array) -> Array:
        """There is none."""
        return self.histories.state(theta)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        return self.histories.sample(theta, shots, seed)
