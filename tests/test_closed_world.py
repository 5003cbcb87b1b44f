"""What a body that is read once may call of Python's: what is listed and what can be read; all else is refused by name."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import math
import operator
import random
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import InliningError, KernelTypeError, UnsupportedPythonError
from qkernel.frontend.pure_functions import PURE

Z = qko.Z(0)
LANGUAGE = Path(__file__).parent.parent / "docs" / "language.md"
ANGLES = [0.25, 0.5]


def test_the_page_of_the_language_lists_what_is_listed() -> None:
    table = LANGUAGE.read_text().partition("| from | functions |\n|---|---|\n")[2].partition("\n\n")[0]
    shown: dict[str, set[str]] = {}
    for row in table.splitlines():
        modules, functions = (re.findall(r"`([^`]+)`", cell) or ["*"] for cell in row.strip("|").split("|"))
        shown |= {module: set(" ".join(functions).split()) for module in modules}
    assert shown == {module: set(names.split()) for module, names in PURE.items()}


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0.0


class Stack:
    def __init__(self, *values: Any) -> None:
        self.values = list(values)

    def push(self, value: Any) -> Any:
        self.values.append(value)
        return self

    def top(self) -> Any:
        return self.values[-1]


class Bare:
    scale = 0.5


def grown(value: Any) -> Any:
    values = [0.25]
    values.append(value)
    values += [0.125]
    table = {"a": values}
    table["b"] = values[:]
    table["b"].clear()
    seen = set(map(len, table.values()))
    seen.add(7)
    first, *rest = values
    rest.reverse()
    array = np.zeros(2)
    array[0] = len(seen)
    return first + rest[0] + sum(itertools.chain(values, array)) + len(table["b"])


def imported(value: float) -> float:
    import math as m
    from operator import add, mul

    return add(m.sqrt(value), mul(value, 2))


@functools.lru_cache
def cached(value: float) -> float:
    return value * 0.5


CALLS: list[Callable[[Any], Any]] = [
    grown,
    imported,
    cached,
    lambda x: Pair(x, 0.5).first + Pair(0.25, x)._replace(first=x)[0],
    lambda x: Point(x).x + Point(0.5, x).y,
    lambda x: Stack(0.5).push(x).top(),
    lambda x: Bare().scale * x,
    lambda x: sum(map(lambda a, b: a * b * x, ANGLES, ANGLES)),
    lambda x: functools.reduce(operator.add, [x, *ANGLES]),
    lambda x: functools.reduce(lambda a, b: a * 0.5 + b, ANGLES, x),
    lambda x: functools.partial(math.atan2, x)(0.5) + functools.partial(grown, value=x)(),
    lambda x: sorted(ANGLES, key=lambda a: -a)[0] * x,
    lambda x: list(itertools.accumulate([x, *ANGLES]))[-1],
    lambda x: operator.itemgetter(1)([0.5, x]),
    lambda x: collections.deque([x, 0.5], maxlen=1)[0],
    lambda x: float(np.dot(ANGLES, np.linalg.solve(np.eye(2), ANGLES))) * x,
    lambda x: len(" a b ".strip()) * x + "aab".count("a"),
    lambda x: next(iter(ANGLES)) + dict(zip("ab", ANGLES, strict=True))["b"] + x,
    lambda x: 0.5 if isinstance(x, float) and callable(print) else 0.0,
]


@pytest.mark.parametrize("known", [False, True], ids=["symbol", "known"])
@pytest.mark.parametrize("call", range(len(CALLS)))
def test_what_is_listed_or_read_is_called_in_a_loop_as_in_python(call: int, known: bool) -> None:
    function = CALLS[call]

    @qk.qkernel
    def turn(n: qk.UInt, x: qk.Float) -> qk.Float:
        q = qk.qubit()
        for i in qk.range(n):
            q = qk.rx(q, function(0.75 if known else x) * (i + 1))
        return qk.expval(q, Z)

    assert turn.run(n=2, x=0.75) == pytest.approx(math.cos(3 * function(0.75)))


def doubled() -> float:
    with np.errstate(all="raise"):
        return 2.0


class Meta(type):
    pass


class Made(metaclass=Meta):
    def __init__(self) -> None:
        self.value = 0.5


@dataclasses.dataclass
class Checked:
    value: float = 0.5

    def __post_init__(self) -> None:
        self.value = 2 * self.value


OPAQUE: list[Callable[[], Any]] = [
    lambda: random.random(),
    lambda: random.Random(1).random(),
    lambda: float(np.random.default_rng(1).random()),
    lambda: time.time(),
    lambda: statistics.mean(ANGLES),
    lambda: doubled(),
    lambda: Made().value,
    lambda: Checked().value,
    lambda: sum(map(lambda a, b: random.random(), ANGLES, ANGLES)),
    lambda: max(ANGLES, key=lambda _: random.random()),
]


@pytest.mark.parametrize("call", OPAQUE)
@pytest.mark.parametrize("place", ["loop", "branch", "choice"])
def test_what_cannot_be_read_is_refused_where_it_would_be_called_once(call: Callable[[], Any], place: str) -> None:
    @qk.qkernel
    def looped(n: qk.UInt) -> qk.Float:
        q = qk.qubit()
        for _ in qk.range(n):
            q = qk.rx(q, call())
        return qk.expval(q, Z)

    @qk.qkernel
    def branched(n: qk.UInt) -> qk.Float:
        q = qk.qubit()
        if n > 1:
            q = qk.rx(q, call())
        return qk.expval(q, Z)

    @qk.qkernel
    def chosen(n: qk.UInt) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), call() if n > 1 else 0.5), Z)

    kernel = {"loop": looped, "branch": branched, "choice": chosen}[place]
    with pytest.raises(UnsupportedPythonError, match="cannot be called where the kernel repeats or branches") as caught:
        kernel.check()
    assert "call it before" in str(caught.value.help)


@pytest.mark.parametrize("call", OPAQUE)
def test_elsewhere_python_runs_it(call: Callable[[], Any]) -> None:
    @qk.qkernel
    def straight() -> qk.Float:
        value = call()
        return qk.expval(qk.rx(qk.qubit(), 0.0 * value), Z)

    assert straight.run() == pytest.approx(1.0)


def tried(value: Any) -> Any:
    try:
        return value
    except TypeError:
        return None


def unlisted(value: Any) -> Any:
    return statistics.mean([value, value])


@pytest.mark.parametrize("function", [tried, unlisted, np.vectorize(lambda value: value), Checked])
@pytest.mark.parametrize("given", ["x", "q"])
def test_it_is_given_no_symbol_and_no_qubit(function: Callable[[Any], Any], given: str) -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit, x: qk.Float) -> qk.Qubit:
        function(x if given == "x" else q)
        return q

    with pytest.raises(UnsupportedPythonError, match=f"cannot be called with a {'Float' if given == 'x' else 'Qubit'}"):
        kernel.check()


def test_an_object_that_holds_a_symbol_is_given_to_what_is_read() -> None:
    class Kept:
        def __init__(self, value: Any) -> None:
            self.value = value

        def half(self) -> Any:
            return self.value * 0.5

        def tried(self) -> Any:
            try:
                return self.value
            except TypeError:
                return None

    @qk.qkernel
    def half(x: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), Kept(x).half()), Z)

    @qk.qkernel
    def whole(x: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), Kept(x).tried()), Z)

    assert half.run(x=0.5) == pytest.approx(math.cos(0.25))
    with pytest.raises(UnsupportedPythonError, match="has `try` in it"):
        whole.check()


def test_a_counter_may_count_where_nothing_repeats() -> None:
    class Ansatz:
        def __init__(self) -> None:
            self.used = 0

        def rotated(self, q: Any, weights: Any) -> Any:
            self.used += 1
            return qk.rx(q, weights[self.used - 1])

    @qk.qkernel
    def kernel(weights: qk.Vector[qk.Float]) -> qk.Float:
        ansatz, q = Ansatz(), qk.qubit()
        for _ in [0, 1, 2]:
            q = ansatz.rotated(q, weights)
        return qk.expval(q, Z)

    assert kernel.run(weights=[0.1, 0.2, 0.3]) == pytest.approx(math.cos(0.6))


def test_what_python_raises_is_told_at_the_call() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Float:
        q = qk.qubit()
        for _ in qk.range(n):
            q = qk.rx(q, math.sqrt(-1))
        return qk.expval(q, Z)

    with pytest.raises(InliningError, match="`sqrt` failed: ValueError"):
        kernel.check()


def test_objects_that_hold_symbols_are_not_compared_by_python() -> None:
    @qk.qkernel
    def kernel(x: qk.Float, y: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), 0.5 if Point(x) == Point(y) else 0.0), Z)

    with pytest.raises(KernelTypeError, match="`==` does not work on a Point"):
        kernel.check()
