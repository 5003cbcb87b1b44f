"""Classical values as immutable trees, folded and normalised as they are built, compared by structure.

An expression is pure: constants, parameters, loop variables, carried scalars, measured bits, and arithmetic on them.
`evaluate` is the only reading of an expression as a value; it works on Python numbers, on numpy arrays (one entry per
loop iteration, shot or sample) and on anything else that overloads the operators.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type


class Expr:
    """A classical value that is known only later. Operators build larger expressions; `bool`, `int` and `float` raise."""

    __slots__ = ()

    @property
    def type(self) -> Type:
        raise NotImplementedError

    def __add__(self, other: Any) -> Expr:
        return apply("+", self, other)

    def __radd__(self, other: Any) -> Expr:
        return apply("+", other, self)

    def __sub__(self, other: Any) -> Expr:
        return apply("-", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return apply("-", other, self)

    def __mul__(self, other: Any) -> Expr:
        return apply("*", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return apply("*", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return apply("/", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return apply("/", other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return apply("//", self, other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return apply("//", other, self)

    def __mod__(self, other: Any) -> Expr:
        return apply("%", self, other)

    def __rmod__(self, other: Any) -> Expr:
        return apply("%", other, self)

    def __pow__(self, other: Any) -> Expr:
        return apply("**", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return apply("**", other, self)

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return apply("abs", self)

    def __and__(self, other: Any) -> Expr:
        return apply("and", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Expr:
        return apply("or", self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> Expr:
        return apply("^", self, other)

    __rxor__ = __xor__

    def __invert__(self) -> Expr:
        return apply("not", self)

    def __lt__(self, other: Any) -> Expr:
        return apply("<", self, other)

    def __le__(self, other: Any) -> Expr:
        return apply("<=", self, other)

    def __gt__(self, other: Any) -> Expr:
        return apply(">", self, other)

    def __ge__(self, other: Any) -> Expr:
        return apply(">=", self, other)

    def __getitem__(self, keys: Any) -> Expr:
        return item(self, keys)

    @property
    def shape(self) -> tuple[Expr, ...]:
        """Lengths of a vector, matrix or tensor, one expression per axis."""
        if not isinstance(self.type, ArrayType):
            raise AttributeError(f"a {self.type} has no shape")
        return tuple(size(self, axis) for axis in range(self.type.rank))

    def __eq__(self, other: object) -> bool:
        """Whether both are the same tree. A comparison with a plain number cannot be answered yet and raises."""
        if isinstance(other, Expr):
            return self is other or (type(self) is type(other) and _fields(self) == _fields(other))
        if isinstance(other, (bool, int, float)):
            raise SymbolUse(self, "a comparison outside a kernel")
        return NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), _fields(self)))

    def __bool__(self) -> bool:
        raise SymbolUse(self, "bool()")

    def __int__(self) -> int:
        raise SymbolUse(self, "int()")

    def __float__(self) -> float:
        raise SymbolUse(self, "float()")

    def __index__(self) -> int:
        raise SymbolUse(self, "an index of plain Python data")

    def __len__(self) -> int:
        raise SymbolUse(self, "len() outside a kernel")

    def __iter__(self) -> Any:
        raise SymbolUse(self, "iteration")

    def __str__(self) -> str:
        from qkernel.ir.printer import format_expression

        return format_expression(self)


def _fields(expr: Any) -> tuple[Any, ...]:
    return tuple(getattr(expr, name) for name in expr.__slots__)


class SymbolUse(TypeError):
    """A symbol met Python code that needs its value now. The frontend turns this into an error with a caret."""

    def __init__(self, expr: Expr, use: str) -> None:
        super().__init__(f"{expr} is not known while the kernel is traced, and {use} needs its value")
        self.expr, self.use = expr, use


@dataclass(frozen=True, slots=True, eq=False)
class Const(Expr):
    """A known value: int (UInt), float (Float), bool (Bit) or a Hamiltonian (Observable)."""

    value: Any
    _type: Type = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_type", _type_of(self.value))

    @property
    def type(self) -> Type:
        return self._type


def _type_of(value: Any) -> Type:
    if isinstance(value, bool):
        return BIT
    if isinstance(value, int):
        return UINT
    if isinstance(value, float):
        return FLOAT
    return OBSERVABLE


@dataclass(frozen=True, slots=True, eq=False)
class Name(Expr):
    """A parameter, loop variable, carried scalar or run-time result of the enclosing function, by its unique name."""

    name: str
    _type: Type

    @property
    def type(self) -> Type:
        return self._type


@dataclass(frozen=True, slots=True, eq=False)
class Apply(Expr):
    """An operator or function of `OPERATORS` applied to scalars."""

    operator: str
    operands: tuple[Expr, ...]

    @property
    def type(self) -> Type:
        result: Type = OPERATORS[self.operator].result(*(operand.type for operand in self.operands))
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Item(Expr):
    """An element: one key per axis of an array, one key (a scalar or a `Pack`) of a dictionary."""

    base: Expr
    keys: tuple[Expr, ...]

    @property
    def type(self) -> Type:
        match self.base.type:
            case ArrayType(element):
                return element
            case DictType(_, value):
                return value
            case TupleType(items):
                (key,) = self.keys
                assert isinstance(key, Const)
                return items[key.value]
        raise TypeError(f"a {self.base.type} has no elements")


@dataclass(frozen=True, slots=True, eq=False)
class Size(Expr):
    """The length of an array along an axis, of a dictionary or of a register (`base` is then the register's name)."""

    base: Expr
    axis: int = 0

    @property
    def type(self) -> Type:
        return UINT


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Expr):
    """`length` elements of a vector, from `start` in steps of `stride`."""

    base: Expr
    start: Expr
    stride: Expr
    length: Expr

    @property
    def type(self) -> Type:
        return self.base.type


