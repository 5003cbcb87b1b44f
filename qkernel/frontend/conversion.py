"""Promotion: which values may stand where a type is asked for."""

from __future__ import annotations

from typing import Any

from qkernel.diagnostics import Span, with_article
from qkernel.errors import KernelTypeError, NotFiniteError
from qkernel.frontend.descriptions import describe
from qkernel.frontend.domains import SymbolicSequence
from qkernel.frontend.ownership import QuantumHandle
from qkernel.ir.expressions import Const, Expr, Pack, SymbolUse, apply, wrap
from qkernel.ir.python_values import NotClassical, wanted
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type, fits, is_quantum
from qkernel.observable import is_sum_of_qiskit


def is_no_value(value: Any) -> bool:
    """Whether a value can stand for no number, bit, vector or observable: qubits, a range, a text, None, a function."""
    if value is None or isinstance(value, (QuantumHandle, SymbolicSequence, str)):
        return True
    return callable(value) and not is_sum_of_qiskit(type(value))


def as_type(value: Any, type: Type, what: str, span: Span | None) -> Expr:
    """Whatever Python value or symbol a user gave, as a `type`; else an error that says what it is."""
    if getattr(value, "requires_grad", False) is True:
        raise KernelTypeError(
            f"{what} is a tensor that requires grad, whose gradient would end here",
            span=span,
            label="a tensor that requires grad",
            help="make it an argument of the kernel, which `qkernel.nn.QLayer` can train; "
            "for its value alone write `.detach()` behind it",
        )
    try:
        expr = wrap(value)
    except SymbolUse:
        raise
    except (TypeError, OverflowError) as error:
        if not (isinstance(value, list) and isinstance(type, ArrayType)):
            raise _no_value(error, value, type, what, span) from None
        inner = type.element if type.rank == 1 else ArrayType(type.element, type.rank - 1)
        return Pack(tuple(as_type(entry, inner, f"an element of {what}", span) for entry in value), type)
    return convert(expr, type, what, span)


def _no_value(error: Exception, value: Any, type: Type, what: str, span: Span | None) -> KernelTypeError:
    """The error for a Python value that `wrap` did not take, for the reason `error`, where a `type` is wanted."""
    title, label = f"{what} must be {with_article(type)}", ""
    if isinstance(error, NotClassical):
        label = describe(error.value)
        title += f", but this is {f'a {value.__class__.__name__} with ' if error.value is not value else ''}{label}"
    else:
        title += f": {error}"
    return KernelTypeError(title, span=span, label=label, help=wanted(type) if not is_quantum(type) else None)


def convert(value: Expr, type: Type, what: str, span: Span | None) -> Expr:
    """`value` as a `type`: UInt becomes Float by itself, a constant stands for any type that it fits; else an error."""
    if value.type == type:
        return value
    match value, type:
        case Const(number), _ if type == FLOAT and value.type == UINT:
            return Const(_as_float(number, what, span))
        case Const(number), _ if type == BIT and value.type == UINT and number in (0, 1):
            return Const(bool(number))
        case Pack(items), ArrayType(element, 1) if isinstance(value.type, (ArrayType, TupleType)):
            return Pack(tuple(convert(item, element, f"an element of {what}", span) for item in items), type)
        case Pack(items), ArrayType(element, rank):
            inner = ArrayType(element, rank - 1)
            return Pack(tuple(convert(item, inner, f"a row of {what}", span) for item in items), type)
        case Pack(items), TupleType(types) if isinstance(value.type, TupleType) and len(items) == len(types):
            return Pack(
                tuple(convert(item, kind, f"a part of {what}", span) for item, kind in zip(items, types, strict=True)), type
            )
    if value.type == UINT and type == FLOAT:
        return apply("float", value)
    if isinstance(value.type, (ArrayType, DictType)) and fits(value.type, type):
        return value
    raise KernelTypeError(
        f"{what} must be {with_article(type)}, but this is {with_article(value.type)}",
        span=span,
        label=with_article(value.type),
        help=_way_out(value, type),
    )


def _as_float(number: int, what: str, span: Span | None) -> float:
    try:
        return float(number)
    except OverflowError:
        raise NotFiniteError(f"{what} is too large for a Float", span=span) from None


def _way_out(value: Expr, wanted: Type) -> str | None:
    given = value.type
    if isinstance(value, Const) and given == BIT and wanted in (UINT, FLOAT):
        return f"a bool is no number: write `{int(value.value)}`"
    if isinstance(value, Const) and given == FLOAT and wanted == UINT:
        return "write a whole number, such as `3`"
    if given == FLOAT and wanted == UINT:
        return "`qk.floor(x)` and `qk.ceil(x)` make a UInt of a Float; whole numbers divide with `//`"
    if given == BIT and wanted in (UINT, FLOAT):
        return "a Bit is no number; write `1 if bit else 0`"
    if wanted == OBSERVABLE:
        return "bind a Hamiltonian, for example `qkernel.observable.Z(0)`"
    if isinstance(wanted, ArrayType) and not isinstance(given, (ArrayType, TupleType)):
        return "this argument wants a whole vector, such as `[0.1, 0.2]`; did the arguments change places?"
    return None
