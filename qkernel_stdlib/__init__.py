"""Kernels written in the language itself, to call from kernels; each topic is loaded with the first of its names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkernel_stdlib.amplification import (
        amplitude_amplification, amplitude_estimation, fixed_point_amplification, grover_operator,
        iterative_amplitude_estimation, maximum_likelihood_amplitude, reflection_about_zero,
    )  # fmt: skip
    from qkernel_stdlib.ansatzes import (
        basic_entangler_layers, data_reuploading, efficient_su2, hardware_efficient, quanvolution, real_amplitudes,
        strongly_entangling_layers, two_local,
    )  # fmt: skip
    from qkernel_stdlib.arithmetic import (
        add, add_modulo, controlled_add, decrement_by, equal_const, increment, increment_by, less_than, less_than_const,
        measured_add, modular_decrement, modular_increment, multiply, ripple_carry_add, subtract,
    )  # fmt: skip
    from qkernel_stdlib.arithmetic_fourier import (
        add_const_to_phases, draper_add, draper_add_const, fourier_modular_add_const, fourier_phases,
        modular_add_const_to_phases, modular_multiply, modular_multiply_add, order_finding, shor_order_finding,
    )  # fmt: skip
    from qkernel_stdlib.arithmetic_modular import (
        modmul_const, multiply_add_modulo, multiply_modulo, ripple_modular_add_const, ripple_modular_multiply,
        windowed_modular_multiply, windowed_multiply_add, xor_const,
    )  # fmt: skip
    from qkernel_stdlib.block_encodings import (
        BlockEncoding, LCUBlockEncoding, LCUBlockEncodingTerm, PeriodicShiftLCU, identity_block_encoding,
        ising_z_block_encoding, lcu_block_encoding, pauli_lcu_block_encoding, periodic_shift_lcu_block_encoding,
        sparse_block_encoding, unitary_block_encoding,
    )  # fmt: skip
    from qkernel_stdlib.carry_lookahead import (
        carry_lookahead_add,
    )  # fmt: skip
    from qkernel_stdlib.controlled_gates import (
        mcp, mcx, mcx_clean, mcx_dirty, mcx_no_workspace, mcx_one_clean, mcx_one_dirty, mcx_relative_phase, mcz,
        multi_controlled_x, relative_phase_ccx, release_and, temporary_and,
    )  # fmt: skip
    from qkernel_stdlib.encodings import (
        amplitude_encoding, amplitude_encoding_from_angles, angle_encoding, basis_state, computational_basis_state,
        dense_angle_encoding, iqp_encoding, mottonen_amplitude_encoding, mottonen_amplitude_encoding_from_angles,
        mottonen_angles, pauli_feature_map, z_feature_map, zz_feature_map,
    )  # fmt: skip
    from qkernel_stdlib.error_correction import (
        correct_by_table, lookup_decoder, measure_checks, repetition_correct, repetition_encode, repetition_syndrome,
        rotated_surface_code, steane_encode,
    )  # fmt: skip
    from qkernel_stdlib.evolution import (
        drawn_words, heisenberg_model, ising_model, product_formula, qdrift, trotterized_time_evolution,
    )  # fmt: skip
    from qkernel_stdlib.fermions import (
        bravyi_kitaev, cost_layer, excitation_generator, excitation_pool, excitations, fermi_hubbard, fqaoa_layers, fqaoa_state,
        givens_rotation, givens_rotations, hopping_gate, hubo_cost_layer, hubo_fqaoa_layers, hubo_fqaoa_state,
        initial_occupations, jordan_wigner, k_up_ccgsd, mixer_layer, pair_excitations, parity_encoding, uccsd,
    )  # fmt: skip
    from qkernel_stdlib.layers import (
        cx_entangling_layer, cz_entangling_layer, rx_layer, ry_layer, rz_layer, superposition_vector,
    )  # fmt: skip
    from qkernel_stdlib.oracles import (
        bit_oracle, formula_oracle, hidden_period_oracle, normal_form, parity_oracle, phase_oracle, quadratic_form, truth_table,
    )  # fmt: skip
    from qkernel_stdlib.peer_arithmetic import (
        add_const, controlled_add_const, controlled_modular_add, controlled_modular_add_const,
        controlled_modular_add_const_modulus, modular_add, modular_add_const,
    )  # fmt: skip
    from qkernel_stdlib.phases import (
        hadamard_test, iterative_phase_estimation, phase_estimation, qpe, swap_test,
    )  # fmt: skip
    from qkernel_stdlib.qaoa import (
        grover_mixer, hubo_ising_cost, hubo_qaoa_layers, hubo_qaoa_state, ising_cost, phase_gadget, qaoa_layers, qaoa_state,
        x_mixer, xy_mixer,
    )  # fmt: skip
    from qkernel_stdlib.search import (
        bernstein_vazirani, deutsch_jozsa, diffusion, grover_iteration_count, grover_search, hidden_period, minimum_search,
        search_unknown, simon,
    )  # fmt: skip
    from qkernel_stdlib.singular_values import (
        oblivious_amplification, projector_phases, qsvt, qsvt_phases, qsvt_polynomial, qubitization, real_qsvt,
    )  # fmt: skip
    from qkernel_stdlib.states import (
        dicke_state, gaussian_state, ghz_state, sparse_state, state_of_function, uniform_state, w_state,
    )  # fmt: skip
    from qkernel_stdlib.tables import (
        controlled_lookup, lookup, lookup_by_controls, lookup_xor, measured_lookup,
    )  # fmt: skip
    from qkernel_stdlib.transforms import (
        iqft, qft,
    )  # fmt: skip
    from qkernel_stdlib.walks import (
        cycle_walk, hypercube_walk,
    )  # fmt: skip
else:

    def __getattr__(name: str) -> Any:
        if name in _TOPICS:
            return getattr(import_module(f"qkernel_stdlib.{_TOPICS[name]}"), name)
        raise AttributeError(f"module 'qkernel_stdlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


_NAMES = {
    "amplification": (
        "amplitude_amplification amplitude_estimation fixed_point_amplification grover_operator "
        "iterative_amplitude_estimation maximum_likelihood_amplitude reflection_about_zero"
    ),
    "ansatzes": (
        "basic_entangler_layers data_reuploading efficient_su2 hardware_efficient quanvolution real_amplitudes "
        "strongly_entangling_layers two_local"
    ),
    "arithmetic": (
        "add add_modulo controlled_add decrement_by equal_const increment increment_by less_than less_than_const "
        "measured_add modular_decrement modular_increment multiply ripple_carry_add subtract"
    ),
    "arithmetic_fourier": (
        "add_const_to_phases draper_add draper_add_const fourier_modular_add_const fourier_phases "
        "modular_add_const_to_phases modular_multiply modular_multiply_add order_finding shor_order_finding"
    ),
    "arithmetic_modular": (
        "modmul_const multiply_add_modulo multiply_modulo ripple_modular_add_const ripple_modular_multiply "
        "windowed_modular_multiply windowed_multiply_add xor_const"
    ),
    "block_encodings": (
        "BlockEncoding LCUBlockEncoding LCUBlockEncodingTerm PeriodicShiftLCU identity_block_encoding ising_z_block_encoding "
        "lcu_block_encoding pauli_lcu_block_encoding periodic_shift_lcu_block_encoding sparse_block_encoding "
        "unitary_block_encoding"
    ),
    "carry_lookahead": "carry_lookahead_add",
    "controlled_gates": (
        "mcp mcx mcx_clean mcx_dirty mcx_no_workspace mcx_one_clean mcx_one_dirty mcx_relative_phase mcz multi_controlled_x "
        "relative_phase_ccx release_and temporary_and"
    ),
    "encodings": (
        "amplitude_encoding amplitude_encoding_from_angles angle_encoding basis_state computational_basis_state "
        "dense_angle_encoding iqp_encoding mottonen_amplitude_encoding mottonen_amplitude_encoding_from_angles "
        "mottonen_angles pauli_feature_map z_feature_map zz_feature_map"
    ),
    "error_correction": (
        "correct_by_table lookup_decoder measure_checks repetition_correct repetition_encode repetition_syndrome "
        "rotated_surface_code steane_encode"
    ),
    "evolution": "drawn_words heisenberg_model ising_model product_formula qdrift trotterized_time_evolution",
    "fermions": (
        "bravyi_kitaev cost_layer excitation_generator excitation_pool excitations fermi_hubbard fqaoa_layers fqaoa_state "
        "givens_rotation givens_rotations hopping_gate hubo_cost_layer hubo_fqaoa_layers hubo_fqaoa_state "
        "initial_occupations jordan_wigner k_up_ccgsd mixer_layer pair_excitations parity_encoding uccsd"
    ),
    "layers": "cx_entangling_layer cz_entangling_layer rx_layer ry_layer rz_layer superposition_vector",
    "oracles": (
        "bit_oracle formula_oracle hidden_period_oracle normal_form parity_oracle phase_oracle quadratic_form truth_table"
    ),
    "peer_arithmetic": (
        "add_const controlled_add_const controlled_modular_add controlled_modular_add_const "
        "controlled_modular_add_const_modulus modular_add modular_add_const"
    ),
    "phases": "hadamard_test iterative_phase_estimation phase_estimation qpe swap_test",
    "qaoa": (
        "grover_mixer hubo_ising_cost hubo_qaoa_layers hubo_qaoa_state ising_cost phase_gadget qaoa_layers qaoa_state "
        "x_mixer xy_mixer"
    ),
    "search": (
        "bernstein_vazirani deutsch_jozsa diffusion grover_iteration_count grover_search hidden_period minimum_search "
        "search_unknown simon"
    ),
    "singular_values": "oblivious_amplification projector_phases qsvt qsvt_phases qsvt_polynomial qubitization real_qsvt",
    "states": "dicke_state gaussian_state ghz_state sparse_state state_of_function uniform_state w_state",
    "tables": "controlled_lookup lookup lookup_by_controls lookup_xor measured_lookup",
    "transforms": "iqft qft",
    "walks": "cycle_walk hypercube_walk",
}
_TOPICS = {name: topic for topic, names in _NAMES.items() for name in names.split()}

__all__ = [
    "BlockEncoding", "LCUBlockEncoding", "LCUBlockEncodingTerm", "PeriodicShiftLCU", "add", "add_const",
    "add_const_to_phases", "add_modulo", "amplitude_amplification", "amplitude_encoding", "amplitude_encoding_from_angles",
    "amplitude_estimation", "angle_encoding", "basic_entangler_layers", "basis_state", "bernstein_vazirani", "bit_oracle",
    "bravyi_kitaev", "carry_lookahead_add", "computational_basis_state", "controlled_add", "controlled_add_const",
    "controlled_lookup", "controlled_modular_add", "controlled_modular_add_const", "controlled_modular_add_const_modulus",
    "correct_by_table", "cost_layer", "cx_entangling_layer", "cycle_walk", "cz_entangling_layer", "data_reuploading",
    "decrement_by", "dense_angle_encoding", "deutsch_jozsa", "dicke_state", "diffusion", "draper_add", "draper_add_const",
    "drawn_words", "efficient_su2", "equal_const", "excitation_generator", "excitation_pool", "excitations", "fermi_hubbard",
    "fixed_point_amplification", "formula_oracle", "fourier_modular_add_const", "fourier_phases", "fqaoa_layers",
    "fqaoa_state", "gaussian_state", "ghz_state", "givens_rotation", "givens_rotations", "grover_iteration_count",
    "grover_mixer", "grover_operator", "grover_search", "hadamard_test", "hardware_efficient", "heisenberg_model",
    "hidden_period", "hidden_period_oracle", "hopping_gate", "hubo_cost_layer", "hubo_fqaoa_layers", "hubo_fqaoa_state",
    "hubo_ising_cost", "hubo_qaoa_layers", "hubo_qaoa_state", "hypercube_walk", "identity_block_encoding", "increment",
    "increment_by", "initial_occupations", "iqft", "iqp_encoding", "ising_cost", "ising_model", "ising_z_block_encoding",
    "iterative_amplitude_estimation", "iterative_phase_estimation", "jordan_wigner", "k_up_ccgsd", "lcu_block_encoding",
    "less_than", "less_than_const", "lookup", "lookup_by_controls", "lookup_decoder", "lookup_xor",
    "maximum_likelihood_amplitude", "mcp", "mcx", "mcx_clean", "mcx_dirty", "mcx_no_workspace", "mcx_one_clean",
    "mcx_one_dirty", "mcx_relative_phase", "mcz", "measure_checks", "measured_add", "measured_lookup", "minimum_search",
    "mixer_layer", "modmul_const", "modular_add", "modular_add_const", "modular_add_const_to_phases", "modular_decrement",
    "modular_increment", "modular_multiply", "modular_multiply_add", "mottonen_amplitude_encoding",
    "mottonen_amplitude_encoding_from_angles", "mottonen_angles", "multi_controlled_x", "multiply", "multiply_add_modulo",
    "multiply_modulo", "normal_form", "oblivious_amplification", "order_finding", "pair_excitations", "parity_encoding",
    "parity_oracle", "pauli_feature_map", "pauli_lcu_block_encoding", "periodic_shift_lcu_block_encoding", "phase_estimation",
    "phase_gadget", "phase_oracle", "product_formula", "projector_phases", "qaoa_layers", "qaoa_state", "qdrift", "qft",
    "qpe", "qsvt", "qsvt_phases", "qsvt_polynomial", "quadratic_form", "quanvolution", "qubitization", "real_amplitudes",
    "real_qsvt", "reflection_about_zero", "relative_phase_ccx", "release_and", "repetition_correct", "repetition_encode",
    "repetition_syndrome", "ripple_carry_add", "ripple_modular_add_const", "ripple_modular_multiply", "rotated_surface_code",
    "rx_layer", "ry_layer", "rz_layer", "search_unknown", "shor_order_finding", "simon", "sparse_block_encoding",
    "sparse_state", "state_of_function", "steane_encode", "strongly_entangling_layers", "subtract", "superposition_vector",
    "swap_test", "temporary_and", "trotterized_time_evolution", "truth_table", "two_local", "uccsd", "uniform_state",
    "unitary_block_encoding", "w_state", "windowed_modular_multiply", "windowed_multiply_add", "x_mixer", "xor_const",
    "xy_mixer", "z_feature_map", "zz_feature_map",
]  # fmt: skip
