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
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.frontend.source import snapshot

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
    def turn(x: qk.Float) -> qk.Float:
        q = qk.rx(qk.qubit(), angle(x))
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
def test_a_change_in_what_is_read_is_noticed(
    angle: Callable[[float], float], change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = turned(angle)
    assert kernel.run(x=0.5) == pytest.approx(math.cos(0.5))
    first = kernel.ir
    assert kernel.ir is first
    change(monkeypatch)
    assert kernel.run(x=0.5) == pytest.approx(math.cos(1.0))


def test_what_python_runs_by_itself_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = turned(lambda x: x * product(1.0))
    assert kernel.run(x=0.5) == pytest.approx(math.cos(0.5))
    first = kernel.ir
    assert kernel.ir is first
    _double_scale(monkeypatch)
    assert kernel.run(x=0.5) == pytest.approx(math.cos(1.0))


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


def fresh() -> SimpleNamespace:
    """Functions, methods and partials that turn by 0.5, all of them new, so that a test may change what they hold."""

    def number(angles: Any = [0.25], *, scales: Any = {"a": [2.0]}) -> float:  # noqa: B006 - what users write, and change
        return float(angles[0] * scales["a"][0])

    def rotation(q: Any, angles: Any = [0.5]) -> Any:  # noqa: B006
        return qk.rx(q, angles[0])

    def by_keyword(q: Any, *, table: Any = {"a": [0.5]}) -> Any:  # noqa: B006
        return qk.rx(q, table["a"][0])

    def of_a_schedule(q: Any, schedule: Any = SimpleNamespace(angle=0.5)) -> Any:
        return qk.rx(q, schedule.angle)

    def maker(angles: Any = [0.5]) -> Any:  # noqa: B006
        return lambda q: qk.rx(q, angles[0])

    def registered(q: Any, registry: Any = [0.5]) -> Any:  # noqa: B006
        return qk.rx(q, registry[0])

    registered.__defaults__[0].append(registered)  # type: ignore[index]

    class Rotations:
        def plain(self, q: Any, angles: Any = [0.5]) -> Any:  # noqa: B006
            return qk.rx(q, angles[0])

        def by(self, q: Any, angle: float) -> Any:
            return qk.rx(q, angle)

        fixed = functools.partialmethod(by, angle=0.5)

        @staticmethod
        def static(q: Any, angles: Any = [0.5]) -> Any:  # noqa: B006
            return qk.rx(q, angles[0])

        @classmethod
        def of_class(cls, q: Any, angles: Any = [0.5]) -> Any:  # noqa: B006
            return qk.rx(q, angles[0])

        def number(self, angles: Any = [0.5]) -> float:  # noqa: B006
            return float(angles[0])

    rotations = Rotations()
    part = functools.partial(qk.rx, angle=0.5)
    of_a_list = functools.partial(lambda angles, q: qk.rx(q, angles[0]), [0.5])
    twice = functools.partial(functools.partial(lambda a, q, b: qk.rx(q, a * b), 0.5), b=1.0)
    of_a_method = functools.partial(rotations.plain, angles=[0.5])
    table = {"turn": functools.partial(qk.rx, angle=0.5)}
    anonymous = [lambda q, angles=[0.5]: qk.rx(q, angles[0])]
    return SimpleNamespace(**locals())


@pytest.mark.parametrize(
    ("turn", "change"),
    [
        (lambda f, q: qk.rx(q, f.number()), lambda f: f.number.__defaults__[0].__setitem__(0, 0.5)),
        (lambda f, q: qk.rx(q, f.number()), lambda f: f.number.__kwdefaults__["scales"]["a"].__setitem__(0, 4.0)),
        (lambda f, q: f.rotation(q), lambda f: f.rotation.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.rotation(q), lambda f: setattr(f.rotation, "__code__", (lambda q, angles: qk.rx(q, 1.0)).__code__)),
        (lambda f, q: f.by_keyword(q), lambda f: f.by_keyword.__kwdefaults__["table"]["a"].__setitem__(0, 1.0)),
        (lambda f, q: f.of_a_schedule(q), lambda f: setattr(f.of_a_schedule.__defaults__[0], "angle", 1.0)),
        (lambda f, q: f.maker()(q), lambda f: f.maker.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.registered(q), lambda f: f.registered.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.rotations.plain(q), lambda f: f.Rotations.plain.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.rotations.fixed(q), lambda f: f.Rotations.__dict__["fixed"].keywords.update(angle=1.0)),
        (lambda f, q: f.Rotations.static(q), lambda f: f.Rotations.static.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.rotations.of_class(q), lambda f: f.Rotations.of_class.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: qk.rx(q, f.rotations.number()), lambda f: f.Rotations.number.__defaults__[0].__setitem__(0, 1.0)),
        (lambda f, q: f.part(q), lambda f: f.part.keywords.update(angle=1.0)),
        (lambda f, q: f.of_a_list(q), lambda f: f.of_a_list.args[0].__setitem__(0, 1.0)),
        (lambda f, q: f.twice(q), lambda f: f.twice.keywords.update(b=2.0)),
        (lambda f, q: f.of_a_method(q), lambda f: f.of_a_method.keywords["angles"].__setitem__(0, 1.0)),
        (lambda f, q: f.table["turn"](q), lambda f: f.table["turn"].keywords.update(angle=1.0)),
        (lambda f, q: f.anonymous[0](q), lambda f: f.anonymous[0].__defaults__[0].__setitem__(0, 1.0)),
    ],
)
def test_a_default_or_a_keyword_that_changes_in_place_is_noticed(
    turn: Callable[[Any, Any], Any], change: Callable[[Any], Any]
) -> None:
    functions = fresh()

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(turn(functions, qk.qubit()), qko.Z(0))

    assert kernel.run() == pytest.approx(math.cos(0.5))
    first = kernel.ir
    assert kernel.ir is first
    change(functions)
    assert kernel.run() == pytest.approx(math.cos(1.0))
    second = kernel.ir
    assert kernel.ir is second


@pytest.mark.parametrize("name", ["rotation", "by_keyword", "part", "of_a_list", "twice", "of_a_method"])
def test_so_is_one_of_a_function_that_the_kernel_names_itself(name: str) -> None:
    functions = fresh()
    turn: Any = getattr(functions, name)

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(turn(qk.qubit()), qko.Z(0))

    held: Any = {
        "rotation": lambda: turn.__defaults__[0],
        "by_keyword": lambda: turn.__kwdefaults__["table"]["a"],
        "of_a_list": lambda: turn.args[0],
        "of_a_method": lambda: turn.keywords["angles"],
    }.get(name, lambda: turn.keywords)()
    assert kernel.run() == pytest.approx(math.cos(0.5))
    if isinstance(held, dict):
        held.update({key: 2 * value for key, value in held.items()})
    else:
        held[0] = 1.0
    assert kernel.run() == pytest.approx(math.cos(1.0))
