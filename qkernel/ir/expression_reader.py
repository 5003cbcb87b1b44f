"""From syntax trees of the text form to expressions and places. Names are looked up in the types declared so far."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import QKernelError, TextFormError
from qkernel.ir.expression_checks import has_element, misfit
from qkernel.ir.expressions import ONE, Const, Expr, Name, Pack, Slice, Updated, apply, item, size
from qkernel.ir.lexer import MAX_INTEGER_DIGITS, Source
from qkernel.ir.places import Place, whole
from qkernel.ir.printer import pack_type
from qkernel.ir.spans import Span
from qkernel.ir.types import QUBIT, SCALARS, UINT, ArrayType, DictType, ScalarType, TupleType, Type, is_quantum
from qkernel.ir.vocabulary import ARRAYS, FUNCTIONS, OPERANDS

if TYPE_CHECKING:
    from lark import Token

MAX_DEPTH = 400
"""Operations in one another in one expression."""
_MAX_INTEGER_BITS = MAX_INTEGER_DIGITS * 10 // 3


@dataclass(slots=True)
class ExpressionReader:
    """Reads expressions of one function; `types` holds the names declared so far."""

    source: Source
    types: dict[str, Type] = field(default_factory=dict)

    def error(self, node: Any, title: str, label: str = "", help: str | None = None) -> TextFormError:
        """An error that points at `node`."""
        return self.source.error(self.span(node), title, label, help)

    def span(self, node: Any) -> Span:
        """Where `node` stands."""
        meta: Any = node if isinstance(node, str) else node.meta
        return self.source.span(meta.line, meta.column, meta.end_line, meta.end_column)

    # Types ----------------------------------------------------------------------------------------------------------

    def type(self, node: Any) -> Type:
        """The type that `node` writes."""
        if isinstance(node, str):
            return self._scalar(node)
        children = [child for child in node.children if child is not None]
        match node.data:
            case "composed_type":
                return ArrayType(self._scalar(children[1]), ARRAYS.index(children[0]) + 1)
            case "tuple_type":
                return TupleType(tuple(self.type(child) for child in children))
        return DictType(self.type(children[0]), self.type(children[1]))

    def _scalar(self, node: Any) -> ScalarType:
        if node not in SCALARS:
            raise self.error(node, f"there is no type `{node}`{did_you_mean(node, [*SCALARS])}")
        return SCALARS[node]

    # Values and places ----------------------------------------------------------------------------------------------

    def value(self, node: Any) -> Expr | Place:
        """An argument or returned value: a place if it names qubits, else an expression."""
        base = node
        while not isinstance(base, str) and base.data == "subscript":
            base = base.children[0]
        if not isinstance(base, str) and base.data == "variable" and is_quantum(self._type_of(base.children[0])):
            return self.place(node)
        return self.expression(node)

    def place(self, node: Any) -> Place:
        """Qubits: `q`, `q[i]` or `q[start +: length : stride]`."""
        if node.data == "variable":
            name = name_of(node.children[0])
            return whole(name, self._quantum(node.children[0]))
        if node.data != "subscript" or node.children[0].data != "variable":
            raise self.error(node, "qubits should stand here", help="write `q`, `q[i]` or `q[start +: length : stride]`")
        base, keys = node.children
        name = name_of(base.children[0])
        self._quantum(base.children[0])
        if len(keys.children) != 1:
            raise self.error(keys, "a register has one axis")
        (key,) = keys.children
        if key.data == "stretch":
            return Place(name, *self._stretch(key, 0))
        return Place(name, self.number(key))

    def places(self, node: Any) -> tuple[Place, ...]:
        """One place, or several in parentheses."""
        if node.data == "tuple":
            return tuple(self.place(child) for child in node.children if child is not None)
        return (self.place(node),)

    def number(self, node: Any, depth: int = 0) -> Expr:
        """An expression that is a UInt."""
        expr = self.expression(node, depth)
        if expr.type != UINT:
            raise self.error(node, f"a UInt should stand here, not a {expr.type}")
        return expr

    def _quantum(self, name: Token) -> Type:
        type = self._type_of(name)
        if not is_quantum(type):
            raise self.error(name, f"`{name_of(name)}` is a {type}, qubits should stand here")
        return type

    def _type_of(self, name: Token) -> Type:
        if name_of(name) not in self.types:
            near = did_you_mean(name_of(name), [*self.types])
            raise self.error(name, f"`{name_of(name)}` is not defined before this line{near}")
        return self.types[name_of(name)]

    # Expressions ----------------------------------------------------------------------------------------------------

    def expression(self, node: Any, depth: int = 0) -> Expr:
        """The expression that `node` writes, folded as it is built."""
        if depth > MAX_DEPTH:
            raise self.error(node, "the expression is nested too deeply", f"more than {MAX_DEPTH} operations in one another")
        match node.data:
            case "literal":
                return self._literal(node.children[0])
            case "variable":
                return self._name(node.children[0])
            case "chain":
                return self._chain(node, depth)
            case "minus":
                return self._apply(node, "neg", node.children[1:], depth)
            case "not":
                return self._apply(node, "not", node.children, depth)
            case "power":
                return self._apply(node, "**", node.children, depth)
            case "select":
                then, condition, otherwise = node.children
                return self._apply(node, "select", (condition, then, otherwise), depth)
            case "call":
                return self._function(node, depth)
            case "subscript":
                return self._element(node, depth)
            case "tuple":
                items = self._items(node.children, depth)
                return Pack(items, TupleType(tuple(entry.type for entry in items)))
            case "list":
                return self._list(node, depth)
            case "typed":
                return self._typed(node, depth)
        raise self.error(node, "a value should stand here")

    def _items(self, nodes: Any, depth: int) -> tuple[Expr, ...]:
        return tuple([self.expression(node, depth + 1) for node in nodes if node is not None])

    def _literal(self, token: Token) -> Expr:
        match token.type:
            case "INTEGER":
                return Const(int(token))
            case "TRUTH":
                return Const(token == "True")
            case "DECIMAL":
                value = float(token)
                if value == float("inf") and token != "inf":
                    raise self.error(token, "the number is too large for a Float")
                return Const(value)
            case "IMAGINARY":
                raise self.error(token, "complex numbers stand only in the matrix of `unitary`")
        raise self.error(token, "a string stands only in `observable`")

    def _name(self, token: Token) -> Expr:
        type = self._type_of(token)
        if is_quantum(type):
            raise self.error(token, f"`{name_of(token)}` is a {type}, a classical value should stand here")
        return Name(name_of(token), type)

    def _chain(self, node: Any, depth: int) -> Expr:
        """A run of operators that group to the left, read without going deeper for each."""
        run = []
        while node.data == "chain":
            run.append(node)
            node = node.children[0]
        result = self.expression(node, depth + len(run))
        for below, step in zip(range(len(run), 0, -1), reversed(run), strict=True):
            _, sign, right = step.children
            result = self._compute(step, str(sign), result, self.expression(right, depth + below))
        return result

    def _apply(self, node: Any, name: str, operands: Any, depth: int) -> Expr:
        return self._compute(node, name, *self._items(operands, depth))

    def _compute(self, node: Any, name: str, *operands: Expr) -> Expr:
        """`apply`, for operands that it is made for and constants of bounded size."""
        wrong = misfit(name, operands)
        if wrong is not None:
            raise self.error(node, wrong)
        match name, operands:
            case "**", (Const(int(base)), Const(int(exponent))) if (
                abs(base) > 1 and base.bit_length() * exponent > _MAX_INTEGER_BITS
            ):
                raise self._too_large(node)
        try:
            result = apply(name, *operands)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise self.error(node, "the expression has no value", str(error)) from None
        match result:
            case Const(int(value)) if value.bit_length() > _MAX_INTEGER_BITS:
                raise self._too_large(node)
            case Const(complex()):
                raise self.error(node, "the expression has no value", "it would be complex")
        return result

    def _too_large(self, node: Any) -> TextFormError:
        return self.error(node, "a whole number is too large", f"more than {MAX_INTEGER_DIGITS:,} digits")

    def _function(self, node: Any, depth: int) -> Expr:
        head, *arguments = [child for child in node.children if child is not None]
        if not isinstance(head, str) or head not in (known := FUNCTIONS | {"len", "updated", "observable"}):
            near = did_you_mean(str(head), [*known]) if isinstance(head, str) else ""
            raise self.error(head, f"no function of classical values has this name{near}")
        if head == "len" and arguments:
            return self._len(arguments, depth)
        if head == "observable" and arguments:
            return self._observable(arguments)
        wanted = OPERANDS.get(head, 3)
        if len(arguments) != wanted:
            raise self.error(node, f"`{head}` takes {wanted} argument{'s' if wanted > 1 else ''}, not {len(arguments)}")
        if head != "updated":
            return self._apply(node, head, arguments, depth)
        base, key, value = self._items(arguments, depth)
        if not isinstance(base.type, ArrayType) or base.type.rank != 1 or key.type != UINT:
            raise self.error(node, f"`updated` takes a vector, a UInt and a value, not a {base.type} and a {key.type}")
        return Updated(base, key, value)

    def _len(self, arguments: Any, depth: int) -> Expr:
        of, *rest = arguments
        axis = self._plain(rest[0]) if rest else 0
        if of.data == "variable" and is_quantum(type := self._type_of(of.children[0])):
            base: Expr = Name(name_of(of.children[0]), ArrayType(QUBIT))
            axes = 0 if type == QUBIT else 1
        else:
            base = self.expression(of, depth + 1)
            axes = base.type.rank if isinstance(base.type, ArrayType) else isinstance(base.type, DictType)
        if axis >= axes or len(rest) > 1:
            raise self.error(of, f"this has {axes} ax{'i' if axes == 1 else 'e'}s", "its length is asked for")
        return size(base, axis)

    def _observable(self, arguments: Any) -> Expr:
        from qkernel.observable import Hamiltonian

        text, *rest = arguments
        width = self._plain(rest[0]) if rest else None
        if text.data != "literal" or text.children[0].type != "STRING" or len(rest) > 1:
            raise self.error(text, "`observable` takes a sum as a string", help='write `observable("0.5*Z0*Z1 - X2")`')
        try:
            return Const(Hamiltonian.from_string(self.string(text.children[0]), width))
        except QKernelError as error:
            raise self.error(text, error.title) from None

    def _plain(self, node: Any) -> int:
        """A whole number written out."""
        match self.expression(node):
            case Const(int(value)) if 0 <= value < 1 << 31:
                return int(value)
        raise self.error(node, "a whole number should stand here")

    def string(self, token: Token) -> str:
        """The text that a string literal stands for."""
        try:
            return str(json.loads(token))
        except ValueError:
            raise self.error(token, "the string has a character or an escape that JSON does not have") from None

    def _element(self, node: Any, depth: int) -> Expr:
        base_node, keys = node.children
        base = self.expression(base_node, depth + 1)
        if keys.children[0].data == "stretch":
            if not isinstance(base.type, ArrayType) or base.type.rank != 1:
                raise self.error(base_node, f"a stretch is taken of a vector, not of a {base.type}")
            return Slice(base, *self._stretch(keys.children[0], depth))
        found = self._items(keys.children, depth)
        if not has_element(base.type, found):
            raise self.error(
                node, f"a {base.type} has no such element", f"asked for by {', '.join(str(key.type) for key in found)}"
            )
        return item(base, found[0] if len(found) == 1 else found)

    def _stretch(self, node: Any, depth: int) -> tuple[Expr, Expr, Expr]:
        """Start, stride and length."""
        start, length, *stride = (self.number(part, depth + 1) for part in node.children if part is not None)
        return start, stride[0] if stride else ONE, length

    def _list(self, node: Any, depth: int) -> Expr:
        items = self._items(node.children, depth)
        type = pack_type(items)
        if type is None:
            raise self.error(node, "the items of a list differ in type", help="give the type, as in `Vector[Float]([1, x])`")
        return Pack(items, type)

    def _typed(self, node: Any, depth: int) -> Expr:
        type, written = self.type(node.children[0]), node.children[1]
        wanted = "tuple" if isinstance(type, TupleType) else "list"
        if written.data != wanted:
            raise self.error(written, f"a {wanted} should stand here")
        return Pack(self._items(written.children, depth), type)


def name_of(token: str) -> str:
    """The name that a token stands for, without its backticks."""
    return token[1:-1] if token.startswith("`") else str(token)
