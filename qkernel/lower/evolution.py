"""exp(-i t H) as rotations, one for each term of H."""

from __future__ import annotations

from typing import Any

from qkernel.diagnostics import counted
from qkernel.errors import KernelTypeError, ObservableError
from qkernel.lower.circuit import Kind
from qkernel.lower.columns import Kinds, Row
from qkernel.lower.evaluation import compute
from qkernel.lower.given_values import Several
from qkernel.observable import Hamiltonian


def evolution(observable: Any, qubits: list[int], time: Any, kinds: Kinds, span: int) -> list[Row]:
    """One Trotter step: the constant as a global phase, then each term in its order; qubit k of H is `qubits[k]`."""
    if isinstance(observable, Several):
        raise ObservableError(
            "an observable that is given as a list shapes the circuit, so that its entries do not share one state",
            help="make one layer for each observable",
        )
    if not isinstance(observable, Hamiltonian):
        raise KernelTypeError("the evolution takes one Hamiltonian", label="not a Hamiltonian")
    fits(observable, len(qubits))
    if not observable.is_hermitian:
        raise ObservableError(f"the Hamiltonian has complex coefficients: {observable}", label="not unitary")
    rows: list[Row] = []
    if observable.constant:
        rows.append((kinds.gate("gphase"), (), (compute("*", [time, -observable.constant]),), span))
    for operators, coefficient in observable.terms.items():
        word = "".join(operator.pauli.value for operator in operators)
        targets = [qubits[operator.index] for operator in operators]
        rows.append((_rotation(word, kinds), targets, (compute("*", [time, 2 * coefficient]),), span))
    return rows


def fits(observable: Hamiltonian, count: int) -> None:
    """Raise unless the Hamiltonian has at most `count` qubits."""
    if observable.num_qubits > count:
        raise ObservableError(
            f"the Hamiltonian acts on {observable.num_qubits} qubits, and {count} {'is' if count == 1 else 'are'} given",
            label=counted(count, "qubit"),
        )


def _rotation(word: str, kinds: Kinds) -> int:
    if word in ("X", "Y", "Z", "XX", "YY", "ZZ"):
        return kinds.gate("r" + word.lower())
    return kinds.number(Kind("pauli", len(word), 1, word=word))
