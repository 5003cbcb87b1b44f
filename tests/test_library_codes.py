"""Codes and block encodings of the library: checks and decoders, phases against scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.special import jv

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib import (
    correct_by_table,
    lookup_decoder,
    measure_checks,
    pauli_lcu_block_encoding,
    projector_phases,
    qsvt_phases,
    qsvt_polynomial,
    real_qsvt,
    rotated_surface_code,
)
from qkernel_stdlib.error_correction import STEANE_CHECKS


def syndrome(checks: list[list[int]], qubits: tuple[int, ...] | list[int]) -> int:
    return sum((len(set(check) & set(qubits)) % 2) << k for k, check in enumerate(checks))


@pytest.mark.parametrize("distance", [3, 5])
def test_surface_codes_commute_and_correct_what_their_distance_promises(distance: int) -> None:
    of_x, of_z = rotated_surface_code(distance)
    assert len(of_x) == len(of_z) == (distance**2 - 1) // 2
    assert all(len(set(x) & set(z)) % 2 == 0 for x in of_x for z in of_z)
    row = list(range(distance))
    column = [row * distance for row in range(distance)]
    for checks, logical, dual in ((of_z, column, row), (of_x, row, column)):
        assert syndrome(checks, logical) == 0
        assert len(set(logical) & set(dual)) == 1
        table = lookup_decoder(checks, distance**2)
        assert all(syndrome(checks, qubits) == number for number, qubits in enumerate(table))
        for weight in range((distance - 1) // 2 + 1):
            for error in itertools.combinations(range(distance**2), weight):
                left = set(error) ^ set(table[syndrome(checks, error)])
                assert len(left & set(dual)) % 2 == 0, error


def test_the_decoder_of_steane_finds_every_single_qubit() -> None:
    table = lookup_decoder(STEANE_CHECKS, 7)
    assert sorted(table) == [[], *([qubit] for qubit in range(7))]
    assert all(syndrome([list(check) for check in STEANE_CHECKS], qubits) == number for number, qubits in enumerate(table))


@pytest.mark.parametrize("flipped", [0, 4, 7])
def test_a_round_of_a_surface_code_keeps_what_is_logical(flipped: int) -> None:
    _, checks = rotated_surface_code(3)
    table = lookup_decoder(checks, 9)

    @qk.qkernel
    def surface_round() -> qk.Float:
        data = qk.qubit_array(9)
        data[flipped] = qk.x(data[flipped])
        data, syndrome = measure_checks(data, checks)
        data = correct_by_table(data, syndrome, table)
        return qk.expval(data, qko.Z(0) * qko.Z(1) * qko.Z(2))

    assert surface_round.run() == pytest.approx(1.0)


def test_a_syndrome_that_nothing_explains_is_left_alone() -> None:
    assert lookup_decoder([[0], [0]], 1) == [[], [], [], [0]]


@pytest.mark.parametrize("degree", [4, 5, 12, 21])
def test_phases_have_the_polynomial_that_scipy_finds_phases_for(degree: int) -> None:
    points = np.linspace(-1, 1, 50)
    function = np.cos if degree % 2 == 0 else np.sin
    coefficients = np.polynomial.chebyshev.chebinterpolate(lambda x: 0.8 * function(2 * x), degree)
    coefficients[(degree + 1) % 2 :: 2] = 0
    wanted = np.polynomial.chebyshev.chebval(points, coefficients)
    phases = qsvt_phases(coefficients)
    assert len(phases) == degree + 1
    np.testing.assert_allclose(qsvt_polynomial(phases, points).real, wanted, atol=1e-10)
    start = projector_phases([math.pi / 4, *[0.0] * (degree - 1), math.pi / 4])
    missing = lambda guess: qsvt_polynomial(guess, points).real - wanted  # noqa: E731
    found = least_squares(missing, start, xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    np.testing.assert_allclose(qsvt_polynomial(found, points).real, wanted, atol=1e-6)


def test_phases_of_what_is_no_such_function() -> None:
    with pytest.raises(ValueError, match="neither even nor odd"):
        qsvt_phases([0.1, 0.2])
    with pytest.raises(ValueError, match="does not converge"):
        qsvt_phases([0, 1.5])


def test_evolution_by_a_polynomial_of_the_hamiltonian() -> None:
    """cos(H t) by Jacobi and Anger's expansion, on a chain of two spins."""
    hamiltonian = 0.6 * qko.Z(0) * qko.Z(1) + 0.4 * qko.X(0)
    time = 2.0
    coefficients = [0.0] * 21
    for k in range(0, 21, 2):
        coefficients[k] = 0.9 * (1 if k == 0 else 2) * (-1) ** (k // 2) * float(jv(k, time))
    phases = qsvt_phases(coefficients)

    encoding = pauli_lcu_block_encoding(hamiltonian)

    @qk.qkernel
    def evolved(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
        flag, signal, q = real_qsvt(qk.qubit(), qk.qubit_array(1), q, phases, encoding)
        return q, flag, signal

    energies, states = np.linalg.eigh(hamiltonian.to_numpy())
    expected = 0.9 * (states * np.cos(time * energies)) @ states.conj().T
    np.testing.assert_allclose(evolved.unitary(q=2)[:4], expected, atol=1e-9)
