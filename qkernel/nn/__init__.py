"""Quantum layers for PyTorch."""

from qkernel.nn.layer import QLayer

__all__ = ["QLayer"]
