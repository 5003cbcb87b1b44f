"""Random classical expressions over the names of a scope, built as the frontend builds them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from qkernel.ir.expressions import Const, Expr, Name, Pack, Slice, Updated, apply, item, size, vector
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.observable import Hamiltonian, Pauli, PauliOperator

LARGEST_DEPTH = 3
floats = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 0.1, -2.5, 1e300, 5e-324, 1e16]), st.floats(allow_nan=False))
integers = st.one_of(st.integers(0, 5), st.integers(-3, 100), st.integers(0, 10**30))


@dataclass(slots=True)
class Scope:
    """What may be named: the type of every visible name."""

    visible: dict[str, Type] = field(default_factory=dict)

    def names(self, *types: Type) -> list[str]:
        return [name for name, type in self.visible.items() if type in types]


@st.composite
def hamiltonians(draw: st.DrawFn) -> Hamiltonian:
    """Sums of a few Pauli products, with or without a stated width."""
    result = Hamiltonian(draw(st.sampled_from([None, 4])))
    result.constant = draw(st.sampled_from([0.0, 0.5, -1.25]))
    for _ in range(draw(st.integers(0, 3))):
        letters = draw(st.dictionaries(st.integers(0, 3), st.sampled_from([Pauli.X, Pauli.Y, Pauli.Z]), max_size=3))
        coefficient = draw(st.sampled_from([1.0, -1.0, 0.1, 2.0, 1e-7, 1 / 3]))
        result.add_term([PauliOperator(pauli, index) for index, pauli in letters.items()], coefficient)
    return result


def folded(name: str, *operands: Expr) -> Expr:
    """`apply`, or the first operand where the constants have no value or a very large one."""
    match name, operands:
        case "**", (Const(), Const()):
            return operands[0]
    try:
        result = apply(name, *operands)
    except (ArithmeticError, ValueError):
        return operands[-1]
    match result:
        case Const(int(value)) if value.bit_length() > 200:
            return operands[-1]
        case Const(float(value)) if math.isnan(value):
            return operands[-1]
    return result


def uint(draw: st.DrawFn, scope: Scope, depth: int = 0) -> Expr:
    """A UInt."""

    def sub() -> Expr:
        return uint(draw, scope, depth + 1)

    leaves: list[Callable[[], Expr]] = [lambda: Const(draw(integers))]
    leaves += [lambda name=name: Name(name, UINT) for name in scope.names(UINT)]
    leaves += [lambda name=name: size(Name(name, ArrayType(QUBIT))) for name in scope.names(ArrayType(QUBIT))]
    deeper: list[Callable[[], Expr]] = [
        lambda: folded(draw(st.sampled_from(["+", "-", "*", "//", "%", "min", "max", "**", "&"])), sub(), sub()),
        lambda: folded("+", sub(), Const(draw(st.integers(-2, 3)))),
        lambda: apply("neg", sub()),
        lambda: apply("abs", sub()),
        lambda: folded(draw(st.sampled_from(["floor", "ceil", "uint"])), real(draw, scope, depth + 1)),
        lambda: apply("select", bit(draw, scope, depth + 1), sub(), sub()),
        lambda: item(array(draw, scope, UINT, depth + 1), sub()),
        lambda: size(array(draw, scope, draw(st.sampled_from([UINT, FLOAT, BIT])), depth + 1)),
    ]
    return _typed(draw, leaves, deeper, depth, UINT, Const(1))


def real(draw: st.DrawFn, scope: Scope, depth: int = 0) -> Expr:
    """A Float."""

    def sub() -> Expr:
        return real(draw, scope, depth + 1)

    def number() -> Expr:
        return uint(draw, scope, depth + 1) if draw(st.booleans()) else sub()

    leaves: list[Callable[[], Expr]] = [lambda: Const(draw(floats))]
    leaves += [lambda name=name: Name(name, FLOAT) for name in scope.names(FLOAT)]
    functions = ["sin", "cos", "exp", "log", "sqrt", "tanh", "float", "abs", "neg"]
    deeper: list[Callable[[], Expr]] = [
        lambda: folded(draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "min", "atan2"])), sub(), number()),
        lambda: folded(draw(st.sampled_from(["+", "-", "*", "/", "**", "max"])), number(), sub()),
        lambda: folded(draw(st.sampled_from(functions)), sub()),
        lambda: apply("select", bit(draw, scope, depth + 1), sub(), number()),
        lambda: item(array(draw, scope, FLOAT, depth + 1), uint(draw, scope, depth + 1)),
        *(lambda name=name: _matrix_element(draw, scope, name) for name in scope.names(ArrayType(FLOAT, 2))),
        *(lambda name=name: _look_up(draw, scope, name) for name in scope.visible if _is_dictionary(scope, name)),
    ]
    return _typed(draw, leaves, deeper, depth, FLOAT, Const(0.5))


def bit(draw: st.DrawFn, scope: Scope, depth: int = 0) -> Expr:
    """A Bit."""

    def sub() -> Expr:
        return bit(draw, scope, depth + 1)

    leaves: list[Callable[[], Expr]] = [lambda: Const(draw(st.booleans()))]
    leaves += [lambda name=name: Name(name, BIT) for name in scope.names(BIT)]
    comparisons = ["<", "<=", ">", ">=", "==", "!="]
    deeper: list[Callable[[], Expr]] = [
        lambda: apply(draw(st.sampled_from(["and", "or", "^", "==", "!="])), sub(), sub()),
        lambda: apply("not", sub()),
        lambda: apply(draw(st.sampled_from(comparisons)), uint(draw, scope, depth + 1), real(draw, scope, depth + 1)),
        lambda: apply(draw(st.sampled_from(comparisons)), uint(draw, scope, depth + 1), uint(draw, scope, depth + 1)),
        lambda: item(array(draw, scope, BIT, depth + 1), uint(draw, scope, depth + 1)),
    ]
    return _typed(draw, leaves, deeper, depth, BIT, Const(True))


def array(draw: st.DrawFn, scope: Scope, element: Any, depth: int = 0) -> Expr:
    """A vector of UInts, Floats, Bits or Observables."""
    scalar = {UINT: uint, FLOAT: real, BIT: bit, OBSERVABLE: observable}[element]
    leaves: list[Callable[[], Expr]] = [lambda: Pack((), ArrayType(element))]
    leaves += [lambda name=name: Name(name, ArrayType(element)) for name in scope.names(ArrayType(element))] * 4
    deeper: list[Callable[[], Expr]] = [
        lambda: vector([scalar(draw, scope, depth + 1) for _ in range(draw(st.integers(1, 3)))]),
        lambda: Pack((uint(draw, scope, depth + 1),), ArrayType(element if element == FLOAT else UINT)),
        lambda: Slice(array(draw, scope, element, depth + 1), *(uint(draw, scope, depth + 1) for _ in range(3))),
        lambda: Updated(array(draw, scope, element, depth + 1), uint(draw, scope, depth + 1), scalar(draw, scope, depth + 1)),
        *(
            lambda name=name: item(Name(name, ArrayType(FLOAT, 2)), uint(draw, scope, 2))
            for name in scope.names(ArrayType(FLOAT, 2))
        ),
    ]
    return _typed(draw, leaves, deeper, depth, ArrayType(element), Pack((), ArrayType(element)))


def observable(draw: st.DrawFn, scope: Scope, depth: int = 0) -> Expr:
    """An Observable."""
    names = scope.names(OBSERVABLE)
    return Name(draw(st.sampled_from(names)), OBSERVABLE) if names and draw(st.booleans()) else Const(draw(hamiltonians()))


def _typed(draw: st.DrawFn, leaves: list[Any], deeper: list[Any], depth: int, type: Type, otherwise: Expr) -> Expr:
    """One of the choices; `otherwise` if folding gave another type than was wanted."""
    choices = leaves if depth >= LARGEST_DEPTH else leaves + deeper
    result: Expr = draw(st.sampled_from(range(len(choices))).map(choices.__getitem__))()
    return result if result.type == type else otherwise


def _matrix_element(draw: st.DrawFn, scope: Scope, name: str) -> Expr:
    return item(Name(name, ArrayType(FLOAT, 2)), (uint(draw, scope, 2), uint(draw, scope, 2)))


def _is_dictionary(scope: Scope, name: str) -> bool:
    return isinstance(scope.visible[name], DictType)


def _look_up(draw: st.DrawFn, scope: Scope, name: str) -> Expr:
    type = scope.visible[name]
    assert isinstance(type, DictType)
    if isinstance(type.key, TupleType):
        key: Expr = Pack(tuple(uint(draw, scope, 2) for _ in type.key.items), type.key)
    elif isinstance(type.key, ArrayType):
        key = Pack((uint(draw, scope, 2), uint(draw, scope, 2)), type.key)
    else:
        key = uint(draw, scope, 2)
    return item(Name(name, type), key)
