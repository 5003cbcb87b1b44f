"""Block encodings: matrices as corners of unitaries.

The kernel U of a `BlockEncoding` takes a signal and a system register, and <0|U|0> = A / normalization, where 0 is that of the
whole signal: so it encodes the matrix A, on the system. What takes an encoding, such as `qubitization` and `qsvt`, takes any of
these. They are made of Python data, in Python or in kernels; names and arguments are those of Qamomile.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError, ValidationError
from qkernel.observable.paulis import as_square, is_whole
from qkernel_stdlib.arithmetic import modular_decrement, modular_increment
from qkernel_stdlib.encodings import mottonen_amplitude_encoding_from_angles, mottonen_angles

Rotation = Callable[
    [qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]], tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]
]
"""An argument that is a kernel of a flag, a slot and a register."""
Encoding = Callable[[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]], tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]]
"""An argument that is a kernel of a signal and a system register."""


@qk.struct
class BlockEncoding:
    """The kernel `unitary` of a signal and a system register, of these lengths, with A / `normalization` in its corner.

    It may be an argument of kernels, which see its lengths as numbers. Also called `LCUBlockEncoding`.
    """

    unitary: Encoding
    normalization: qk.Float
    num_signal_qubits: qk.UInt
    num_system_qubits: qk.UInt


LCUBlockEncoding = BlockEncoding


@dataclass(frozen=True, slots=True)
class LCUBlockEncodingTerm:
    """`coefficient`, which may be complex, times the matrix that `encoding` encodes."""

    coefficient: complex
    encoding: BlockEncoding

    def __post_init__(self) -> None:
        normalization = as_encoding(self.encoding).normalization
        if not 0 < normalization < math.inf:
            raise ValidationError(f"the normalization of a block encoding is above 0, but not {normalization}")
        object.__setattr__(self, "coefficient", _finite(self.coefficient))


def as_encoding(value: Any) -> BlockEncoding:
    """A block encoding, as it is; raises `KernelTypeError` for all else."""
    if isinstance(value, BlockEncoding):
        return value
    raise KernelTypeError(
        f"a block encoding is wanted, not {value!r}",
        help="a kernel U of a signal and a system becomes one by `BlockEncoding(U, normalization, num_signal_qubits, "
        "num_system_qubits)`",
    )


def unitary_block_encoding(unitary: Callable[..., Any], num_system_qubits: qk.UInt) -> BlockEncoding:
    """The unitary of an operation on a register, as it is: with normalization 1, and a signal qubit that nothing touches."""
    if not callable(unitary):
        raise KernelTypeError(
            f"an operation on a register is wanted, not {unitary!r}", help="give a kernel or a function of it"
        )

    @qk.qkernel
    def beside(signal: qk.Vector[qk.Qubit], system: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        return signal, unitary(system)

    return BlockEncoding(beside, 1.0, 1, num_system_qubits)


def identity_block_encoding(num_system_qubits: qk.UInt) -> BlockEncoding:
    """The identity, with normalization 1 and a signal qubit that nothing touches."""
    return unitary_block_encoding(lambda system: system, num_system_qubits)


def lcu_block_encoding(terms: Sequence[LCUBlockEncodingTerm]) -> BlockEncoding:
    """The sum of `terms`, with the sum of abs(coefficient) times the normalization of each for normalization.

    The signal is an index of ceil(log2(count)) qubits, and as many more as the longest signal of a term: two
    `mottonen_amplitude_encoding_from_angles` of the index, one of them inverted, around each encoding where the index holds its
    number; under a control they have none. Terms with coefficient 0 are left out; of no term is left X on one signal qubit.
    Raises `ValidationError` without terms, and where they are on systems of several lengths.
    Source: Childs, Wiebe 2012 (arXiv:1202.5822).
    """
    if not terms:
        raise ValidationError("a sum of no block encodings has no system", help="give one or more `LCUBlockEncodingTerm`")
    if wrong := [term for term in terms if not isinstance(term, LCUBlockEncodingTerm)]:
        raise KernelTypeError(
            f"a sum of block encodings is made of `LCUBlockEncodingTerm`, not {type(wrong[0]).__name__}",
            help="write `LCUBlockEncodingTerm(coefficient, encoding)`",
        )
    lengths = [term.encoding.num_system_qubits for term in terms]
    if len(set(lengths)) > 1:
        raise ValidationError(f"block encodings on systems of {', '.join(map(str, lengths))} qubits have no sum")

    def routed(encoding: BlockEncoding) -> Callable[..., Any]:
        def case(pool: Any, system: Any) -> Any:
            pool[: encoding.num_signal_qubits], system = encoding.unitary(pool[: encoding.num_signal_qubits], system)
            return pool, system

        return case

    kept = [term for term in terms if term.coefficient]
    return _sum(
        [term.coefficient * term.encoding.normalization for term in kept],
        [routed(term.encoding) for term in kept],
        max((term.encoding.num_signal_qubits for term in kept), default=0),
        lengths[0],
    )


def _sum(weights: Sequence[complex], cases: Sequence[Callable[..., Any]], pool: int, num_system_qubits: int) -> BlockEncoding:
    """The sum of weights[k] times what cases[k] have in the corner of a pool and the system."""
    normalization = sum(map(abs, weights), 0.0)
    if not math.isfinite(normalization):
        raise ValidationError("the coefficients of a block encoding add up to more than a float holds")
    phased = list(starmap(_with_phase, zip(cases, weights, strict=True)))
    index = max(0, len(cases) - 1).bit_length()
    weighed = [math.sqrt(abs(weight)) for weight in weights] + [0.0] * (2**index - len(weights))
    angles: Any = mottonen_angles(weighed)[0] if index else []

    @qk.qkernel
    def lcu(signal: qk.Vector[qk.Qubit], system: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        if not phased:
            signal[0] = qk.x(signal[0])
        elif index == 0:
            signal, system = phased[0](signal, system)
        else:
            signal[:index], signal[index:], system = qk.within_apply(
                lambda k, pool, system: (mottonen_amplitude_encoding_from_angles(k, angles), pool, system), qk.select(phased)
            )(signal[:index], signal[index:], system)
        return signal, system

    return BlockEncoding(lcu, normalization or 1.0, max(1, index + pool), num_system_qubits)


def _with_phase(case: Callable[..., Any], weight: complex) -> Callable[..., Any]:
    return case if cmath.phase(weight) == 0 else qk.global_phase(case, cmath.phase(weight))


def _finite(coefficient: Any) -> complex:
    """A coefficient as a number; raises for what is none, or none that is finite."""
    if isinstance(coefficient, bool | str | bytes) or not np.isscalar(coefficient):
        raise KernelTypeError(f"a coefficient of a block encoding is a number, not {coefficient!r}")
    if not cmath.isfinite(coefficient):  # type: ignore[arg-type]
        raise ValidationError(f"a coefficient of a block encoding is not finite: {coefficient!r}")
    return complex(coefficient)  # type: ignore[arg-type]


def pauli_lcu_block_encoding(lcu: qko.Hamiltonian) -> BlockEncoding:
    """A sum of Pauli words, with complex coefficients too, with the sum of their absolute values for normalization.

    The signal has ceil(log2(count)) qubits for the words, the constant included, and 1 at least. Each letter is one gate under
    the signal, and each coefficient that is not above 0 one phase. With real coefficients U is its own inverse.
    Matrices are such sums by `Hamiltonian.from_matrix`.
    Source: Babbush et al. 2018 (arXiv:1805.03662), section II.
    """
    if not isinstance(lcu, qko.Hamiltonian):
        raise KernelTypeError(
            f"a sum of Paulis is wanted, not {type(lcu).__name__}",
            help="write `pauli_lcu_block_encoding(0.5 * qko.Z(0) - qko.X(1))`, or `qko.Hamiltonian.from_matrix(matrix)`",
        )
    words = {tuple((letter.pauli.name, letter.index) for letter in word): weight for word, weight in lcu.terms.items()}
    words |= {(): lcu.constant} if lcu.constant else {}
    gates = {"X": qk.x, "Y": qk.y, "Z": qk.z}

    def applied(word: Sequence[tuple[str, int]]) -> Callable[..., Any]:
        def case(pool: Any, system: Any) -> Any:
            for letter, place in word:
                system[place] = gates[letter](system[place])
            return pool, system

        return case

    return _sum([*words.values()], [applied(word) for word in words], 0, lcu.num_qubits)


def ising_z_block_encoding(coefficients: Mapping[tuple[int, ...], complex], num_system_qubits: int) -> BlockEncoding:
    """The diagonal matrix sum(c Z_i Z_j ...) of `coefficients` {(i, j, ...): c}; () is the identity, and equal Z cancel.

    As `pauli_lcu_block_encoding`. Raises `ObservableError` for a qubit that is not in the system.
    """
    total = qko.Hamiltonian(num_system_qubits)
    if not isinstance(coefficients, Mapping) or not all(isinstance(places, tuple) for places in coefficients):
        raise KernelTypeError("coefficients by the qubits of Z are wanted", help="write `{(0,): -1.0, (0, 1): 0.5, (): 0.25}`")
    for places, coefficient in coefficients.items():
        total.add_term([qko.PauliOperator(qko.Pauli.Z, place) for place in places], _finite(coefficient))
    return pauli_lcu_block_encoding(total)


@dataclass(frozen=True, slots=True)
class PeriodicShiftLCU:
    """A sum of shifts on a grid that is periodic along each axis: `coefficients` by offset, one number for each axis.

    Axis 0 is the lowest of the system; axis k has 2**register_sizes[k] sites. The offset o takes site j to j + o. What was left
    out as too small is at most `truncation_error_bound` in the spectral norm. `from_coefficients` and `from_matrix` make them.
    """

    register_sizes: tuple[int, ...]
    coefficients: Mapping[tuple[int, ...], complex]
    truncation_error_bound: float = 0.0

    @property
    def num_qubits(self) -> int:
        """How many qubits all axes have."""
        return sum(self.register_sizes)

    @property
    def alpha(self) -> float:
        """The sum of the absolute coefficients."""
        return math.fsum(map(abs, self.coefficients.values()))

    @classmethod
    def from_coefficients(
        cls, coefficients: Mapping[int | tuple[int, ...], complex], *, register_sizes: Iterable[int], atol: float = 0.0
    ) -> PeriodicShiftLCU:
        """The sum of `coefficients` by offset, a whole number where there is one axis; those of at most `atol` are left out.

        Offsets are taken modulo the sites, and may be negative. Raises `ValidationError` for an offset with another number of
        axes and for an axis without qubits.
        """
        sizes = tuple(register_sizes)
        if not all(is_whole(size) and size > 0 for size in sizes):
            raise ValidationError(f"each axis has one qubit or more, but these are {sizes}")
        total: dict[tuple[int, ...], complex] = {}
        for given, coefficient in coefficients.items():
            offset = given if isinstance(given, tuple) else (given,)
            if len(offset) != len(sizes) or not all(map(is_whole, offset)):
                raise ValidationError(f"an offset is a whole number for each of {len(sizes)} axes, but not {given!r}")
            offset = tuple(int(along) % 2 ** int(size) for along, size in zip(offset, sizes, strict=True))
            total[offset] = total.get(offset, 0) + _finite(coefficient)
        kept = {offset: total[offset] for offset in sorted(total) if abs(total[offset]) > atol}
        return cls(tuple(map(int, sizes)), kept, math.fsum(abs(total[offset]) for offset in total.keys() - kept.keys()))

    @classmethod
    def from_matrix(cls, matrix: Any, *, register_sizes: Iterable[int], atol: float = 0.0) -> PeriodicShiftLCU:
        """The sum that `matrix` is: each of its columns is the first, shifted.

        Raises `ValidationError` for any other matrix, and `ObservableError` for what is no matrix of numbers on qubits.
        """
        columns, sizes = as_square(matrix), tuple(register_sizes)
        size = 2 ** sum(sizes)
        if columns.shape != (size, size):
            raise ValidationError(f"a matrix on axes of {sizes} qubits has shape ({size}, {size})")
        axes = tuple(2**each for each in sizes)
        offsets = [tuple(map(int, each)) for each in np.stack(np.unravel_index(np.arange(size), axes, order="F"), 1)]
        coefficients = dict(zip(offsets, columns[:, 0].tolist(), strict=True))
        for column, shift in enumerate(offsets):
            grid = columns[:, 0].reshape(axes, order="F")
            moved = np.roll(grid, shift, range(len(axes))).reshape(-1, order="F")
            if (differs := moved != columns[:, column]).any():
                row = int(np.argmax(differs))
                entry = f"entry ({row}, {column}) is {columns[row, column]:g}, not {moved[row]:g}"
                raise ValidationError(f"the matrix is no sum of periodic shifts: {entry}, which the first column has there")
        return cls.from_coefficients(coefficients, register_sizes=sizes, atol=atol)  # type: ignore[arg-type]


def periodic_shift_lcu_block_encoding(lcu: PeriodicShiftLCU) -> BlockEncoding:
    """A sum of shifts on a periodic grid, with the sum of the absolute coefficients for normalization.

    The signal has ceil(log2(count)) qubits, and 1 at least. A shift by k is, for each 1 in the binary digits of k, or of -k if
    it has fewer steps to go back, one `modular_increment` or decrement of the digits from there on.
    """
    if not isinstance(lcu, PeriodicShiftLCU):
        raise KernelTypeError(
            f"a `PeriodicShiftLCU` is wanted, not {type(lcu).__name__}",
            help="make it by `PeriodicShiftLCU.from_coefficients({-1: 1.0, 0: -2.0, 1: 1.0}, register_sizes=[3])`",
        )

    def shifted(offset: tuple[int, ...]) -> Callable[..., Any]:
        def case(pool: Any, system: Any) -> Any:
            start = 0
            for along, size in zip(offset, lcu.register_sizes, strict=True):
                step, count = (modular_increment, along) if 2 * along <= 2**size else (modular_decrement, 2**size - along)
                for digit in range(size):
                    if count >> digit & 1:
                        system[start + digit : start + size] = step(system[start + digit : start + size])
                start += size
            return pool, system

        return case

    return _sum([*lcu.coefficients.values()], [shifted(offset) for offset in lcu.coefficients], 0, lcu.num_qubits)


def sparse_block_encoding(
    entries: Rotation, places: Encoding, num_slot_qubits: qk.UInt, num_system_qubits: qk.UInt
) -> BlockEncoding:
    """A matrix with 2**m entries a column, m the qubits of a slot, by oracles for their values and rows; normalization 2**m.

    The signal is a flag and the slot. `entries(flag, slot, q)` turns the flag of slot l and column j by RY(2 arccos A[c, j]),
    and `places(slot, q)` takes column j in slot l to the row c(l, j) of that entry. 2m H and one of either.
    Source: Camps, Lin, Van Beeumen, Yang 2024 (arXiv:2203.10236), theorem 4.1.
    """

    def placed(flag: Any, slot: Any, q: Any) -> Any:
        flag, slot, q = entries(flag, slot, q)
        slot, q = places(slot, q)
        return flag, slot, q

    @qk.qkernel
    def sparse(signal: qk.Vector[qk.Qubit], system: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        signal[0], signal[1:], system = qk.within_apply(lambda flag, slot, q: (flag, qk.h(slot), q), placed)(
            signal[0], signal[1:], system
        )
        return signal, system

    return BlockEncoding(sparse, 2.0**num_slot_qubits, 1 + num_slot_qubits, num_system_qubits)
