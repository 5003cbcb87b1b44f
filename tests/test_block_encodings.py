"""Block encodings: the corner of each is its matrix, whoever asks; and what is no encoding is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QKernelError
from qkernel_backends.qiskit import QiskitTranspiler
from qkernel_stdlib import (
    LCUBlockEncoding,
    LCUBlockEncodingTerm,
    PeriodicShiftLCU,
    identity_block_encoding,
    ising_z_block_encoding,
    lcu_block_encoding,
    oblivious_amplification,
    pauli_lcu_block_encoding,
    periodic_shift_lcu_block_encoding,
    qsvt,
    unitary_block_encoding,
)
from qkernel_stdlib.examples.matrices import evolved, word

RANDOM = np.random.default_rng(5)


@qk.qkernel
def encoded(q: qk.Vector[qk.Qubit], encoding: LCUBlockEncoding) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


def matrix_of(size: int) -> np.ndarray[Any, Any]:
    return RANDOM.normal(size=(size, size)) + 1j * RANDOM.normal(size=(size, size))


def corner(encoding: LCUBlockEncoding) -> Any:
    """What it encodes, by its own normalization."""
    size = 2**encoding.num_system_qubits
    unitary = encoded.unitary(q=encoding.num_system_qubits, encoding=encoding)
    return unitary[:size] * encoding.normalization


def shift(steps: int, size: int) -> np.ndarray[Any, Any]:
    return np.roll(np.eye(size), steps, 0)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_every_matrix_is_a_sum_of_paulis_and_encoded(n: int) -> None:
    matrix = matrix_of(2**n)
    total = qko.Hamiltonian.from_matrix(matrix)
    np.testing.assert_allclose(total.to_numpy(), matrix, atol=1e-12)
    np.testing.assert_allclose(corner(pauli_lcu_block_encoding(total)), matrix, atol=1e-12)
    assert qko.Hamiltonian.from_matrix(matrix + matrix.conj().T).is_hermitian


@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (1, 2), (2, 1)])
def test_shifts_along_axes(sizes: tuple[int, ...]) -> None:
    offsets = [tuple(offset) for offset in RANDOM.integers(-5, 6, size=(4, len(sizes))).tolist()]
    weights = [complex(*pair) for pair in RANDOM.normal(size=(4, 2))]
    wanted = np.zeros((2 ** sum(sizes),) * 2, complex)
    for offset, weight in zip(offsets, weights, strict=True):
        step = np.eye(1)
        for along, size in zip(offset, sizes, strict=True):
            step = np.kron(shift(along, 2**size), step)
        wanted += weight * step
    summed: dict[int | tuple[int, ...], complex] = {}
    for offset, weight in zip(offsets, weights, strict=True):
        summed[offset] = summed.get(offset, 0) + weight
    lcu = PeriodicShiftLCU.from_coefficients(summed, register_sizes=sizes)
    np.testing.assert_allclose(corner(periodic_shift_lcu_block_encoding(lcu)), wanted, atol=1e-12)
    read = PeriodicShiftLCU.from_matrix(wanted, register_sizes=sizes, atol=1e-9)
    assert read.coefficients.keys() == lcu.coefficients.keys()
    np.testing.assert_allclose([read.coefficients[each] for each in lcu.coefficients], [*lcu.coefficients.values()])


def test_numbers_of_numpy_are_numbers() -> None:
    given: dict[Any, float] = {(np.int64(-1), np.int64(3)): 0.5}
    found = PeriodicShiftLCU.from_coefficients(given, register_sizes=np.array([1, 2]))
    assert found == PeriodicShiftLCU((1, 2), {(1, 3): 0.5})


def test_what_is_too_small_is_left_out_and_bounded() -> None:
    lcu = PeriodicShiftLCU.from_coefficients({0: 1.0, 1: 0.01, 5: 0.02, -1: 1e-3}, register_sizes=[2], atol=0.05)
    assert lcu.coefficients == {(0,): 1.0}
    assert lcu.truncation_error_bound == pytest.approx(0.031)


def test_sums_of_sums_have_signals_of_their_longest_terms() -> None:
    matrix = matrix_of(4)
    words = pauli_lcu_block_encoding(qko.Hamiltonian.from_matrix(matrix))
    single = ising_z_block_encoding({(0, 1): -1.5}, 2)
    inner = lcu_block_encoding([LCUBlockEncodingTerm(2.0 - 1j, words), LCUBlockEncodingTerm(-0.5, single)])
    outer = lcu_block_encoding(
        [
            LCUBlockEncodingTerm(1j, inner),
            LCUBlockEncodingTerm(0, words),
            LCUBlockEncodingTerm(0.25, identity_block_encoding(2)),
        ]
    )
    assert (words.num_signal_qubits, inner.num_signal_qubits, outer.num_signal_qubits) == (4, 1 + 4, 1 + 1 + 4)
    wanted = 1j * ((2.0 - 1j) * matrix - 0.5 * -1.5 * word({0: "Z", 1: "Z"}, 2)) + 0.25 * np.eye(4)
    np.testing.assert_allclose(corner(outer), wanted, atol=1e-11)


@pytest.mark.parametrize("encoding", [
    pauli_lcu_block_encoding(qko.Hamiltonian(2)),
    ising_z_block_encoding({(0,): 1.0, (0, 1, 1): -1.0}, 2),
    periodic_shift_lcu_block_encoding(PeriodicShiftLCU.from_coefficients({}, register_sizes=[2])),
    lcu_block_encoding([LCUBlockEncodingTerm(0.0, identity_block_encoding(2))]),
])  # fmt: skip
def test_nothing_is_encoded_too(encoding: LCUBlockEncoding) -> None:
    assert (encoding.normalization, encoding.num_signal_qubits, encoding.num_system_qubits) == (1.0, 1, 2)
    np.testing.assert_allclose(corner(encoding), np.zeros((4, 4)), atol=1e-12)


def test_half_a_unitary_is_amplified_to_all_of_it() -> None:
    turn = unitary_block_encoding(lambda q: qk.rx(q, 0.6), 1)
    nothing = ising_z_block_encoding({}, 1)
    half = lcu_block_encoding([LCUBlockEncodingTerm(1.0, turn), LCUBlockEncodingTerm(1.0, nothing)])

    @qk.qkernel
    def amplified(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        signal, q = oblivious_amplification(qk.qubit_array(half.num_signal_qubits), q, half, 1)
        return q, signal

    np.testing.assert_allclose(amplified.unitary(q=1)[:2], evolved(word({0: "X"}, 1), 0.3), atol=1e-12)


def test_a_script_of_qamomile_with_an_encoding_bound_later() -> None:
    """The amplitudes are those that Qamomile's own `qsvt` gave for this matrix, which is not Hermitian, and these phases."""

    @qk.qkernel
    def transform(encoding: LCUBlockEncoding, phases: qk.Vector[qk.Float]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        signal = qk.qubit_array(encoding.num_signal_qubits, "signal")
        system = qk.qubit_array(encoding.num_system_qubits, "system")
        signal, system = qsvt(signal, system, phases, encoding, phase_count=3)
        return signal, system

    matrix = qko.Hamiltonian.from_matrix([[0.3, 0.5], [-0.2, 0.1j]])
    bindings = {"encoding": pauli_lcu_block_encoding(matrix), "phases": [0.2, -0.4, 0.7]}
    state = transform.statevector(bindings=bindings)
    np.testing.assert_allclose(state[[0, 4]], [0.3865 + 0.8691j, 0.1519 - 0.0907j], atol=1e-4)
    assert QiskitTranspiler().to_circuit(transform, bindings).num_qubits == 3
    open_phases = transform.compile({"encoding": bindings["encoding"]}, ["phases"])
    assert open_phases.parameter_names == ("phases[0]", "phases[1]", "phases[2]")
    np.testing.assert_allclose(open_phases.statevector(phases=[0.2, -0.4, 0.7]), state, atol=1e-12)


WORDS = pauli_lcu_block_encoding(0.5 * qko.Z(0) + 0.25 * qko.X(1))


@pytest.mark.parametrize(("made", "said"), [
    (lambda: pauli_lcu_block_encoding(3), "sum of Paulis"),  # type: ignore[arg-type]
    (lambda: qko.Hamiltonian.from_matrix(np.eye(3)), r"shape \(2\*\*n, 2\*\*n\)"),
    (lambda: qko.Hamiltonian.from_matrix([["a"]]), "matrix of numbers"),
    (lambda: qko.Hamiltonian.from_matrix([[np.nan]]), "not finite"),
    (lambda: lcu_block_encoding([]), "no block encodings"),
    (lambda: lcu_block_encoding([WORDS]), "made of `LCUBlockEncodingTerm`"),  # type: ignore[list-item]
    (lambda: lcu_block_encoding([LCUBlockEncodingTerm(1, identity_block_encoding(k)) for k in (1, 2)]), "of 1, 2 qubits"),
    (lambda: LCUBlockEncodingTerm("a", WORDS), "is a number, not 'a'"),  # type: ignore[arg-type]
    (lambda: LCUBlockEncodingTerm(float("nan"), WORDS), "not finite"),
    (lambda: LCUBlockEncodingTerm(1.0, LCUBlockEncoding(WORDS.unitary, 0.0, 1, 2)), "above 0"),
    (lambda: LCUBlockEncodingTerm(1.0, 3), "block encoding is wanted"),  # type: ignore[arg-type]
    (lambda: lcu_block_encoding([LCUBlockEncodingTerm(1e308, WORDS)] * 9), "more than a float holds"),
    (lambda: ising_z_block_encoding({(2,): 1.0}, 2), "qubit 2 does not exist"),
    (lambda: ising_z_block_encoding({0: 1.0}, 2), "by the qubits of Z"),  # type: ignore[dict-item]
    (lambda: unitary_block_encoding(3, 2), "operation on a register"),  # type: ignore[arg-type]
    (lambda: periodic_shift_lcu_block_encoding({1: 2.0}), "`PeriodicShiftLCU` is wanted"),  # type: ignore[arg-type]
    (lambda: PeriodicShiftLCU.from_coefficients({(1, 2): 1.0}, register_sizes=[2]), "a whole number for each of 1 axes"),
    (lambda: PeriodicShiftLCU.from_coefficients({1: 1.0}, register_sizes=[0]), "one qubit or more"),
    (lambda: PeriodicShiftLCU.from_matrix([[1, 2], [3, 4]], register_sizes=[1]), r"entry \(0, 1\) is 2\+0j, not 3\+0j"),
    (lambda: PeriodicShiftLCU.from_matrix([[1, 2], [3, 4]], register_sizes=[2]), r"shape \(4, 4\)"),
    (lambda: PeriodicShiftLCU.from_matrix([["a"]], register_sizes=[]), "matrix of numbers"),
])  # fmt: skip
def test_what_is_no_encoding_is_refused(made: Callable[[], Any], said: str) -> None:
    with pytest.raises(QKernelError, match=said):
        made()


def test_a_kernel_alone_is_no_encoding() -> None:
    @qk.qkernel
    def transformed(phases: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
        signal, _ = qsvt(qk.qubit_array(1), qk.qubit_array(2), phases, WORDS.unitary)  # type: ignore[arg-type]
        return signal

    with pytest.raises(QKernelError, match="a block encoding is wanted, not <kernel lcu"):
        transformed.check()
