"""Quantum layers for PyTorch."""

from qkernel.nn import datasets, transforms
from qkernel.nn.kernels import fidelity_kernel, projected_kernel
from qkernel.nn.layer import QLayer

__all__ = ["QLayer", "datasets", "fidelity_kernel", "projected_kernel", "transforms"]
