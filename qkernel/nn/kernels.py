"""Kernels in the sense of support vector machines, of data that a quantum feature map encodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel.boundary import api_boundary
from qkernel.diagnostics import counted, in_short
from qkernel.errors import BindingShapeError, KernelTypeError, ValidationError
from qkernel.ir.types import FLOAT, QUBIT, ArrayType
from qkernel.kernel import Kernel

Array = np.ndarray[Any, Any]

BYTES_AT_ONCE = 1 << 28
"""Of states, so that many samples of many qubits do not stand in memory together."""


@dataclass(frozen=True)
class FeatureMap:
    """The states in which a kernel of a register and a vector, or of a vector alone, encodes samples."""

    kernel: Kernel[..., Any]
    bindings: Mapping[str, Any] = field(default_factory=dict)
    qubits: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kernel, Kernel):
            raise KernelTypeError(f"a feature map is a kernel, not `{self.kernel!r}`", help="put `@qk.qkernel` over it")
        if len(self._open(ArrayType(FLOAT))) != 1 or len(self._open(ArrayType(QUBIT))) > 1 or self._open(QUBIT):
            raise KernelTypeError(
                f"a feature map takes one vector of Floats, or a register and one, and `{self.kernel.name}` does not",
                help="give its other arguments in `bindings`",
            )

    def _open(self, type: Any) -> list[str]:
        return [name for name, kind in self.kernel.input_types.items() if kind == type and name not in self.bindings]

    def states(self, samples: Any) -> Iterator[tuple[slice, Array]]:
        """The states of `samples` (samples, features), complex (rows, 2**qubits), a stretch of the rows at a time."""
        samples = as_samples(samples)
        (vector,) = self._open(ArrayType(FLOAT))
        lengths = {each.name: each.length for each in self.kernel.signature.parameters}
        qubits = samples.shape[1] if self.qubits is None else self.qubits
        sizes = {name: qubits for name in self._open(ArrayType(QUBIT)) if lengths[name] is None}
        values = {**self.bindings, **sizes}
        width = 1
        for row in range(min(1, len(samples))):
            width = self.kernel.statevector(bindings={**values, vector: samples[row]}).size
        rows = max(1, BYTES_AT_ONCE // (16 * width))
        for start in range(0, len(samples), rows):
            part = slice(start, min(start + rows, len(samples)))
            yield part, self.kernel.statevector(bindings={**values, vector: samples[part]})


def as_samples(samples: Any) -> Array:
    """`samples` as an array (samples, features) of float64."""
    try:
        array = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples, float)
    except (TypeError, ValueError):
        raise BindingShapeError(f"samples are an array of numbers, not `{in_short(samples)}`") from None
    if array.ndim != 2:
        raise BindingShapeError(
            f"samples have the shape (samples, features), and an array of shape {array.shape} was given",
            help="write `x[None, :]` for a single sample" if array.ndim == 1 else None,
        )
    return array


def _pair(samples: Any, others: Any) -> tuple[Array, Array]:
    """Both as arrays of as many features; `samples` twice where `others` is None."""
    first = as_samples(samples)
    second = first if others is None else as_samples(others)
    if first.shape[1] != second.shape[1]:
        raise BindingShapeError(
            f"the first samples have {counted(first.shape[1], 'feature')}, and the second {second.shape[1]}"
        )
    return first, second


@dataclass(frozen=True)
class FidelityKernel:
    """k(x, y) = |<phi(x)|phi(y)>|^2, the overlap of the states of two samples (Havlicek et al. 2019, Nature 567, 209).

    Called with samples X (N, features) and Y (M, features; default: X) it gives the matrix (N, M) that scikit-learn asks
    for: `SVC(kernel=FidelityKernel(FeatureMap(feature_map)))`. It simulates N + M states, and not N times M circuits.
    """

    features: FeatureMap

    def __call__(self, samples: Any, others: Any = None) -> Array:
        samples, others = _pair(samples, others)
        matrix = np.empty((len(samples), len(others)))
        for columns, right in self.features.states(others):
            for rows, left in self.features.states(samples):
                matrix[rows, columns] = np.abs(left @ right.conj().T) ** 2
        return matrix


@dataclass(frozen=True)
class ProjectedKernel:
    """k(x, y) = exp(-gamma sum_k |rho_k(x) - rho_k(y)|_F^2), rho_k the state of qubit k alone.

    The projected kernel of Huang et al. 2021 (Nature Communications 12, 2631). `gamma` scales squared distances; shapes are
    those of `FidelityKernel`.
    """

    features: FeatureMap
    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.gamma, (int, float, np.floating, np.integer)) or not self.gamma > 0:
            raise ValidationError(f"`gamma` is a positive number, not {self.gamma!r}")

    def __call__(self, samples: Any, others: Any = None) -> Array:
        is_square = others is None
        samples, others = _pair(samples, others)
        if not len(samples) or not len(others):
            return np.zeros((len(samples), len(others)))
        left = self._projected(samples)
        right = left if is_square else self._projected(others)
        squares = np.sum(left**2, 1)[:, None] + np.sum(right**2, 1) - 2 * left @ right.T
        matrix: Array = np.exp(-self.gamma * np.maximum(squares, 0) / 2)  # the squared norm of r sigma / 2 is r^2 / 2
        return matrix

    def _projected(self, samples: Any) -> Array:
        """The Bloch vectors of all qubits, shape (samples, 3 * qubits)."""
        return np.concatenate([bloch_vectors(states) for _, states in self.features.states(samples)])


def bloch_vectors(states: Array) -> Array:
    """The expectation values of X, Y and Z of each qubit in turn, shape (samples, 3 * qubits)."""
    found = []
    for qubit in range(states.shape[1].bit_length() - 1):
        parts = states.reshape(len(states), -1, 2, 1 << qubit)
        zeros, ones = parts[:, :, 0], parts[:, :, 1]
        overlap = 2 * np.sum(zeros.conj() * ones, axis=(1, 2))
        found += [overlap.real, overlap.imag, np.sum(np.abs(zeros) ** 2 - np.abs(ones) ** 2, axis=(1, 2))]
    return np.stack(found, 1) if found else np.zeros((len(states), 0))


@api_boundary
def fidelity_kernel(
    feature_map: Kernel[..., Any], bindings: Mapping[str, Any] | None = None, qubits: int | None = None
) -> FidelityKernel:
    """The kernel of squared overlaps of the states that `feature_map` makes of samples: see `FidelityKernel`.

    `feature_map` takes a register and a vector of features, or a vector alone; `bindings` are its other arguments. A register
    has `qubits` qubits, as many as there are features if that is not given. `fidelity_kernel(feature_map)(X, Y)` is the
    matrix, shape (N, M), float64.
    Raises `KernelTypeError` for another kind of kernel, and what `Kernel.statevector` raises.
    """
    return FidelityKernel(FeatureMap(feature_map, bindings or {}, qubits))


@api_boundary
def projected_kernel(
    feature_map: Kernel[..., Any],
    bindings: Mapping[str, Any] | None = None,
    qubits: int | None = None,
    gamma: float = 1.0,
) -> ProjectedKernel:
    """The Gaussian kernel of the single qubits of the states that `feature_map` makes of samples: see `ProjectedKernel`.

    Arguments as for `fidelity_kernel`; `gamma` scales squared distances.
    """
    return ProjectedKernel(FeatureMap(feature_map, bindings or {}, qubits), gamma)
