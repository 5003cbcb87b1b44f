"""Examples of the library's kernels: every generic check runs over them, and the pages of docs/library.md are made of them."""

from __future__ import annotations

from qkernel_stdlib.examples import (
    arithmetic,
    block_encodings,
    controls,
    encodings,
    error_correction,
    evolution,
    fourier_arithmetic,
    modular_arithmetic,
    networks,
    peer_arithmetic,
    phases,
    physics,
    search,
    singular_values,
    states,
    walks,
)
from qkernel_stdlib.examples.example import Example

__all__ = ["EXAMPLES", "NETWORKS", "Example"]

NETWORKS = networks.EXAMPLES

EXAMPLES: tuple[Example, ...] = (
    *encodings.EXAMPLES,
    *states.EXAMPLES,
    *controls.EXAMPLES,
    *phases.EXAMPLES,
    *fourier_arithmetic.EXAMPLES,
    *modular_arithmetic.EXAMPLES,
    *arithmetic.EXAMPLES,
    *peer_arithmetic.EXAMPLES,
    *search.EXAMPLES,
    *walks.EXAMPLES,
    *physics.EXAMPLES,
    *evolution.EXAMPLES,
    *block_encodings.EXAMPLES,
    *singular_values.EXAMPLES,
    *error_correction.EXAMPLES,
)
