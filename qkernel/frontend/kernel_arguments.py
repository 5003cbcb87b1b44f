"""Kernels and records that are arguments: which of what is given they are, and whether it does what is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qkernel.diagnostics import Span, with_article
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.frontend.outlines import AnyKernel, Outline
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.signature import CallSite, KernelArgument, KernelType, Signature, Struct, flat_types
from qkernel.frontend.values import describe
from qkernel.ir.places import whole
from qkernel.ir.types import BIT, QUBIT, ArrayType, Type
from qkernel.records import is_redefined, record_fields

Kernels = dict[str, tuple[Any, Span | None]]


def given_kernels(
    name: str, signature: Signature, arguments: tuple[Any, ...], keywords: dict[str, Any], site: CallSite
) -> tuple[Kernels, tuple[Any, ...], dict[str, Any], CallSite]:
    """The kernels among the arguments of a call, by name and each with its place; and the other arguments. Records that hold
    kernels stay among these."""
    found: Kernels = {}
    keywords, taken = dict(keywords), set[int]()
    positions = _positions_of_written(signature, arguments)
    for written in dict.fromkeys(argument.name.partition(".")[0] for argument in signature.kernels):
        is_positional, struct = written in positions, signature.structs.get(written)
        if is_positional and written in keywords:
            title = f"`{name}` gets `{written}` twice"
            raise CallArgumentError(title, span=site.of(written), label="given already")
        if not is_positional and written not in keywords:
            continue
        value = arguments[positions[written]] if is_positional else keywords[written]
        span = site.of(positions[written] if is_positional else written)
        if struct is not None:
            found |= _kernels_of(name, written, struct, value, span)
            continue
        found[written] = value, span
        if is_positional:
            taken.add(positions[written])
        else:
            del keywords[written]
    left = [k for k in range(len(arguments)) if k not in taken]
    spans = tuple(site.positional[k] for k in left if k < len(site.positional))
    return found, tuple(arguments[k] for k in left), keywords, replace(site, positional=spans)


def _positions_of_written(signature: Signature, arguments: tuple[Any, ...]) -> dict[str, int]:
    """At which position each argument begins: a record, if it holds no kernel, may be given by its fields."""
    found: dict[str, int] = {}
    position = 0
    for written in signature.written:
        if position >= len(arguments):
            break
        found[written] = position
        struct = signature.structs.get(written)
        is_whole = struct is None or struct.holds_kernels or record_fields(arguments[position]) is not None
        position += 1 if is_whole else len(struct.fields)  # type: ignore[union-attr]
    return found


def _kernels_of(name: str, written: str, struct: Struct, value: Any, span: Span | None) -> Kernels:
    """The kernels that the record given for the argument `written` holds."""
    _check_record(name, written, struct, value, span)
    return {
        f"{written}.{field}": (getattr(value, field), span) for field, type in struct.entries if isinstance(type, KernelType)
    }


def spread_structs(
    kernel: AnyKernel,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    site: CallSite,
    whole: bool = False,
    names: tuple[str, ...] = (),
) -> tuple[tuple[Any, ...], dict[str, Any], CallSite]:
    """Struct arguments as the fields that stand for them in the IR, each where its struct stands; refused where they are to
    be `whole` and one is given by its fields. `names` are those of the parameters, if these are not the kernel's own."""
    structs, names = kernel.signature.structs, names or kernel.signature.names
    positional: list[Any] = []
    spans: list[Span] = []
    for position, value in enumerate(arguments):
        fields = [value]
        wanted = names[len(positional)] if len(positional) < len(names) else ""
        name = wanted.partition(".")[0]
        if (whole and name in structs) or (wanted and record_fields(value) is not None):
            fields = [*_fields(kernel, name if name in structs else wanted, value, site.of(position)).values()]
        positional += fields
        spans += [span for _ in fields if (span := site.of(position)) is not None]
    named: dict[str, Any] = {}
    named_spans: dict[str, Span] = {}
    for name, value in keywords.items():
        entries = _fields(kernel, name, value, site.of(name)) if name in structs else {name: value}
        named |= entries
        named_spans |= {entry: span for entry in entries if (span := site.of(name)) is not None}
    return tuple(positional), named, CallSite(site.span, tuple(spans), named_spans)


