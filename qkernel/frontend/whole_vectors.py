"""The error for a vector where numbers are wanted, with the loop to write in its place."""

from __future__ import annotations

from qkernel.diagnostics import Span, with_article
from qkernel.errors import KernelTypeError
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr
from qkernel.ir.types import BIT, ArrayType

_REDUCTIONS = {
    "sum": ("total = 0.0", "total = total + {}"),
    "mean": ("total = 0.0", "total = total + {}"),
    "prod": ("product = 1.0", "product = product * {}"),
    "max": ("largest = {first}", "largest = max(largest, {})"),
    "min": ("smallest = {first}", "smallest = min(smallest, {})"),
    "any": ("found = False", "found = found | {}"),
    "all": ("every = True", "every = every & {}"),
}


def whole_vector(value: Expr, use: str, span: Span | None) -> KernelTypeError:
    """`use`, such as "`max`", meets a whole vector, matrix or tensor, whose elements come later."""
    shown = as_written(value)
    name = shown if shown.isidentifier() else "v"
    reduction = _REDUCTIONS.get(use.strip("`"))
    if not isinstance(value.type, ArrayType) or value.type.rank > 1:
        way_out = f"work on its elements, such as `{name}[0, 0]`, in loops"
    elif reduction is not None and (value.type.element == BIT) == (use.strip("`") in ("any", "all")):
        start, step = (line.format(f"{name}[i]", first=f"{name}[0]") for line in reduction)
        way_out = f"go over its elements:\n    {start}\n    for i in qk.range({name}.shape[0]):\n        {step}"
    else:
        way_out = f"work on its elements, `{name}[i]`:\n    for i in qk.range({name}.shape[0]):\n        ..."
    return KernelTypeError(
        f"{use} does not work on a whole {value.type}",
        span=span,
        label=f"`{shown}` is {with_article(value.type)}",
        help=way_out,
    )
