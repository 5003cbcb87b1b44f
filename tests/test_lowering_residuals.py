"""Lowering: expressions over many bits stay shallow, or are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qkernel.errors import (
    SizeError,
)
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, ZERO, Const, Item, Name
from qkernel.ir.ops import Carried, For, If, Joined, Range
from qkernel.lower.circuit import BITS, Circuit
from tests.lowering_ir import (
    bit_name,
    kernel,
    measure,
    qubit,
    uint,
)


def carried_over(count: int, start: Any, following: Any) -> Circuit:
    """`c` starts at `start` and becomes `following`, an expression over `c` and a bit `m`, for each of `count` qubits."""
    body = For(
        ("i",), Range(ZERO, Const(count), ONE), (measure(qubit("q", uint("i")), "m"),), (Carried("c", start, following),)
    )
    return kernel(body, width=count, returns=(Name("c", following.type),))


def test_long_sums_stay_shallow() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, 3000).astype(bool).tolist()
    environment = {BITS.key: values}
    m = bit_name("m")
    assert evaluate(carried_over(3000, Const(False), bit_name("c") ^ m).outputs[0], environment) == (sum(values) % 2 == 1)
    assert evaluate(carried_over(3000, Const(5), uint("c") + m).outputs[0], environment) == 5 + sum(values)
    assert evaluate(carried_over(3000, Const(5), uint("c") - m).outputs[0], environment) == 5 - sum(values)


def test_long_sums_keep_their_order() -> None:
    circuit = carried_over(40, ZERO, uint("c") + bit_name("m") * 2)
    seen: list[int] = []
    pending: list[Any] = [circuit.outputs[0]]
    while pending:
        entry = pending.pop()
        if isinstance(entry, Item):
            seen.append(entry.keys[0].value)  # type: ignore[attr-defined]
        else:
            pending += reversed(getattr(entry, "operands", ()))
    assert seen == list(range(40))


def test_counters_in_branches_stay_small() -> None:
    """Each round doubles the value unless what both branches share is taken out of the choice."""
    count, m = 300, bit_name("m")
    counted = If(m, (), (), (Joined("d", uint("c") + 1, uint("c")),))
    body = For(
        ("i",), Range(ZERO, Const(count), ONE), (measure(qubit("q", uint("i")), "m"), counted), (Carried("c", ZERO, uint("d")),)
    )
    circuit = kernel(body, width=count, returns=(uint("c"),))
    values = np.random.default_rng(1).integers(0, 2, count).astype(bool).tolist()
    assert evaluate(circuit.outputs[0], {BITS.key: values}) == sum(values)


def test_counters_that_go_down() -> None:
    m = bit_name("m")
    counted = If(m, (), (), (Joined("d", uint("c") - 1, uint("c") - 2),))
    body = For(
        ("i",),
        Range(ZERO, Const(40), ONE),
        (measure(qubit("q", uint("i")), "m"), counted),
        (Carried("c", Const(9), uint("d")),),
    )
    values = [True, False] * 20
    assert evaluate(kernel(body, width=40, returns=(uint("c"),)).outputs[0], {BITS.key: values}) == 9 - 20 - 40


@pytest.mark.parametrize("following", [~(bit_name("c") & bit_name("m")), (bit_name("c") ^ ~(bit_name("c") & bit_name("m")))])
def test_expressions_that_grow_too_large(following: Any) -> None:
    with pytest.raises(SizeError, match="has grown to"):
        carried_over(2000, Const(True), following)
