"""Calls of gates, plain and modified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qkernel.diagnostics import Note, Span, counted
from qkernel.errors import (
    BindingShapeError,
    CallArgumentError,
    KernelTypeError,
    NotFiniteError,
    NotUnitaryError,
    QubitAliasError,
)
from qkernel.frontend.ownership import QuantumHandle, surely_overlap
from qkernel.frontend.signature import bind
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import as_type, convert, describe, is_no_value
from qkernel.gate_functions import Gate
from qkernel.gates import GATES, GateRule
from qkernel.ir import ops
from qkernel.ir.expressions import Const, Expr, size, wrap
from qkernel.ir.ops import Modifier
from qkernel.ir.types import FLOAT, UINT, ArrayType

_ALIASES = {"target": "qubit", "q": "qubit"}


def call_gate(tracer: Tracer, gate: Gate, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """`gate(handles, angles)`: emits the gate, returns the new handles."""
    handles, angles = gate_operands(tracer, gate, arguments, keywords)
    results = apply_gate(tracer, gate.name, handles, angles)
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
        if not isinstance(values[qubit], QuantumHandle):
            raise _not_a_qubit(name, rule, qubit, values, spans)
        handle: QuantumHandle = values[qubit]
        if handle.is_register and not rule.is_broadcast:
            raise KernelTypeError(
                f"`{name}` takes single qubits, and `{handle.name}` is a register",
                span=spans[qubit],
                label="a Vector[Qubit]",
                help=f"name its qubits: `{handle.name}[0]`, or loop over them",
            )
        handles.append(handle)
    check_distinct(handles, [spans[qubit] for qubit in rule.qubits])
    vectors_allowed = rule.is_broadcast and handles[0].is_register
    angles = tuple(
        angle(tracer, values.get(parameter, 0.0), _angle_of(name, parameter), spans.get(parameter), vectors_allowed)
        for parameter in rule.angles
    )
    if vectors_allowed:
        _check_lengths(handles[0], rule, angles, spans)
    return handles, angles


def _angle_of(gate: str, parameter: str) -> str:
    return f"the angle of `{gate}`" if parameter == "angle" else f"the angle `{parameter}` of `{gate}`"


def _not_a_qubit(
    gate: str, rule: GateRule, qubit: str, values: dict[str, Any], spans: dict[str, Span | None]
) -> KernelTypeError:
    swapped = [parameter for parameter in rule.angles if isinstance(values.get(parameter), QuantumHandle)]
    usage = f"`{gate}({', '.join(rule.qubits + rule.angles)})`"
    wanted = "a Qubit or a Vector[Qubit]" if rule.is_broadcast else "a Qubit"
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


def angle(tracer: Tracer, value: Any, what: str, span: Span | None, vectors_allowed: bool = False) -> Expr:
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
    if isinstance(expr, Const) and expr.type == FLOAT and not np.isfinite(expr.value):
        raise NotFiniteError(f"{what} is {expr.value}", span=span, label="not a finite number")
    if isinstance(expr.type, ArrayType) and expr.type.rank == 1 and expr.type.element in (FLOAT, UINT):
        if vectors_allowed:
            return expr if expr.type.element == FLOAT else convert(expr, ArrayType(FLOAT), what, span)
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
        given, wanted = size(value), handle.length
        if isinstance(given, Const) and isinstance(wanted, Const) and given.value != wanted.value:
            raise BindingShapeError(
                f"`{handle.name}` has {wanted.value} qubits, but there are {given.value} angles",
                span=spans[parameter],
                label=f"{given.value} angles",
                help="give one angle for all, or one for each qubit",
            )


def check_distinct(handles: Sequence[QuantumHandle], spans: Sequence[Span | None]) -> None:
    """One qubit twice in a call is an error."""
    for second in range(len(handles)):
        for first in range(second):
            if handles[first] is handles[second] or surely_overlap(handles[first].place, handles[second].place):
                raise QubitAliasError(
                    f"`{handles[second].name}` stands twice in one call",
                    span=spans[second],
                    label="the same qubit again",
                    notes=(Note("first here", spans[first]),),
                    help="a gate on several qubits needs different ones",
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
    entries = unitary_matrix(matrix, len(qubits), tracer.site.of(0))
    handles = [
        tracer.expect_qubits(qubit, f"qubit {position} of `unitary`", tracer.site.of(position + 1))
        for position, qubit in enumerate(qubits)
    ]
    for position, handle in enumerate(handles):
        if handle.is_register:
            raise KernelTypeError(
                f"`unitary` takes single qubits, and `{handle.name}` is a register",
                span=tracer.site.of(position + 1),
                label="a Vector[Qubit]",
            )
    check_distinct(handles, [tracer.site.of(position + 1) for position in range(len(handles))])
    results = apply_gate(tracer, "unitary", handles, (), (), entries)
    return results[0] if len(results) == 1 else tuple(results)


def unitary_matrix(matrix: Any, num_qubits: int, span: Span | None) -> tuple[tuple[complex, ...], ...]:
    """A matrix as hashable rows; raises unless it is unitary and fits the number of qubits."""
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
    size = 1 << num_qubits
    if array.shape != (size, size):
        raise BindingShapeError(
            f"a unitary on {counted(num_qubits, 'qubit')} is a {size} x {size} matrix, but this has shape {array.shape}",
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
