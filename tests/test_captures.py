"""What a kernel read from around it, and what it was compiled for: a change is noticed, however it is made."""

from __future__ import annotations

import functools
import math
from collections import OrderedDict, deque
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.frontend.captures import snapshot

SCALE = 1.0
ANGLES: Any = {0.5}
TABLE = {"a": 0.5}
OPTIONS = SimpleNamespace(inner=SimpleNamespace(scale=1.0))


def product(k: float) -> float:
    return SCALE * k


def through(k: float) -> float:
    return product(k)


def in_a_comprehension(k: float) -> float:
    return sum(SCALE * part for part in [k])


@functools.cache
def cached_name() -> str:
    return "a"


def looked_up(k: float) -> float:
    return TABLE[cached_name()] * 2 * k


def of_options(k: float) -> float:
    return OPTIONS.inner.scale * k


class Schedule:
    factor = 1.0

    def __init__(self) -> None:
        self.scale = 1.0

    def angle(self, k: float) -> float:
        return self.scaled(k) * self.factor

    def scaled(self, k: float) -> float:
        return self.scale * k

    def __call__(self, k: float) -> float:
        return self.scale * k


SCHEDULE = Schedule()


def of_an_argument(schedule: Schedule, k: float) -> float:
    return schedule.scale * k


def turned(angle: Callable[[float], float]) -> qk.Kernel[..., Any]:
    @qk.qkernel
    def turn() -> qk.Float:
        q = qk.rx(qk.qubit(), angle(0.5))
        return qk.expval(q, qko.Z(0))

    return turn


def _double_scale(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(globals(), "SCALE", 2.0)


@pytest.mark.parametrize(
    ("angle", "change"),
    [
        (product, _double_scale),
        (through, _double_scale),
        (in_a_comprehension, _double_scale),
        (functools.partial(through), _double_scale),
        (looked_up, lambda patch: patch.setitem(TABLE, "a", 1.0)),
        (of_options, lambda patch: patch.setattr(OPTIONS.inner, "scale", 2.0)),
        (SCHEDULE, lambda patch: patch.setattr(SCHEDULE, "scale", 2.0)),
        (SCHEDULE.angle, lambda patch: patch.setattr(SCHEDULE, "scale", 2.0)),
        (SCHEDULE.angle, lambda patch: patch.setattr(Schedule, "factor", 2.0)),
        (functools.partial(of_an_argument, SCHEDULE), lambda patch: patch.setattr(SCHEDULE, "scale", 2.0)),
        (SCHEDULE.angle, lambda patch: patch.setattr(Schedule, "scaled", lambda self, k: 2 * k)),
    ],
)
def test_a_change_behind_a_call_is_noticed(
    angle: Callable[[float], float], change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = turned(angle)
    assert kernel.run() == pytest.approx(math.cos(0.5))
    first = kernel.ir
    assert kernel.ir is first
    change(monkeypatch)
    assert kernel.run() == pytest.approx(math.cos(1.0))


@pytest.mark.parametrize("make", [list, set, deque, lambda entries: OrderedDict.fromkeys(entries), np.array])
def test_a_container_that_grows_is_noticed(make: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    @qk.qkernel
    def turn() -> qk.Float:
        q = qk.qubit()
        for angle in ANGLES:
            q = qk.rx(q, float(angle))
        return qk.expval(q, qko.Z(0))

    monkeypatch.setitem(globals(), "ANGLES", make([0.25]))
    assert turn.run() == pytest.approx(math.cos(0.25))
    match ANGLES:
        case list() | deque():
            ANGLES.append(0.75)
        case set():
            ANGLES.add(0.75)
        case dict():
            ANGLES[0.75] = None
        case _:
            ANGLES[0] = 1.0
    assert turn.run() == pytest.approx(math.cos(1.0))


def test_a_tensor_changed_in_place_is_another_argument() -> None:
    torch = pytest.importorskip("torch")

    @qk.qkernel
    def many(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(qk.qubit_array(n))

    count = torch.tensor(2)
    assert many.sample(n=count, shots=1).results == [((0, 0), 1)]
    count += 1
    assert many.sample(n=count, shots=1).results == [((0, 0, 0), 1)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ([1], (1,)),
        ({1: 2, 3: 4}, {3: 4, 1: 2}),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros((1, 2)), np.zeros((2, 1))),
        (np.array([1, None], object), np.array([2, None], object)),
        (Fraction(1, 2), Fraction(1, 3)),
        (qko.X(0) + qko.Z(0), qko.Z(0) + qko.X(0)),
        (object(), object()),
    ],
)
def test_snapshots_differ(left: Any, right: Any) -> None:
    assert snapshot(left) != snapshot(right)
    assert snapshot(left) == snapshot(left)


def test_a_snapshot_has_a_hash_only_where_it_holds_all() -> None:
    assert hash(snapshot({"a": [1, 2.0, (np.arange(3), qko.Z(0))]}))
    assert snapshot(math.nan) == snapshot(math.nan)
    with pytest.raises(TypeError):
        hash(snapshot([object()]))
