"""Quantum layers for PyTorch."""

from qkernel.nn import datasets, plots, transforms
from qkernel.nn.executed import ExecutedLayer
from qkernel.nn.kernels import fidelity_kernel, projected_kernel
from qkernel.nn.layer import QLayer
from qkernel.nn.networks import EstimatorQNN, SamplerQNN, TorchConnector

__all__ = [
    "EstimatorQNN",
    "ExecutedLayer",
    "QLayer",
    "SamplerQNN",
    "TorchConnector",
    "datasets",
    "fidelity_kernel",
    "plots",
    "projected_kernel",
    "transforms",
]
