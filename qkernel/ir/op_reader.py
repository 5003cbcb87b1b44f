"""From syntax trees of the text form to functions and ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import did_you_mean
from qkernel.ir.expression_reader import ExpressionReader, name_of
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.lexer import MAX_NESTING, Source
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Call,
    Carried,
    Control,
    Expval,
    For,
    Function,
    Gate,
    If,
    Items,
    Joined,
    Measure,
    Modifier,
    Module,
    Op,
    Parameter,
    PauliEvolve,
    Power,
    Probabilities,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place
from qkernel.ir.types import Type
from qkernel.ir.vocabulary import GATE_WORDS, MEASUREMENTS, MODIFIERS
from qkernel.ir.walk import definitions, joined_type, target_types, value_type

if TYPE_CHECKING:
    from lark import Token

Matrix = tuple[tuple[complex, ...], ...]
_BASES = {word: key for key, word in MEASUREMENTS.items()}
_MODIFIABLE = GATE_WORDS | {"pauli_evolve"}
_RESULTS = {"qubit": 1, "qubits": 1, "expval": 1, "probabilities": 1} | dict.fromkeys(_BASES, 1)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a call must know of a function: the types that it gives back."""

    returns: tuple[Type, ...]


def read_module(tree: Any, source: Source) -> Module:
    """The module that the syntax tree `tree` of a whole text stands for."""
    reader = ExpressionReader(source)
    signatures: dict[str, Signature] = {}
    for function in tree.children:
        name = function.children[2]
        if name_of(name) in signatures:
            raise reader.error(name, f"a second function `{name_of(name)}`")
        returns = function.children[4]
        types = () if returns is None else tuple(reader.type(child) for child in returns.children if child is not None)
        signatures[name_of(name)] = Signature(types)
    return Module(tuple(FunctionReader(source, signatures=signatures).function(child) for child in tree.children))


@dataclass(frozen=True, slots=True)
class _Binding:
    """`name: type = value` in `carrying`, `next` or `join`."""

    token: Token
    value: Expr
    type: Type | None


@dataclass(slots=True)
class _Suite:
    """A block and what it hands on at its end, by name."""

    ops: list[Op] = field(default_factory=list)
    handed: dict[str, _Binding] = field(default_factory=dict)
    word: str = ""
    end: Any = None
    returned: tuple[Expr | Place, ...] | None = None


