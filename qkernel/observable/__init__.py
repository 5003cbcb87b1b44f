"""Observables: sums of Pauli products with coefficients, and their algebra."""

from __future__ import annotations

import cmath
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from numbers import Complex
from types import MappingProxyType
from typing import Any

import numpy as np

from qkernel.diagnostics import in_short
from qkernel.errors import MemoryRefusedError, ObservableError, needed
from qkernel.observable.groups import commuting
from qkernel.observable.paulis import Operators, Pauli, PauliOperator, as_square, decomposed, is_whole, product
from qkernel.observable.text import read_sum, write_sum

__all__ = ["Hamiltonian", "Pauli", "PauliOperator", "X", "Y", "Z", "commutator"]

Number = int | float | complex
Masks = tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, Any]]

_LARGEST_DENSE = 14


class Hamiltonian:
    """A sum of Pauli products with coefficients, plus a constant.

    Terms with the same operators are merged, terms of coefficient 0 are dropped, and the order of first addition is
    kept (the order of a Trotter step). Coefficients are floats, or complex where they have an imaginary part.
    `num_qubits`, if given, is the number of qubits that the sum spans; otherwise it is 1 + the largest index.
    Two Hamiltonians are equal if their terms and constants are, in any order, whatever number of qubits they span.
    They can be hashed, by value: do not change one (`add_term`, `constant`) that is a key of a dictionary.
    """

    __slots__ = ("_constant", "_masks", "_num_qubits", "_terms")
    __array_ufunc__ = None  # so that a number or array of numpy on the left leaves the arithmetic to this class

    def __init__(self, num_qubits: int | None = None) -> None:
        if num_qubits is not None:
            if not is_whole(num_qubits):
                raise ObservableError(
                    f"`num_qubits` is a whole number, not {num_qubits!r}", help="write `Hamiltonian(num_qubits=4)`"
                )
            if num_qubits < 0:
                raise ObservableError(
                    f"`num_qubits` is negative: {num_qubits}", help="leave it out to use 1 + the largest index"
                )
        self._num_qubits = None if num_qubits is None else int(num_qubits)
        self._terms: dict[Operators, float | complex] = {}
        self._constant: float | complex = 0.0
        self._masks: Masks | None = None

    @classmethod
    def zero(cls, num_qubits: int | None = None) -> Hamiltonian:
        """The sum of nothing."""
        return cls(num_qubits)

    @classmethod
    def identity(cls, coefficient: Number = 1.0, num_qubits: int | None = None) -> Hamiltonian:
        """`coefficient` times the identity."""
        result = cls(num_qubits)
        result.constant = coefficient
        return result

    @classmethod
    def single_pauli(cls, pauli: Pauli, index: int, coefficient: Number = 1.0) -> Hamiltonian:
        """`coefficient` times one Pauli matrix."""
        return cls.product((PauliOperator(pauli, index),), coefficient)

    @classmethod
    def product(cls, operators: Iterable[PauliOperator], coefficient: Number = 1.0) -> Hamiltonian:
        """`coefficient` times the product, from left to right, of Paulis."""
        result = cls()
        result.add_term(operators, coefficient)
        return result

    @classmethod
    def from_string(cls, text: str, num_qubits: int | None = None) -> Hamiltonian:
        """Read a sum such as `0.5*Z0*Z1 - X2 + 1`; complex coefficients are written `2j` or `(1+2j)`.

        Raises `ObservableError`, pointing at the character, for anything else.
        """
        result = cls(num_qubits)
        given: Any = text
        if not isinstance(given, str):
            raise ObservableError(f"a text is wanted, not {given!r}", help="write `Hamiltonian.from_string('0.5*Z0*Z1')`")
        for part, coefficient in read_sum(text):
            result._add(part, _coefficient(coefficient))
        return result

    @classmethod
    def from_list(cls, words: Iterable[tuple[str, Number]]) -> Hamiltonian:
        """Read pairs of Pauli word and coefficient, as Qiskit writes them: the rightmost letter is qubit 0.

        `from_list([("ZXI", 0.5)])` is `0.5*X1*Z2` on 3 qubits. All words have the same length.
        """
        result: Hamiltonian | None = None
        for pair in words if isinstance(words, Iterable) else (words,):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
                raise ObservableError(
                    f"a pair of Pauli word and coefficient is wanted, not {in_short(pair)}",
                    help='write `Hamiltonian.from_list([("ZZI", 0.5), ("IIX", 1.0)])`',
                )
            word, coefficient = pair
            if wrong := set(word) - set("IXYZ"):
                raise ObservableError(f"`{word}` is not a Pauli word", label=f"`{min(wrong)}` is not one of I, X, Y, Z")
            result = cls(len(word)) if result is None else result
            if result.num_qubits != len(word):
                raise ObservableError(
                    f"the Pauli words differ in length: `{word}` has {len(word)} letters, an earlier one {result.num_qubits}",
                    help="pad the shorter words with `I` on the left",
                )
            result.add_term([PauliOperator(Pauli(letter), k) for k, letter in enumerate(reversed(word))], coefficient)
        return cls() if result is None else result

    @classmethod
    def from_matrix(cls, matrix: Any, tolerance: float = 1e-12) -> Hamiltonian:
        """The sum of Paulis that a matrix of shape (2**n, 2**n) is, Hermitian or not, qubit 0 the least significant bit.

        What is at most `tolerance` times the largest coefficient is left out. Raises `ObservableError` for another shape.
        """
        square = as_square(matrix)
        result = cls((len(square) - 1).bit_length())
        for operators, coefficient in decomposed(square, tolerance):
            result._add(operators, _coefficient(coefficient))
        return result.simplify(tolerance)

    @property
    def terms(self) -> Mapping[Operators, float | complex]:
        """Coefficient of each product of Paulis, these sorted by qubit; without the constant. A read-only view."""
        return MappingProxyType(self._terms)

    @property
    def constant(self) -> float | complex:
        """The coefficient of the identity."""
        return self._constant

    @constant.setter
    def constant(self, value: Number) -> None:
        self._constant, self._masks = _coefficient(value), None

    @property
    def num_qubits(self) -> int:
        """The number of qubits that was given, else 1 + the largest index (0 for a constant)."""
        if self._num_qubits is not None:
            return self._num_qubits
        return max((operators[-1].index + 1 for operators in self._terms), default=0)

    @property
    def is_hermitian(self) -> bool:
        """Whether all coefficients are real."""
        return not any(isinstance(coefficient, complex) for coefficient in (*self._terms.values(), self._constant))

    def add_term(self, operators: PauliOperator | Iterable[PauliOperator], coefficient: Number = 1.0) -> None:
        """Add `coefficient` times the product, from left to right, of `operators` (none: the constant).

        Raises `ObservableError` if an index does not fit the number of qubits that was given.
        """
        listed = (operators,) if isinstance(operators, PauliOperator) else tuple(operators)
        if wrong := [entry for entry in listed if not isinstance(entry, PauliOperator)]:
            raise ObservableError(
                f"a term is made of `PauliOperator`s, not of `{wrong[0]!r}`",
                help="write `H.add_term((PauliOperator(Pauli.Z, 0), PauliOperator(Pauli.Z, 1)), 0.5)`",
            )
        self._add(listed, _coefficient(coefficient))

    def _add(self, operators: Operators, coefficient: float | complex) -> None:
        phase, key = product(operators)
        last = max((operator.index for operator in operators), default=-1)
        if self._num_qubits is not None and last >= self._num_qubits:
            raise ObservableError(
                f"qubit {last} does not exist in a Hamiltonian on {self._num_qubits} qubits",
                help=f"write `Hamiltonian(num_qubits={last + 1})`, or leave `num_qubits` out",
            )
        self._masks = None
        total = _simplest((self._terms.get(key, 0.0) if key else self._constant) + phase * coefficient)
        if not key:
            self._constant = total
        elif total:
            self._terms[key] = total
        else:
            self._terms.pop(key, None)

    def copy(self) -> Hamiltonian:
        """An independent copy."""
        return self._sum(())

    def _sum(self, others: Iterable[tuple[Hamiltonian, float | complex]], scale: float | complex = 1.0) -> Hamiltonian:
        """`scale` times this, plus each other times its factor."""
        parts = ((self, scale), *others)
        given = any(part._num_qubits is not None for part, _ in parts)
        result = Hamiltonian(max(part.num_qubits for part, _ in parts) if given else None)
        for part, factor in parts:
            for key, coefficient in part._terms.items():
                total = _simplest(result._terms.get(key, 0.0) + factor * coefficient)
                if total:
                    result._terms[key] = total
                else:
                    result._terms.pop(key, None)
            result._constant = _simplest(result._constant + factor * part._constant)
        return result

    def simplify(self, tolerance: float = 1e-12) -> Hamiltonian:
        """The same sum without what is at most `tolerance` times its largest coefficient: whole terms, and the real or
        imaginary part of others. What rounding leaves where terms cancel, as in sums of fermionic operators, is gone then."""
        most = tolerance * max(map(abs, (*self._terms.values(), self._constant)))
        result = Hamiltonian(self._num_qubits)
        for operators, coefficient in (*self._terms.items(), ((), self._constant)):
            number = complex(coefficient)
            kept = complex(*(part if abs(part) > most else 0.0 for part in (number.real, number.imag)))
            result._add(operators, _simplest(kept))
        return result

    def remap_qubits(self, qubits: Mapping[int, int]) -> Hamiltonian:
        """The same sum where qubit k stands at `qubits[k]`; qubits that the mapping lacks stay where they are.

        Raises `ObservableError` if two qubits of the sum would come to stand on one.
        """
        if not isinstance(qubits, Mapping):
            raise ObservableError(
                f"a mapping from qubits to qubits is wanted, not {in_short(qubits)}", help="write `H.remap_qubits({0: 1})`"
            )
        used = {operator.index for operators in self._terms for operator in operators}
        moved = {index: qubits.get(index, index) for index in sorted(used)}
        for index, place in moved.items():
            if twins := [other for other, taken in moved.items() if taken == place and other < index]:
                raise ObservableError(
                    f"qubits {twins[0]} and {index} would both become qubit {place}", help="map them to different qubits"
                )
        width = max((place + 1 for place in moved.values()), default=0)
        result = Hamiltonian(None if self._num_qubits is None else max(self._num_qubits, width))
        for operators, coefficient in self._terms.items():
            result._add(tuple(PauliOperator(entry.pauli, moved[entry.index]) for entry in operators), coefficient)
        result._constant = self._constant
        return result

    def qubit_wise_commuting_groups(self) -> tuple[Hamiltonian, ...]:
        """The terms in groups that can be measured together: no two terms of one ask for different Paulis of a qubit.

        Greedy, in the order of the terms. The constant is in no group.
        """
        groups: list[tuple[dict[int, Pauli], Hamiltonian]] = []
        for operators, coefficient in self._terms.items():
            wanted = {entry.index: entry.pauli for entry in operators}
            fitting = (
                k for k, (basis, _) in enumerate(groups) if all(basis.get(q, pauli) is pauli for q, pauli in wanted.items())
            )
            place = next(fitting, len(groups))
            if place == len(groups):
                groups.append(({}, Hamiltonian(self.num_qubits)))
            groups[place][0].update(wanted)
            groups[place][1]._terms[operators] = coefficient
        return tuple(group for _, group in groups)

    def commuting_groups(self) -> tuple[Hamiltonian, ...]:
        """The terms in groups of which each two commute, so that one circuit can measure a group behind Clifford gates.

        Fewer groups than `qubit_wise_commuting_groups` has, and longer circuits. Greedy; the constant is in no group.
        """
        result = []
        for members in commuting(self._terms):
            group = Hamiltonian(self.num_qubits)
            group._terms.update((operators, self._terms[operators]) for operators in members)
            result.append(group)
        return tuple(result)

    def masks(self) -> Masks:
        """The sum as numbers: x masks int64 (T,), z masks int64 (T,), coefficients float64 or complex128 (T,).

        Bit k of a mask is qubit k. Term t is coefficient * i**popcount(x & z) * X**x * Z**z, that is, it takes the basis
        state j to (-1)**popcount(j & z) times basis state j ^ x. A constant that is not 0 is the last entry, with masks 0.
        The arrays are cached: do not write into them. Raises `ObservableError` for a qubit beyond 62.
        """
        if self._masks is None:
            if self.num_qubits > 63 and any(operators[-1].index > 62 for operators in self._terms):
                raise ObservableError("masks hold 63 qubits, and this Hamiltonian uses more", help="use `terms`")
            flips = [sum(1 << entry.index for entry in key if entry.pauli is not Pauli.Z) for key in self._terms]
            signs = [sum(1 << entry.index for entry in key if entry.pauli is not Pauli.X) for key in self._terms]
            rest = [0] if self._constant else []
            coefficients = [*self._terms.values(), self._constant][: len(flips) + len(rest)]
            kind = np.float64 if self.is_hermitian else np.complex128
            self._masks = np.array(flips + rest, np.int64), np.array(signs + rest, np.int64), np.array(coefficients, kind)
        return self._masks

    def to_numpy(self) -> np.ndarray[Any, np.dtype[np.complex128]]:
        """The dense matrix, shape (2**num_qubits, 2**num_qubits), qubit 0 the least significant bit."""
        if self.num_qubits > _LARGEST_DENSE:
            raise MemoryRefusedError(
                f"a dense matrix on {self.num_qubits} qubits needs {16 * 4**self.num_qubits / 2**30:.0f} GiB",
                help="use `to_sparse()`",
            )
        matrix = np.zeros((1 << self.num_qubits,) * 2, complex)
        for rows, columns, values in self._entries():
            matrix[rows, columns] += values
        return matrix

    def to_sparse(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array`, qubit 0 the least significant bit."""
        with needed("a sparse matrix needs", "symbolic"):
            from scipy.sparse import csr_array

        size = 1 << self.num_qubits
        zero = csr_array((size, size), dtype=complex)
        return sum((csr_array((values, (rows, columns)), zero.shape) for rows, columns, values in self._entries()), zero)

    def _entries(self) -> Iterator[tuple[Any, Any, Any]]:
        """Rows, columns and values of each term's matrix."""
        columns = np.arange(1 << self.num_qubits)
        for flip, sign, coefficient in zip(*self.masks(), strict=True):
            phase = coefficient * 1j ** int(np.bitwise_count(flip & sign))
            yield columns ^ flip, columns, phase * (1.0 - 2.0 * (np.bitwise_count(columns & sign) & 1))

    def to_string(self) -> str:
        """The sum as text that `from_string` reads back."""
        return write_sum(self._terms, self._constant, "*", str)

    def to_latex(self) -> str:
        """The sum as LaTeX, for use in math mode."""
        return write_sum(self._terms, self._constant, " ", lambda entry: f"{entry.pauli.value}_{{{entry.index}}}")

    __str__ = to_string

    def __repr__(self) -> str:
        width = "" if self._num_qubits is None else f", num_qubits={self._num_qubits}"
        return f"Hamiltonian.from_string({self.to_string()!r}{width})"

    def _repr_latex_(self) -> str:
        return f"${self.to_latex()}$"

    def __iter__(self) -> Iterator[tuple[Operators, float | complex]]:
        return iter(self._terms.items())

    def __len__(self) -> int:
        return len(self._terms)

    def __bool__(self) -> bool:
        return bool(self._terms or self._constant)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Hamiltonian):
            return self._terms == other._terms and self._constant == other._constant
        if _is_number(other):
            return bool(not self._terms and self._constant == other)
        return NotImplemented

    def __hash__(self) -> int:
        if not self._terms:
            return hash(self._constant)
        return hash((frozenset(self._terms.items()), self._constant))

    def __neg__(self) -> Hamiltonian:
        return self._sum((), -1.0)

    def __pos__(self) -> Hamiltonian:
        return self.copy()

    def __add__(self, other: Hamiltonian | Number) -> Hamiltonian:
        if isinstance(other, Hamiltonian):
            return self._sum(((other, 1.0),))
        return self._sum(((Hamiltonian.identity(other), 1.0),)) if _is_factor(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Hamiltonian | Number) -> Hamiltonian:
        if isinstance(other, Hamiltonian):
            return self._sum(((other, -1.0),))
        return self._sum(((Hamiltonian.identity(other), -1.0),)) if _is_factor(other) else NotImplemented

    def __rsub__(self, other: Number) -> Hamiltonian:
        return self._sum(((Hamiltonian.identity(other), 1.0),), -1.0) if _is_factor(other) else NotImplemented

    def __mul__(self, other: Hamiltonian | Number) -> Hamiltonian:
        if isinstance(other, Hamiltonian):
            return self._times(other)
        return self._sum((), _coefficient(other)) if _is_factor(other) else NotImplemented

    def __rmul__(self, other: Number) -> Hamiltonian:
        return self._sum((), _coefficient(other)) if _is_factor(other) else NotImplemented

    def __truediv__(self, other: Number) -> Hamiltonian:
        if not _is_factor(other):
            return NotImplemented
        if other == 0:
            raise ObservableError("a Hamiltonian is divided by zero", help="divide by a number that is not 0")
        return self._sum((), 1 / _coefficient(other))

    def __pow__(self, exponent: int) -> Hamiltonian:
        if not is_whole(exponent) or exponent < 0:
            raise ObservableError(f"a power of a Hamiltonian is a whole number from 0 on, not {exponent!r}")
        return reduce(Hamiltonian._times, [self] * int(exponent), Hamiltonian.identity(1.0, self._num_qubits))

    def _times(self, other: Hamiltonian) -> Hamiltonian:
        given = self._num_qubits is not None or other._num_qubits is not None
        result = Hamiltonian(max(self.num_qubits, other.num_qubits) if given else None)
        left: list[tuple[Operators, float | complex]] = [*self._terms.items(), ((), self._constant)]
        right: list[tuple[Operators, float | complex]] = [*other._terms.items(), ((), other._constant)]
        for operators, first in left:
            for further, second in right:
                if first and second:
                    result._add(operators + further, first * second)
        return result


def X(index: int) -> Hamiltonian:
    """Pauli X on the qubit `index`."""
    return Hamiltonian.single_pauli(Pauli.X, index)


def Y(index: int) -> Hamiltonian:
    """Pauli Y on the qubit `index`."""
    return Hamiltonian.single_pauli(Pauli.Y, index)


def Z(index: int) -> Hamiltonian:
    """Pauli Z on the qubit `index`."""
    return Hamiltonian.single_pauli(Pauli.Z, index)


def as_observable(value: Any) -> Hamiltonian | None:
    """`value` as a sum of Paulis where it is one, a `SparsePauliOp` of Qiskit's included (its rightmost letter is qubit 0)."""
    if is_sum_of_qiskit(type(value)):
        return Hamiltonian.from_list(value.to_list())
    return value if isinstance(value, Hamiltonian) else None


def complex_term(observable: Hamiltonian, name: str) -> tuple[Hamiltonian, str | None]:
    """The first term with a complex coefficient, and what to write instead of `name` where only rounding made it so."""
    terms = (*observable, ((), observable.constant))
    found = Hamiltonian()
    found._add(*next(term for term in terms if isinstance(term[1], complex)))
    if not observable.simplify().is_hermitian:
        return found, None
    return found, f"the imaginary parts are no larger than rounding: write `{name}.simplify()`"


def is_sum_of_qiskit(kind: type) -> bool:
    """Whether a class is Qiskit's `SparsePauliOp`, which is not imported for that."""
    return hasattr(kind, "to_sparse_list") and hasattr(kind, "paulis")


def commutator(left: Hamiltonian, right: Hamiltonian) -> Hamiltonian:
    """`left * right - right * left`."""
    return left * right - right * left


def _is_array(value: Any) -> bool:
    """Whether a value is an array of numpy or a tensor of torch."""
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "ndim"))


def _is_number(value: Any) -> bool:
    """Whether a value is a number, also one of numpy's or torch's without axes."""
    if not _is_array(value):
        return isinstance(value, Complex) and not isinstance(value, bool)
    is_known = not hasattr(value, "is_meta") or not value.is_meta
    return is_known and not value.ndim and "bool" not in str(value.dtype) and "object" not in str(value.dtype)


def _is_factor(value: Any) -> bool:
    """As `_is_number`; raises for an array that has axes, which Python would go on to ask."""
    if _is_array(value) and value.ndim:
        raise ObservableError(
            f"a Hamiltonian goes together with one number, not with an array of shape {tuple(value.shape)}",
            help="make one for each: `[weight * H for weight in weights]`",
        )
    return _is_number(value)


def _coefficient(value: Any) -> float | complex:
    if not _is_number(value):
        raise ObservableError(
            f"a coefficient is a number, not {in_short(value)}",
            help="give an int, float or complex; coefficients cannot stay open parameters",
        )
    if getattr(value, "requires_grad", False) is True:
        raise ObservableError(
            "a coefficient is a tensor that requires grad, whose gradient would end here",
            help="for its value alone write `.detach()` behind it; observables are fixed when a kernel is compiled",
        )
    try:
        return _simplest(complex(value))
    except OverflowError:
        raise ObservableError("a coefficient is too large for a float", help=_CHECK) from None


_CHECK = "check the numbers that the Hamiltonian is made from"


def _simplest(number: float | complex) -> float | complex:
    """A finite number, real where it can be."""
    if not cmath.isfinite(number):
        raise ObservableError(f"a coefficient is not finite: {number if number.imag else number.real}", help=_CHECK)
    return number if isinstance(number, float) else number.real if number.imag == 0 else number
