"""Operators and properties of the user's classes: read where they meet symbols, refused where they cannot be, never guessed."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError, SymbolicValueError, UnsupportedPythonError

Z = qko.Z(0)
KEPT: list[Any] = []


class Angle:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: Any) -> Any:
        return self.value == other.value

    def __hash__(self) -> int:
        return 1

    def __lt__(self, other: Any) -> Any:
        return self.value < other.value

    def __add__(self, other: Any) -> Any:
        return 1.0 if self.value == other.value else 2.0

    def __radd__(self, other: Any) -> Any:
        return 1.0 if self.value == other else 2.0

    def __neg__(self) -> Any:
        return 1.0 if self.value == 0.5 else 2.0

    def __getitem__(self, key: Any) -> Any:
        return 1.0 if self.value == key else 2.0

    def __contains__(self, key: Any) -> Any:
        return self.value == key

    def __call__(self, key: Any) -> Any:
        return 1.0 if self.value == key else 2.0

    def __bool__(self) -> Any:
        return self.value == 0.5

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return iter([self.value, 0.25])

    def __getattr__(self, name: str) -> Any:
        if name != "twin":
            raise AttributeError(name)
        return 1.0 if isinstance(self.value, float) else 2.0

    @property
    def kind(self) -> Any:
        return 1.0 if isinstance(self.value, float) else 2.0

    @functools.cached_property
    def kept(self) -> Any:
        return 1.0 if isinstance(self.value, float) else 2.0


class Shield:
    """Its operators cannot be read."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __add__(self, other: Any) -> Any:
        try:
            return 1.0 if self.value == other.value else 2.0
        finally:
            pass

    @property
    def kind(self) -> Any:
        try:
            return 1.0 if isinstance(self.value, float) else 2.0
        finally:
            pass


@dataclasses.dataclass
class Plain:
    value: Any


class Nested:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __add__(self, other: Any) -> Any:
        return 1.0 if self.inner.value == other.inner.value else 2.0


@qk.struct
class Record:
    left: qk.Float
    right: qk.Float

    def __eq__(self, other: Any) -> Any:
        return self.left == other.left

    def __add__(self, other: Any) -> Any:
        return 1.0 if self.left == other.left else 2.0

    @property
    def is_even(self) -> Any:
        return 1.0 if self.left == self.right else 2.0


def unread(first: Callable[[], Any], second: Callable[[], Any]) -> float:
    try:
        return 1.0 if first() == second() else 2.0
    finally:
        pass


def unread_next(entries: Any) -> float:
    try:
        return 1.0 if next(entries) == next(entries) else 2.0
    finally:
        pass


def unread_global() -> float:
    try:
        return 1.0 if KEPT[0] == KEPT[1] else 2.0
    finally:
        pass


def of(body: Callable[[Any, Any], Any]) -> Any:
    @qk.qkernel
    def main(x: qk.Float, y: qk.Float) -> qk.Float:
        angle = body(x, y)
        return qk.expval(qk.ry(qk.qubit(), angle), Z)

    return main


READ: list[Callable[[Any, Any], Any]] = [
    lambda x, y: 1.0 if Angle(x) == Angle(y) else 2.0,
    lambda x, y: 1.0 if Angle(x) != Angle(y) else 2.0,
    lambda x, y: 1.0 if Angle(x) < Angle(y) else 2.0,
    lambda x, y: 1.0 if Angle(x) > Angle(y) else 2.0,
    lambda x, y: Angle(x) + Angle(y),
    lambda x, y: y + Angle(x),
    lambda x, y: -Angle(y),
    lambda x, y: Angle(x)[y],
    lambda x, y: 1.0 if y in Angle(x) else 2.0,
    lambda x, y: 1.0 if y not in Angle(x) else 2.0,
    lambda x, y: Angle(x)(y),
    lambda x, y: 1.0 if Angle(y) else 2.0,
    lambda x, y: 1.0 if not Angle(y) else 2.0,
    lambda x, y: 1.0 * len(Angle(y)),
    lambda x, y: sum(entry for entry in Angle(y)),
    lambda x, y: Angle(x).kind,
    lambda x, y: Angle(x).kept,
    lambda x, y: Angle(x).twin,
    lambda x, y: getattr(Angle(x), "kind"),  # noqa: B009
    lambda x, y: 1.0 if Angle(y) in [Angle(x), Angle(0.25)] else 2.0,
    lambda x, y: 1.0 if (Angle(x), 1) == (Angle(y), 1) else 2.0,
    lambda x, y: functools.reduce(lambda left, right: left + right, [Angle(x), Angle(y)]),
    lambda x, y: sum([Angle(y)], Angle(x)),
    lambda x, y: operator.add(Angle(x), Angle(y)),
    lambda x, y: Nested(Angle(x)) + Nested(Angle(y)),
    lambda x, y: Record(x, y) + Record(y, x),
    lambda x, y: 1.0 if Record(x, 1.0) == Record(y, 2.0) else 2.0,
    lambda x, y: Record(x, y).is_even,
]