@dataclass(frozen=True, slots=True, eq=False)
class Pack(Expr):
    """Values written out: a vector (`_type` an ArrayType; a matrix is a Pack of Packs) or a tuple (TupleType)."""

    items: tuple[Expr, ...]
    _type: Type

    @property
    def type(self) -> Type:
        return self._type


@dataclass(frozen=True, slots=True, eq=False)
class Updated(Expr):
    """A vector like `base`, but with `value` at `key`."""

    base: Expr
    key: Expr
    value: Expr

    @property
    def type(self) -> Type:
        return self.base.type


@dataclass(frozen=True, slots=True)
class Operator:
    """How an operator computes: on Python numbers, on numpy arrays, and the type of its result."""

    scalar: Callable[..., Any]
    array: Callable[..., Any]
    result: Callable[..., Type]


def _number(*types: Type) -> Type:
    return FLOAT if FLOAT in types else UINT


def _float(*types: Type) -> Type:
    return FLOAT


def _uint(*types: Type) -> Type:
    return UINT


def _bit(*types: Type) -> Type:
    return BIT


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent < 0:
        return float(base) ** exponent
    return base**exponent


def _array_power(base: Any, exponent: Any) -> Any:
    return np.power(np.asarray(base, float), exponent) if np.any(np.asarray(exponent) < 0) else np.power(base, exponent)


def _fixed_point(bits: Any, int_bits: int) -> Any:
    """The number that bits spell, least significant first, `int_bits` of them before the point."""
    return sum(bit * 2.0 ** (position + int_bits - len(bits)) for position, bit in enumerate(bits))


