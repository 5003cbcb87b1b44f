"""Names that users of peers know, with the arguments that they give there, in that order; every topic has what it is for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

import qkernel_stdlib as library

QAMOMILE = """
qft(q) iqft(q) qpe(target, counting, unitary) qsvt(signal, system, phases, encoding, phase_count) mcx(controls, target)
multi_controlled_x(controls, target) grover_search(q, oracle, iterations) grover_iteration_count(num_qubits, num_marked)
amplitude_encoding(q, x) mottonen_amplitude_encoding(q, x)
amplitude_encoding_from_angles(qubits, ry_angles, rz_angles)
mottonen_amplitude_encoding_from_angles(qubits, ry_angles, rz_angles) computational_basis_state(q, bits)
modular_increment(q) modular_decrement(q) ripple_carry_add(left, right, carry, overflow) add_const(target, overflow, value)
controlled_add_const(control, target, overflow, value) modular_add(addend, modulus, target, carry, overflow, flag)
controlled_modular_add(control, addend, modulus, target, carry, overflow, flag)
modular_add_const(target, overflow, flag, addend, modulus)
controlled_modular_add_const(control, target, overflow, flag, addend, modulus)
controlled_modular_add_const_modulus(control, addend, target, carry, overflow, flag, modulus)
modmul_const(reg, multiplier, modulus, window_size, inverse_multiplier, control) lookup_xor(address, target, scale, modulus)
superposition_vector(n) rx_layer(q, thetas, offset) ry_layer(q, thetas, offset) rz_layer(q, thetas, offset)
cx_entangling_layer(q) cz_entangling_layer(q) phase_gadget(q, indices, angle) ising_cost(quad, linear, q, gamma)
x_mixer(q, beta) qaoa_layers(p, quad, linear, q, gammas, betas) qaoa_state(p, quad, linear, n, gammas, betas)
hubo_ising_cost(quad, linear, higher, q, gamma) hubo_qaoa_layers(p, quad, linear, higher, q, gammas, betas)
hubo_qaoa_state(p, quad, linear, higher, n, gammas, betas) initial_occupations(q, num_fermions)
givens_rotation(q, i, j, theta) givens_rotations(q, givens_ij, givens_theta) hopping_gate(q, i, j, beta, hopping)
mixer_layer(q, beta, hopping, num_qubits) cost_layer(q, gamma, linear, quad)
fqaoa_layers(q, betas, gammas, p, linear, quad, hopping, num_qubits)
fqaoa_state(p, linear, quad, num_qubits, num_fermions, givens_ij, givens_theta, hopping, gammas, betas)
trotterized_time_evolution(q, hamiltonian, order, gamma, step) shor_order_finding(base, modulus)
LCUBlockEncoding(unitary, normalization, num_signal_qubits, num_system_qubits) LCUBlockEncodingTerm(coefficient, encoding)
identity_block_encoding(num_system_qubits) lcu_block_encoding(terms) pauli_lcu_block_encoding(lcu)
ising_z_block_encoding(coefficients, num_system_qubits) periodic_shift_lcu_block_encoding(lcu)
"""

TOPICS = """
qft iqft qpe iterative_phase_estimation hadamard_test swap_test amplitude_estimation iterative_amplitude_estimation
maximum_likelihood_amplitude amplitude_amplification fixed_point_amplification ghz_state w_state dicke_state uniform_state
gaussian_state state_of_function sparse_state mottonen_angles increment add controlled_add carry_lookahead_add measured_add
increment_by add_modulo less_than less_than_const equal_const multiply modular_multiply draper_add draper_add_const lookup
lookup_by_controls measured_lookup controlled_lookup mcx_no_workspace mcx_clean mcx_dirty mcx_one_clean mcx_one_dirty
mcx_relative_phase mcz phase_oracle bit_oracle formula_oracle minimum_search bernstein_vazirani deutsch_jozsa simon cycle_walk
hypercube_walk xy_mixer grover_mixer uccsd k_up_ccgsd excitation_pool qdrift heisenberg_model ising_model fermi_hubbard
jordan_wigner parity_encoding bravyi_kitaev sparse_block_encoding qubitization oblivious_amplification qsvt_phases real_qsvt
repetition_encode
repetition_correct steane_encode rotated_surface_code lookup_decoder correct_by_table order_finding
"""


def signatures() -> Iterator[tuple[str, list[str]]]:
    for entry in " ".join(QAMOMILE.split()).split(") "):
        name, _, arguments = entry.rstrip(") ").partition("(")
        yield name, arguments.split(", ")


@pytest.mark.parametrize(("name", "arguments"), list(signatures()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_name_takes_what_it_takes_there(name: str, arguments: list[str]) -> None:
    found = list(inspect.signature(getattr(library, name)).parameters)
    assert found[: len(arguments)] == arguments


@pytest.mark.parametrize("name", TOPICS.split())
def test_the_library_has_it(name: str) -> None:
    assert name in library.__all__
    assert getattr(library, name).__doc__
