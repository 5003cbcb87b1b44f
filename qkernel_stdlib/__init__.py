"""Kernels written in the language itself, to call from kernels."""

from qkernel_stdlib.layers import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)

__all__ = [
    "cx_entangling_layer",
    "cz_entangling_layer",
    "rx_layer",
    "ry_layer",
    "rz_layer",
    "superposition_vector",
]
