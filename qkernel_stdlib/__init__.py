"""Kernels written in the language itself, to call from kernels."""

from qkernel_stdlib.ansatzes import (
    basic_entangler_layers,
    data_reuploading,
    efficient_su2,
    hardware_efficient,
    quanvolution,
    real_amplitudes,
    strongly_entangling_layers,
    two_local,
)
from qkernel_stdlib.encodings import (
    amplitude_encoding,
    angle_encoding,
    basis_state,
    dense_angle_encoding,
    iqp_encoding,
    pauli_feature_map,
    z_feature_map,
    zz_feature_map,
)
from qkernel_stdlib.layers import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)
from qkernel_stdlib.phase_estimation import (
    hadamard_test,
    iterative_phase_estimation,
    phase_estimation,
    qpe,
    swap_test,
)
from qkernel_stdlib.transforms import iqft, qft

__all__ = [
    "amplitude_encoding",
    "angle_encoding",
    "basic_entangler_layers",
    "basis_state",
    "cx_entangling_layer",
    "cz_entangling_layer",
    "data_reuploading",
    "dense_angle_encoding",
    "efficient_su2",
    "hadamard_test",
    "hardware_efficient",
    "iqft",
    "iqp_encoding",
    "iterative_phase_estimation",
    "pauli_feature_map",
    "phase_estimation",
    "qft",
    "qpe",
    "quanvolution",
    "real_amplitudes",
    "rx_layer",
    "ry_layer",
    "rz_layer",
    "strongly_entangling_layers",
    "superposition_vector",
    "swap_test",
    "two_local",
    "z_feature_map",
    "zz_feature_map",
]
