"""Classical values as immutable trees, folded and normalised as they are built, one of each: what is alike is the same.

An expression is pure: constants, parameters, loop variables, carried scalars, measured bits, and arithmetic on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from qkernel.ir.interning import Interned, existing, made, new
from qkernel.ir.operators import OPERATORS, result_type
from qkernel.ir.python_values import NotClassical, SymbolUse, is_array
from qkernel.ir.symbols import Symbol, boxed
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type, array_type
from qkernel.observable import Hamiltonian, as_observable


def _both(name: str) -> tuple[Callable[[Expr, Any], Expr], Callable[[Expr, Any], Expr]]:
    """`self name other`, and `other name self`."""
    return lambda self, other: apply(name, self, other), lambda self, other: apply(name, other, self)


def _joined(name: str) -> Callable[[Expr, Any], Expr]:
    return lambda self, other: joined(name, self, other)


class Expr(Symbol, Interned):
    """A classical value that is known only later. Operators build larger expressions; `bool`, `int` and `float` raise."""

    __slots__ = ("bounds", "extent", "formed", "lowered", "names", "numeric", "tensorial", "type")
    """All but the type is worked out when it is asked for: see `qkernel.ir.compiled` and `qkernel.ir.trees`."""

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expressions directly inside."""
        return ()

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        """The same of other expressions inside, folded anew."""
        return self

    __add__, __radd__ = _both("+")
    __sub__, __rsub__ = _both("-")
    __mul__, __rmul__ = _both("*")
    __truediv__, __rtruediv__ = _both("/")
    __floordiv__, __rfloordiv__ = _both("//")
    __mod__, __rmod__ = _both("%")
    __pow__, __rpow__ = _both("**")
    __lt__, __gt__ = _both("<")[0], _both(">")[0]
    __le__, __ge__ = _both("<=")[0], _both(">=")[0]

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return apply("abs", self)

    __and__ = __rand__ = _joined("and")
    __or__ = __ror__ = _joined("or")
    __xor__ = __rxor__ = _joined("^")

    def __invert__(self) -> Expr:
        return -self - 1 if self.type == UINT else apply("not", self)

    def __getitem__(self, keys: Any) -> Expr:
        return item(self, keys)

    @property
    def shape(self) -> tuple[Expr, ...]:
        """Lengths of a vector, matrix or tensor, one expression per axis."""
        if not isinstance(self.type, ArrayType):
            raise AttributeError(f"a {self.type} has no shape")
        return tuple(size(self, axis) for axis in range(self.type.rank))

    def elements(self) -> list[Expr] | None:
        length: Any = Const(len(self.type.items)) if isinstance(self.type, TupleType) else None
        length = size(self) if isinstance(self.type, ArrayType) else length
        return [item(self, position) for position in range(length.value)] if isinstance(length, Const) else None

    @staticmethod
    def elementwise(name: str, *operands: Any) -> Any:
        boxes = [boxed(part, f"`{name}`") for part in operands]
        return np.frompyfunc(partial(apply, name), len(boxes), 1)(*boxes)

    def __str__(self) -> str:
        return Expr.formatted(self)

    formatted: ClassVar[Callable[[Expr], str]]
    """How `str` writes an expression; `qkernel.ir.expression_text` says it."""


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Const(Expr):
    """A known value: int (UInt), float (Float), bool (Bit) or a Hamiltonian (Observable), of which it has a copy."""

    value: Any

    def __new__(cls, value: Any) -> Const:
        kind = type(value)
        if kind is int:
            key: Any = value
        elif kind is float:
            key = ("float", repr(value)) if value != value or value.is_integer() else value  # one key for NaN, two for 0.0
        elif kind is bool:
            key = "bool", value
        elif isinstance(value, (int, float)):
            return cls((int if isinstance(value, int) else float)(value))
        elif isinstance(value, Hamiltonian):
            key = "Hamiltonian", value.num_qubits, tuple(value.terms.items()), value.constant
            value = value.copy()
        else:
            key = "unknown", kind, id(value)
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type, draft.value = _TYPES.get(kind, OBSERVABLE), value
        return made(cls, key, draft)


