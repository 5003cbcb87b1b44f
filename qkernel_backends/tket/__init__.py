"""tket: kernels as circuits of pytket, and back."""

from __future__ import annotations

from qkernel.errors import needed

with needed("tket's circuits need", "tket"):
    import pytket  # noqa: F401

from qkernel_backends.tket.emission import emit
from qkernel_backends.tket.reading import from_tket

__all__ = ["emit", "from_tket"]
