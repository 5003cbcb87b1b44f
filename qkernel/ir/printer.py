"""The IR as text: exact, so that `parse` gives back an equal module, and made to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qkernel.ir.expressions import (
    ONE,
    ZERO,
    Apply,
    Const,
    Expr,
    Item,
    Name,
    Pack,
    Row,
    Size,
    Slice,
    Updated,
)
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Block,
    Call,
    Carried,
    Control,
    Expval,
    For,
    Function,
    Gate,
    If,
    Items,
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
from qkernel.ir.places import Place, whole
from qkernel.ir.scopes import Definitions, resolve
from qkernel.ir.types import FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.ir.vocabulary import (
    ATOM,
    FUNCTIONS,
    HEADER,
    LEFT_ASSOCIATIVE,
    MEASUREMENTS,
    PRECEDENCE,
    VERSION,
    function_text,
    name_text,
)
from qkernel.ir.walk import definitions, joined_type, target_types, value_type, walk

_INDENT = "    "
_LONGEST_LINE = 110


# Modules and functions ----------------------------------------------------------------------------------------------


def format_module(module: Module) -> str:
    """The text form of `module`; `parse` reads an equal one back."""
    return "\n\n".join([f"{HEADER} {VERSION}", *(format_function(function, module) for function in module.functions)])


def format_function(function: Function, module: Module | None = None) -> str:
    """The text of one function. `module` tells the types of what its calls give back."""
    scope = _scope(function, module)
    lines = [] if function.label is None else [f"@label({_string(function.label)})"]
    if function.clean_ancillas:
        lines.append("@clean_ancillas")
    lines.append(_signature(function))
    body = _block(function.body, 1, scope)
    if function.returns:
        body.append(f"{_INDENT}return {', '.join(_value(value, scope) for value in function.returns)}")
    return "\n".join(lines + (body or [f"{_INDENT}pass"]))


def format_op(op: Op, function: Function | None = None, module: Module | None = None) -> str:
    """The text of one op and of what it contains. `function` and `module` tell the types of its names."""
    scope = _scope(function or Function("", (), (op,)), module)
    if function is not None:
        for other in walk(function.body):
            _define(other, scope)
    return "\n".join(_op(op, 0, scope))


def format_place(place: Place, types: Mapping[str, Type] | None = None) -> str:
    """`q`, `q[i]` or `q[start +: length : stride]`; `types` tells which registers are a single qubit."""
    register = name_text(place.register)
    start = format_expression(place.start)
    type = types.get(place.register) if types else None
    if place == whole(place.register, type or ArrayType(QUBIT)):
        return register
    if place.length is None:
        return f"{register}[{start}]"
    return f"{register}[{_stretch(place.start, place.stride, place.length)}]"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What must be known to print an op: the module, the types of names where they are defined, and those at hand now."""

    module: Module
    definitions: Definitions
    types: dict[str, Type]


def _scope(function: Function, module: Module | None) -> _Scope:
    module = module or Module((function,))
    return _Scope(module, resolve(function, module), {parameter.name: parameter.type for parameter in function.parameters})


def _signature(function: Function) -> str:
    """The first line; a long one has each parameter on a line of its own."""
    head, end = f"{function.kind} {function_text(function.name)}(", f"){_return_types(function)}:"
    parameters = [_parameter(parameter) for parameter in function.parameters]
    line = f"{head}{', '.join(parameters)}{end}"
    if len(line) <= _LONGEST_LINE or not parameters:
        return line
    return "\n".join((head, *(f"{_INDENT}{parameter}," for parameter in parameters), end))


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" = {format_expression(parameter.default)}"
    return f"{name_text(parameter.name)}: {parameter.type}{default}"


def _return_types(function: Function) -> str:
    types = ", ".join(str(value_type(value)) for value in function.returns)
    if function.returns_tuple:
        return f" -> ({types},)" if len(function.returns) == 1 else f" -> ({types})"
    return f" -> {types}" if types else ""


# Ops ----------------------------------------------------------------------------------------------------------------


