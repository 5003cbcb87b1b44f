"""Annotations -> IR parameters; arguments of calls -> parameters; what callers know of a kernel."""

from __future__ import annotations

import ast
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from qkernel.diagnostics import Span, did_you_mean, with_article
from qkernel.errors import CallArgumentError, KernelTypeError, MissingAnnotationError
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.source import Source
from qkernel.frontend.values import as_type, describe, is_no_value
from qkernel.ir import types as ir
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Parameter
from qkernel.ir.types import QFIXED, is_quantum
from qkernel.records import is_kernel, is_same_record, local_names
from qkernel.types import Annotation, Dict, Matrix, Tensor, Vector

_PLAIN = {int: ir.UINT, float: ir.FLOAT, bool: ir.BIT}


_RANKS = {Vector: 1, Matrix: 2, Tensor: 3}


@dataclass(frozen=True, slots=True)
class KernelType:
    """What a kernel takes that is an argument, and which of its qubits it gives back."""

    parameters: tuple[ir.Type, ...]
    returned: ir.Type | None

    def __str__(self) -> str:
        return f"Kernel[[{', '.join(map(str, self.parameters))}], {self.returned}]"


@dataclass(frozen=True, slots=True)
class Struct:
    """A `@qk.struct` class in a signature: its fields become parameters, and kernel arguments, `name.field`."""

    kind: type
    entries: tuple[tuple[str, ir.Type | KernelType], ...]

    @property
    def fields(self) -> tuple[tuple[str, ir.Type], ...]:
        """Its fields that are no kernels."""
        return tuple((name, type) for name, type in self.entries if not isinstance(type, KernelType))

    @property
    def holds_kernels(self) -> bool:
        return len(self.fields) < len(self.entries)

    def __str__(self) -> str:
        return self.kind.__name__

    def fits(self, value: Any) -> bool:
        """Whether `value` is such a record; one of the same class defined anew, as in a notebook, is."""
        return isinstance(value, self.kind) or is_same_record(type(value), self.kind)


Returned = ir.Type | Struct | tuple[ir.Type | Struct, ...] | None
"""What a kernel says that it returns; a tuple is a plain one where it holds records."""


def parts_of(returned: Returned) -> tuple[ir.Type | Struct, ...]:
    """The values that a kernel returns, one by one."""
    match returned:
        case None:
            return ()
        case tuple():
            return returned
        case ir.TupleType(items):
            return items
    return (returned,)


def flat_types(returned: Returned) -> tuple[ir.Type, ...]:
    """The types of what a kernel returns, the fields of records one by one."""
    parts = parts_of(returned)
    return tuple(type for part in parts for type in (_field_types(part) if isinstance(part, Struct) else (part,)))


def _field_types(struct: Struct) -> tuple[ir.Type, ...]:
    return tuple(type for _, type in struct.fields)


@dataclass(frozen=True, slots=True)
class KernelArgument:
    """An argument that is a kernel; one that a record holds is called `record.field`."""

    name: str
    type: KernelType
    span: Span

    @property
    def annotation(self) -> str:
        """The type as it is written."""
        return str(self.type)


@dataclass(frozen=True, slots=True, repr=False)
class Signature:
    """The parameters as the user wrote them and as the IR has them, and the type returned."""

    parameters: tuple[Parameter, ...]
    structs: dict[str, Struct]
    returned: Returned
    returned_span: Span | None
    kernels: tuple[KernelArgument, ...] = ()
    written: tuple[str, ...] = ()
    """The arguments as the user wrote them; empty where a kernel is made of IR."""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in order; a struct's fields stand for it."""
        return tuple(parameter.name for parameter in self.parameters)

    def __repr__(self) -> str:
        shown = [f"{argument.name}: {argument.type}" for argument in self.in_order()]
        return f"({', '.join(shown)}) -> {self.returned_text}"

    def in_order(self) -> Iterator[Parameter | KernelArgument]:
        """Parameters and kernels in the order in which they are written, the fields of records one by one."""
        listed: tuple[Parameter | KernelArgument, ...] = (*self.parameters, *self.kernels)
        found = {argument.name: argument for argument in listed}
        for name in self.written:
            fields = [f"{name}.{field}" for field, _ in self.structs[name].entries] if name in self.structs else [name]
            yield from (found.pop(each) for each in fields if each in found)
        yield from found.values()

    @property
    def returned_text(self) -> str:
        """What is returned, as it is annotated."""
        parts = ", ".join(map(str, parts_of(self.returned)))
        return f"Tuple[{parts}]" if isinstance(self.returned, tuple) else str(self.returned)

    def spread(self, names: str | Iterable[str]) -> tuple[str, ...]:
        """Names as the IR has them: a struct's as those of its fields."""
        asked = _names(names)
        structs = self.structs
        return tuple(
            part
            for name in asked
            for part in ([f"{name}.{field}" for field, _ in structs[name].fields] if name in structs else [name])
        )

    def derivable(self, names: str | Iterable[str]) -> tuple[str, ...]:
        """As `spread`; of a struct those fields alone that there are derivatives by."""
        asked = _names(names)
        types = {parameter.name: parameter.type for parameter in self.parameters}
        return tuple(part for part in self.spread(asked) if part in asked or types[part].element == ir.FLOAT)


