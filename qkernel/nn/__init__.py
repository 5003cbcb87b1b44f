"""Quantum layers for PyTorch."""

from qkernel.nn import datasets, transforms
from qkernel.nn.layer import QLayer

__all__ = ["QLayer", "datasets", "transforms"]