def _block(block: Block, depth: int, scope: _Scope) -> list[str]:
    return [line for op in block for line in _op(op, depth, scope)]


def _op(op: Op, depth: int, scope: _Scope) -> list[str]:
    indent = _INDENT * depth
    match op:
        case Alloc(_, size):
            effect = "qubit()" if size is None else f"qubits({format_expression(size)})"
        case Gate():
            effect = _modified(op.gate, op.modifiers, scope) + _gate_arguments(op, indent, scope)
        case PauliEvolve(places, observable, time, modifiers):
            arguments = (_places(places, scope), format_expression(observable), format_expression(time))
            effect = f"{_modified('pauli_evolve', modifiers, scope)}({', '.join(arguments)})"
        case Call(callee, arguments_, _, modifiers):
            effect = f"{_modified(function_text(callee), modifiers, scope)}({_values(arguments_, scope)})"
        case Measure(place, _, basis, keeps):
            effect = f"{MEASUREMENTS[basis, keeps]}({format_place(place, scope.types)})"
        case Reset(place):
            effect = f"reset({format_place(place, scope.types)})"
        case Expval(places, observable):
            effect = f"expval({_places(places, scope)}, {format_expression(observable)})"
        case Probabilities(places):
            effect = f"probabilities({_places(places, scope)})"
        case For() | While():
            return _loop(op, depth, scope)
        case If():
            return _if(op, depth, scope)
    line = f"{indent}{_results(op, scope)}{effect}"
    _define(op, scope)
    return [line]


def _define(op: Op, scope: _Scope) -> None:
    """Bring the names that `op` defines into scope."""
    scope.types.update((name, scope.definitions.get((id(op), name), type)) for name, type in definitions(op, scope.module))


def _loop(op: For | While, depth: int, scope: _Scope) -> list[str]:
    indent = _INDENT * depth
    if isinstance(op, For):
        head = f"for {_targets(op, scope)} in {_domain(op.domain)}{_carrying(op, scope)}:"
    else:
        head = f"while {format_expression(op.condition)}{_carrying(op, scope)}:"
    _define(op, scope)
    return [indent + head, *_inner(op.body, _next(op.carried), depth + 1, scope)]


def _if(op: If, depth: int, scope: _Scope) -> list[str]:
    indent = _INDENT * depth
    lines = [f"{indent}if {format_expression(op.condition)}:"]
    lines += _inner(op.then, _join(op, True, scope), depth + 1, scope)
    match op:
        case If(otherwise=(If() as other,), joined=()):
            first, *rest = _if(other, depth, scope)
            lines += [f"{indent}el{first.lstrip()}", *rest]
        case If(otherwise=(), joined=()):
            pass
        case _:
            lines += [f"{indent}else:", *_inner(op.otherwise, _join(op, False, scope), depth + 1, scope)]
    _define(op, scope)
    return lines


def _inner(block: Block, last: str, depth: int, scope: _Scope) -> list[str]:
    """The lines of a block that ends with `last`, the values that it hands on, if any."""
    lines = _block(block, depth, scope) + ([_INDENT * depth + last] if last else [])
    return lines or [f"{_INDENT * depth}pass"]


def _carrying(op: For | While, scope: _Scope) -> str:
    entries = (
        f"{_declared(op, entry.name, entry.initial.type, scope)} = {format_expression(entry.initial)}" for entry in op.carried
    )
    return f" carrying {', '.join(entries)}" if op.carried else ""


def _next(carried: tuple[Carried, ...]) -> str:
    return "next " + ", ".join(f"{name_text(c.name)} = {format_expression(c.next)}" for c in carried) if carried else ""


def _join(op: If, then: bool, scope: _Scope) -> str:
    entries = (
        f"{_declared(op, entry.name, joined_type(entry.then.type, entry.otherwise.type), scope)}"
        f" = {format_expression(entry.then if then else entry.otherwise)}"
        for entry in op.joined
    )
    return f"join {', '.join(entries)}" if op.joined else ""