def read_signature(function: types.FunctionType, source: Source) -> Signature:
    """The signature of a kernel; every parameter and the return must be annotated with kernel types."""
    node = source.definition
    arguments = node.args
    for stars, extra in (("*", arguments.vararg), ("**", arguments.kwarg)):
        if extra is not None:
            raise MissingAnnotationError(
                f"`{node.name}` takes `{stars}{extra.arg}`, but a kernel has a fixed number of arguments",
                span=source.span(extra),
                label="not in a kernel",
                help=f"take a vector, such as `{extra.arg}: qk.Vector[qk.Qubit]`, or name each argument",
            )
    hints = _hints(function, source)
    defaults = _defaults(function, [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)])
    parameters: list[Parameter] = []
    structs: dict[str, Struct] = {}
    kernels: list[KernelArgument] = []
    listed = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    for argument in listed:
        span = source.span(argument)
        if argument.arg not in hints:
            is_self = argument.arg == "self"
            raise MissingAnnotationError(
                f"argument `{argument.arg}` of `{node.name}` has no type",
                span=span,
                label="needs an annotation",
                help="a kernel is no method: put `@staticmethod` over it, or write it outside of the class"
                if is_self
                else f"for example `{argument.arg}: qk.Float`, or `{argument.arg}: qk.Qubit`",
            )
        if is_kernel(hints[argument.arg]):
            type = _kernel_type(hints[argument.arg], argument.annotation, source)
            kernels.append(KernelArgument(argument.arg, type, span))
            continue
        kind = _type(hints[argument.arg], argument.annotation, source)
        if isinstance(kind, Struct):
            structs[argument.arg] = kind
            kernels += [
                KernelArgument(f"{argument.arg}.{name}", type, span)
                for name, type in kind.entries
                if isinstance(type, KernelType)
            ]
            values = _struct_default(defaults[argument.arg], kind, argument.arg, span) if argument.arg in defaults else {}
            parameters += [Parameter(f"{argument.arg}.{name}", type, values.get(name), span) for name, type in kind.fields]
            continue
        value = _default(defaults[argument.arg], kind, argument.arg, span) if argument.arg in defaults else None
        parameters.append(Parameter(argument.arg, kind, value, span))
    if "return" not in hints:
        raise MissingAnnotationError(
            f"`{node.name}` does not say what it returns",
            span=source.name_span(),
            label="needs a return annotation",
            help="for example `-> qk.Vector[qk.Qubit]`, or `-> None`",
        )
    returned = _returned(hints["return"], node.returns, source)
    span_of_return = source.span(node.returns) if node.returns else None
    written = tuple(argument.arg for argument in listed)
    return Signature(tuple(parameters), structs, returned, span_of_return, tuple(kernels), written)


def _kernel_type(hint: Any, node: ast.AST | None, source: Source) -> KernelType:
    """What `Kernel[[parameters...], returned]` means."""
    example = "say what it takes and gives back, for example `qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]`"
    match typing.get_args(hint):
        case (tuple() | list() as taken, back):
            parameters = tuple(_type(each, node, source) for each in taken)
            returned = _returned(back, node, source)
        case _:
            raise _bad(hint, node, source, "of what?", example)
    if any(isinstance(each, Struct) or each == QFIXED for each in (*parameters, *parts_of(returned))):
        raise _bad(hint, node, source, "a kernel that is an argument takes qubits and classical values", example)
    left = [each for each in parameters if is_quantum(each)]  # type: ignore[arg-type]
    for each in parts_of(returned):
        if each not in left:
            raise _bad(
                hint, node, source, "a kernel that is an argument gives back qubits that it takes, and no others", example
            )
        left.remove(each)
    return KernelType(parameters, returned)  # type: ignore[arg-type]


