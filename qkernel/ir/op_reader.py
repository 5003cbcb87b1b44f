"""From syntax trees of the text form to functions and ops. What they must be is for the verifier to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from qkernel.diagnostics import Span, counted, did_you_mean
from qkernel.ir import ops
from qkernel.ir.expression_reader import ExpressionReader, name_of, read_string, read_type
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.fields import EACH, Declared, Operand, Role
from qkernel.ir.lexer import MAX_NESTING, error_at, span_of
from qkernel.ir.module import Module
from qkernel.ir.types import UINT, Type, joined_type
from qkernel.ir.walk import definitions, target_types

Names = tuple[str | None, ...]
Bindings = list[tuple[Any, Expr]]
"""`name: type = value` each: the tree of the name and its type, and the value."""


def read_module(tree: Any, text: str, file: str) -> Module:
    """The module that `tree`, the syntax tree of `text`, stands for."""
    returns: dict[str, tuple[Type, ...]] = {}
    for function in tree.children:
        name, types = function.children[2], function.children[4]
        if name_of(name) in returns:
            raise error_at(name, f"a second function `{name_of(name)}`")
        returns[name_of(name)] = () if types is None else tuple(map(read_type, types.children))
    return Module(tuple(FunctionReader(text=text, file=file, returns=returns).function(node) for node in tree.children))


@dataclass(slots=True, kw_only=True)
class FunctionReader(ExpressionReader):
    """Reads one function. `returns` are the types that each function of the module is to give back."""

    text: str
    file: str
    returns: Mapping[str, tuple[Type, ...]]
    nesting: int = 0

    def function(self, node: Any) -> ops.Function:
        """The function that `node` writes."""
        decorators, kind, name, parameters, returns, block, returned = node.children
        label, clean, costs, forms = self._decorators(decorators)
        given = tuple(map(self._parameter, parameters.children))
        cost = tuple((read_string(item), self.expression(amount)) for item, amount in costs)
        body = self._block(block)
        values = () if returned is None else tuple(map(self.value, returned.children))
        announced, found = self.returns[name_of(name)], tuple(value.type for value in values)
        if found != announced:
            said, given_back = (", ".join(map(str, types)) or "nothing" for types in (announced, found))
            raise error_at(name, f"`{name_of(name)}` is to return {said} and returns {given_back}")
        as_tuple = returns is not None and returns.data == "returns_tuple"
        span = self._span(name)
        return ops.Function(name_of(name), given, body, values, as_tuple, str(kind), label, clean, span, cost, **forms)

    def _decorators(self, node: Any) -> tuple[str | None, bool, list[tuple[str, Any]], dict[str, str]]:
        label, clean, costs = None, False, list[tuple[str, Any]]()
        forms = dict[str, str]()
        for decorator in node.children:
            match decorator.children:
                case ["label", str(text), None] if label is None:
                    label = read_string(text)
                case ["clean_ancillas", None, None] if not clean:
                    clean = True
                case ["inverse" | "control" as word, str(text), None] if word not in forms:
                    forms[str(word)] = read_string(text)
                case ["cost", str(item), amount] if amount is not None:
                    costs.append((item, amount))
                case _:
                    raise error_at(decorator, 'a function is marked with `@label("...")` or `@clean_ancillas`, once')
        return label, clean, costs, forms

    def _parameter(self, node: Any) -> ops.Parameter:
        name, type, default = node.children
        value = None if default is None else self.expression(default)
        length = None
        if getattr(type, "data", "") == "fixed_register":
            *_, number = type.children
            if not number.isdecimal():
                raise error_at(number, f"a register has a whole number of qubits, not {number}")
            length = int(number)
        self._declare(name, read_type(type))
        return ops.Parameter(name_of(name), self.types[name_of(name)], value, self._span(node), length)

    def _declare(self, name: str, type: Type) -> None:
        if name_of(name) in self.types:
            raise error_at(name, f"`{name_of(name)}` is defined a second time", help="each name in scope is another")
        self.types[name_of(name)] = type

    def _declare_target(self, target: Any, type: Type) -> None:
        """A name with the type that is written with it, or else with `type`."""
        name, written = target.children
        self._declare(name, type if written is None else read_type(written))

    @contextmanager
    def _scope(self, node: Any) -> Iterator[None]:
        """A block in a block; the names that are declared in it end with it."""
        if self.nesting == MAX_NESTING:
            raise error_at(node, "the text is nested too deeply", f"more than {MAX_NESTING} blocks in one another")
        outside = len(self.types)
        self.nesting += 1
        yield
        self.nesting -= 1
        while len(self.types) > outside:
            self.types.popitem()

    def _span(self, node: Any, last: Any = None) -> Span:
        """From the start of a token or tree to its end, or to that of `last`."""
        start, end = span_of(node), span_of(node if last is None else last)
        return Span(self.file, start.line, start.column, end.end_line, end.end_column)

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _block(self, node: Any) -> ops.Block:
        return tuple([self._statement(statement) for statement in node.children])

    def _statement(self, node: Any) -> ops.Op:
        match node.data:
            case "for":
                return self._for(node)
            case "while":
                return self._while(node)
            case "if":
                return self._if(node)
            case "within":
                setup, body = node.children
                with self._scope(node):
                    return ops.Within(self._block(setup), self._block(body), self._span(setup))
        return self._effect(node)

    def _bindings(self, node: Any) -> Bindings:
        """What `carrying`, `next` or `join` binds."""
        pairs = [] if node is None else [binding.children for binding in node.children]
        return [(target, self.expression(value)) for target, value in pairs]

    def _for(self, node: Any) -> ops.For:
        targets, call, carrying, block, following = node.children
        domain, initial, count = self._domain(call), self._carrying(carrying), len(targets.children)
        with self._scope(node):
            types = target_types(domain, count) or (UINT,) * count  # which the verifier refuses
            for target, type in zip(targets.children, types, strict=True):
                self._declare_target(target, type)
            body, carried = self._round(node, initial, block, following)
        return ops.For(_names(targets.children), domain, body, carried, self._span(node, call))

    def _while(self, node: Any) -> ops.While:
        tested, carrying, block, following = node.children
        initial = self._carrying(carrying)
        with self._scope(node):
            condition = self.expression(tested)
            body, carried = self._round(node, initial, block, following)
        return ops.While(condition, body, carried, self._span(node, tested))

    def _carrying(self, node: Any) -> Bindings:
        initial = self._bindings(node)
        for target, value in initial:
            self._declare_target(target, value.type)
        return initial

    def _round(self, node: Any, initial: Bindings, block: Any, following: Any) -> tuple[ops.Block, tuple[ops.Carried, ...]]:
        """The body of a loop, and what it carries."""
        body, last = self._block(block), self._bindings(following)
        names = _bound(initial)
        if _bound(last) != names:
            listed = ", ".join(f"`{name}`" for name in names)
            raise error_at(node, f"this loop's body must end {f'with `next` with {listed}' if names else 'without `next`'}")
        pairs = zip(names, initial, last, strict=True)
        return body, tuple(ops.Carried(name, before, after) for name, (_, before), (_, after) in pairs)

    def _domain(self, node: Any) -> ops.Range | ops.Items:
        match node.children:
            case ["range", stop]:
                return ops.Range(ZERO, self.expression(stop), ONE)
            case ["range", start, stop]:
                return ops.Range(self.expression(start), self.expression(stop), ONE)
            case ["range", start, stop, step]:
                return ops.Range(self.expression(start), self.expression(stop), self.expression(step))
            case ["items", dictionary]:
                return ops.Items(self.expression(dictionary))
        raise error_at(node, "a loop runs over `range(...)` or `items(...)`")

    def _if(self, node: Any) -> ops.If:
        tested, *sides = node.children
        condition = self.expression(tested)
        (then, left), (otherwise, right) = map(self._side, sides)
        if _bound(left) != _bound(right):
            raise error_at(node, "both branches must end with `join` of the same names in the same order")
        joined = []
        for (target, value), (_, other) in zip(left, right, strict=True):
            self._declare_target(target, joined_type(value.type, other.type))
            joined.append(ops.Joined(name_of(target.children[0]), value, other))
        return ops.If(condition, then, otherwise, tuple(joined), self._span(node, tested))

    def _side(self, node: Any) -> tuple[ops.Block, Bindings]:
        """One side of a branch; `elif` stands for a side that is a branch itself, None for one that is not there."""
        if node is None:
            return (), []
        with self._scope(node):
            if node.data == "if":
                return (self._if(node),), []
            block, join = node.children
            return self._block(block), self._bindings(join)

    # Simple statements ----------------------------------------------------------------------------------------------

    def _effect(self, node: Any) -> ops.Op:
        """A gate, call, measurement or allocation; the names that it defines are declared."""
        written, call = node.children
        word, modifiers = self._callee(call.children[0])
        targets = [] if written is None else [target.children for target in written.children]
        names = tuple(None if name.type == "UNDERSCORE" else name_of(name) for name, _ in targets)
        kind: Any = ops.OP_WORDS.get(word, ops.Call)
        if kind is ops.Call and name_of(word) not in self.returns:
            near = did_you_mean(name_of(word), [*ops.Gate.words, *self.returns])
            raise error_at(node, f"there is no gate or function `{name_of(word)}` in this text{near}")
        if modifiers and "modifiers" not in kind.operand_fields:
            raise error_at(call, f"`{word}` takes no modifiers")
        values = self._operands(call, word, kind, call.children[1:]) | self._results(node, word, kind, names)
        if modifiers:
            values["modifiers"] = modifiers
        if kind.word_field is not None:
            values[kind.word_field] = name_of(word)
        op: ops.Op = kind(**values, span=self._span(node))
        types = dict(definitions(op, self.returns))
        for (target, type), name in zip(targets, names, strict=True):
            if name is not None:
                self._declare(target, types[name] if type is None else read_type(type))
        return op

    def _callee(self, node: Any) -> tuple[str, tuple[ops.Modifier, ...]]:
        """What is called, in backticks if it was written so, and its modifiers, first to last."""
        if not isinstance(node, str) and node.data == "variable":
            (node,) = node.children
        if isinstance(node, str) and node in ops.MODIFIER_WORDS:
            raise error_at(node, f"`{node}(...)` gives a gate or kernel, which is then called: `{node}(...)(...)`")
        if isinstance(node, str):
            return node, ()
        match node.data, node.children:
            case "call", [str(word), inner, *arguments] if word in ops.MODIFIER_WORDS:
                head, modifiers = self._callee(inner)
                kind = ops.MODIFIER_WORDS[word]
                return head, (*modifiers, kind(**self._operands(node, word, kind, arguments)))
        raise error_at(node, "a gate or kernel should stand here, or `inverse`, `control` or `power` of one")

    def _results(self, node: Any, word: str, kind: type[Declared], names: Names) -> dict[str, Any]:
        """The fields of an op for the names of its results."""
        is_call = kind is ops.Call
        if None in names and not is_call:
            raise error_at(node, f"`{word}` gives no results without a name", help="only calls of functions have `_`")
        count = len(self.returns[name_of(word)]) if is_call else len(kind.result_fields)
        if is_call and not names:
            names = (None,) * count
        if len(names) != count:
            help = "write `_` for those without a name" if is_call else f"write `{'name = ' * count}{word}(...)`"
            raise error_at(node, f"`{name_of(word)}` gives back {counted(count, 'value')}, not {len(names)}", help=help)
        return dict(zip(kind.result_fields, [names] if is_call else names, strict=True))

    def _operands(self, node: Any, word: str, kind: type[Declared], nodes: list[Any]) -> dict[str, Any]:
        """The fields of an op or modifier that its word stands for, and those in the parentheses behind it."""
        values = dict(kind.words.get(word, {}))
        keywords = [name for name, role in kind.written if isinstance(role, Operand) and role.keyword]
        while keywords and nodes and nodes[-1].data == "keyword":
            *nodes, last = nodes
            name, given = last.children
            if name not in keywords or name in values:
                shown = " and ".join(f"`{keyword}`" for keyword in keywords)
                are_many = len(keywords) > 1
                raise error_at(last, f"`{word}` has the keyword{'s' * are_many} {shown},{' each' * are_many} once")
            values[str(name)] = self.expression(given)
        fields = [(name, role) for name, role in kind.written if name not in keywords and name not in values]
        if len(nodes) < sum(role not in EACH for _, role in fields):
            raise error_at(node, f"wrong number of arguments for `{word}`")
        for name, role in fields:
            taken = [*takewhile(self.names_qubits, nodes)] if role is Role.EACH_PLACE else nodes if role in EACH else nodes[:1]
            nodes = nodes[len(taken) :]
            read = [self._argument(role, part) for part in taken]
            values[name] = tuple(read) if role in EACH else read[0]
        if nodes:
            raise error_at(nodes[0], f"wrong number of arguments for `{word}`")
        return values

    def _argument(self, role: Role | Operand, node: Any) -> Any:
        match role:
            case Role.PLACE | Role.EACH_PLACE:
                return self.place(node)
            case Role.MATRIX:
                return self._matrix(node)
            case Role.EACH_VALUE:
                return self.value(node)
            case Role.EACH_EXPRESSION if self.names_qubits(node):
                raise error_at(node, "the qubits of a gate come first, then its angles")
        return self.expression(node)

    def _matrix(self, node: Any) -> tuple[tuple[complex, ...], ...]:
        if node.data != "list" or any(row.data != "list" for row in node.children):
            raise error_at(node, "`unitary` takes a matrix first", help="write it as rows: `unitary([[1, 0], [0, 1j]], q)`")
        return tuple(tuple(map(self._entry, row.children)) for row in node.children)

    def _entry(self, node: Any) -> complex:
        """A complex number as Python reads it."""
        try:
            if any(True for _ in node.find_data("variable")):  # such as `j`
                raise ValueError
            return complex("".join(self.text[node.meta.start_pos : node.meta.end_pos].split()))
        except ValueError:
            raise error_at(node, "a number should stand here", help="write `0.5`, `-1j` or `0.5-0.5j`") from None


def _names(targets: list[Any]) -> tuple[str, ...]:
    return tuple(name_of(target.children[0]) for target in targets)


def _bound(bindings: Bindings) -> tuple[str, ...]:
    return _names([target for target, _ in bindings])
