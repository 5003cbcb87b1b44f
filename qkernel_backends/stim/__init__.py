"""Stim: Clifford kernels as its circuits, and an engine on its samplers."""

from __future__ import annotations

from qkernel.errors import needed

with needed("Stim's circuits and samplers need", "stim"):
    import stim  # noqa: F401

from qkernel_backends.stim.emission import emit
from qkernel_backends.stim.engine import StimEngine

__all__ = ["StimEngine", "emit"]
