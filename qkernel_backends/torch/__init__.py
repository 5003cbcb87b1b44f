"""The torch engine: the plan as tensor operations, on any device, differentiable twice."""

from __future__ import annotations

from qkernel_backends.torch.engine import TorchEngine

__all__ = ["TorchEngine"]
