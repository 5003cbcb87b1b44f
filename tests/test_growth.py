"""What is kept for the next call stays a bounded number, whatever is asked for; the least recently used goes first."""

from __future__ import annotations

import gc
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import Engine, Prepared, load_engine
from qkernel.errors import TextFormError
from qkernel.executable import Executable
from qkernel.recent import Recent
from qkernel_backends.native.split import Arrays


@qk.qkernel
def energy(angle: qk.Float, h: qk.Observable) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), angle), h)


@qk.qkernel
def turned(angle: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), angle), qko.Z(0))


def alive(kind: type) -> int:
    """How many objects of a class there are."""
    gc.collect()
    return sum(type(entry) is kind for entry in gc.get_objects())


def growth(kind: type, call: Callable[[int], Any]) -> int:
    """How many more there are after 60 calls than after 30."""
    for k in range(30):
        call(k)
    before = alive(kind)
    for k in range(30, 60):
        call(k)
    return alive(kind) - before


def test_programs_of_a_kernel() -> None:
    assert growth(Executable, lambda k: energy.run(0.3, (1.0 + k) * qko.Z(0))) == 0
    assert energy.run(0.3, 2.0 * qko.Z(0)) == pytest.approx(2 * np.cos(0.3))


@dataclass(frozen=True)
class Counting:
    """The reference engine, and how often it made a circuit ready."""

    calls: list[Any]
    name: str = "counting"
    features: frozenset[str] = load_engine("reference").features

    def prepare(self, circuit: Any, dtype: Any = np.complex128) -> Prepared:
        self.calls.append(circuit)
        return load_engine("reference").prepare(circuit, dtype)


def run_on(program: Any, engine: Engine, angle: float) -> Any:
    return program.run(angle=angle, engine=engine)


def test_engines_of_an_executable() -> None:
    program = turned.compile(parameters=["angle"])
    assert growth(Counting, lambda k: run_on(program, Counting([]), 0.1)) == 0
    first, others = Counting([]), [Counting([]) for _ in range(10)]
    for engine in others:
        assert run_on(program, first, 0.2) == run_on(program, engine, 0.2) == pytest.approx(np.cos(0.2))
    assert [len(engine.calls) for engine in (first, *others)] == [1] * 11


def test_circuits_of_a_matrix() -> None:
    prepared = type(load_engine("native").prepare(turned.compile().circuit))
    assert growth(prepared, lambda k: turned.unitary(angle=0.1 * k)) == 0


def test_arrays_for_batches_of_many_sizes() -> None:
    assert growth(Arrays, lambda k: turned.run(angle=np.linspace(0, 1, 2 + k))) == 0


def test_lines_of_wrong_texts() -> None:
    def read(k: int) -> None:
        with pytest.raises(TextFormError, match=f"wrong_{k}") as caught:
            qk.parse(f"qkernel 1\nwrong_{k}")
        assert f"wrong_{k}\n" in str(caught.value)

    def kept() -> int:
        return sum(name.startswith("<text ") for name in linecache.cache)

    for k in range(40):
        read(k)
    before = kept()
    for k in range(40, 80):
        read(k)
    assert kept() == before


def test_the_least_recently_used_goes_first() -> None:
    recent = Recent[str, int](2)
    recent.keep("a", 1)
    recent.keep("b", 2)
    assert recent.get("a") == 1
    recent.keep("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c"), len(recent)) == (1, None, 3, 2)
    recent.clear()
    assert len(recent) == 0
