"""States from vectors of amplitudes: the circuit of Möttönen, Vartiainen, Bergholm, Salomaa 2005 (arXiv:quant-ph/0407010).

Qubit after qubit, the highest first, is turned about Y by angles that the qubits above it choose. Amplitude j belongs to
the basis state j, qubit 0 the least significant. Complex amplitudes stand as real and imaginary parts in turn, so that they
are a real vector of the same norm, and the last of the tree of angles are their phases: those are turned about Z, alike.
The state is smooth in the amplitudes; the angles are not where all amplitudes of a block are 0, and have no derivative there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.diagnostics import Span, counted
from qkernel.errors import ArithmeticEvaluationError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Preparation:
    """A vector in an angle map: x / |x|, of the amplitudes x that stand at the slots `start` to `stop`, behind those of gates.

    `slots[k]` has `coefficients[k]` times the angle `positions[k]` that `angles` makes of x. A preparation that `is_loaded`
    is one of the circuit's loads: simulators set its state and compute no angles. `name` is how the kernel writes x, which
    has real and imaginary parts in turn if it `is_complex`.
    """

    name: str
    start: int
    stop: int
    slots: Array
    positions: Array
    coefficients: Array
    is_loaded: bool
    is_complex: bool
    span: Span | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Preparation):
            return NotImplemented
        alike = all(getattr(self, name) == getattr(other, name) for name in ("start", "stop", "is_loaded", "is_complex"))
        arrays = ("slots", "positions", "coefficients")
        return alike and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)

    def __hash__(self) -> int:
        return hash((self.start, self.stop, self.is_loaded))

    @property
    def range(self) -> range:
        """The slots of the amplitudes."""
        return range(self.start, self.stop)

    def require_direction(self, has_direction: Any) -> None:
        """Raise `ArithmeticEvaluationError` where one of the vectors of a batch has none."""
        if not has_direction.all():
            title, way_out = without_direction(self.name, len(self.range) >> self.is_complex)
            sample = f"sample {int(np.argmin(has_direction))} of the batch" if has_direction.size > 1 else ""
            raise ArithmeticEvaluationError(title, span=self.span, label=sample or "no state", help=way_out)


@dataclass(frozen=True)
class Load:
    """`count` gates, from that with the slot `first_slot` on, which bring `qubits` from 0 into a state.

    Its amplitudes are at the slots from `amplitudes` on; they are complex, or real.
    """

    first_slot: int
    count: int
    qubits: tuple[int, ...]
    amplitudes: int
    is_complex: bool

    @property
    def slots(self) -> range:
        """Those of the amplitudes."""
        return range(self.amplitudes, self.amplitudes + (1 + self.is_complex << len(self.qubits)))


def gates(qubits: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The circuit: (target,) is RY, or RZ, by the next angle of `angles`, (control, target) is CX."""
    for target in reversed(range(len(qubits))):
        above = len(qubits) - 1 - target
        for step in range(1 << above):
            yield (qubits[target],)
            if above:
                changed = min(_lowest_bit(step + 1), above - 1)
                yield qubits[target + 1 + changed], qubits[target]


def _lowest_bit(number: int) -> int:
    return (number & -number).bit_length() - 1


def angles(amplitudes: Array, is_complex: bool) -> Array:
    """The angles of RY in the order of `gates`, shape (..., 2**n - 1), for `amplitudes` of shape (..., 2**n).

    For complex ones, (..., 2**(n + 1)), those of RZ follow in the same order, and the global phase.
    """
    found: list[Array] = []
    norms = np.asarray(amplitudes, float)
    while norms.shape[-1] > 1:
        low, high = norms[..., ::2], norms[..., 1::2]
        turns = 2 * np.arctan2(high, low)
        found.append(_phases(turns) if is_complex and not found else _spread(turns))
        norms = np.hypot(low, high)
    return np.concatenate([*found[::-1], norms[..., :0]], -1)


