"""Matching the arguments of a call with parameter names."""

from __future__ import annotations

from typing import Any

from qkernel.diagnostics import Span, did_you_mean
from qkernel.errors import CallArgumentError
from qkernel.frontend.tracer import CallSite


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
    if len(arguments) > len(parameters):
        raise CallArgumentError(
            f"`{name}` takes {_count(len(parameters))}, but {len(arguments)} are given",
            span=site.of(len(parameters)),
            label="one too many" if site.span else "",
            help=f"call it as {usage}",
        )
    values: dict[str, Any] = dict(zip(parameters, arguments, strict=False))
    spans = {parameter: site.of(position) for position, parameter in enumerate(parameters[: len(arguments)])}
    for keyword, value in keywords.items():
        if keyword not in parameters:
            raise CallArgumentError(
                f"`{name}` has no argument `{keyword}`{did_you_mean(keyword, list(parameters))}",
                span=site.of(keyword),
                label="unknown here" if site.span else "",
                help=f"call it as {usage}",
            )
        if keyword in values:
            raise CallArgumentError(
                f"`{name}` gets `{keyword}` twice",
                span=site.of(keyword),
                label="given already" if site.span else "",
                help=f"call it as {usage}",
            )
        values[keyword], spans[keyword] = value, site.of(keyword)
    missing = [parameter for parameter in parameters if parameter not in values and parameter not in optional]
    if missing:
        names = ", ".join(f"`{parameter}`" for parameter in missing)
        label = f"needs {names}" if site.span else ""
        raise CallArgumentError(f"`{name}` lacks {names}", span=site.span, label=label, help=f"call it as {usage}")
    return values, spans


def _count(number: int) -> str:
    return f"{number or 'no'} argument{'s' if number != 1 else ''}"