@pytest.mark.parametrize("body", READ)
def test_what_a_class_says_is_what_the_kernel_has(body: Callable[[Any, Any], Any]) -> None:
    main = of(body)
    for x, y in ((0.5, 0.5), (0.5, 0.75), (0.75, 0.5)):
        assert main(x, y) == pytest.approx(math.cos(body(x, y)), abs=1e-12)


REFUSED: list[tuple[Callable[[Any, Any], Any], type[Exception], str]] = [
    (lambda x, y: Shield(x) + Shield(y), UnsupportedPythonError, "`Shield.__add__` has `try` in it"),
    (lambda x, y: Shield(x).kind, UnsupportedPythonError, "`Shield.kind` has `try` in it"),
    (lambda x, y: 1.0 if Plain(x) == Plain(y) else 2.0, KernelTypeError, "`==` does not work on a Plain"),
    (lambda x, y: operator.attrgetter("kind")(Angle(x)), UnsupportedPythonError, "is no function that a kernel reads"),
    (lambda x, y: 1.0 * len({Angle(x), Angle(y)}), SymbolicValueError, "a comparison outside a kernel"),
    (lambda x, y: 1.0 * len(set(map(float, [x, y]))), SymbolicValueError, "a key of Python data"),
    (lambda x, y: 1.0 * len(dict(zip([x, y], [1, 2], strict=True))), SymbolicValueError, "a key of Python data"),
    (lambda x, y: 1.0 * len(list(itertools.groupby(iter([x, y])))), SymbolicValueError, "a comparison outside a kernel"),
    (lambda x, y: 1.0 if collections.deque([x]) == collections.deque([y]) else 2.0, KernelTypeError, "a deque"),
    (lambda x, y: unread(lambda: x, lambda: y), SymbolicValueError, "a comparison outside a kernel"),
    (lambda x, y: unread_next(iter([x, y])), SymbolicValueError, "a comparison outside a kernel"),
    (lambda x, y: (KEPT.clear(), KEPT.append(x), KEPT.append(y), unread_global())[3], SymbolicValueError, "outside a kernel"),
]


@pytest.mark.parametrize(("body", "kind", "words"), REFUSED)
def test_what_cannot_be_read_is_refused(body: Callable[[Any, Any], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as raised:
        of(body).check()
    assert words in str(raised.value)


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def __add__(self, other: Any) -> Any:
        self.count = self.count + 1
        return 0.5 * self.count


def test_an_operator_that_changes_its_object_is_refused_in_a_loop_and_runs_before_it() -> None:
    counter = Counter()

    @qk.qkernel
    def looped(n: qk.UInt) -> qk.Float:
        q = qk.qubit()
        for _ in qk.range(n):
            q = qk.ry(q, counter + 1)
        return qk.expval(q, Z)

    with pytest.raises(UnsupportedPythonError, match="cannot change where the kernel repeats"):
        looped.check()
    assert counter.count == 0

    @qk.qkernel
    def straight() -> qk.Float:
        return qk.expval(qk.ry(qk.qubit(), counter + 1), Z)

    assert straight() == pytest.approx(math.cos(0.5))