def angles_pullback(amplitudes: Array, gradient: Array, is_complex: bool) -> Array:
    """The gradient by `amplitudes` of what has this `gradient` by their angles; NaN where these have no derivative."""
    largest = np.abs(amplitudes).max(-1, keepdims=True)
    levels, norms = [], amplitudes / largest  # angles depend on the direction alone, and squares of it do not overflow
    while norms.shape[-1] > 1:
        levels.append((norms[..., ::2], norms[..., 1::2]))
        norms = np.hypot(*levels[-1])
    by_norms, first = np.zeros(norms.shape), 0
    with np.errstate(divide="ignore", invalid="ignore"):
        for low, high in reversed(levels):
            count = low.shape[-1]
            gathered = _phases_gathered if is_complex and 2 * count == amplitudes.shape[-1] else _gathered
            by_turn = 2 * gathered(gradient[..., first : first + count])
            norms = np.hypot(low, high)
            low, high, by_turn = low / norms, high / norms, by_turn / norms
            found = np.empty((*low.shape[:-1], 2 * count))
            found[..., ::2] = by_norms * low - by_turn * high
            found[..., 1::2] = by_norms * high + by_turn * low
            by_norms, first = found, first + count
        return np.asarray(by_norms / largest)


def without_direction(name: str, amplitudes: int) -> tuple[str, str]:
    """Title and help of the error for a vector of zeros."""
    title = f"`{name}` makes no state: its {counted(amplitudes, 'amplitude')} are all 0"
    return title, "a state has the direction of its vector, so one of the amplitudes has to be another number"


def _spread(turns: Array) -> Array:
    """What the gates between the CX turn by, for a qubit that is to turn by one of `turns`."""
    count = turns.shape[-1]
    spread: Array = _walsh(turns)[..., _gray(count)] / count
    return spread


def _gathered(gradient: Array) -> Array:
    """The transposed map."""
    count = gradient.shape[-1]
    ordered = np.empty(gradient.shape)
    ordered[..., _gray(count)] = gradient
    return np.asarray(_walsh(ordered) / count)


def _phases(turns: Array) -> Array:
    """The angles of RZ and of the global phase that multiply amplitude k by exp(i turns[k] / 2)."""
    words, factors = _words(turns.shape[-1])
    found: Array = _walsh(turns)[..., words] * factors
    return found


def _phases_gathered(gradient: Array) -> Array:
    """The transposed map."""
    words, factors = _words(gradient.shape[-1])
    ordered = np.empty(gradient.shape)
    ordered[..., words] = gradient * factors
    return _walsh(ordered)


def _words(count: int) -> tuple[Array, Array]:
    """The qubits, as bits, on whose parity each RZ acts, and 0 for the global phase; the factors of their angles."""
    targets = range((count - 1).bit_length())
    parts = [_gray(count >> target + 1) << target + 1 | 1 << target for target in reversed(targets)]
    words = np.concatenate([*parts, [0]])
    return words, np.where(words, -1.0, 0.5) / count


def _gray(count: int) -> Array:
    steps = np.arange(count)
    return steps ^ (steps >> 1)


def _walsh(values: Array) -> Array:
    """The sum of `values` with the signs (-1)**|j & k| for each k."""
    shape, stride = values.shape, 1
    while stride < shape[-1]:
        pairs = values.reshape(*shape[:-1], -1, 2, stride)
        values = np.stack([pairs[..., 0, :] + pairs[..., 1, :], pairs[..., 0, :] - pairs[..., 1, :]], -2).reshape(shape)
        stride *= 2
    return values


def normalised(amplitudes: Array) -> tuple[Array, Array]:
    """x / |x| along the last axis, and |x| with that axis kept; NaN for a vector of zeros."""
    largest = np.abs(amplitudes).max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = amplitudes / largest
        norm = np.sqrt(np.square(scaled).sum(-1, keepdims=True))
        return scaled / norm, norm * largest


def normalised_pullback(amplitudes: Array, gradient: Array) -> Array:
    """The gradient by x of what has this `gradient` by x / |x|."""
    unit, norm = normalised(amplitudes)
    return np.asarray((gradient - unit * (unit * gradient).sum(-1, keepdims=True)) / norm)