@dataclass(slots=True)
class FunctionReader(ExpressionReader):
    """Reads one function."""

    signatures: Mapping[str, Signature] = field(default_factory=dict)

    def function(self, node: Any) -> Function:
        """The function that `node` writes."""
        decorators, kind, name, parameters, returns, suite = node.children
        label, clean = self._decorators(decorators)
        given = tuple(self._parameter(child) for child in parameters.children if child is not None)
        body = self._suite(suite, 1)
        if body.handed:
            raise self.error(body.end, f"`{body.word}` outside a loop or branch")
        values = body.returned or ()
        announced = self.signatures[name_of(name)].returns
        found = tuple(value_type(value) for value in values)
        if found != announced:
            told = ", ".join(map(str, announced)) or "nothing"
            raise self.error(
                name, f"`{name_of(name)}` is to return {told} and returns {', '.join(map(str, found)) or 'nothing'}"
            )
        return Function(
            name_of(name), given, tuple(body.ops), values, returns is not None and returns.data == "returns_tuple",
            str(kind), label, clean, self.span(name),
        )  # fmt: skip

    def _decorators(self, node: Any) -> tuple[str | None, bool]:
        label, clean = None, False
        for decorator in node.children:
            match [part if part is None else str(part) for part in decorator.children]:
                case ["label", str()] if label is None:
                    label = self.string(decorator.children[1])
                case ["clean_ancillas", None] if not clean:
                    clean = True
                case _:
                    raise self.error(decorator, 'a function is marked with `@label("...")` or `@clean_ancillas`, once')
        return label, clean

    def _parameter(self, node: Any) -> Parameter:
        name, type_node, default = node.children
        type = self.type(type_node)
        value = None if default is None else self.expression(default)
        self._declare(name, type)
        return Parameter(name_of(name), type, value, self.span(node))

    def _declare(self, token: Token, type: Type) -> None:
        if name_of(token) in self.types:
            raise self.error(token, f"`{name_of(token)}` is defined a second time", help="each name in scope is another")
        self.types[name_of(token)] = type

    def _leave(self, outside: int) -> None:
        """Forget all but the first `outside` names."""
        while len(self.types) > outside:
            self.types.popitem()

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _suite(self, node: Any, depth: int) -> _Suite:
        suite = _Suite()
        if depth > MAX_NESTING:
            raise self.error(node, "the text is nested too deeply", f"more than {MAX_NESTING} blocks in one another")
        for statement in node.children:
            if suite.handed or suite.returned is not None:
                raise self.error(statement, "a statement after the end of its block")
            match statement.data:
                case "pass":
                    pass
                case "return" if depth == 1:
                    suite.returned = tuple(self.value(child) for child in statement.children if child is not None)
                case "return":
                    raise self.error(statement, "`return` stands only at the end of a function")
                case "next" | "join":
                    suite.word, suite.end, suite.handed = statement.data, statement, self._bindings(statement)
                case _:
                    suite.ops.append(self._statement(statement, depth))
        return suite

    def _inner(self, node: Any, depth: int) -> _Suite:
        """A block in a block; its names end with it."""
        outside = len(self.types)
        suite = self._suite(node, depth + 1)
        self._leave(outside)
        return suite

    def _bindings(self, node: Any) -> dict[str, _Binding]:
        """What `carrying`, `next` or `join` binds, by name."""
        result: dict[str, _Binding] = {}
        for binding in () if node is None else node.children[0].children:
            target, value = binding.children
            name, type = target.children
            if name_of(name) in result:
                raise self.error(target, f"`{name_of(name)}` stands here a second time")
            result[name_of(name)] = _Binding(name, self.expression(value), None if type is None else self.type(type))
        return result

    def _statement(self, node: Any, depth: int) -> Op:
        match node.data:
            case "for":
                return self._for(node, depth)
            case "while":
                return self._while(node, depth)
            case "if":
                return self._if(node, list(node.children), depth)
            case "effect":
                return self._effect(node, node.children[0], [])
        targets, call = node.children
        return self._effect(node, call, targets.children)

    def _for(self, node: Any, depth: int) -> For:
        targets_node, domain_node, carrying, suite = node.children
        domain, initial, outside = self._domain(domain_node), self._bindings(carrying), len(self.types)
        targets = [target.children for target in targets_node.children if target is not None]
        for (name, written), type in zip(targets, target_types(domain, len(targets)), strict=True):
            self._declare(name, type if written is None else self.type(written))
        self._declare_carried(initial)
        body = self._suite(suite, depth + 1)
        self._leave(outside)
        self._declare_carried(initial)
        names = tuple(name_of(name) for name, _ in targets)
        return For(names, domain, tuple(body.ops), self._carried(node, initial, body), self._head(node, domain_node))

    def _while(self, node: Any, depth: int) -> While:
        condition_node, carrying, suite = node.children
        initial = self._bindings(carrying)
        self._declare_carried(initial)
        condition = self.expression(condition_node)
        body = self._inner(suite, depth)
        return While(condition, tuple(body.ops), self._carried(node, initial, body), self._head(node, condition_node))

    def _declare_carried(self, initial: dict[str, _Binding]) -> None:
        for binding in initial.values():
            self._declare(binding.token, binding.type or binding.value.type)

    def _carried(self, node: Any, initial: dict[str, _Binding], body: _Suite) -> tuple[Carried, ...]:
        if list(body.handed) != list(initial) or body.word == "join":
            wanted = f"`next` with {', '.join(f'`{name}`' for name in initial)}" if initial else "neither `next` nor `join`"
            raise self.error(node, f"this loop's body must end with {wanted}")
        return tuple(Carried(name, first.value, body.handed[name].value) for name, first in initial.items())

    def _head(self, node: Any, last: Any) -> Any:
        """The span of a statement up to the end of `last`."""
        return self.source.span(node.meta.line, node.meta.column, last.meta.end_line, last.meta.end_column)

    def _domain(self, node: Any) -> Range | Items:
        head, *arguments = [child for child in node.children if child is not None]
        match head, len(arguments):
            case "range", 1 | 2 | 3:
                values = [self.number(argument) for argument in arguments]
                start, stop, step = (ZERO, *values, ONE) if len(values) == 1 else (*values, ONE)[:3]
                return Range(start, stop, step)
            case "items", 1:
                return Items(self.expression(arguments[0]))
        raise self.error(node, "a loop runs over `range(...)` or `items(...)`")

    def _if(self, node: Any, children: list[Any], depth: int) -> If:
        """`children` are condition, block, condition, block, ..., block of `else` or None."""
        condition_node, then_node, *rest = children
        condition = self.expression(condition_node.children[0])
        then = self._inner(then_node, depth)
        otherwise = _Suite()
        if len(rest) > 1:
            if depth >= MAX_NESTING:
                raise self.error(rest[0], "the text is nested too deeply", f"more than {MAX_NESTING} branches in one another")
            outside = len(self.types)
            otherwise.ops.append(self._if(rest[0], rest, depth + 1))
            self._leave(outside)
        elif rest[0] is not None:
            otherwise = self._inner(rest[0], depth)
        joined = self._joined(node, then, otherwise)
        return If(condition, tuple(then.ops), tuple(otherwise.ops), joined, self._head(node, condition_node))

    def _joined(self, node: Any, then: _Suite, otherwise: _Suite) -> tuple[Joined, ...]:
        if list(then.handed) != list(otherwise.handed) or "next" in (then.word, otherwise.word):
            raise self.error(node, "both branches must end with `join` of the same names in the same order")
        joined = []
        for name, left in then.handed.items():
            right = otherwise.handed[name]
            self._declare(left.token, left.type or right.type or joined_type(left.value.type, right.value.type))
            joined.append(Joined(name, left.value, right.value))
        return tuple(joined)

    # Simple statements ----------------------------------------------------------------------------------------------

    def _effect(self, node: Any, call: Any, target_nodes: list[Any]) -> Op:
        """A gate, call, measurement or allocation; the names that it defines are declared."""
        head, modifiers = self._head_and_modifiers(call.children[0])
        arguments = [child for child in call.children[1:] if child is not None]
        for argument in arguments:
            if argument.data == "keyword":
                raise self.error(argument, "only `control` takes keywords, `value=` and `count=`")
        targets = [(name, None if type is None else self.type(type)) for name, type in (node.children for node in target_nodes)]
        if modifiers and head in _RESULTS | {"reset": 0}:
            raise self.error(call, f"`{head}` takes no modifiers")
        names = tuple(None if name.type == "UNDERSCORE" else name_of(name) for name, _ in targets)
        if head in _RESULTS:
            if len(names) != 1 or names[0] is None:
                raise self.error(node, f"`{head}` gives one result a name", help=f"write `name = {head}(...)`")
            op = self._result(node, head, names[0], arguments)
        elif head in _MODIFIABLE or head == "reset":
            if targets:
                raise self.error(node, f"`{head}` gives nothing back")
            op = self._gate(node, head, modifiers, arguments)
        else:
            op = self._call(node, head, modifiers, arguments, names)
        self._declare_results(op, targets)
        return op

    def _declare_results(self, op: Op, targets: list[tuple[Token, Type | None]]) -> None:
        known: dict[str, Type] = dict(definitions(op, Module(())))
        if isinstance(op, Call):
            returns = self.signatures[op.callee].returns
            known = {name: type for name, type in zip(op.results, returns, strict=True) if name is not None}
        for name, type in targets:
            if name.type != "UNDERSCORE":
                self._declare(name, type or known[name_of(name)])

    def _head_and_modifiers(self, node: Any) -> tuple[str, tuple[Modifier, ...]]:
        """What is called, in backticks if it was written so, and its modifiers, first to last."""
        modifiers: list[Modifier] = []
        while not isinstance(node, str):
            if node.data == "variable":
                node = node.children[0]
                continue
            if node.data != "call" or node.children[0] not in MODIFIERS:
                raise self.error(node, "a gate or kernel should stand here, or `inverse`, `control` or `power` of one")
            word, *arguments = [child for child in node.children if child is not None]
            if not arguments:
                raise self.error(node, f"`{word}` of nothing")
            modifiers.append(self._modifier(node, str(word), arguments[1:]))
            node = arguments[0]
        if node in MODIFIERS:
            raise self.error(node, f"`{node}(...)` gives a gate or kernel, which is then called: `{node}(...)(...)`")
        return str(node), tuple(reversed(modifiers))

    def _modifier(self, node: Any, word: str, arguments: list[Any]) -> Modifier:
        match word, arguments:
            case "inverse", []:
                return Adjoint()
            case "power", [exponent]:
                return Power(self.number(exponent))
            case "control", _:
                return self._control(arguments)
        raise self.error(node, f"wrong number of arguments for `{word}`")

    def _control(self, arguments: list[Any]) -> Control:
        named: dict[str, Expr] = {}
        while arguments and arguments[-1].data == "keyword":
            *arguments, last = arguments
            word, given = str(last.children[0]), last.children[1]
            if word not in ("value", "count") or word in named:
                raise self.error(last, "`control` has the keywords `value` and `count`, each once")
            named[word] = self.number(given)
        return Control(tuple(self.place(place) for place in arguments), named.get("value"), named.get("count"))

    def _result(self, node: Any, head: str, name: str, arguments: list[Any]) -> Op:
        span = self.span(node)
        match head, arguments:
            case "qubit", []:
                return Alloc(name, None, span)
            case "qubits", [size]:
                return Alloc(name, self.number(size), span)
            case "expval", [places, observable]:
                return Expval(self.places(places), self.expression(observable), name, span)
            case "probabilities", [places]:
                return Probabilities(self.places(places), name, span)
            case _, [place] if head in _BASES:
                return Measure(self.place(place), name, *_BASES[head], span)
        raise self.error(node, f"wrong number of arguments for `{head}`")

    def _gate(self, node: Any, head: str, modifiers: tuple[Modifier, ...], arguments: list[Any]) -> Op:
        span = self.span(node)
        matrix: Matrix | None = None
        match head, arguments:
            case "reset", [place]:
                return Reset(self.place(place), span)
            case "pauli_evolve", [places, observable, time]:
                return PauliEvolve(self.places(places), self.expression(observable), self.expression(time), modifiers, span)
            case (("reset" | "pauli_evolve"), _):
                raise self.error(node, f"wrong number of arguments for `{head}`")
            case "unitary", [rows, *arguments]:
                matrix = self._matrix(rows)
        values = [self.value(argument) for argument in arguments]
        places_ = tuple(value for value in values if isinstance(value, Place))
        angles = tuple(value for value in values if isinstance(value, Expr))
        if values != [*places_, *angles]:
            raise self.error(node, f"the qubits of `{head}` come first, then its angles")
        return Gate(head, places_, angles, modifiers, matrix, span)

    def _call(
        self, node: Any, head: str, modifiers: tuple[Modifier, ...], arguments: list[Any], names: tuple[str | None, ...]
    ) -> Call:
        callee = name_of(head)
        if callee not in self.signatures:
            near = did_you_mean(callee, [*GATE_WORDS, *self.signatures])
            raise self.error(node, f"there is no gate or function `{callee}` in this text{near}")
        expected = len(self.signatures[callee].returns)
        if names and len(names) != expected:
            raise self.error(
                node, f"`{callee}` gives back {expected} values, not {len(names)}", help="write `_` for those without a name"
            )
        values = tuple(self.value(argument) for argument in arguments)
        return Call(callee, values, names or (None,) * expected, modifiers, self.span(node))

    def _matrix(self, node: Any) -> Matrix:
        if node.data != "list":
            raise self.error(node, "`unitary` takes a matrix first", help="write it as rows: `unitary([[1, 0], [0, 1j]], q)`")
        rows = []
        for row in node.children:
            if row is None or row.data != "list":
                raise self.error(row or node, "a row of the matrix should stand here", help="write it as `[1, 0.5+0.5j]`")
            rows.append(tuple(self._entry(entry) for entry in row.children if entry is not None))
        return tuple(rows)

    def _entry(self, node: Any) -> complex:
        """A complex number as it is written, signs of zeros included."""
        if node.data == "chain" and node.children[1] in ("+", "-"):
            real, sign, imaginary = node.children
            if _is_imaginary(imaginary) and not _is_imaginary(real):
                size = self._entry(imaginary).imag
                return complex(self._entry(real).real, -size if sign == "-" else size)
        elif node.data == "minus":
            inner = node.children[1]
            if inner.data == "literal":
                value = self._entry(inner)
                return complex(0.0, -value.imag) if _is_imaginary(inner) else complex(-value.real, 0.0)
        elif _is_imaginary(node):
            return complex(0.0, float(node.children[0][:-1]))
        elif node.data == "literal" and node.children[0].type in ("INTEGER", "DECIMAL"):
            return complex(float(node.children[0]), 0.0)
        raise self.error(node, "a number should stand here", help="write `0.5`, `-1j` or `0.5-0.5j`")


def _is_imaginary(node: Any) -> bool:
    return bool(node.data == "literal" and node.children[0].type == "IMAGINARY")