def _returned(hint: Any, node: ast.AST | None, source: Source) -> Returned:
    if hint in (None, type(None)):
        return None
    if typing.get_origin(hint) is tuple:
        items = tuple(_type(argument, node, source) for argument in typing.get_args(hint))
        if any(isinstance(item, Struct) for item in items):
            return _without_kernels(items, hint, node, source)
    return _without_kernels(_type(hint, node, source), hint, node, source)


def _without_kernels(returned: Returned, hint: Any, node: ast.AST | None, source: Source) -> Returned:
    if any(isinstance(part, Struct) and part.holds_kernels for part in parts_of(returned)):
        raise _bad(hint, node, source, "a struct that holds a kernel is not given back", "return its other fields one by one")
    return returned


def _defaults(function: types.FunctionType, positional: list[str]) -> dict[str, Any]:
    values = function.__defaults__ or ()
    return dict(zip(positional[len(positional) - len(values) :], values, strict=True)) | (function.__kwdefaults__ or {})


def _hints(function: types.FunctionType, source: Source) -> dict[str, Any]:
    """Annotations as objects; postponed ones are looked up where the function was defined."""
    raw = dict(function.__annotations__)
    if not any(isinstance(hint, str) for hint in raw.values()):
        return raw
    closure = {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        if _is_filled(cell)
    }
    closure |= local_names(function.__qualname__, function.__module__)
    resolved = {}
    for name, hint in raw.items():
        if isinstance(hint, str):
            try:
                hint = eval(_compiled(hint), function.__globals__, closure)  # the user's own annotation, as typing does it
            except Exception as error:
                span = source.span(_annotation_node(source, name))
                raise MissingAnnotationError(
                    f"the annotation `{hint}` of `{name}` cannot be read: {error}", span=span, label="unknown here"
                ) from error
        resolved[name] = hint
    return resolved


@lru_cache(maxsize=1024)
def _compiled(annotation: str) -> types.CodeType:
    return compile(annotation.strip(), "<annotation>", "eval")


def _annotation_node(source: Source, name: str) -> ast.AST:
    node = source.definition
    if name == "return":
        return node.returns or node
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return next(argument for argument in arguments if argument.arg == name)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asking is the test
    except ValueError:
        return False
    return True


def _type(hint: Any, node: ast.AST | None, source: Source) -> ir.Type | Struct:
    """The IR type that an annotation means."""
    if isinstance(hint, type) and hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "struct_fields"):
        return _struct(hint, node, source)
    scalar = getattr(hint, "ir_type", None)
    if scalar is not None:
        return typing.cast(ir.Type, scalar)
    match hint:
        case Annotation(origin=origin) if origin in _RANKS:
            return _array(hint, node, source)
        case Annotation(origin=origin, arguments=(key, value)) if origin is Dict:
            return ir.DictType(_type(key, node, source), _type(value, node, source))  # type: ignore[arg-type]
    if any(hint is kind for kind in (*_RANKS, Dict, tuple, typing.Tuple)):  # noqa: UP006 - a hint may be unhashable
        name = hint.__name__ if hint is not typing.Tuple else "Tuple"  # noqa: UP006
        example = "Dict[qk.UInt, qk.Float]" if hint is Dict else f"{name}[qk.Float]"
        raise _bad(hint, node, source, "of what?", f"say what it holds, for example `qk.{example}`")
    if typing.get_origin(hint) is tuple:
        items = tuple(_type(argument, node, source) for argument in typing.get_args(hint))
        if any(isinstance(item, Struct) for item in items):
            raise _bad(hint, node, source, "a tuple cannot hold a struct here", "make the struct an argument of its own")
        return ir.TupleType(items)  # type: ignore[arg-type]
    raise _bad(hint, node, source, "not a kernel type")


def _struct(hint: Any, node: ast.AST | None, source: Source) -> Struct:
    read = {True: _kernel_type, False: _type}
    entries = tuple((name, read[is_kernel(kind)](kind, node, source)) for name, kind in hint.struct_fields.items())
    if any(isinstance(type, Struct) for _, type in entries):
        raise _bad(hint, node, source, "a struct cannot hold a struct")
    struct = Struct(hint, entries)  # type: ignore[arg-type]
    if struct.holds_kernels and any(is_quantum(type) for _, type in struct.fields):
        raise _bad(hint, node, source, "a struct that holds a kernel holds no qubits", "make the qubits arguments of their own")
    return struct


def _array(hint: Annotation, node: ast.AST | None, source: Source) -> ir.Type:
    element = _type(hint.arguments[0], node, source) if len(hint.arguments) == 1 else None
    rank = _RANKS[hint.origin]
    if not isinstance(element, ir.ScalarType):
        raise _bad(hint, node, source, "a vector holds scalars")
    if ir.is_quantum(element) and (rank > 1 or element == ir.QFIXED):
        raise _bad(hint, node, source, "qubits come in vectors of rank 1")
    return ir.ArrayType(element, rank)


