"""Observables: algebra against dense matrices, text, masks, groups, and errors that name the way out."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

import qkernel.observable as qko
from qkernel.errors import MemoryRefusedError, ObservableError
from qkernel.observable import Hamiltonian, Pauli, PauliOperator, X, Y, Z, commutator

LETTERS = {
    Pauli.I: np.eye(2),
    Pauli.X: np.array([[0, 1], [1, 0]]),
    Pauli.Y: np.array([[0, -1j], [1j, 0]]),
    Pauli.Z: np.diag([1, -1]),
}


def dense(hamiltonian: Hamiltonian, num_qubits: int) -> np.ndarray:
    """The matrix by Kronecker products, qubit 0 rightmost."""
    total = hamiltonian.constant * np.eye(1 << num_qubits, dtype=complex)
    for operators, coefficient in hamiltonian:
        word = {operator.index: operator.pauli for operator in operators}
        matrix = np.eye(1)
        for k in range(num_qubits):
            matrix = np.kron(LETTERS[word.get(k, Pauli.I)], matrix)
        total = total + coefficient * matrix
    return total


numbers = st.one_of(
    st.floats(-4, 4).map(lambda x: round(x, 3)), st.builds(complex, st.integers(-3, 3), st.integers(-3, 3)), st.integers(-3, 3)
)
operators = st.builds(PauliOperator, st.sampled_from(Pauli), st.integers(0, 2))
sums = st.lists(st.tuples(st.lists(operators, max_size=4), numbers), max_size=5)


@st.composite
def hamiltonians(draw: st.DrawFn) -> Hamiltonian:
    result = Hamiltonian(num_qubits=draw(st.sampled_from([None, 3, 4])))
    for listed, coefficient in draw(sums):
        result.add_term(listed, coefficient)
    return result


@given(hamiltonians(), hamiltonians(), numbers)
def test_algebra_is_that_of_the_matrices(a: Hamiltonian, b: Hamiltonian, c: complex) -> None:
    left, right = dense(a, 4), dense(b, 4)
    pairs = [
        (a + b, left + right),
        (a - b, left - right),
        (a * b, left @ right),
        (c * a, c * left),
        (a * c, c * left),
        (-a, -left),
        (a + c, left + c * np.eye(16)),
        (c - a, c * np.eye(16) - left),
        (a / 4, left / 4),
        (a**2, left @ left),
        (commutator(a, b), left @ right - right @ left),
    ]
    for result, expected in pairs:
        np.testing.assert_allclose(dense(result, 4), expected, atol=1e-9)


@given(sums)
def test_add_term_multiplies_from_left_to_right(terms: list[tuple[list[PauliOperator], complex]]) -> None:
    total, expected = Hamiltonian(), np.zeros((8, 8), complex)
    for listed, coefficient in terms:
        total.add_term(listed, coefficient)
        product = coefficient * np.eye(8)
        for operator in listed:
            product = product @ dense(Hamiltonian.single_pauli(operator.pauli, operator.index), 3)
        expected = expected + product
    np.testing.assert_allclose(dense(total, 3), expected, atol=1e-9)


@given(hamiltonians())
def test_text_reads_back(hamiltonian: Hamiltonian) -> None:
    read = Hamiltonian.from_string(hamiltonian.to_string())
    assert read == hamiltonian
    assert list(read.terms) == list(hamiltonian.terms)


@given(hamiltonians())
def test_matrices_and_masks_agree(hamiltonian: Hamiltonian) -> None:
    expected = dense(hamiltonian, hamiltonian.num_qubits)
    np.testing.assert_allclose(hamiltonian.to_numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(hamiltonian.to_sparse().toarray(), expected, atol=1e-12)
    x_masks, z_masks, coefficients = hamiltonian.masks()
    assert len(x_masks) == len(z_masks) == len(coefficients) == len(hamiltonian) + (hamiltonian.constant != 0)
    assert coefficients.dtype == (np.float64 if hamiltonian.is_hermitian else np.complex128)


@given(hamiltonians())
def test_groups_commute_qubit_by_qubit_and_add_up(hamiltonian: Hamiltonian) -> None:
    groups = hamiltonian.qubit_wise_commuting_groups()
    assert sum(groups, Hamiltonian.identity(hamiltonian.constant)) == hamiltonian
    for group in groups:
        basis: dict[int, set[Pauli]] = {}
        for listed, _ in group:
            for operator in listed:
                basis.setdefault(operator.index, set()).add(operator.pauli)
        assert all(len(paulis) == 1 for paulis in basis.values())


@given(hamiltonians(), hamiltonians())
def test_equality_and_hash_are_by_value(a: Hamiltonian, b: Hamiltonian) -> None:
    assert a + b == b + a
    assert hash(a + b) == hash(b + a)
    assert (a == b) == np.allclose(dense(a, 4), dense(b, 4), atol=1e-12)


def test_numbers_are_equal_to_constants() -> None:
    assert Hamiltonian.identity(2.0) == 2
    assert hash(Hamiltonian.identity(2.0)) == hash(2)
    assert Z(0) * Z(0) == 1
    assert Z(0) != 1
    assert Z(0) != "Z0"
    assert Hamiltonian.zero() == 0
    assert not Hamiltonian.zero()
    assert Hamiltonian.identity()


def test_terms_are_merged_dropped_and_keep_their_order() -> None:
    total = X(2) + Z(0) * Z(1) + X(2) - 0.5 * Y(1)
    assert total.terms == {
        (PauliOperator(Pauli.X, 2),): 2.0,
        (PauliOperator(Pauli.Z, 0), PauliOperator(Pauli.Z, 1)): 1.0,
        (PauliOperator(Pauli.Y, 1),): -0.5,
    }
    assert [str(key[0]) for key in total.terms] == ["X2", "Z0", "Y1"]
    assert len(total - 2 * X(2)) == 2
    assert len(total) == 3
    assert all(isinstance(coefficient, float) for _, coefficient in total)


def test_products_carry_their_phases() -> None:
    assert X(0) * Y(0) == 1j * Z(0)
    assert Y(0) * X(0) == -1j * Z(0)
    assert commutator(X(0), Y(0)) == 2j * Z(0)
    assert commutator(X(0), Y(1)) == 0
    assert (X(0) + Z(0)) ** 2 == 2
    assert (X(0) + Z(0)) ** 0 == 1
    assert not (1j * Z(0)).is_hermitian
    assert (X(0) * Y(1)).is_hermitian


def test_numpy_numbers_work_on_both_sides() -> None:
    assert np.float64(0.5) * Z(0) == Z(0) * np.float64(0.5) == 0.5 * Z(0)
    assert np.int64(3) + Z(0) == Z(0) + 3
    assert np.complex128(1j) * Z(0) == 1j * Z(0)


def test_h5_number_of_qubits() -> None:
    assert Z(3).num_qubits == 4
    assert Hamiltonian.identity(2.0).num_qubits == 0
    wide = Hamiltonian(num_qubits=4)
    wide.add_term((PauliOperator(Pauli.Z, 1),), 1.0)
    assert wide.num_qubits == (wide + Z(0)).num_qubits == (2 * wide).num_qubits == (wide * X(2)).num_qubits == 4
    assert (wide + Z(5)).num_qubits == 6
    assert wide == Z(1)
    assert Hamiltonian.from_list([("IIZ", 1.0)]).num_qubits == 3


def test_written_forms() -> None:
    total = Hamiltonian.from_string("0.5*Z0*Z1 - X2 + 1")
    assert total == 0.5 * Z(0) * Z(1) - X(2) + 1
    assert str(total) == total.to_string() == "0.5*Z0*Z1 - X2 + 1"
    assert repr(total) == "Hamiltonian.from_string('0.5*Z0*Z1 - X2 + 1')"
    assert repr(Hamiltonian(num_qubits=4) + Z(0)) == "Hamiltonian.from_string('Z0', num_qubits=4)"
    assert total.to_latex() == "0.5 Z_{0} Z_{1} - X_{2} + 1"
    assert str(-Z(0) + 2j * X(1) - 3j + (1 - 2j) * Y(0)) == "-Z0 + 2j*X1 + (1-2j)*Y0 - 3j"
    assert str(Hamiltonian.zero()) == "0"
    assert Hamiltonian.from_string(" - 2 * X0*Y0 +1e-3* Z1 ") == -2j * Z(0) + 0.001 * Z(1)


def test_words_are_read_as_qiskit_reads_them() -> None:
    words = [("ZXI", 0.5), ("IIY", -1.0), ("III", 2.0)]
    ours = Hamiltonian.from_list(words)
    assert ours == 0.5 * X(1) * Z(2) - Y(0) + 2
    np.testing.assert_allclose(ours.to_numpy(), SparsePauliOp.from_list(words).to_matrix())


def test_copy_is_independent() -> None:
    original = Hamiltonian(num_qubits=2) + Z(0)
    twin = original.copy()
    twin.add_term(PauliOperator(Pauli.X, 1), 0.5)
    twin.constant = 3
    assert original == Z(0)
    assert twin == Z(0) + 0.5 * X(1) + 3
    assert twin.masks()[2].tolist() == [1.0, 0.5, 3.0]
    twin.add_term((), 1)
    assert twin.masks()[2].tolist() == [1.0, 0.5, 4.0]
    for duplicate in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        assert duplicate == twin
        assert duplicate.num_qubits == 2


def test_simplify_drops_what_rounding_leaves() -> None:
    hopping = 0.7 * Z(0) + (0.1 + 1e-17j) * X(0) + 1e-14j * Y(0) - 2e-14 * Z(1) + 0.2j
    assert str(hopping.simplify()) == "0.7*Z0 + 0.1*X0 + 0.2j"
    assert str(hopping.simplify(0.2)) == "0.7*Z0 + 0.2j"
    assert hopping.simplify(0) == hopping
    assert Hamiltonian(3).simplify().num_qubits == 3
    for power in range(1, 4):
        assert (1e-300 * Z(0) + 1e-300j * 10**-power * X(0)).simplify(1e-3).is_hermitian == (power == 3)


def test_remap_qubits() -> None:
    total = 0.5 * Z(0) * X(1) + Y(2) + 1
    assert total.remap_qubits({0: 1, 1: 0}) == 0.5 * X(0) * Z(1) + Y(2) + 1
    assert total.remap_qubits({2: 7}).num_qubits == 8
    assert (Hamiltonian(num_qubits=3) + Z(0)).remap_qubits({0: 1}).num_qubits == 3


def test_masks_of_a_known_sum() -> None:
    x_masks, z_masks, coefficients = (0.5 * Y(0) * Z(2) + X(1) + 3).masks()
    assert x_masks.tolist() == [1, 2, 0]
    assert z_masks.tolist() == [5, 0, 0]
    assert coefficients.tolist() == [0.5, 1.0, 3.0]
    assert Hamiltonian(num_qubits=80).masks()[0].shape == (0,)


@pytest.mark.parametrize(
    ("action", "title"),
    [
        (lambda: Z(-1), "negative"),
        (lambda: Z(0.5), "whole number"),
        (lambda: Z(True), "whole number"),
        (lambda: PauliOperator("Z", 0), "not a Pauli"),
        (lambda: Hamiltonian(num_qubits=-1), "negative"),
        (lambda: Hamiltonian(num_qubits=2.0), "whole number"),
        (lambda: Hamiltonian(num_qubits=2).add_term((PauliOperator(Pauli.Z, 2),), 1.0), "qubit 2 does not exist"),
        (lambda: Hamiltonian().add_term((Pauli.Z,), 1.0), "`PauliOperator`s"),
        (lambda: Hamiltonian().add_term((PauliOperator(Pauli.Z, 2),), float("nan")), "not finite"),
        (lambda: Hamiltonian().add_term((PauliOperator(Pauli.Z, 2),), "1"), "is a number"),
        (lambda: Z(0) * float("inf"), "not finite"),
        (lambda: Z(0) / 0, "divided by zero"),
        (lambda: Z(0) ** -1, "power"),
        (lambda: Z(0) ** 0.5, "power"),
        (lambda: (Z(0) + Z(1)).remap_qubits({0: 1}), "both become qubit 1"),
        (lambda: Hamiltonian.from_list([("ZQ", 1.0)]), "not a Pauli word"),
        (lambda: Hamiltonian.from_list([("ZZ", 1.0), ("Z", 1.0)]), "differ in length"),
        (lambda: Hamiltonian.from_string(3), "a text is wanted"),
        (lambda: Hamiltonian.from_string("1e999*Z0"), "not finite"),
        (lambda: Hamiltonian.from_string("Z4", num_qubits=2), "does not exist"),
        (lambda: Z(63).masks(), "63 qubits"),
    ],
)
def test_errors_name_what_is_wrong(action, title: str) -> None:
    with pytest.raises(ObservableError, match=title):
        action()


@pytest.mark.parametrize(
    "text", ["", "Z0 +", "Z0 * Q1", "Z", "Z0 Z1", "0.5**Z0", "Z1.5", "2 - - Z0", "Z99999999999", "(1+2)*Z0", "nan*Z0"]
)
def test_unreadable_text_gets_a_caret(text: str) -> None:
    with pytest.raises(ObservableError, match="not a sum of Pauli products") as caught:
        Hamiltonian.from_string(text)
    assert caught.value.label.startswith(text)
    assert "^" in str(caught.value)


def test_the_caret_points_at_the_character() -> None:
    with pytest.raises(ObservableError) as caught:
        Hamiltonian.from_string("0.5*Z0 * Q1")
    shown, caret = str(caught.value).splitlines()[1:3]
    assert shown[caret.index("^")] == "Q"


def test_a_dense_matrix_too_large_is_refused() -> None:
    with pytest.raises(MemoryRefusedError, match="20 qubits"):
        Z(19).to_numpy()


def test_other_types_do_not_mix() -> None:
    for action in (lambda: Z(0) + "1", lambda: "1" * Z(0), lambda: Z(0) - None, lambda: Z(0) / Z(1), lambda: [] - Z(0)):
        with pytest.raises(TypeError):
            action()


def test_public_names() -> None:
    assert set(qko.__all__) == {"Hamiltonian", "Pauli", "PauliOperator", "X", "Y", "Z", "commutator"}
