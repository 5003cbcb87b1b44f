"""The IR as text: exact, so that `parse` gives back an equal module, and made to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qkernel.ir import ops
from qkernel.ir.expression_text import TEXT, format_expression, string_text
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.fields import Declared, Operand, Role
from qkernel.ir.places import Place, whole
from qkernel.ir.types import QUBIT, Type, joined_type
from qkernel.ir.vocabulary import (
    HEADER,
    VERSION,
    name_text,
)
from qkernel.ir.walk import definitions, return_types

_INDENT = "    "
_LONGEST_LINE = 110
_STATEMENTS = {*ops.OP_WORDS, *ops.MODIFIER_WORDS, "range", "items"}


def format_functions(functions: Sequence[ops.Function]) -> str:
    """The text form of a module of these functions; `parse` reads an equal one back."""
    returns = return_types(functions)
    texts = ["\n".join(_FunctionPrinter(returns).function(function)) for function in functions]
    return "\n\n".join([f"{HEADER} {VERSION}", *texts])


# Functions and ops --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _FunctionPrinter:
    """Writes one function as lines. `returns` is what each function gives back, `types` are those of the names so far."""

    returns: Mapping[str, tuple[Type, ...]]
    types: dict[str, Type] = field(default_factory=dict)

    def function(self, function: ops.Function) -> list[str]:
        self.types = {parameter.name: parameter.type for parameter in function.parameters}
        marks = [] if function.label is None else [f"@label({string_text(function.label)})"]
        if function.clean_ancillas:
            marks.append("@clean_ancillas")
        for word, form in (("inverse", function.inverse), ("control", function.control)):
            marks += [] if form is None else [f"@{word}({string_text(form)})"]
        marks += [f"@cost({string_text(item)}, {format_expression(amount)})" for item, amount in function.cost]
        body = self.block(function.body)
        if function.returns:
            body.append(f"return {self.values(function.returns)}")
        return [*marks, *_signature(function), *_inner(body)]

    def block(self, block: ops.Block) -> list[str]:
        return [line for op in block for line in self.op(op)]

    def op(self, op: ops.Op) -> list[str]:
        match op:
            case ops.For() | ops.While():
                return self.loop(op)
            case ops.If():
                return self.branch(op)
            case ops.Within(setup, body):
                return ["within:", *_inner(self.block(setup)), "apply:", *_inner(self.block(body))]
        called, operands = self.call(op)
        for modifier in getattr(op, "modifiers", ()):
            word, others = self.call(modifier)
            called = f"{word}({', '.join([called, *others])})"
        self.types.update(definitions(op, self.returns))
        return f"{_results(op)}{called}({', '.join(operands)})".split("\n")

    def loop(self, op: ops.For | ops.While) -> list[str]:
        if isinstance(op, ops.For):
            head = f"for {_targets(op.targets)} in {_domain(op.domain)}"
        else:
            head = f"while {format_expression(op.condition)}"
        following = _bindings("next", [(entry.name, entry.next) for entry in op.carried])
        return [f"{head}{_carrying(op.carried)}:", *_inner(self.block(op.body) + following)]

    def branch(self, op: ops.If) -> list[str]:
        then = _bindings("join", [(entry.name, entry.then) for entry in op.joined])
        lines = [f"if {format_expression(op.condition)}:", *_inner(self.block(op.then) + then)]
        match op:
            case ops.If(otherwise=(ops.If() as other,), joined=()):
                first, *rest = self.branch(other)
                return [*lines, f"el{first}", *rest]
            case ops.If(otherwise=(), joined=()):
                return lines
        otherwise = _bindings("join", [(entry.name, entry.otherwise) for entry in op.joined])
        return [*lines, "else:", *_inner(self.block(op.otherwise) + otherwise)]

    def call(self, op: Declared) -> tuple[str, list[str]]:
        """The word of an op or modifier, and what stands in its parentheses."""
        word, meant = op.spelling()
        shown: list[str] = []
        for name, role in op.written:
            value = getattr(op, name)
            match role:
                case _ if name in meant or value is None:
                    continue
                case Operand(keyword=True):
                    shown.append(f"{name}={format_expression(value)}")
                case Operand() | Role.PLACE:
                    shown.append(self.value(value))
                case Role.MATRIX:
                    shown.append(_matrix(value))
                case _:
                    shown += map(self.value, value)
        return word if word in op.words else _function_text(word), shown

    def values(self, values: Iterable[Expr | Place]) -> str:
        return ", ".join(map(self.value, values))

    def value(self, value: Expr | Place) -> str:
        """An expression, or `q`, `q[i]` or `q[start +: length : stride]`, where pieces in parentheses may stand for `q`."""
        if isinstance(value, Expr):
            return format_expression(value)
        if isinstance(value.register, tuple):
            register = f"({self.values(value.pieces)}{',' if len(value.pieces) == 1 else ''})"
            is_whole = value.is_all
        else:
            register, type = name_text(value.register), self.types[value.register]
            is_whole = (value.length is None) == (type is QUBIT) and value == whole(value.register, type)
        if is_whole:
            return register
        if value.length is None:
            return f"{register}[{format_expression(value.start)}]"
        return f"{register}[{TEXT.bounds(value.start, value.stride, value.length)}]"


def _function_text(name: str) -> str:
    """The name of a function, in backticks also if a statement has that name."""
    return f"`{name}`" if name in _STATEMENTS else name_text(name)


def _signature(function: ops.Function) -> list[str]:
    """The first line; a long one has each parameter on a line of its own."""
    head, end = f"{function.kind} {_function_text(function.name)}(", f"){_return_types(function)}:"
    parameters = [*map(_parameter, function.parameters)]
    line = f"{head}{', '.join(parameters)}{end}"
    if len(line) <= _LONGEST_LINE or not parameters:
        return [line]
    return [head, *(f"{_INDENT}{parameter}," for parameter in parameters), end]


def _parameter(parameter: ops.Parameter) -> str:
    default = "" if parameter.default is None else f" = {format_expression(parameter.default)}"
    return f"{name_text(parameter.name)}: {parameter.annotation}{default}"


def _return_types(function: ops.Function) -> str:
    types = ", ".join(str(value.type) for value in function.returns)
    if function.returns_tuple:
        return f" -> ({types},)" if len(function.returns) == 1 else f" -> ({types})"
    return f" -> {types}" if types else ""


def _carrying(carried: tuple[ops.Carried, ...]) -> str:
    """What a loop carries, each with its type where it starts as another."""
    shown = []
    for entry in carried:
        type = joined_type(entry.initial.type, entry.next.type)
        declared = "" if type == entry.initial.type else f": {type}"
        shown.append(f"{name_text(entry.name)}{declared} = {format_expression(entry.initial)}")
    return f" carrying {', '.join(shown)}" if shown else ""


def _bindings(word: str, values: list[tuple[str, Expr]]) -> list[str]:
    """The line at the end of a block that hands on `values`, if there are any."""
    shown = ", ".join(f"{name_text(name)} = {format_expression(value)}" for name, value in values)
    return [f"{word} {shown}"] if shown else []


def _inner(lines: list[str]) -> list[str]:
    """The lines of a block, within what it belongs to."""
    return [_INDENT + line for line in lines or ["pass"]]


def _results(op: ops.Op) -> str:
    """`a, b = `; `_` stands for a result without a name."""
    names: list[str | None] = []
    for name in op.result_fields:
        value = getattr(op, name)
        names += [value] if isinstance(value, str) else value
    shown = ["_" if name is None else "`_`" if name == "_" else name_text(name) for name in names]
    return "" if all(name is None for name in names) else f"{', '.join(shown)} = "


def _targets(names: tuple[str, ...]) -> str:
    *first, last = map(name_text, names)
    return f"({', '.join(first)}), {last}" if len(first) > 1 else ", ".join([*first, last])


def _domain(domain: ops.Range | ops.Items) -> str:
    match domain:
        case ops.Items(dictionary):
            return f"items({format_expression(dictionary)})"
        case ops.Range(start, stop, step) if step is not ONE:
            return f"range({TEXT.listed((start, stop, step))})"
        case ops.Range(start, stop):
            return f"range({TEXT.listed((stop,) if start is ZERO else (start, stop))})"


def _matrix(rows: tuple[tuple[complex, ...], ...]) -> str:
    """A matrix of more than two rows has each on a line of its own."""
    shown = [f"[{', '.join(map(_complex, row))}]" for row in rows]
    if len(shown) > 2:
        return "\n".join(["[", *(f"{_INDENT}{row}," for row in shown), "]"])
    return f"[{', '.join(shown)}]"


def _complex(value: complex) -> str:
    number = complex(value) + 0  # 0.0 for -0.0
    return repr(number).strip("()") if number.imag else repr(number.real).removesuffix(".0")
