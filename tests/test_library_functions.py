"""Functions of the library on data: estimates of amplitudes, searches, normal forms, formulas, periods."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from qkernel_stdlib import (
    grover_iteration_count,
    hidden_period,
    iterative_amplitude_estimation,
    maximum_likelihood_amplitude,
    minimum_search,
    normal_form,
    search_unknown,
    truth_table,
)

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
