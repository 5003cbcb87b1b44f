"""Expressions and types: what is made alike is one object, told apart by type and bits, held by nobody but its users."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

import qkernel.observable as qko
from qkernel.ir import interning
from qkernel.ir.expressions import Apply, Const, Expr, Item, Key, Name, Pack, Row, Size, Slice, SystemName, Updated
from qkernel.ir.types import FLOAT, UINT, ArrayType, DictType, TupleType

MAKERS: list[Any] = [
    lambda: Const(2.5),
    lambda: Const(qko.Z(0) * 0.5 - qko.X(1)),
    lambda: Name("x", FLOAT),
    lambda: SystemName(Key("bits"), ArrayType(UINT)),
    lambda: Apply("+", (Name("x", FLOAT), Const(1))),
    lambda: Item(Name("v", ArrayType(FLOAT)), (Const(1),)),
    lambda: Row(Name("m", ArrayType(FLOAT, 2)), (Const(1),)),
    lambda: Size(Name("v", ArrayType(FLOAT))),
    lambda: Slice(Name("v", ArrayType(FLOAT)), Const(0), Const(1), Name("n", UINT)),
    lambda: Pack((Const(1), Const(2.0)), TupleType((UINT, FLOAT))),
    lambda: Updated(Name("v", ArrayType(FLOAT)), Const(0), Const(1.0)),
    lambda: DictType(TupleType((UINT, UINT)), FLOAT),
]


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_made_alike_is_one_object(make: Any) -> None:
    one = make()
    assert make() is one
    assert pickle.loads(pickle.dumps(one)) is one
    assert copy.copy(one) is one
    assert copy.deepcopy(one) is one


@pytest.mark.parametrize("make", MAKERS)
def test_nothing_in_it_can_be_set(make: Any) -> None:
    one = make()
    with pytest.raises(AttributeError):
        setattr(one, one.__match_args__[0], None)


def test_constants_are_told_apart_by_type_and_bits() -> None:
    apart = [Const(value) for value in (True, 1, 1.0, False, 0, 0.0, -0.0, math.nan, qko.Z(0), qko.X(0))]
    assert len({id(constant) for constant in apart}) == len(apart)
    assert Const(math.nan) is Const(-math.nan) is Const(float("nan"))
    assert Const(qko.Z(0) + qko.X(1)) is not Const(qko.X(1) + qko.Z(0))  # evolution goes by the order of the terms
    assert Const(qko.Z(0)) is not Const(qko.Hamiltonian(3) + qko.Z(0))


def test_a_constant_does_not_follow_its_observable() -> None:
    observable = qko.Z(0)
    constant = Const(observable)
    observable.add_term(qko.PauliOperator(qko.Pauli.X, 1), 2.0)
    assert constant.value == qko.Z(0)
    assert Const(qko.Z(0)) is constant
    assert Const(observable) is not constant


def test_the_table_holds_nothing() -> None:
    mark = weakref.ref(Apply("+", (Name("a name that nobody else has", FLOAT), Const(1))))
    gc.collect()
    assert mark() is None
    for k in range(200_000):
        Const(k)
    assert len(interning._table) < 100_000


def test_threads_make_one_object() -> None:
    count, barrier = 8, Barrier(8)

    def build(_: int) -> list[Expr]:
        barrier.wait()
        total: Expr = Name("shared", FLOAT)
        return [total := Apply("*", (total, Const(k))) for k in range(2000)]

    with ThreadPoolExecutor(count) as pool:
        first, *others = pool.map(build, range(count))
    for other in others:
        assert all(one is same for one, same in zip(first, other, strict=True))