_TYPES: dict[type, Type] = {bool: BIT, int: UINT, float: FLOAT}
_OF_ARRAYS = ("fixed", "select")
ZERO, ONE = Const(0), Const(1)


class _Leaf(Expr):
    """What stands for a value and has a type that was said."""

    __slots__ = ()

    def __new__(cls, name: Any, type: Type) -> Self:
        key = cls, name, type
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type = type
        setattr(draft, cls.__match_args__[0], name)
        return made(cls, key, draft)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Name(_Leaf):
    """A parameter, loop variable, carried scalar or run-time result of the enclosing function, by its unique name."""

    name: str
    type: Type


class Key(NamedTuple):
    """What environments call a value that the system makes; a user's name is a string and never equals one."""

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}_{self.number}"


@dataclass(frozen=True, slots=True, eq=False, init=False)
class SystemName(_Leaf):
    """A value that lowering or an engine makes: measured bits, read-outs, an element of an open argument."""

    key: Key
    type: Type


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Apply(Expr):
    """An operator or function of `OPERATORS` applied to scalars."""

    operator: str
    operands: tuple[Expr, ...]

    def __new__(cls, operator: str, operands: tuple[Expr, ...], type: Type | None = None) -> Apply:
        """`type` is that of the result, where the caller knows it."""
        parts = (id(operands[0]), id(operands[1])) if len(operands) == 2 else map(id, operands)  # as the first is much faster
        key = cls, operator, *parts
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type = type or result_type(operator, [operand.type for operand in operands])
        draft.operator, draft.operands = operator, operands
        return made(cls, key, draft)

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.operands

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        return apply(self.operator, *children)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class _Part(Expr):
    base: Expr
    keys: tuple[Expr, ...]

    def __new__(cls, base: Expr, keys: tuple[Expr, ...]) -> Self:
        key = cls, id(base), *map(id, keys)
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type, draft.base, draft.keys = _part_type(base.type, keys), base, keys
        return made(cls, key, draft)

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.base, *self.keys

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        return item(children[0], tuple(children[1:]) if len(children) > 2 else children[1])


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Item(_Part):
    """An element: one key per axis of an array, one key (a scalar or a `Pack`) of a dictionary."""


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Row(_Part):
    """A matrix or tensor with its first axes fixed."""


def _part_type(base: Type, keys: tuple[Expr, ...]) -> Type:
    """The type of what these keys give; Float of what is none, which the verifier refuses."""
    if type(base) is ArrayType:
        return base.element if len(keys) >= base.rank else ArrayType(base.element, base.rank - len(keys))
    match base, keys:
        case DictType(_, value), _:
            return value
        case TupleType(items), (Const(int(position)),) if 0 <= position < len(items):
            return items[position]
    return FLOAT


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Size(Expr):
    """The length of an array along an axis, of a dictionary or of a register (`base` is then the register's name)."""

    base: Expr
    axis: int = 0

    def __new__(cls, base: Expr, axis: int = 0) -> Size:
        key = "Size", id(base), axis
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type, draft.base, draft.axis = UINT, base, axis
        return made(cls, key, draft)

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.base,)

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        return size(children[0], self.axis)