def _fields(kernel: AnyKernel, name: str, value: Any, span: Span | None) -> dict[str, Any]:
    """The fields, without kernels, of the struct `value`, given for the parameter `name`."""
    struct = kernel.signature.structs.get(name)
    _check_record(kernel.name, name, kernel.input_types[name] if struct is None else struct, value, span)
    assert struct is not None
    return {f"{name}.{field}": getattr(value, field) for field, _ in struct.fields}


def _check_record(kernel: str, name: str, wanted: Struct | Type, value: Any, span: Span | None) -> None:
    """Raise unless the parameter `name` takes records, and those of this class."""
    struct = wanted if isinstance(wanted, Struct) else None
    if struct is not None and struct.fits(value):
        return
    given = with_article(type(value).__name__) if record_fields(value) else describe(value)
    raise KernelTypeError(
        f"argument `{name}` of `{kernel}` must be {with_article(wanted)}, but this is {given}",
        span=span,
        label=given,
        help=None if struct is None else redefined_help(struct, value, kernel),
    )


def redefined_help(struct: Struct, value: Any, kernel: str) -> str | None:
    """What to do about a record of a class that was defined anew, with other fields."""
    if not is_redefined(type(value), struct.kind):
        return None
    return f"`{struct}` was defined anew since, with other fields: define `{kernel}` again too (in a notebook, run its cell)"


def is_taken(kernel: AnyKernel, wanted: AnyKernel) -> bool:
    """Whether a kernel takes just what is asked for."""
    parameters = kernel.outline().parameters
    return not kernel.signature.kernels and [each.type for each in parameters] == [
        each.type for each in wanted.signature.parameters
    ]


def check_argument(name: str, argument: KernelArgument, value: Any, wanted: AnyKernel, span: Span | None) -> None:
    """Raise unless a kernel takes what is asked for and gives it back in the same order."""
    if not hasattr(value, "outline") or isinstance(value, type):
        raise KernelTypeError(
            f"argument `{argument.name}` of `{name}` must be {with_article(str(argument.type))}, but this is {describe(value)}",
            span=span,
            label="not a kernel" if span else "",
            help="write `@qk.qkernel` over what it does, and give that",
        )
    if not value.free and not is_taken(value, wanted):
        raise KernelTypeError(
            f"argument `{argument.name}` of `{name}` must be {with_article(str(argument.type))}, but `{value.name}` takes "
            f"({', '.join(str(each.type) for each in value.signature.parameters)})",
            span=span,
            label="takes something else" if span else "",
        )
    if _positions(value.outline()) != _positions(wanted.outline()):
        raise KernelTypeError(
            f"`{value.name}` does not give back what it takes, in that order, as `{argument.name}` of `{name}` must",
            span=span,
            label=f"{with_article(str(argument.type))} is wanted" if span else "",
            help="return the qubits as they are taken; what is measured or made in it is of no use there",
        )


def _positions(outline: Outline) -> list[int | None]:
    """Of each result, as which argument it was taken."""
    places = [whole(parameter.name, parameter.type) for parameter in outline.parameters]
    handles = [value.place if isinstance(value, QuantumHandle) else None for value in outline.returns]
    return [places.index(place) if place in places else None for place in handles]


def check_form(word: str, kernel: AnyKernel, form: AnyKernel) -> None:
    """Raise unless a kernel can take the place of another under `inverse` or `control`."""
    own, given = kernel.signature, form.signature
    types = [parameter.type for parameter in given.parameters]
    returned = list(flat_types(given.returned))
    if word == "control":
        is_control = bool(types) and types[0] in (QUBIT, ArrayType(QUBIT)) and returned[:1] == types[:1]
        types, returned = types[1:], returned[1:] if is_control else [BIT]
    if own.kernels or given.kernels:
        taker = form if given.kernels else kernel
        raise KernelTypeError(
            f"`{form.name}` cannot stand for `{word}` of `{kernel.name}`: `{taker.name}` takes kernels",
            span=form.source.name_span(),
            label="a form of one kernel, and not of each that it is given",
            help=f"give `{kernel.name}` its kernels in a kernel around it, and that one its form",
        )
    if types != [parameter.type for parameter in own.parameters] or returned != list(flat_types(own.returned)):
        first = "a control, or a register of them, and then " if word == "control" else ""
        raise KernelTypeError(
            f"`{form.name}` cannot stand for `{word}` of `{kernel.name}`",
            span=form.source.name_span(),
            label="takes or gives back something else",
            help=f"it takes {first}what `{kernel.name}` takes, and gives back the same: `{kernel.name}{own!r}`",
        )
