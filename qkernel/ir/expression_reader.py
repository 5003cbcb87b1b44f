"""From syntax trees of the text form to types, expressions and places."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import QKernelError
from qkernel.ir.expression_checks import has_element, misfit
from qkernel.ir.expressions import (
    ONE,
    Apply,
    Const,
    Expr,
    Name,
    Pack,
    Size,
    Slice,
    Updated,
    apply,
    item,
    size,
)
from qkernel.ir.lexer import error_at
from qkernel.ir.operators import MAX_INTEGER_BITS, MAX_INTEGER_DIGITS
from qkernel.ir.places import Place, joined, whole
from qkernel.ir.types import ARRAYS, QUBIT, SCALARS, ArrayType, DictType, ScalarType, TupleType, Type, array_type, is_quantum
from qkernel.ir.vocabulary import FUNCTIONS
from qkernel.observable import Hamiltonian

MAX_DEPTH = 400
"""Operations in one another in one expression."""
_OTHER_FUNCTIONS = frozenset({"len", "updated", "observable"})


def name_of(token: str) -> str:
    """The name that a token stands for, without its backticks."""
    return token[1:-1] if token.startswith("`") else str(token)


def read_string(token: str) -> str:
    """The text that a string literal stands for."""
    try:
        return str(json.loads(token))
    except ValueError:
        raise error_at(token, "the string has a character or an escape that JSON does not have") from None


def read_type(node: Any) -> Type:
    """The type that a token or tree writes."""
    if isinstance(node, str):
        return _scalar(node)
    match node.data, node.children:
        case "array_type" | "fixed_register", [array, element, *_]:
            return ArrayType(_scalar(element), ARRAYS.index(array) + 1)
        case "tuple_type", items:
            return TupleType(tuple(map(read_type, items)))
    return DictType(*map(read_type, node.children))


def _scalar(name: str) -> ScalarType:
    if name not in SCALARS:
        raise error_at(name, f"there is no type `{name}`{did_you_mean(name, [*SCALARS])}")
    return SCALARS[name]


@dataclass(slots=True)
class ExpressionReader:
    """Reads expressions of one function. `types` holds the names declared so far, `depth` counts operations around."""

    types: dict[str, Type] = field(default_factory=dict)
    depth: int = 0

    # Values and places ----------------------------------------------------------------------------------------------

    def value(self, node: Any) -> Expr | Place:
        """An argument or returned value: a place if it names qubits, else an expression."""
        return self.place(node) if self.names_qubits(node) else self.expression(node)

    def names_qubits(self, node: Any) -> bool:
        """Whether `node` is a register or pieces of one, or an element or a part of it."""
        while node.data in ("item", "slice"):
            node = node.children[0]
        if node.data == "tuple" and node.children:
            return all(map(self.names_qubits, node.children))
        return node.data == "variable" and is_quantum(self._type_of(node.children[0]))

    def place(self, node: Any) -> Place:
        """Qubits: `q`, `q[i]` or `q[start +: length : stride]`, where pieces in parentheses may stand for `q`."""
        base = node.children[0] if node.data in ("item", "slice") else node
        match base.data, base.children:
            case "variable", [name]:
                all_of_it = whole(name_of(name), self._type_of(name))
            case "tuple", [_, *_] as pieces:
                all_of_it = joined(map(self.place, pieces))
            case _:
                way_out = "write `q`, `q[i]`, `q[start +: length : stride]` or `(q[0], r)`"
                raise error_at(node, "qubits should stand here", help=way_out)
        match node.data, node.children:
            case "variable" | "tuple", _:
                return all_of_it
            case "item", [_, index]:
                return Place(all_of_it.register, self.expression(index))
            case "slice", [_, *stretch]:
                return Place(all_of_it.register, *self._stretch(stretch))
        raise error_at(node, "a register has one axis")

    def _stretch(self, nodes: list[Any]) -> tuple[Expr, Expr, Expr]:
        """Start, stride and length."""
        start, length, stride = nodes
        return self.expression(start), ONE if stride is None else self.expression(stride), self.expression(length)

    def _type_of(self, name: str) -> Type:
        if name_of(name) not in self.types:
            near = did_you_mean(name_of(name), [*self.types])
            raise error_at(name, f"`{name_of(name)}` is not defined before this line{near}")
        return self.types[name_of(name)]

    # Expressions ----------------------------------------------------------------------------------------------------

    def expression(self, node: Any) -> Expr:
        """The expression that `node` writes, folded as it is built."""
        depth = self.depth
        if depth > MAX_DEPTH:
            raise error_at(node, "the expression is nested too deeply", f"more than {MAX_DEPTH} operations in one another")
        self.depth += 1
        expr = self._expression(node)
        self.depth = depth
        return expr

    def _expression(self, node: Any) -> Expr:
        match node.data, node.children:
            case "literal", [token]:
                return _literal(token)
            case "variable", [name]:
                return self._checked(node, Name(name_of(name), self._type_of(name)))
            case "chain", _:
                return self._chain(node)
            case "neg" | "not" as name, [operand]:
                return self._apply(node, name, [operand])
            case "power", operands:
                return self._apply(node, "**", operands)
            case "select", [then, condition, otherwise]:
                return self._apply(node, "select", [condition, then, otherwise])
            case "call", [head, *arguments]:
                return self._function(node, head, arguments)
            case "item", [base, *keys]:
                return self._element(node, self.expression(base), self._items(keys))
            case "slice", [base, *stretch]:
                return self._checked(node, Slice(self.expression(base), *self._stretch(stretch)))
            case "tuple", nodes:
                items = self._items(nodes)
                return Pack(items, TupleType(tuple(entry.type for entry in items)))
            case "list", nodes:
                return self._list(node, self._items(nodes))
            case "typed", [type, written]:
                return self._typed(read_type(type), written)
        raise error_at(node, "only `control` takes keywords, `value=` and `count=`, and `prepare`, `imaginary=`")

    def _items(self, nodes: list[Any]) -> tuple[Expr, ...]:
        return tuple(map(self.expression, nodes))

    def _checked(self, node: Any, expr: Expr) -> Expr:
        """`expr`, whose parts are well formed, if it is, too."""
        wrong = misfit(expr, self.types)
        if wrong is not None:
            raise error_at(node, wrong)
        return expr

    def _chain(self, node: Any) -> Expr:
        """A run of operators that group to the left, read without recursion for each."""
        run = []
        while node.data == "chain":
            run.append(node)
            node = node.children[0]
        self.depth += len(run) - 1
        result = self.expression(node)
        for step in reversed(run):
            _, sign, right = step.children
            result = self._compute(step, str(sign), result, self.expression(right))
            self.depth -= 1
        return result

    def _apply(self, node: Any, name: str, operands: list[Any]) -> Expr:
        return self._compute(node, name, *self._items(operands))

    def _compute(self, node: Any, name: str, *operands: Expr) -> Expr:
        """`apply`, for operands that it is made for and constants of bounded size."""
        self._checked(node, Apply(name, operands))
        try:
            result = apply(name, *operands)
        except QKernelError as error:
            raise error_at(node, "the expression has no value", error.title) from None
        except (ArithmeticError, ValueError) as error:
            raise error_at(node, "the expression has no value", str(error)[:100]) from None
        match result:
            case Const(int(value)) if value.bit_length() > MAX_INTEGER_BITS:
                raise error_at(node, "a whole number is too large", f"more than {MAX_INTEGER_DIGITS:,} digits")
        return result

    def _function(self, node: Any, head: Any, arguments: list[Any]) -> Expr:
        match head, arguments:
            case "len", [of]:
                return self._len(node, of, 0)
            case "len", [of, axis]:
                return self._len(node, of, self._plain(axis))
            case "observable", [text]:
                return _observable(text, None)
            case "observable", [text, width]:
                return _observable(text, self._plain(width))
            case "updated", [_, _, _]:
                return self._checked(node, Updated(*self._items(arguments)))
        if not isinstance(head, str) or head not in FUNCTIONS | _OTHER_FUNCTIONS:
            near = did_you_mean(head, [*FUNCTIONS, *_OTHER_FUNCTIONS]) if isinstance(head, str) else ""
            raise error_at(head, f"no function of classical values has this name{near}")
        if head not in FUNCTIONS:
            raise error_at(node, f"wrong number of arguments for `{head}`")
        return self._apply(node, str(head), arguments)

    def _len(self, node: Any, of: Any, axis: int) -> Expr:
        is_register = of.data == "variable" and is_quantum(self._type_of(of.children[0]))
        base = Name(name_of(of.children[0]), ArrayType(QUBIT)) if is_register else self.expression(of)
        self._checked(node, Size(base, axis))
        return size(base, axis)

    def _plain(self, node: Any) -> int:
        """A whole number written out."""
        match self.expression(node):
            case Const(int(value)) if 0 <= value < 1 << 31:
                return int(value)
        raise error_at(node, "a whole number should stand here")

    def _element(self, node: Any, base: Expr, keys: tuple[Expr, ...]) -> Expr:
        if not has_element(base.type, keys):
            asked = ", ".join(str(key.type) for key in keys)
            raise error_at(node, f"a {base.type} has no such element", f"asked for by {asked}")
        return item(base, keys[0] if len(keys) == 1 else keys)

    def _list(self, node: Any, items: tuple[Expr, ...]) -> Expr:
        type = array_type({entry.type for entry in items})
        if type is None:
            raise error_at(
                node, "these items make no vector, matrix or tensor", help="give the type, as in `Vector[Float]([1, x])`"
            )
        return Pack(items, type)

    def _typed(self, type: Type, written: Any) -> Expr:
        wanted = "tuple" if isinstance(type, TupleType) else "list"
        if written.data != wanted:
            raise error_at(written, f"a {wanted} should stand here")
        return self._checked(written, Pack(self._items(written.children), type))


def _literal(token: Any) -> Const:
    match token.type:
        case "TRUE" | "FALSE":
            return Const(token == "True")
        case "INF" | "NAN":
            return Const(float(token))
        case "STRING":
            raise error_at(token, "a string stands only in `observable`")
    if token.endswith("j"):
        raise error_at(token, "complex numbers stand only in the matrix of `unitary`")
    if token.isdigit():
        return Const(int(token))
    value = float(token)
    if value == float("inf"):
        raise error_at(token, "the number is too large for a Float")
    return Const(value)


def _observable(node: Any, width: int | None) -> Const:
    if node.data != "literal" or node.children[0].type != "STRING":
        raise error_at(node, "`observable` takes a sum as a string", help='write `observable("0.5*Z0*Z1 - X2")`')
    text = read_string(node.children[0])
    try:
        return Const(Hamiltonian.from_string(text, width))
    except QKernelError as error:
        raise error_at(node, error.title) from None