OPERATORS: dict[str, Operator] = {
    "+": Operator(operator.add, operator.add, _number),
    "-": Operator(operator.sub, operator.sub, _number),
    "*": Operator(operator.mul, operator.mul, _number),
    "/": Operator(operator.truediv, operator.truediv, _float),
    "//": Operator(operator.floordiv, operator.floordiv, _number),
    "%": Operator(operator.mod, operator.mod, _number),
    "**": Operator(_power, _array_power, _number),
    "neg": Operator(operator.neg, operator.neg, _number),
    "abs": Operator(abs, np.abs, _number),
    "min": Operator(min, np.minimum, _number),
    "max": Operator(max, np.maximum, _number),
    "<": Operator(operator.lt, operator.lt, _bit),
    "<=": Operator(operator.le, operator.le, _bit),
    ">": Operator(operator.gt, operator.gt, _bit),
    ">=": Operator(operator.ge, operator.ge, _bit),
    "==": Operator(operator.eq, operator.eq, _bit),
    "!=": Operator(operator.ne, operator.ne, _bit),
    "and": Operator(lambda a, b: bool(a) and bool(b), np.logical_and, _bit),
    "or": Operator(lambda a, b: bool(a) or bool(b), np.logical_or, _bit),
    "^": Operator(lambda a, b: bool(a) != bool(b), np.logical_xor, _bit),
    "not": Operator(operator.not_, np.logical_not, _bit),
    "select": Operator(lambda c, a, b: a if c else b, np.where, lambda c, a, b: a if a == b else _number(a, b)),
    "uint": Operator(int, lambda a: np.asarray(a, np.int64), _uint),
    "float": Operator(float, lambda a: np.asarray(a, np.float64), _float),
    "floor": Operator(math.floor, lambda a: np.floor(a).astype(np.int64), _uint),
    "ceil": Operator(math.ceil, lambda a: np.ceil(a).astype(np.int64), _uint),
    "sin": Operator(math.sin, np.sin, _float),
    "cos": Operator(math.cos, np.cos, _float),
    "tan": Operator(math.tan, np.tan, _float),
    "asin": Operator(math.asin, np.arcsin, _float),
    "acos": Operator(math.acos, np.arccos, _float),
    "atan": Operator(math.atan, np.arctan, _float),
    "atan2": Operator(math.atan2, np.arctan2, _float),
    "sinh": Operator(math.sinh, np.sinh, _float),
    "cosh": Operator(math.cosh, np.cosh, _float),
    "tanh": Operator(math.tanh, np.tanh, _float),
    "exp": Operator(math.exp, np.exp, _float),
    "log": Operator(math.log, np.log, _float),
    "log2": Operator(math.log2, np.log2, _float),
    "sqrt": Operator(math.sqrt, np.sqrt, _float),
    "fixed": Operator(
        lambda bits, int_bits: _fixed_point(bits, int_bits), lambda bits, int_bits: _fixed_point(bits, int_bits), _float
    ),
}