def _declared(op: Op, name: str, type: Type, scope: _Scope) -> str:
    """A name that `op` defines, with its type if that does not follow from its value, of type `type`."""
    actual = scope.definitions.get((id(op), name), type)
    return name_text(name) if actual == type else f"{name_text(name)}: {actual}"


def _results(op: Op, scope: _Scope) -> str:
    """`a, b = ` for the names that `op` defines; `_` stands for a result without a name."""
    types = dict(definitions(op, scope.module))
    names: tuple[str | None, ...] = op.results if isinstance(op, Call) else tuple(types)
    if all(name is None for name in names):
        return ""
    shown = []
    for name in names:
        text = "_" if name is None else _declared(op, name, types.get(name, UINT), scope)
        shown.append(f"`_`{text[1:]}" if name == "_" else text)
    return f"{', '.join(shown)} = "


def _targets(op: For, scope: _Scope) -> str:
    types = target_types(op.domain, len(op.targets))
    shown = [_declared(op, name, type, scope) for name, type in zip(op.targets, types, strict=True)]
    return f"({', '.join(shown[:-1])}), {shown[-1]}" if len(shown) > 2 else ", ".join(shown)


def _domain(domain: Range | Items) -> str:
    match domain:
        case Items(dictionary):
            return f"items({format_expression(dictionary)})"
        case Range(start, stop, step):
            if step != ONE:
                return f"range({_listed((start, stop, step))})"
            return f"range({_listed((stop,) if start == ZERO else (start, stop))})"


def _modified(name: str, modifiers: tuple[Modifier, ...], scope: _Scope) -> str:
    for modifier in modifiers:
        match modifier:
            case Adjoint():
                name = f"inverse({name})"
            case Power(exponent):
                name = f"power({name}, {format_expression(exponent)})"
            case Control(places, value, count):
                shown = [name, *(format_place(place, scope.types) for place in places)]
                given = {"value": value, "count": count}
                shown += [f"{word}={format_expression(part)}" for word, part in given.items() if part is not None]
                name = f"control({', '.join(shown)})"
    return name


def _gate_arguments(gate: Gate, indent: str, scope: _Scope) -> str:
    values = _values((*gate.places, *gate.angles), scope)
    if gate.matrix is None:
        return f"({values})"
    rows = [f"[{', '.join(map(_complex, row))}]" for row in gate.matrix]
    if len(rows) > 2:
        margin = f"\n{indent}{_INDENT}"
        return f"([{margin}{f',{margin}'.join(rows)},\n{indent}], {values})"
    return f"([{', '.join(rows)}], {values})"


def _complex(value: complex) -> str:
    number = complex(value)
    real, imaginary = (repr(part + 0.0).removesuffix(".0") for part in (number.real, number.imag))  # -0.0 + 0.0 is 0.0
    if imaginary == "0":
        return real
    if real == "0":
        return f"{imaginary}j"
    return f"{real}{'' if imaginary.startswith('-') else '+'}{imaginary}j"


def _places(places: tuple[Place, ...], scope: _Scope) -> str:
    shown = [format_place(place, scope.types) for place in places]
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"


def _values(values: Iterable[Expr | Place], scope: _Scope) -> str:
    return ", ".join(_value(value, scope) for value in values)


def _value(value: Expr | Place, scope: _Scope) -> str:
    return format_place(value, scope.types) if isinstance(value, Place) else format_expression(value)


# Expressions --------------------------------------------------------------------------------------------------------


def format_expression(expr: Expr) -> str:
    """`expr` as Python would write it, with as few parentheses as it takes."""
    return _expression(expr, 0)


def _expression(expr: Expr, level: int) -> str:
    """The text of `expr`, in parentheses if it binds less tightly than `level`."""
    match expr:
        case Apply(name) if name in PRECEDENCE:
            own = PRECEDENCE[name]
            text = _chain(expr) if name in LEFT_ASSOCIATIVE else _operation(name, expr.operands, own)
        case Const(value):
            text = _constant(value)
            own = PRECEDENCE["neg"] if text.startswith("-") else ATOM
        case _:
            return _atom(expr)
    return f"({text})" if own < level else text


