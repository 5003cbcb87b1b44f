"""Random kernels that keep Python data: each does what Python does with it, or is refused by name."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from qkernel.errors import QKernelError
from tests.strategies import eager, python_data
from tests.strategies.properties import load
from tests.strategies.python_data import Kept


def outcome(program: Kept) -> str:
    """`right` or `refused`; anything else fails."""
    try:
        expected, _ = eager.execute(eager.load(program.source, "main"), program.values)
    except StopIteration:
        return "of no use"
    try:
        found = load(program.script)["main"].run(**program.values)
    except QKernelError:
        return "refused"
    assert found == pytest.approx(expected, abs=1e-9), program.source
    return "right"


@settings(deadline=None)
@given(python_data.kept)
def test_python_data_is_as_in_python_or_refused(program: Kept) -> None:
    assert outcome(program)


def test_many_of_these_kernels_run() -> None:
    counted = Counter(outcome(python_data.generate(seed)) for seed in range(60))
    assert counted["right"] >= 20
    assert counted["refused"] >= 10
