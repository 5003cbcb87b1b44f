"""Closed forms against lowered circuits, over every construct and over the library's examples."""

from __future__ import annotations

from typing import Any

import pytest
from estimate_kernels import SIZES

from qkernel.estimate.verify import verify
from qkernel_stdlib.examples import EXAMPLES


@pytest.mark.parametrize("kernel", SIZES, ids=lambda kernel: kernel.name)
def test_closed_form_is_the_circuit(kernel: Any) -> None:
    for sizes in SIZES[kernel]:
        verify(kernel.ir, sizes)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_library(example: Any) -> None:
    verify(example.kernel.ir, example.bindings)
