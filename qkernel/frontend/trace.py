"""`trace`: a kernel's Python -> an IR function."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import qkernel.frontend.branches
import qkernel.frontend.expressions
import qkernel.frontend.loops
import qkernel.frontend.statements  # noqa: F401 - with it and the lines above, the readers are registered
from qkernel.diagnostics import Note, Span, with_article, written_name
from qkernel.errors import (
    KernelRecursionError,
    KernelTypeError,
    QubitConsumedError,
    ReturnTypeError,
    SizeError,
    UnsupportedPythonError,
)
from qkernel.frontend.calls import call_gate, call_kernel
from qkernel.frontend.kernel_arguments import redefined_help
from qkernel.frontend.outlines import AnyKernel, Outline, in_ir, ir_parameters, parameter_handle
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.python_calls import invoke
from qkernel.frontend.signature import CallSite, Struct, Value, parts_of
from qkernel.frontend.source import Captures
from qkernel.frontend.tracer import Frame, Return, Tracer
from qkernel.frontend.values import as_type, describe, found_in, handles_in, is_no_value, leaves
from qkernel.gate_functions import Gate
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ArrayHandle, Expr, Name
from qkernel.ir.places import Place, whole
from qkernel.ir.python_values import reading
from qkernel.ir.trees import tree_size
from qkernel.ir.types import TupleType, Type, is_quantum
from qkernel.ir.walk import expressions, walk
from qkernel.tracing import tracing

MOST_NESTED = 1200
"""The deepest that kernels of which each calls another may be traced."""


MOST_NODES = 4_000_000
"""Of the expressions of one kernel, written out."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A kernel as an IR function, the kernels that it calls by the labels it uses, and what it was read against."""

    function: ops.Function
    callees: dict[str, AnyKernel]
    outline: Outline
    captures: Captures
    used: tuple[tuple[AnyKernel, Outline], ...] = ()