def _chain(expr: Expr) -> str:
    """A run of operators that group to the left, such as `a * b + c`, without going deeper for each."""
    parts: list[str] = []
    least = 0
    while isinstance(expr, Apply) and expr.operator in LEFT_ASSOCIATIVE and PRECEDENCE[expr.operator] >= least:
        least = PRECEDENCE[expr.operator]
        left, right = expr.operands
        parts += (_expression(right, least + 1), expr.operator)
        expr = left
    parts.append(_expression(expr, least))
    return " ".join(reversed(parts))


def _operation(name: str, operands: tuple[Expr, ...], own: int) -> str:
    match name, operands:
        case "select", (condition, then, otherwise):
            return f"{_expression(then, own + 1)} if {_expression(condition, own + 1)} else {_expression(otherwise, own)}"
        case "not", (operand,):
            return f"not {_expression(operand, own)}"
        case "neg", (operand,):
            return f"-{_expression(operand, own)}"
        case "**", (base, exponent):
            return f"{_expression(base, ATOM)} ** {_expression(exponent, PRECEDENCE['neg'])}"
        case _, (left, right):
            return f"{_expression(left, own + 1)} {name} {_expression(right, own + 1)}"
    raise TypeError(f"`{name}` of {len(operands)} operands")


def _atom(expr: Expr) -> str:
    match expr:
        case Name(name):
            return name_text(name)
        case Apply(name, operands) if name in FUNCTIONS:
            return f"{name}({_listed(operands)})"
        case Item(base, keys) | Row(base, keys):
            return f"{_expression(base, ATOM)}[{_listed(keys)}]"
        case Size(base, axis):
            return f"len({_expression(base, 0)}{f', {axis}' if axis else ''})"
        case Slice(base, start, stride, length):
            return f"{_expression(base, ATOM)}[{_stretch(start, stride, length)}]"
        case Updated(base, key, value):
            return f"updated({_listed((base, key, value))})"
        case Pack(items, type):
            return _pack(items, type)
    raise TypeError(f"not an expression: {expr!r}")


def _pack(items: tuple[Expr, ...], type: Type) -> str:
    if isinstance(type, TupleType):
        text, plain = f"({_listed(items)}{',' if len(items) == 1 else ''})", TupleType(tuple(entry.type for entry in items))
        return text if type == plain else f"{type}({text})"
    text = f"[{_listed(items)}]"
    return text if type == pack_type(items) else f"{type}({text})"


def pack_type(items: tuple[Expr, ...]) -> ArrayType | None:
    """The type of a list without a type of its own; None if its items have no common one."""
    types = {entry.type for entry in items}
    if len(types) > 1 and types != {UINT, FLOAT}:
        return None
    element = next(iter(types)) if len(types) == 1 else FLOAT
    if isinstance(element, (TupleType, DictType)):
        return None
    if isinstance(element, ArrayType):
        return ArrayType(element.element, element.rank + 1)
    return ArrayType(element)


def _stretch(start: Expr, stride: Expr, length: Expr) -> str:
    by = "" if stride == ONE else f" : {format_expression(stride)}"
    return f"{format_expression(start)} +: {format_expression(length)}{by}"


def _listed(exprs: Iterable[Expr]) -> str:
    return ", ".join(_expression(expr, 0) for expr in exprs)


def _constant(value: object) -> str:
    match value:
        case bool() | int():
            return repr(value)
        case float():
            return float.__repr__(value)  # numpy's floats write their class, too
    from qkernel.observable import Hamiltonian

    if not isinstance(value, Hamiltonian):
        raise TypeError(f"not a constant of the IR: {value!r}")
    width = max((operators[-1].index + 1 for operators in value.terms), default=0)
    shown = f", {value.num_qubits}" if value.num_qubits != width else ""
    return f"observable({_string(value.to_string())}{shown})"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