def _names(names: Any) -> tuple[str, ...]:
    """Names of arguments as a user gives them: one, or some of them."""
    asked = tuple(names) if isinstance(names, Iterable) and not isinstance(names, (str, bytes)) else (names,)
    if wrong := [name for name in asked if not isinstance(name, str)]:
        raise KernelTypeError(
            f"the name of an argument is wanted, not {describe(wrong[0])}", help='write a list of names: `["theta"]`'
        )
    return asked


def _bad(hint: Any, node: ast.AST | None, source: Source, label: str, help: str | None = None) -> MissingAnnotationError:
    name = getattr(hint, "__name__", None) or repr(hint)
    return MissingAnnotationError(
        f"`{name}` cannot stand in a kernel's signature",
        span=source.span(node) if node is not None else None,
        label=label,
        help=help
        or "kernel types are Qubit, Bit, UInt, Float, QFixed, Observable, Vector[...], Matrix[...], Tensor[...], Dict[...], "
        "Tuple[...] and structs",
    )


def _struct_default(value: Any, struct: Struct, name: str, span: Span) -> dict[str, Expr]:
    if struct.holds_kernels:
        raise KernelTypeError(
            f"`{name}` holds a kernel, so it has no default",
            span=span,
            label="its default",
            help="leave the default out, and give it where the kernel is called",
        )
    if not struct.fits(value):
        raise KernelTypeError(
            f"the default of `{name}` must be {with_article(struct)}, but this is {describe(value)}",
            span=span,
            label="its default",
        )
    return {field: _default(getattr(value, field), type, f"{name}.{field}", span) for field, type in struct.fields}


def _default(value: Any, type: ir.Type, name: str, span: Span) -> Expr:
    if is_no_value(value) or isinstance(value, dict):
        raise KernelTypeError(
            f"the default of `{name}` must be {with_article(type)}, but this is {describe(value)}",
            span=span,
            label="its default",
        )
    return as_type(value, type, f"the default of `{name}`", span)


Value = Expr | QuantumHandle


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where the call under way stands, and each of its arguments."""

    span: Span | None
    positional: tuple[Span, ...] = ()
    keyword: dict[str, Span] = field(default_factory=dict)
    node: ast.Call | None = None

    def of(self, argument: int | str) -> Span | None:
        """The span of an argument by position or keyword; the whole call where it has none of its own."""
        if isinstance(argument, str):
            return self.keyword.get(argument, self.span)
        return self.positional[argument] if argument < len(self.positional) else self.span

    def behind(self, count: int) -> CallSite:
        """The site of the same call with `count` arguments more before those that it shows."""
        return self if self.span is None else replace(self, positional=(*[self.span] * count, *self.positional))


def bind(
    name: str,
    parameters: tuple[str, ...],
    optional: frozenset[str],
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    site: CallSite,
) -> tuple[dict[str, Any], dict[str, Span | None]]:
    """Values and spans by parameter name; too many, too few, unknown and doubled arguments are errors."""
    usage = f"`{name}({', '.join(dict.fromkeys(parameter.split('.')[0] for parameter in parameters))})`"  # structs whole

    def wrong(title: str, argument: int | str | None, label: str) -> CallArgumentError:
        span = site.span if argument is None else site.of(argument)
        return CallArgumentError(f"`{name}` {title}", span=span, label=label if site.span else "", help=f"call it as {usage}")

    if len(arguments) > len(parameters):
        title = f"takes {_count(len(parameters))}, but {len(arguments)} are given"
        raise wrong(title, len(parameters), "one too many")
    values: dict[str, Any] = dict(zip(parameters, arguments, strict=False))
    spans = {parameter: site.of(position) for position, parameter in enumerate(parameters[: len(arguments)])}
    for keyword, value in keywords.items():
        if keyword not in parameters:
            raise wrong(f"has no argument `{keyword}`{did_you_mean(keyword, list(parameters))}", keyword, "unknown here")
        if keyword in values:
            raise wrong(f"gets `{keyword}` twice", keyword, "given already")
        values[keyword], spans[keyword] = value, site.of(keyword)
    missing = [f"`{parameter}`" for parameter in parameters if parameter not in values and parameter not in optional]
    if missing:
        raise wrong(f"lacks {', '.join(missing)}", None, f"needs {', '.join(missing)}")
    return values, spans


def _count(number: int) -> str:
    return f"{number or 'no'} argument{'s' if number != 1 else ''}"