def wrap(value: Any) -> Expr:
    """`value` as an expression: numbers, bits, Hamiltonians, and (nested) tuples, lists and arrays of numbers."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (bool, int, float)):
        return Const(value)
    if isinstance(value, np.generic):
        return wrap(value.item())
    if isinstance(value, tuple):
        items = tuple(wrap(entry) for entry in value)
        return Pack(items, TupleType(tuple(entry.type for entry in items)))
    if isinstance(value, (list, np.ndarray)):
        return vector(value)
    return Const(value)


def vector(values: Any) -> Pack:
    """A list of values (nested: a matrix or tensor) as a `Pack` of array type; int and float mixed become Float."""
    items = tuple(wrap(entry) for entry in values)
    types = {entry.type for entry in items}
    if not types:
        return Pack((), ArrayType(FLOAT))
    element = FLOAT if types == {UINT, FLOAT} else types.pop()
    if isinstance(element, ArrayType):
        return Pack(items, ArrayType(element.element, element.rank + 1))
    if isinstance(element, (TupleType, DictType)):
        raise TypeError(f"a vector cannot hold a {element}")
    return Pack(items, ArrayType(element))


ZERO, ONE = Const(0), Const(1)


def apply(name: str, *operands: Any) -> Expr:
    """`name(*operands)`, folded where the operands are known."""
    wrapped = tuple(wrap(operand) for operand in operands)
    if all(isinstance(operand, Const) for operand in wrapped):
        result: Any = OPERATORS[name].scalar(*(operand.value for operand in wrapped))  # type: ignore[attr-defined]
        return wrap(result)
    simpler = _simplify(name, wrapped)
    return Apply(name, wrapped) if simpler is None else simpler


def _simplify(name: str, operands: tuple[Expr, ...]) -> Expr | None:
    match name, operands:
        case "+", (Const(), right) if right.type != FLOAT or operands[0].type == FLOAT:
            return apply("+", right, operands[0])  # constants to the right
        case "+" | "-", (left, Const(value)) if value == 0 and _keeps_type(left, operands[1]):
            return left
        case "+" | "-", (left, Const(value)) if value < 0 and left.type == operands[1].type == UINT:
            return apply("-" if name == "+" else "+", left, -value)
        case "+" | "-", (Apply("+" | "-" as inner, (left, Const(first))), Const(second)) if left.type == UINT:
            total = (first if inner == "+" else -first) + (second if name == "+" else -second)
            return apply("+", left, total) if total >= 0 else apply("-", left, -total)
        case "-", (left, right) if left == right and left.type == UINT:
            return ZERO
        case "-", (Apply("+", (left, right)), other) if left.type == right.type == UINT and other in (left, right):
            return right if other == left else left
        case "*", (Const(), right) if not isinstance(right, Const):
            return apply("*", right, operands[0])
        case "*" | "/" | "//" | "**", (left, Const(value)) if (
            value == 1 and (name != "/" or left.type == FLOAT) and _keeps_type(left, operands[1])
        ):
            return left
        case "*", (left, Const(value)) if value == 0 and left.type == operands[1].type == UINT:
            return ZERO
        case "neg", (Apply("neg", (inner,)),):
            return inner
        case "not", (Apply("not", (inner,)),):
            return inner
        case "min" | "max", (left, right) if left == right:
            return left
        case "select", (Const(chosen), left, right) if left.type == right.type:
            return left if chosen else right
        case "select", (_, left, right) if left == right:
            return left
        case "and", (left, Const(value)) | (Const(value), left):
            return left if value else Const(False)
        case "or", (left, Const(value)) | (Const(value), left):
            return Const(True) if value else left
    return None


def _keeps_type(expr: Expr, other: Expr) -> bool:
    return expr.type == FLOAT or other.type != FLOAT


def equal(left: Any, right: Any) -> Expr:
    """`left == right` as an expression (`==` on expressions compares their structure)."""
    return apply("==", left, right)


def item(base: Expr, keys: Any) -> Expr:
    """`base[keys]`; elements of slices, packs and updated vectors are resolved where the keys are known."""
    wrapped = tuple(wrap(key) for key in (keys if isinstance(keys, tuple) and not isinstance(base.type, DictType) else (keys,)))
    match base, wrapped:
        case Slice(vector_, start, stride), (key,):
            return item(vector_, start + key * stride)
        case Pack(items), (Const(int(index)), *rest) if 0 <= index < len(items):
            return item(items[index], tuple(rest)) if rest else items[index]
        case Updated(vector_, Const(int(written)), value), (Const(int(read)),):
            return value if written == read else item(vector_, read)
    if isinstance(base.type, ArrayType) and len(wrapped) < base.type.rank:
        return Row(base, wrapped)
    if isinstance(base, Row):
        return item(base.base, base.keys + wrapped)
    return Item(base, wrapped)


@dataclass(frozen=True, slots=True, eq=False)
class Row(Expr):
    """A matrix or tensor with its first axes fixed."""

    base: Expr
    keys: tuple[Expr, ...]

    @property
    def type(self) -> Type:
        assert isinstance(self.base.type, ArrayType)
        return ArrayType(self.base.type.element, self.base.type.rank - len(self.keys))


def size(base: Expr, axis: int = 0) -> Expr:
    """The length of `base` along `axis`."""
    match base:
        case Pack(items):
            return Const(len(items)) if axis == 0 else size(items[0], axis - 1) if items else ZERO
        case Slice(_, _, _, length):
            return length
        case Updated(vector_):
            return size(vector_)
        case Row(matrix, keys):
            return size(matrix, axis + len(keys))
    return Size(base, axis)


Environment = Mapping[str, Any]


def evaluate(expr: Expr, environment: Environment) -> Any:
    """The value of `expr`. Names that `environment` lacks raise KeyError.

    `environment` maps names to numbers, bools, numpy arrays, dictionaries or Hamiltonians. An array bound to a
    *scalar* name stands for one value per iteration, shot or sample, and the result is then such an array. A name
    bound to an expression gives a residual expression.
    """
    match expr:
        case Const(value):
            return value
        case Name(name):
            return environment[name]
        case Apply("select", (condition, left, right)):
            chosen = evaluate(condition, environment)
            if not isinstance(chosen, (Expr, np.ndarray)):  # the other side may have no value: 1 / n if n else 0
                return evaluate(left if chosen else right, environment)
            return _compute("select", [chosen, evaluate(left, environment), evaluate(right, environment)])
        case Apply(name, operands):
            return _compute(name, [evaluate(operand, environment) for operand in operands])
        case Item(base, keys):
            return _element(evaluate(base, environment), [evaluate(key, environment) for key in keys])
        case Row(base, keys):
            return _element(evaluate(base, environment), [evaluate(key, environment) for key in keys])
        case Size(base, axis):
            value = evaluate(base, environment)
            return size(value, axis) if isinstance(value, Expr) else np.shape(value)[axis] if axis else len(value)
        case Slice(base, start, stride, length):
            values = [evaluate(part, environment) for part in (base, start, stride, length)]
            if any(isinstance(value, Expr) for value in values):
                return Slice(*(wrap(value) for value in values))
            sequence, first, step, count = values
            if step == 0:
                return [sequence[first]] * count
            return sequence[first : first + step * count : step] if count else sequence[:0]
        case Pack(items, type):
            return _pack([evaluate(entry, environment) for entry in items], type)
        case Updated(base, key, value):
            parts = [evaluate(part, environment) for part in (base, key, value)]
            if any(isinstance(part, Expr) for part in parts):
                return Updated(*(wrap(part) for part in parts))
            copy = list(parts[0])
            copy[parts[1]] = parts[2]
            return copy
    raise TypeError(f"not an expression: {expr!r}")


def _compute(name: str, values: list[Any]) -> Any:
    if any(isinstance(value, Expr) for value in values):
        return apply(name, *values)
    rule = OPERATORS[name]
    if any(isinstance(value, np.ndarray) for value in values):
        return rule.array(*values)
    return rule.scalar(*values)


def _element(base: Any, keys: list[Any]) -> Any:
    if isinstance(base, Expr) or any(isinstance(key, Expr) for key in keys):
        return item(wrap(base), tuple(keys) if len(keys) > 1 else keys[0])
    if isinstance(base, dict):
        return base[keys[0]]
    for key in keys:
        base = np.asarray(base)[key] if isinstance(key, np.ndarray) else base[key]
    return base.item() if isinstance(base, np.generic) else base


def _pack(values: list[Any], type: Type) -> Any:
    if isinstance(type, TupleType):
        return tuple(values)
    if any(isinstance(value, Expr) for value in values):
        return Pack(tuple(wrap(value) for value in values), type)
    return values


def free_names(expr: Expr) -> frozenset[str]:
    """The names that `expr` depends on."""
    match expr:
        case Name(name):
            return frozenset((name,))
        case Const():
            return frozenset()
    return frozenset().union(*(free_names(child) for child in children(expr)))


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside `expr`."""
    match expr:
        case Apply(_, operands):
            return operands
        case Item(base, keys) | Row(base, keys):
            return (base, *keys)
        case Size(base):
            return (base,)
        case Slice(base, start, stride, length):
            return (base, start, stride, length)
        case Pack(items):
            return items
        case Updated(base, key, value):
            return (base, key, value)
    return ()


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """`expr` with names replaced by expressions; names that `values` lacks stay."""
    match expr:
        case Name(name):
            return values.get(name, expr)
        case Const():
            return expr
        case Apply(name, operands):
            return apply(name, *(substitute(operand, values) for operand in operands))
        case Item(base, keys) | Row(base, keys):
            replaced = tuple(substitute(key, values) for key in keys)
            return item(substitute(base, values), replaced if len(replaced) > 1 else replaced[0])
        case Size(base, axis):
            return size(substitute(base, values), axis)
        case Slice(base, start, stride, length):
            return Slice(*(substitute(part, values) for part in (base, start, stride, length)))
        case Pack(items, type):
            return Pack(tuple(substitute(entry, values) for entry in items), type)
        case Updated(base, key, value):
            return Updated(*(substitute(part, values) for part in (base, key, value)))
    raise TypeError(f"not an expression: {expr!r}")
