"""Sums of Pauli products as lists of terms: nothing is merged, and a coefficient may be known only later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qkernel.errors import ObservableError, QubitAliasError
from qkernel.observable import Hamiltonian
from qkernel.observable.paulis import Operators

Compute = Callable[[str, list[Any]], Any]
"""An operator, by its name, on coefficients."""


@dataclass(frozen=True, slots=True, eq=False)
class PauliTerms:
    """The terms of a sum as they are written, each a coefficient and a product of Paulis (of none: a constant)."""

    terms: tuple[tuple[Any, Operators], ...]

    @property
    def num_qubits(self) -> int:
        """1 + the largest index, 0 for a constant."""
        return max((operator.index + 1 for _, operators in self.terms for operator in operators), default=0)


def listed(value: Any) -> PauliTerms:
    """A Hamiltonian, or a number times the identity, as a list of terms: the constant first."""
    if isinstance(value, PauliTerms):
        return value
    if not isinstance(value, Hamiltonian):
        return PauliTerms(((value, ()),))
    constant = ((value.constant, ()),) if value.constant else ()
    return PauliTerms((*constant, *((coefficient, operators) for operators, coefficient in value.terms.items())))


def combined(name: str, values: list[Any], compute: Compute) -> PauliTerms:
    """`+`, `-`, `*`, `/` or `neg` of Hamiltonians, lists of terms and numbers.

    Raises `QubitAliasError` for a product of Paulis on one qubit: which Pauli that is would depend on indices.
    """
    match name, values:
        case "+", [left, right]:
            return PauliTerms(listed(left).terms + listed(right).terms)
        case "-", [left, right]:
            return PauliTerms(listed(left).terms + combined("neg", [right], compute).terms)
        case "neg", [only]:
            return PauliTerms(tuple((compute("neg", [factor]), word) for factor, word in listed(only).terms))
        case "/", [left, divisor]:
            return PauliTerms(tuple((compute("/", [factor, divisor]), word) for factor, word in listed(left).terms))
        case "*", [left, right]:
            pairs = ((one, other) for one in listed(left).terms for other in listed(right).terms)
            return PauliTerms(tuple((compute("*", [first, second]), _word(a, b)) for (first, a), (second, b) in pairs))
    raise ObservableError(f"`{name}` does not work on an observable")


def _word(left: Operators, right: Operators) -> Operators:
    taken = {operator.index for operator in left}
    for operator in right:
        if operator.index in taken:
            raise QubitAliasError(
                f"two Paulis of one product act on the qubit {operator.index}",
                label=f"qubit {operator.index} twice",
                help="the indices in a product differ; Paulis on known qubits are multiplied before: `P = qko.X(0) * qko.Y(0)`",
            )
    return left + right
