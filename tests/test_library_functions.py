"""Functions of the library on data: estimates of amplitudes, searches, normal forms, formulas, periods."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ArithmeticEvaluationError
from qkernel_stdlib import (
    bravyi_kitaev,
    drawn_words,
    fermi_hubbard,
    grover_iteration_count,
    heisenberg_model,
    hidden_period,
    ising_model,
    iterative_amplitude_estimation,
    jordan_wigner,
    maximum_likelihood_amplitude,
    minimum_search,
    modmul_const,
    normal_form,
    parity_encoding,
    product_formula,
    search_unknown,
    trotterized_time_evolution,
    truth_table,
    windowed_modular_multiply,
)
from qkernel_stdlib.evolution import suzuki_steps
from qkernel_stdlib.examples import block_encodings, singular_values
from qkernel_stdlib.examples.matrices import evolved, word
from tests.wrapped import controlled

AMPLITUDES = [0.0, 0.003, 0.1, 0.37, 0.9, 1.0]


def chance(amplitude: float, iterations: int) -> float:
    return min(1.0, math.sin((2 * iterations + 1) * math.asin(math.sqrt(amplitude))) ** 2)


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_maximum_likelihood(amplitude: float) -> None:
    powers = [0, 1, 2, 4, 8, 16]
    exact = [round(1e6 * chance(amplitude, power)) for power in powers]
    assert maximum_likelihood_amplitude(powers, exact, 10**6) == pytest.approx(amplitude, abs=1e-6)
    with pytest.raises(ValueError, match="6 powers and 1 hits"):
        maximum_likelihood_amplitude(powers, [1], 10)


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_iterative_estimation_holds_as_often_as_it_says_and_asks_seldom(amplitude: float) -> None:
    accuracy, generator = 1e-3, np.random.default_rng(3)
    missed = spent = 0
    for _ in range(20):

        def count(iterations: int, shots: int) -> int:
            nonlocal spent
            spent += shots * iterations
            return int(generator.binomial(shots, chance(amplitude, iterations)))

        low, high = iterative_amplitude_estimation(count, accuracy)
        assert 0 <= low <= high <= 1
        assert high - low <= 2 * accuracy
        missed += not low - 1e-12 <= amplitude <= high + 1e-12
    assert missed <= 3
    assert spent / 20 < 50 / accuracy * math.log(2 / 0.05 * math.log2(math.pi / (4 * accuracy)))
    with pytest.raises(ValueError, match="an accuracy is between"):
        iterative_amplitude_estimation(count, 0.7)


@pytest.mark.parametrize("num_qubits", [2, 4, 9])
@pytest.mark.parametrize("num_marked", [1, 2, 3])
def test_no_number_of_iterations_before_the_first_best_is_better(num_qubits: int, num_marked: int) -> None:
    best, marked = grover_iteration_count(num_qubits, num_marked), num_marked / 2**num_qubits
    assert chance(marked, best) >= max(chance(marked, k) for k in range(best + 2)) - 1e-12


def test_searches_find_what_there_is() -> None:
    values = np.random.default_rng(2).permutation(64)
    generator = np.random.default_rng(4)

    def measure(iterations: int, threshold: float) -> int:
        """One outcome of a search for what is below the threshold."""
        below, others = np.flatnonzero(values < threshold), np.flatnonzero(values >= threshold)
        good = generator.random() < chance(len(below) / 64, iterations)
        return int(generator.choice(below if good and len(below) else others))

    for seed in range(9):
        number = search_unknown(lambda k: measure(k, 3), lambda number: bool(values[number] < 3), 6, seed)
        assert number is not None
        assert values[number] < 3
    assert search_unknown(lambda k: measure(k, 0), lambda number: False, 6) is None
    found = [minimum_search(measure, lambda number: float(values[number]), 6, seed) for seed in range(20)]
    assert sum(least == 0 and values[number] == 0 for number, least in found) >= 15


@pytest.mark.parametrize("n", range(5))
def test_a_normal_form_adds_up_to_its_function(n: int) -> None:
    table = np.random.default_rng(n).integers(0, 2, 2**n).tolist()
    products = normal_form(table)
    for number in range(2**n):
        assert sum(all(number >> bit & 1 for bit in product) for product in products) % 2 == table[number]


def test_formulas_bind_as_in_python() -> None:
    for formula in ("a & (1 ^ b) | c ^ 1", "a ^ b & c | a & c", "(a | b) ^ (c | a)", "1 ^ 0 | b"):
        names = sorted(set(formula) & set("abc"))
        rows = [dict(zip(names, reversed(row), strict=True)) for row in itertools.product((0, 1), repeat=len(names))]
        assert truth_table(formula, names) == [eval(formula, {}, row) for row in rows]
    assert truth_table("b | a") == truth_table("a | b") == [0, 1, 1, 1]
    assert truth_table("!a") == truth_table("~a") == [1, 0]
    assert truth_table("b & ~a") == [0, 1, 0, 0]
    assert truth_table("b & ~a", ["a", "b"]) == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("formula", "variables", "message"),
    [
        ("a & ", (), "cannot be read at its end"),
        ("a $ b", (), "cannot be read at column 3"),
        ("a b", (), "cannot be read at column 3"),
        ("a & z", ("a",), "`z` stands in"),
    ],
)
def test_formulas_that_are_none(formula: str, variables: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        truth_table(formula, variables)


@pytest.mark.parametrize("table", [[0, 1, 0], [0, 2], [[0, 1], [1, 0]]])
def test_tables_that_are_none(table: list[int]) -> None:
    with pytest.raises(ValueError, match="a truth table has"):
        normal_form(table)


@pytest.mark.parametrize("period", [[1], [0, 1], [1, 0, 1, 1], [0, 0, 1, 0, 1]])
def test_a_period_is_what_is_orthogonal_to_all_outcomes(period: list[int]) -> None:
    numbers = itertools.product((0, 1), repeat=len(period))
    outcomes = [list(number) for number in numbers if np.dot(number, period) % 2 == 0]
    assert hidden_period(outcomes) == period
    if len(period) > 1:
        assert hidden_period(outcomes[:1]) is None


def dense(observable: qko.Hamiltonian, num_qubits: int) -> Any:
    total = np.zeros((2**num_qubits, 2**num_qubits), complex)
    for letters, weight in observable.terms.items():
        total += weight * word({entry.index: entry.pauli.name for entry in letters}, num_qubits)
    return total + observable.constant * np.eye(2**num_qubits)


def annihilation(mode: int, n: int) -> Any:
    """From its definition on occupations."""
    matrix = np.zeros((2**n, 2**n))
    for k in range(2**n):
        if k >> mode & 1:
            matrix[k ^ 2**mode, k] = (-1) ** (k & 2**mode - 1).bit_count()
    return matrix


def held(encoding: str, occupations: int, n: int) -> int:
    """The basis state in which an encoding holds occupations: from what each qubit is said to hold."""
    bits = [occupations >> i & 1 for i in range(n)]
    match encoding:
        case "jordan_wigner":
            stored = bits
        case "parity_encoding":
            stored = [sum(bits[: i + 1]) % 2 for i in range(n)]
        case _:  # qubit i holds the parity of as many modes as the lowest 1 in the binary digits of i + 1 says
            stored = [sum(bits[i + 1 - (i + 1 & -(i + 1)) : i + 1]) % 2 for i in range(n)]
    return sum(bit << i for i, bit in enumerate(stored))


@pytest.mark.parametrize("n", [1, 2, 4, 5])
@pytest.mark.parametrize("encoding", [jordan_wigner, parity_encoding, bravyi_kitaev], ids=lambda encoding: encoding.__name__)
def test_encodings_of_fermions_hold_what_they_say(encoding: Any, n: int) -> None:
    basis = np.zeros((2**n, 2**n))
    for k in range(2**n):
        basis[held(encoding.__name__, k, n), k] = 1
    for mode in range(n):
        lowered = dense(encoding({((mode, 0),): 1.0}, n), n)
        np.testing.assert_allclose(lowered, basis @ annihilation(mode, n) @ basis.T, atol=1e-12)
        raised = dense(encoding({((mode, 1),): 1.0}, n), n)
        np.testing.assert_allclose(raised, lowered.conj().T, atol=1e-12)
    moved = dense(encoding({((n - 1, 1), (0, 0)): 2.0}, n), n)
    np.testing.assert_allclose(moved, basis @ (2 * annihilation(n - 1, n).T @ annihilation(0, n)) @ basis.T, atol=1e-12)
    with pytest.raises(ValueError, match=f"no mode {n} among {n}"):
        encoding({((n, 1),): 1.0}, n)


def test_letters_of_bravyi_kitaev_grow_as_the_logarithm() -> None:
    longest = [max(len(letters) for letters in bravyi_kitaev({((mode, 0),): 1.0}, 16).terms) for mode in range(16)]
    assert max(longest) <= 5
    assert max(len(letters) for letters in jordan_wigner({((15, 0),): 1.0}, 16).terms) == 16


@pytest.mark.parametrize(("sites", "periodic", "width"), [(2, False, None), (3, True, None), (4, False, 2)])
def test_fermi_hubbard_bonds(sites: int, periodic: bool, width: int | None) -> None:
    operator = fermi_hubbard(sites, 1.5, 4.0, periodic, width)
    bonds = {(2, False, None): 1, (3, True, None): 3, (4, False, 2): 4}[sites, periodic, width]
    assert list(operator.values()).count(-1.5) == 4 * bonds
    assert list(operator.values()).count(4.0) == sites
    matrix = dense(jordan_wigner(operator, 2 * sites), 2 * sites)
    np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_product_formulas_are_of_their_order(order: int) -> None:
    parts = [ising_model(3, 1.0, 0.0), ising_model(3, 0.0, 0.8)]

    @qk.qkernel
    def steps(q: qk.Vector[qk.Qubit], time: qk.Float, step: qk.UInt) -> qk.Vector[qk.Qubit]:
        return trotterized_time_evolution(q, parts, order, time, step)

    exact = evolved(dense(parts[0], 3) + dense(parts[1], 3), 1.0)

    @qk.qkernel
    def bound_later(
        q: qk.Vector[qk.Qubit], parts: qk.Vector[qk.Observable], order: qk.UInt, time: qk.Float
    ) -> qk.Vector[qk.Qubit]:
        return trotterized_time_evolution(q, parts, order, time, 2)

    later = bound_later.unitary(q=3, parts=parts, order=order, time=0.7)
    np.testing.assert_allclose(later, steps.unitary(q=3, time=0.7, step=2), atol=1e-12)
    with pytest.raises(ArithmeticEvaluationError, match="division by zero"):
        bound_later.unitary(q=3, parts=parts, order=2 * order + 1, time=0.7)

    @qk.qkernel
    def of_symbols(n: qk.UInt, time: qk.Float) -> qk.Vector[qk.Qubit]:
        return suzuki_steps(qk.qubit_array(n), [ising_model(n, 1.0, 0.5), qko.X(0)], order, time, 1)

    assert "X0" in str(of_symbols.estimate_resources())  # what has no closed form shows its parts
    errors = [np.linalg.norm(steps.unitary(q=3, time=1.0, step=step) - exact, 2) for step in (2, 4)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)
    for part in (0, 1):
        assert sum(share for each, share in product_formula(2, order) if each == part) == pytest.approx(1)
    with pytest.raises(ValueError, match="is 1 or even, but not 3"):
        trotterized_time_evolution(None, parts, 3, 1.0, 1)


def test_drawn_words_come_as_often_as_they_weigh() -> None:
    words = drawn_words(ising_model(2, 3.0, -1.0), 600, seed=1)
    assert sum(word == ising_model(2, 3.0, 0.0) * (5 / 3 / 600) for word in words) / 600 == pytest.approx(3 / 5, abs=0.06)
    assert {abs(weight) for each in words for weight in each.terms.values()} == {5 / 600}


def test_spin_models() -> None:
    assert ising_model(3, 0.5, -1.0) == qko.Hamiltonian.from_string("0.5*Z0*Z1 + 0.5*Z1*Z2 - X0 - X1 - X2")
    assert len(ising_model(3, 0.5, -1.0, periodic=True).terms) == 6
    assert heisenberg_model(2, (1.0, 2.0, 3.0), 4.0) == qko.Hamiltonian.from_string("X0*X1 + 2*Y0*Y1 + 3*Z0*Z1 + 4*Z0 + 4*Z1")
    assert ising_model(2, 1.0, 0.0, periodic=True) == qko.Hamiltonian.from_string("Z0*Z1")


@pytest.mark.parametrize("transformed", [singular_values.transformed, singular_values.really_transformed])
def test_a_control_of_a_transformation_takes_its_phases_and_an_odd_encoding(transformed: Any) -> None:
    def gates(kernel: Any, **values: Any) -> Counter[str]:
        return Counter(kernel.estimate_resources(q=2, **values).gates.by_name)

    free, taken = gates(block_encodings.words), gates(controlled(block_encodings.words))
    turned = gates(controlled(transformed), phases=[0.3])
    for degree in range(1, 6):
        expected = Counter(turned)
        for _ in range(degree):  # the turn without what surrounds all turns
            expected += turned - Counter({"ch": turned["ch"]})
        for k in range(degree):
            expected += taken if k == 0 and degree % 2 else free
        assert gates(controlled(transformed), phases=[0.3] * (degree + 1)) == expected


@qk.qkernel
def by_windows(number: qk.UInt, is_on: qk.Bit, window: qk.UInt) -> qk.Vector[qk.Bit]:
    where, x = qk.qubit(), qk.qubit_array(3)
    for i in qk.range(3):
        if number // 2**i % 2 == 1:
            x[i] = qk.x(x[i])
    if is_on:
        where = qk.x(where)
    where, x = modmul_const(x, multiplier=3, modulus=7, window_size=2, control=where)
    controls: Any = [where]
    controls, x = windowed_modular_multiply(controls, x, 3, 5, 7, window)
    return qk.measure(x)


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_products_by_windows_under_a_control(window: int) -> None:
    for number, is_on in itertools.product(range(7), (False, True)):
        ((bits, _),) = by_windows.sample(number=number, is_on=is_on, window=window, shots=5).results
        assert sum(int(bit) << i for i, bit in enumerate(bits)) == (9 * number % 7 if is_on else number)
