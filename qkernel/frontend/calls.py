"""Calls of gates and of kernels, plain and modified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from qkernel.diagnostics import Span, counted, with_article
from qkernel.errors import (
    BindingShapeError,
    CallArgumentError,
    KernelTypeError,
    NotFiniteError,
    NotUnitaryError,
    QKernelError,
    unequal_registers,
)
from qkernel.frontend.arrays import given_away
from qkernel.frontend.kernel_arguments import spread_structs
from qkernel.frontend.outlines import AnyKernel, in_ir
from qkernel.frontend.ownership import QuantumHandle, as_given, check_distinct, distance, is_of_qubits
from qkernel.frontend.signature import CallSite, Struct, Value, bind, parts_of
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import as_type, convert, describe, is_no_value, with_handles
from qkernel.gate_functions import Gate
from qkernel.gates import GATES, GateRule
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Slice, size, wrap
from qkernel.ir.ops import Modifier, Parameter
from qkernel.ir.places import Place, joined, whole
from qkernel.ir.python_values import is_number
from qkernel.ir.trees import free_names, substitute
from qkernel.ir.types import FLOAT, QFIXED, QUBIT, UINT, ArrayType, Type, is_quantum

_ALIASES = {"target": "qubit", "q": "qubit"}


def call_gate(tracer: Tracer, gate: Gate, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """`gate(handles, angles)`: emits the gate, returns the new handles."""
    handles, angles = gate_operands(tracer, gate, arguments, keywords)
    results = [as_given(result) for result in apply_gate(tracer, gate.name, handles, angles)]
    return results[0] if len(results) == 1 else tuple(results)


def gate_operands(
    tracer: Tracer, gate: Gate, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[list[QuantumHandle], tuple[Expr, ...]]:
    """The handles and angles of a call, checked."""
    rule, name, site = GATES[gate.name], gate.name, tracer.site
    keywords = {_keyword(rule, keyword): value for keyword, value in keywords.items()}
    optional = frozenset(("gamma",)) if name == "cu" else frozenset[str]()
    values, spans = bind(name, rule.qubits + rule.angles, optional, arguments, keywords, site)
    handles = []
    for qubit in rule.qubits:
        if not is_of_qubits(values[qubit]):
            raise _not_a_qubit(name, rule, qubit, values, spans)
        handles.append(tracer.expect_qubits(values[qubit], f"argument `{qubit}` of `{name}`", spans[qubit]))
    check_distinct(handles, [spans[qubit] for qubit in rule.qubits])
    _check_pairs(name, rule, handles, spans)
    vectors_allowed = handles[0].is_register
    angles = tuple(
        angle(values.get(parameter, 0.0), _angle_of(name, parameter), spans.get(parameter), vectors_allowed)
        for parameter in rule.angles
    )
    if vectors_allowed:
        _check_lengths(handles[0], rule, angles, spans)
    return handles, angles


def _check_pairs(name: str, rule: GateRule, handles: list[QuantumHandle], spans: dict[str, Span | None]) -> None:
    """A gate on several qubits takes single ones, or registers of one length."""
    first, *others = handles
    for qubit, handle in zip(rule.qubits[1:], others, strict=True):
        if handle.is_register != first.is_register:
            register, where = (handle, qubit) if handle.is_register else (first, rule.qubits[0])
            raise KernelTypeError(
                f"`{name}` takes single qubits, or registers of one length, and only `{register.name}` is a register",
                span=spans[where],
                label="a Vector[Qubit]",
                help=f"name its qubits: `{register.name}[0]`, or loop over them",
            )
        if first.length is not None and handle.length is not None and distance(first.length, handle.length) not in (0, None):
            lengths = [as_written(length) for each in handles if (length := each.length) is not None]
            raise unequal_registers(name, lengths, spans[qubit])


def _angle_of(gate: str, parameter: str) -> str:
    return f"the angle of `{gate}`" if parameter == "angle" else f"the angle `{parameter}` of `{gate}`"


def _not_a_qubit(
    gate: str, rule: GateRule, qubit: str, values: dict[str, Any], spans: dict[str, Span | None]
) -> KernelTypeError:
    swapped = [parameter for parameter in rule.angles if isinstance(values.get(parameter), QuantumHandle)]
    usage = f"`{gate}({', '.join(rule.qubits + rule.angles)})`"
    wanted = "a Qubit or a Vector[Qubit]"
    return KernelTypeError(
        f"argument `{qubit}` of `{gate}` must be {wanted}, but this is {describe(values[qubit])}",
        span=spans[qubit],
        label="not a qubit",
        help=f"`{qubit}` and `{swapped[0]}` seem to have changed places: {usage}" if swapped else f"call it as {usage}",
    )


def _keyword(rule: GateRule, keyword: str) -> str:
    if keyword == "theta" and rule.angles == ("angle",):
        return "angle"
    alias = _ALIASES.get(keyword, keyword)
    return alias if alias in rule.qubits else keyword


def angle(value: Any, what: str, span: Span | None, vectors_allowed: bool = False) -> Expr:
    """`value` as a Float, or as a vector of Floats where one angle per qubit is allowed."""
    if is_no_value(value):
        raise KernelTypeError(
            f"{what} must be a Float, but this is {describe(value)}",
            span=span,
            label="not an angle",
            help="angles are numbers in radians, such as `math.pi / 2`",
        )
    try:
        expr = wrap(value)
    except (TypeError, OverflowError):  # of a tensor that requires grad, a complex number ...
        return as_type(value, FLOAT, what, span)
    match expr:
        case Const(number) if expr.type == FLOAT and not np.isfinite(number):
            raise NotFiniteError(f"{what} is {number}", span=span, label="not a finite number")
        case Expr(type=ArrayType(element, 1)) if element in (FLOAT, UINT):
            if vectors_allowed:
                return convert(expr, ArrayType(FLOAT), what, span)
            raise KernelTypeError(
                f"{what} must be one Float, but this is a {expr.type}",
                span=span,
                label="a whole vector",
                help="a vector of angles goes with a register of the same length; index it for one qubit: `angles[0]`",
            )
    return convert(expr, FLOAT, what, span)


def _check_lengths(handle: QuantumHandle, rule: GateRule, angles: tuple[Expr, ...], spans: dict[str, Span | None]) -> None:
    for parameter, value in zip(rule.angles, angles, strict=True):
        if not isinstance(value.type, ArrayType):
            continue
        match size(value), handle.length:
            case Const(given), Const(wanted) if given != wanted:
                raise BindingShapeError(
                    f"`{handle.name}` has {wanted} qubits, but there are {given} angles",
                    span=spans[parameter],
                    label=f"{given} angles",
                    help="give one angle for all, or one for each qubit",
                )


def apply_gate(
    tracer: Tracer,
    name: str,
    handles: Sequence[QuantumHandle],
    angles: tuple[Expr, ...],
    modifiers: tuple[Modifier, ...] = (),
    matrix: tuple[tuple[complex, ...], ...] | None = None,
) -> list[QuantumHandle]:
    """Move the handles into the gate, emit it, give the new handles."""
    for position, handle in enumerate(handles):
        tracer.take(handle, f"passed to `{name}`", tracer.site.of(position) or tracer.site.span)
    places = tuple(handle.place for handle in handles)
    tracer.emit(ops.Gate(name, places, angles, modifiers, matrix, tracer.site.span))
    results = [handle.successor() for handle in handles]
    for handle, result in zip(handles, results, strict=True):
        tracer.ledger.follow(handle, result)
    return results


def call_unitary(tracer: Tracer, matrix: Any, qubits: tuple[Any, ...]) -> Any:
    """`unitary(matrix, *qubits)`."""
    spans = [tracer.site.of(position + 1) for position in range(len(qubits))]
    handles = [
        tracer.expect_qubits(qubit, f"qubit {position} of `unitary`", span)
        for position, (qubit, span) in enumerate(zip(qubits, spans, strict=True))
    ]
    length: Expr = ZERO
    for handle in handles:
        length = length + (ONE if handle.length is None else handle.length)
    entries = unitary_matrix(matrix, length.value if isinstance(length, Const) else None, tracer.site.of(0))
    check_distinct(handles, spans)
    results = [as_given(result) for result in apply_gate(tracer, "unitary", handles, (), (), entries)]
    return results[0] if len(results) == 1 else tuple(results)


def unitary_matrix(matrix: Any, num_qubits: int | None, span: Span | None) -> tuple[tuple[complex, ...], ...]:
    """A matrix as hashable rows; raises unless it is unitary and fits the number of qubits, which None leaves to lowering."""
    if num_qubits == 0:
        raise CallArgumentError(
            "`unitary` needs qubits after its matrix", span=span, label="no qubits follow", help="write `qk.unitary(matrix, q)`"
        )
    try:
        array = np.asarray(matrix, complex)
    except (TypeError, ValueError) as error:
        raise KernelTypeError(
            "`unitary` needs a matrix of known numbers",
            span=span,
            label="not a known matrix",
            help="gates with angles, such as `qk.u` and `qk.p`, take values that are known later",
        ) from error
    if num_qubits is None and array.ndim == 2:
        num_qubits = max(0, len(array) - 1).bit_length()
    size = 1 << (num_qubits or 0)
    if array.shape != (size, size):
        raise BindingShapeError(
            f"a unitary on {counted(num_qubits or 0, 'qubit')} is a {size} x {size} matrix, but this has shape {array.shape}",
            span=span,
            label=f"shape {array.shape}",
        )
    error_size = float(np.abs(array @ array.conj().T - np.eye(size)).max())
    if not error_size < 1e-8:
        raise NotUnitaryError(
            "the matrix is not unitary",
            span=span,
            label=f"U U† differs from 1 by {error_size:.2g}",
            help="its rows have length 1 and are orthogonal to each other",
        )
    return tuple(tuple(complex(entry) for entry in row) for row in array)


def call_kernel(tracer: Tracer, kernel: AnyKernel, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """`kernel(...)`: checks and moves the arguments, emits the call, gives what comes back."""
    if kernel.signature.kernels:
        kernel, arguments, keywords = kernel.called_with(tracer, arguments, keywords)
    values = kernel_operands(tracer, kernel, arguments, keywords)
    results = [with_handles(result, as_given) for result in grouped_results(kernel, apply_kernel(tracer, kernel, values))]
    is_tuple = kernel.outline().returns_tuple and not isinstance(kernel.signature.returned, Struct)
    return results[0] if len(results) == 1 and not is_tuple else tuple(results) if results else None


def grouped_results(kernel: AnyKernel, flat: Iterable[Any]) -> list[Any]:
    """What a kernel gives back, with records put together from their fields."""
    values = iter(flat)
    return [
        part.kind(*islice(values, len(part.fields))) if isinstance(part, Struct) else next(values)
        for part in parts_of(kernel.signature.returned)
    ]


def kernel_operands(tracer: Tracer, kernel: AnyKernel, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> list[Value]:
    """The arguments of a call in parameter order, promoted and checked, not yet moved."""
    signature = kernel.signature
    arguments, keywords, site = spread_structs(kernel, arguments, keywords, tracer.site)
    return operands(tracer, kernel.name, signature.parameters, arguments, keywords, site, kernel.outline().changed)


def operands(
    tracer: Tracer,
    name: str,
    parameters: tuple[Parameter, ...],
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    site: CallSite,
    changed: frozenset[str],
) -> list[Value]:
    """The arguments of a call of `name`, records spread, in the order of its parameters, promoted and checked."""
    optional = frozenset(parameter.name for parameter in parameters if parameter.default is not None)
    bound, spans = bind(name, tuple(parameter.name for parameter in parameters), optional, arguments, keywords, site)
    values: list[Value] = []
    quantum: list[tuple[QuantumHandle, Span | None]] = []
    for parameter in parameters:
        if parameter.name not in bound:
            assert parameter.default is not None
            values.append(parameter.default)
            continue
        span = spans[parameter.name]
        try:
            value = _argument(tracer, bound[parameter.name], parameter, name)
        except QKernelError as error:
            error.span = error.span or span
            if isinstance(error, KernelTypeError):
                error.help = _order_help(name, parameters, parameter, bound) or error.help
            raise
        values.append(value)
        if isinstance(value, QuantumHandle):
            quantum.append((value, span))
            if isinstance(value.length, Const):
                parameter.check_length(value.length.value, name, span)
    check_distinct([handle for handle, _ in quantum], [span for _, span in quantum])
    for parameter_name in changed & bound.keys():
        tracer.arrays.lose(bound[parameter_name], given_away(name, tracer.site.span))
    return values


def _argument(tracer: Tracer, value: Any, parameter: Parameter, callee: str) -> Value:
    what, wanted = f"argument `{parameter.name}` of `{callee}`", parameter.type
    if (why := tracer.arrays.why_gone(value)) is not None:
        raise why(parameter.name, tracer.frame).error(parameter.name)
    if is_quantum(wanted):
        handle = tracer.expect_qubits(value, what)
        if handle.type != wanted and not (wanted == QFIXED and handle.is_register):
            raise KernelTypeError(
                f"{what} must be a {wanted}, but `{handle.name}` is a {handle.type}",
                label=f"a {handle.type}",
                help=f"give it one element: `{handle.name}[0]`"
                if handle.is_register
                else "a register is made by `qk.qubit_array(n)`, and a slice such as `q[0:1]` is one too",
            )
        return handle
    if is_no_value(value):
        raise KernelTypeError(f"{what} must be {with_article(wanted)}, but this is {describe(value)}", label=describe(value))
    if isinstance(value, dict):
        raise KernelTypeError(
            f"{what}: a dictionary written in a kernel cannot be passed on",
            label="a Python dict",
            help="take the dictionary as an argument of this kernel, annotated `qk.Dict[...]`",
        )
    return as_type(value, wanted, what)


def _order_help(callee: str, parameters: tuple[Parameter, ...], parameter: Parameter, bound: dict[str, Any]) -> str | None:
    """A hint if another argument has the type that is wanted here."""

    def fits(value: Any, type: Type) -> bool:
        known = value if isinstance(value, (QuantumHandle, Expr)) else wrap(value) if is_number(value) else None
        return known is not None and known.type == type

    swapped = [
        other
        for other in parameters
        if other.name != parameter.name
        and other.name in bound
        and other.type != parameter.type
        and fits(bound[other.name], parameter.type)
        and fits(bound[parameter.name], other.type)
    ]
    if not swapped:
        return None
    usage = f"`{callee}({', '.join(each.name for each in parameters)})`"
    return f"`{parameter.name}` and `{swapped[0].name}` seem to have changed places: {usage}"


def apply_kernel(tracer: Tracer, kernel: AnyKernel, values: list[Value], modifiers: tuple[Modifier, ...] = ()) -> list[Any]:
    """Move the quantum arguments in, emit the call, and give the results as values of the caller."""
    outline = kernel.outline()
    pairs = zip(values, kernel.signature.parameters, strict=True)
    fixed = [value for value, parameter in pairs if isinstance(value, QuantumHandle) and parameter.type == QFIXED]
    values = [*values, *(ZERO if handle.fixed_point is None else handle.fixed_point for handle in fixed)]
    if kernel.is_settled:
        tracer.used.append((kernel, outline))
    site = tracer.site
    label = _label(tracer, kernel)
    named = {parameter.name: value for parameter, value in zip(outline.parameters, values, strict=True)}
    handles = {name: value for name, value in named.items() if isinstance(value, QuantumHandle)}
    for handle in handles.values():
        tracer.take(handle, f"passed to `{kernel.name}`", site.span)
    known = {name: as_expression(value) for name, value in named.items()}
    names: list[str | None] = []
    results: list[Any] = []
    kept: set[str] = set()
    for returned in outline.returns:
        name, result = _result(tracer, returned, handles, known)
        kept |= returned.place.registers if isinstance(returned, QuantumHandle) else set()
        names.append(name)
        results.append(tracer.arrays.held(result))
    tracer.emit(ops.Call(label, in_ir(values), tuple(names), modifiers, site.span))
    for name, handle in handles.items():
        if name not in kept:
            tracer.consume(handle)
    return results


def as_expression(value: Value) -> Expr:
    """An argument as what its name means inside the callee; a register stands for its length."""
    if isinstance(value, Expr):
        return value
    register = Name(min(value.place.registers), ArrayType(QUBIT))
    if value.length is None:
        return register
    return Slice(register, value.place.start, value.place.stride, value.length)


def _result(
    tracer: Tracer, returned: Value, handles: dict[str, QuantumHandle], known: dict[str, Expr]
) -> tuple[str | None, Any]:
    """The caller's name for a result, if it is a new thing, and its value."""
    if isinstance(returned, Expr):
        if free_names(returned) <= known.keys():
            return None, substitute(returned, known)
        hint = tracer.hint or "result"
        name = tracer.fresh(hint, "result")
        return name, Name(name, returned.type)
    place, fixed_point = returned.place, returned.fixed_point
    if fixed_point is not None:
        fixed_point = substitute(fixed_point, known)
    if place.registers <= handles.keys():
        sources = [handles[register] for register in sorted(place.registers)]
        if (source := _whole_source(place, handles)) is not None:
            return None, replace(source.successor(), fixed_point=fixed_point)
        length = None if returned.length is None else substitute(returned.length, known)
        part = _in_caller(place, length, handles, known)
        name = sources[0].name if length is not None else f"{sources[0].name}[{as_written(substitute(place.start, known))}]"
        parents = [each.parent for source in sources for each in source.parts if each.place == part and source.given]
        return None, tracer.noted(QuantumHandle(part, length, name, parents[0] if parents else None, fixed_point))
    name = tracer.fresh(tracer.hint, min(place.registers))
    is_known = returned.length is None or free_names(returned.length) <= known.keys()
    length = substitute(returned.length, known) if is_known and returned.length is not None else returned.length
    handle = tracer.register(name, length, known=is_known)
    handle.fixed_point = fixed_point
    return name, handle