class _Vector(Expr):
    """What is made of a vector, its first part, and is one as well."""

    __slots__ = ()

    def __new__(cls, *parts: Expr) -> Self:
        key = cls, *map(id, parts)
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type = parts[0].type
        for name, part in zip(cls.__match_args__, parts, strict=True):
            setattr(draft, name, part)
        return made(cls, key, draft)

    @property
    def children(self) -> tuple[Expr, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        return type(self)(*children)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Slice(_Vector):
    """`length` elements of a vector, from `start` in steps of `stride`."""

    base: Expr
    start: Expr
    stride: Expr
    length: Expr


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Updated(_Vector):
    """A vector like `base`, but with `value` at `key`."""

    base: Expr
    key: Expr
    value: Expr


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Pack(Expr):
    """Values written out: a vector (of an ArrayType; a matrix is a Pack of Packs) or a tuple (of a TupleType)."""

    items: tuple[Expr, ...]
    type: Type

    def __new__(cls, items: tuple[Expr, ...], type: Type) -> Pack:
        key = "Pack", type, *map(id, items)
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.type, draft.items = type, items
        return made(cls, key, draft)

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.items

    def rebuilt(self, children: Sequence[Expr]) -> Expr:
        return Pack(tuple(children), self.type)


class ArrayHandle(Expr):
    """An array as the user's Python has it while a kernel is read: `object` tells what else is the same array.

    It stands in no expression; what is built of it is built of its `value`, until which changed entries are `held`.
    """

    __slots__ = ("held", "object")
    held: Expr | tuple[Expr, ...]
    object: Any

    def __new__(cls, held: Expr | tuple[Expr, ...], type: Type, object: Any) -> ArrayHandle:
        handle = super().__new__(cls)
        handle.type, handle.held, handle.object = type, held, object
        return handle

    @property
    def value(self) -> Expr:
        if isinstance(self.held, tuple):
            self.held = Pack(self.held, self.type)
        return self.held


def wrap(value: Any) -> Expr:
    """`value` as an expression of Python's numbers: any number, bit, Hamiltonian, (nested) tuple, list, array or tensor."""
    if isinstance(value, Expr):
        return value.value if type(value) is ArrayHandle else value
    if type(value) in _TYPES:
        return Const(value)
    for plain, kinds in ((bool, (bool, np.bool_)), (int, Integral), (float, Real)):
        if isinstance(value, kinds):
            return Const(plain(value))  # type: ignore[arg-type]
    if isinstance(value, tuple):
        items = tuple(wrap(entry) for entry in value)
        return Pack(items, TupleType(tuple(entry.type for entry in items)))
    if is_array(value):
        return wrap(value.tolist())
    if (observable := as_observable(value)) is not None:
        return Const(observable)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return vector(value)
    raise NotClassical(value)


def vector(values: Any) -> Pack:
    """A list of values (nested: a matrix or tensor) as a `Pack` of array type; int and float mixed become Float."""
    items = tuple(wrap(entry) for entry in values)
    if any(entry.type.element == FLOAT for entry in items):
        items = tuple(map(_in_floats, items))
    type = array_type({entry.type for entry in items})
    if type is None:
        raise TypeError(f"a vector cannot hold {' and '.join(sorted({str(entry.type) for entry in items}))}")
    return Pack(items, type)


def _in_floats(entry: Expr) -> Expr:
    """A whole number, or rows of them, as Float."""
    if isinstance(entry, Pack) and isinstance(entry.type, ArrayType) and entry.type.element == UINT:
        return Pack(tuple(map(_in_floats, entry.items)), ArrayType(FLOAT, entry.type.rank))
    return Const(float(entry.value)) if isinstance(entry, Const) and entry.type == UINT else entry


def apply(name: str, *operands: Any) -> Expr:
    """`name(*operands)`, folded where the operands are known, one by one over arrays. Whole vectors of symbols raise."""
    wrapped, are_known = [], True
    for operand in operands:
        if isinstance(operand, np.ndarray) and operand.ndim:
            return Expr.elementwise(name, *operands)  # type: ignore[no-any-return]
        wrapped.append(part := wrap(operand))
        are_known &= type(part) is Const
        if not isinstance(part, (Const, Apply)) and isinstance(part.type, (ArrayType, DictType)) and name not in _OF_ARRAYS:
            raise SymbolUse(part, "`-`" if name == "neg" else f"`{name}`")
    types = [part.type for part in wrapped]
    if are_known:
        rule = OPERATORS[name]
        known: Any = rule.scalar(*(part.value for part in wrapped))  # type: ignore[attr-defined]
        promote = {FLOAT: float, UINT: int}.get(rule.result(*types))  # type: ignore[arg-type]
        return wrap(promote(known) if promote is not None and isinstance(known, int) else known)
    simpler = _simplify(name, tuple(wrapped))
    return Apply(name, tuple(wrapped)) if simpler is None or simpler.type != result_type(name, types) else simpler


def joined(name: str, left: Any, right: Any) -> Expr:
    """`left & right`, `left | right`, `left ^ right` (`and`, `or`, `^`) of Bits, or of the binary digits of two UInts."""
    first, second = wrap(left), wrap(right)
    if {first.type, second.type} != {UINT}:
        return apply(name, first, second)
    both = apply("&", first, second)
    return both if name == "and" else first + second - (both if name == "or" else 2 * both)


def _simplify(name: str, operands: tuple[Expr, ...]) -> Expr | None:
    """An expression of the same value wherever the operands have one, or None; `apply` sees to it that the type is kept."""
    match operands:  # what is not looked at any further
        case (_,) if name not in ("neg", "not"):
            return None
        case (left, right) if name != "-" and left is not right and type(left) is not Const and type(right) is not Const:
            return None
    match name, operands:
        case "+" | "*" | "&", (Const() as left, right) if OBSERVABLE not in (left.type, right.type):
            return apply(name, right, left)  # constants to the right; of observables the terms keep their order
        case "+" | "-", (left, Const(value)) if value == 0:
            return left
        case "+", (Const(Hamiltonian() as first), right) if first == 0:
            return right
        case "+" | "-", (left, Const(value)) if left.type == operands[1].type == UINT and value < 0:
            return apply("-" if name == "+" else "+", left, -value)
        case "+" | "-", (Apply("+" | "-" as inner, (left, Const(int(first)))), Const(int(second))) if left.type == UINT:
            total = (first if inner == "+" else -first) + (second if name == "+" else -second)
            return apply("+", left, total) if total >= 0 else apply("-", left, -total)
        case "-", (left, right) if left is right and left.type == UINT:
            return ZERO
        case "-", (Apply("+", (left, right)), other) if left.type == right.type == UINT and (other is left or other is right):
            return right if other is left else left
        case "*" | "/" | "**" | "//", (left, Const(value)) if value == 1 and (name != "//" or left.type == UINT):
            return left
        case "*", (left, Const(value)) if value == 0 and left.type == UINT:
            return ZERO
        case "neg" | "not", (Apply(other, (inner,)),) if other == name:
            return inner
        case "min" | "max" | "matched", (left, right) if left is right:
            return left
        case "select", (Const(chosen), left, right):
            return left if chosen else right
        case "select", (_, left, right) if left is right:
            return left
        case "and", (left, Const(value)) | (Const(value), left):
            return left if value else Const(False)
        case "or", (left, Const(value)) | (Const(value), left):
            return Const(True) if value else left
    return None


def item(base: Expr, keys: Any) -> Expr:
    """`base[keys]`; elements of slices, packs and updated vectors are resolved where the keys are known."""
    wrapped = tuple(wrap(key) for key in (keys if isinstance(keys, tuple) and not isinstance(base.type, DictType) else (keys,)))
    match base, wrapped:
        case ((Pack(items) | ArrayHandle(held=tuple(items))), (Const(int(index)), *rest)) if 0 <= index < len(items):
            return item(items[index], tuple(rest)) if rest else items[index]
        case ArrayHandle(), _:
            return item(base.value, wrapped)
        case Slice(vector_, start, stride, Const(length)), (Const(key),) if 0 <= key < length:
            return item(vector_, start + stride * key)
        case Updated(vector_, Const(int(written)), value), (Const(int(read)),):
            return value if written == read else item(vector_, read)
    if isinstance(base.type, ArrayType) and len(wrapped) < base.type.rank:
        return Row(base, wrapped)
    if isinstance(base, Row):
        return item(base.base, base.keys + wrapped)
    return Item(base, wrapped)


def size(base: Expr, axis: int = 0) -> Expr:
    """The length of `base` along `axis`."""
    match base:
        case Pack(items) | ArrayHandle(held=tuple(items)):
            return Const(len(items)) if axis == 0 else size(items[0], axis - 1) if items else ZERO
        case ArrayHandle():
            return size(base.value, axis)
        case Slice(_, _, _, length):
            return length
        case Updated(vector_):
            return size(vector_)
        case Row(matrix, keys):
            return size(matrix, axis + len(keys))
    return Size(base, axis)