class _Tracer(Tracer):
    """What gates and kernels call back while a kernel is read."""

    def call_gate(self, gate: Gate, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return call_gate(self, gate, arguments, keywords)

    def call_kernel(self, kernel: AnyKernel, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return call_kernel(self, kernel, arguments, keywords)

    def call_python(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call) -> Any:
        self.site = CallSite(self.frame.span(node), node=node)
        return invoke(self, function, arguments, keywords, node)


def trace(kernel: AnyKernel) -> Traced:
    """Read `kernel` once, with symbols for its arguments."""
    tracer = _Tracer(kernel)
    source, signature = kernel.source, kernel.signature
    frame = Frame(source, kernel.name, {}, tracer.captures.noting(kernel.function))
    frame.variables = arguments = _arguments(tracer, kernel)
    symbols = [value for _, value in leaves(tuple(arguments.values()))]
    tracer.frames.append(frame)
    token = reading.set(True)
    try:
        with tracing(tracer):
            signal = tracer.run(source.definition.body)
    finally:
        reading.reset(token)
    value, span, spans = None, source.name_span(), list[Span]()
    if isinstance(signal, Return):
        value, span = signal.value, source.span(signal.node)
        spans = [source.span(part) for part in getattr(signal.node.value, "elts", ())]
    values, is_tuple = _returned(tracer, kernel, value, span, spans)
    check_accounted(tracer, kernel.name, kernel.signature.parameters, values, span)
    kept = [array.object for array in found_in(value, ArrayHandle)]
    changed = [
        as_written(each)
        for each in symbols
        if isinstance(each, ArrayHandle) and id(each) in tracer.arrays.gone and each.object not in kept
    ]
    outline = Outline(ir_parameters(signature), tuple(values), is_tuple, frozenset(changed))
    function = ops.Function(
        kernel.name,
        outline.parameters,
        tuple(tracer.ops),
        in_ir(values),
        is_tuple,
        kernel.kind,
        kernel.label,
        kernel.clean_ancillas,
        source.name_span(),
    )
    _check_sizes(function)
    return Traced(function, tracer.callees, outline, tracer.captures, tuple(tracer.used))


def _check_sizes(function: ops.Function) -> None:
    """Raise where expressions, which share in memory what they repeat, are too large to be written out."""
    total = 0
    for op in walk(function.body):
        total += sum(tree_size(expr)[0] for expr in expressions(op))
        if total > MOST_NODES:
            raise _too_large(function, op.span)
    if total + sum(tree_size(value)[0] for value in function.returns if isinstance(value, Expr)) > MOST_NODES:
        raise _too_large(function, function.span)


def _too_large(function: ops.Function, span: Span | None) -> SizeError:
    return SizeError(
        f"the expressions of `{function.name}` have grown to more than {MOST_NODES:,} operations",
        span=span,
        label="here they are too many",
        help="a loop of the kernel language (`for i in qk.range(n)`) is kept as a loop, however often it goes round",
    )


def _arguments(tracer: Tracer, kernel: AnyKernel) -> dict[str, Any]:
    """The kernel's parameters as handles and symbols; structs are put together from their fields."""
    values: dict[str, Any] = {}
    for parameter in kernel.signature.parameters:
        tracer.scopes[0][parameter.name] = 0
        values[parameter.name] = _argument(tracer, parameter)
    values |= kernel.arguments
    for name, struct in kernel.signature.structs.items():
        values[name] = struct.kind(**{field: values.pop(f"{name}.{field}") for field, _ in struct.entries})
    return values


def _argument(tracer: Tracer, parameter: ops.Parameter) -> Any:
    is_qubits = is_quantum(parameter.type)
    return tracer.noted(parameter_handle(parameter)) if is_qubits else tracer.arrays.held(Name(parameter.name, parameter.type))


# what comes back ----------------------------------------------------------------------------------------------------------


def _returned(tracer: Tracer, kernel: AnyKernel, value: Any, span: Span, spans: list[Span]) -> tuple[list[Value], bool]:
    """The values of the return statement, which stand at `spans` if it lists them, checked against the annotation."""
    wanted = kernel.signature.returned
    match wanted:
        case None:
            if value is not None:
                raise _wrong(kernel, value, "None", span)
            return [], True
        case tuple() | TupleType():
            parts = parts_of(wanted)
            if not isinstance(value, tuple) or len(value) != len(parts):
                raise _wrong(kernel, value, f"Tuple[{', '.join(map(str, parts))}]", span)
            spans = spans if len(spans) == len(value) else [span] * len(value)
            return [one for each in zip(value, parts, spans, strict=True) for one in _flat(tracer, kernel, *each)], True
    if isinstance(value, tuple):
        raise _wrong(kernel, value, str(wanted), span)
    return _flat(tracer, kernel, value, wanted, span), isinstance(wanted, Struct)


def _flat(tracer: Tracer, kernel: AnyKernel, value: Any, wanted: Type | Struct, span: Span) -> list[Value]:
    """A returned value, a record as its fields."""
    if not isinstance(wanted, Struct):
        return [_one(tracer, kernel, value, wanted, span)]
    if not wanted.fits(value):
        raise _wrong(kernel, value, str(wanted), span, redefined_help(wanted, value, kernel.name))
    return [_one(tracer, kernel, getattr(value, name), type, span) for name, type in wanted.fields]


def _wrong(kernel: AnyKernel, value: Any, wanted: str, span: Span, help: str | None = None) -> ReturnTypeError:
    match value:
        case None:
            given = "nothing"
        case tuple():
            given = f"a tuple of {len(value)}"
        case _:
            given = describe(value)
    annotated = kernel.signature.returned_span
    return ReturnTypeError(
        f"`{kernel.name}` returns {given}, but says `{wanted}`",
        span=span,
        label=given,
        notes=(Note("promised here", annotated),) if annotated else (),
        help=help,
    )


def _one(tracer: Tracer, kernel: AnyKernel, value: Any, wanted: Type, span: Span) -> Value:
    if (why := tracer.arrays.why_gone(value)) is not None:
        raise why("a part of it", tracer.frame).error("a part of it", span)
    if is_quantum(wanted):
        if not isinstance(value, QuantumHandle) or value.type != wanted:
            raise _wrong(kernel, value, str(wanted), span)
        tracer.site = CallSite(span)
        tracer.take(value, "returned", span)
        return value
    if is_no_value(value) or isinstance(value, dict):
        raise _wrong(kernel, value, str(wanted), span)
    try:
        return as_type(value, wanted, "the result", span)
    except KernelTypeError:
        raise _wrong(kernel, value, str(wanted), span) from None


def check_accounted(
    tracer: Tracer, name: str, parameters: Sequence[ops.Parameter], returned: Sequence[Value], span: Span | None
) -> None:
    """A qubit that came in goes out, or is measured."""
    parts: dict[str, list[Place]] = {}
    local = {parameter.name for parameter in parameters}
    for handle in handles_in(tuple(returned)):
        for register in handle.place.registers:
            parts.setdefault(register, []).append(handle.place)
        if handle.place.registers & local:
            _check_place_known(name, handle, local, span)
    for parameter in parameters:
        if not is_quantum(parameter.type) or parameter.name in tracer.ended:
            continue
        places = parts.get(parameter.name, [])
        is_whole = whole(parameter.name, parameter.type) in places
        if is_whole or len(places) > 1 or any(place.pieces for place in places):
            continue  # lowering sees whether parts make the whole
        shown = written_name(parameter.name)
        raise QubitConsumedError(
            f"`{name}` loses {'part of ' if places else ''}`{shown}`: it is neither returned nor measured",
            span=parameter.span,
            label="comes in here and does not go out",
            help=f"return it, also from a kernel that only changes it: `return {shown}`; or measure it",
        )


def _check_place_known(name: str, handle: QuantumHandle, names: set[str], span: Span | None) -> None:
    if handle.place.names - names or not handle.place.registers <= names:
        raise ReturnTypeError(
            f"`{name}` returns `{handle.name}`, whose place only the kernel itself knows",
            span=span,
            label="depends on what is computed inside",
            help=f"give it back (`{handle.name} = ...`) and return the whole register",
        )


def check_recursion(depth: int, kernel: AnyKernel) -> None:
    """Raise where kernels reach each other too deeply to trace."""
    if depth > MOST_NESTED:
        raise nested_too_deeply(kernel)


def nested_too_deeply(kernel: AnyKernel) -> KernelRecursionError:
    """The error for a chain of kernels, or an expression, that is too deep to read."""
    return KernelRecursionError(
        f"what `{kernel.name}` calls is nested too deeply to be read",
        span=kernel.source.name_span(),
        label="the outermost kernel",
        help="call the kernels one after another, or let one call itself with a smaller argument",
    )


def check_assumption(kernel: AnyKernel, assumed: Outline | None, actual: Outline) -> None:
    """A kernel that reaches itself must return its qubits in the order in which it takes them, and the types that it says."""
    pairs = list(zip(assumed.returns, actual.returns, strict=True)) if assumed is not None else []
    names = {parameter.name for parameter in actual.parameters}
    if any(isinstance(guess, QuantumHandle) and not _are_same_qubits(guess, value, names) for guess, value in pairs):
        raise ReturnTypeError(
            f"`{kernel.name}` calls itself, so it must return the qubits that it takes, in the same order",
            span=kernel.signature.returned_span,
            label="other qubits come back",
        )
    if assumed is not None and actual.changed:
        raise UnsupportedPythonError(
            f"`{kernel.name}` calls itself, so it must return the vector `{min(actual.changed)}`, whose elements it changes",
            span=kernel.signature.returned_span,
            label="not among the results",
            help="vectors are passed by value: return it, or change a copy: `{0} = {0}[:]`".format(min(actual.changed)),
        )
    for guess, value in pairs:
        if isinstance(guess, Expr) and isinstance(value, Expr) and guess.type != value.type:
            raise ReturnTypeError(
                f"`{kernel.name}` calls itself, so it must say exactly what it returns: {with_article(value.type)}",
                span=kernel.signature.returned_span,
                label=f"{with_article(guess.type)} is promised",
            )


def _are_same_qubits(guess: QuantumHandle, value: Value, parameters: set[str]) -> bool:
    """Whether both are the same qubits of a parameter, or both new ones, whose places no caller could tell."""
    if not isinstance(value, QuantumHandle):
        return False
    places = [handle.place if handle.place.registers <= parameters else None for handle in (guess, value)]
    return places[0] == places[1] and guess.fixed_point is value.fixed_point
