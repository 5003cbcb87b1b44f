"""Kernels that are arguments: which of what is given they are, and whether it does what is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qkernel.diagnostics import Span, with_article
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.frontend.outlines import AnyKernel, Outline
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.signature import CallSite, KernelArgument, Signature, flat_types
from qkernel.frontend.values import describe
from qkernel.ir.places import whole
from qkernel.ir.types import BIT, QUBIT, ArrayType

Kernels = dict[str, tuple[Any, Span | None]]


def given_kernels(
    name: str, signature: Signature, arguments: tuple[Any, ...], keywords: dict[str, Any], site: CallSite
) -> tuple[Kernels, tuple[Any, ...], dict[str, Any], CallSite]:
    """The kernels among the arguments of a call, by name and each with its place; and the other arguments."""
    found: Kernels = {}
    keywords = dict(keywords)
    taken = set()
    for argument in signature.kernels:
        is_positional = argument.position < len(arguments)
        if argument.name in keywords:
            if is_positional:
                title = f"`{name}` gets `{argument.name}` twice"
                raise CallArgumentError(title, span=site.of(argument.name), label="given already")
            found[argument.name] = keywords.pop(argument.name), site.of(argument.name)
        elif is_positional:
            taken.add(argument.position)
            found[argument.name] = arguments[argument.position], site.of(argument.position)
    left = [k for k in range(len(arguments)) if k not in taken]
    spans = tuple(site.positional[k] for k in left if k < len(site.positional))
    return found, tuple(arguments[k] for k in left), keywords, replace(site, positional=spans)


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