def _whole_source(place: Place, handles: dict[str, QuantumHandle]) -> QuantumHandle | None:
    """The argument that comes back whole as `place` of the callee."""
    if not isinstance(place.register, str):
        return None
    source = handles[place.register]
    return source if place == whole(place.register, QUBIT if source.length is None else ArrayType(QUBIT)) else None


def _in_caller(place: Place, length: Expr | None, handles: dict[str, QuantumHandle], known: dict[str, Expr]) -> Place:
    """The place of the caller's that a place of the callee's is, in registers that the callee was given."""
    if isinstance(place.register, str):
        base = handles[place.register].place
    else:
        lengths = [None if piece.length is None else substitute(piece.length, known) for piece in place.register]
        pairs = zip(place.register, lengths, strict=True)
        base = joined(_in_caller(piece, size, handles, known) for piece, size in pairs)
    if base.length is None:
        return base
    start, stride = substitute(place.start, known), substitute(place.stride, known)
    return base.element(start) if length is None else base.view(start, stride, length)


def _label(tracer: Tracer, kernel: AnyKernel) -> str:
    """The name by which this trace refers to `kernel`; two kernels of one name get two labels."""
    for label, other in tracer.callees.items():
        if other is kernel:
            return label
    label, count = kernel.name, 1
    while label in tracer.callees or (label == tracer.kernel.name and kernel is not tracer.kernel):
        count += 1
        label = f"{kernel.name}.{count}"
    tracer.callees[label] = kernel
    return label
