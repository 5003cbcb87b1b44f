"""Where in a kernel an error of lowering happened, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Note, Span, counted, written_name
from qkernel.errors import (
    ArithmeticEvaluationError,
    EntrypointValidationError,
    NotFiniteError,
    NotUnitaryError,
    QKernelError,
    QubitAliasError,
    QubitConsumedError,
    QubitIndexResolutionError,
    SeparationError,
    TargetCapabilityError,
)
from qkernel.ir.ops import Adjoint, Call, Control, Function, Gate, Parameter
from qkernel.ir.places import Place
from qkernel.lower.circuit import reads_run
from qkernel.lower.columns import Columns
from qkernel.lower.parameters import OpenParameters
from qkernel.lower.residuals import manageable
from qkernel.lower.values import Affine, Unsettled

Registers = Sequence[tuple[str, tuple[int, ...]]]
"""Registers by name, with their qubits."""


@dataclass(slots=True)
class Frame:
    """One execution of a function: its names, and the call that it came from.

    `loops` holds the targets of the loops that run now; `fresh` the qubits made here, with the place, while a modifier acts.
    """

    function: Function
    names: dict[str, Any]
    call: Call | None = None
    caller: Frame | None = None
    loops: list[tuple[str, ...]] = field(default_factory=list)
    fresh: list[tuple[list[int], Span | None]] = field(default_factory=list)


def locate(error: QKernelError, span: Span | None, frame: Frame) -> QKernelError:
    """Give an error that has none its place in the source, the values of whole numbers there, and the calls around it."""
    if error.span is None and span is not None:
        error.span = span
        values = {parameter.name: frame.names.get(parameter.name) for parameter in frame.function.parameters}
        known = {name: value for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
        known |= {name: frame.names[name] for targets in frame.loops for name in targets}
        if known:
            error.notes += (Note(", ".join(f"{written_name(name)} = {value}" for name, value in known.items())),)
        inner: Frame | None = frame
        while inner is not None and inner.call is not None:
            error.came_through(written_name(inner.function.name), inner.call.span)
            inner = inner.caller
    return error


def translated(error: Exception, parameters: OpenParameters) -> QKernelError:
    """The error in the user's words."""
    if isinstance(error, QKernelError):
        return error
    if not isinstance(error, Unsettled):
        return ArithmeticEvaluationError(f"an expression has no value: {error}", label="cannot be computed")
    expr = error.value.expression() if isinstance(error.value, Affine) else error.value
    if names := parameters.names(manageable(expr)):
        given = ", ".join(f'"{name}": ...' for name in names)
        lacking = EntrypointValidationError(
            f"{error.use} depends on `{names[0]}`, which has no value when the kernel is compiled",
            label=f"needs the value of `{names[0]}`",
            help=f"bind it: `bindings={{{given}}}`",
        )
        lacking.lacking = tuple(names)
        return lacking
    source = "a measurement" if reads_run(expr) else "an expectation value or a probability"
    return SeparationError(
        f"{error.use} depends on {source}, and is to be known before the circuit runs",
        label="known only at run time",
        help=None
        if source != "a measurement"
        else "go over the indices:\n    for k in qk.range(n):\n        if index == k:\n            ...  # with the element `k`"
        if error.use in ("an index", "a key")
        else "choose between gates by `if` on the bit; a loop that ends by a measured bit is a `while`",
    )


def not_unitary(what: str, call: Call | Gate) -> NotUnitaryError:
    """The error for what no modifier can act on, in a call under one."""
    modifier = modifier_name(call)
    return NotUnitaryError(
        f"{what} cannot stand in an operation under `{modifier}`",
        label="not unitary",
        notes=(Note(f"`{modifier}` is applied here", call.span),),
        help="keep gates only in what is inverted, controlled or repeated, and do this outside of it",
    )


def modifier_name(call: Call | Gate) -> str:
    """How the first modifier of a call is written."""
    match call.modifiers[0]:
        case Adjoint():
            return "inverse"
        case Control():
            return "control"
    return "power"


def refused_bound(entry: Function, parameter: Parameter, what: str) -> EntrypointValidationError:
    """The error for an argument without a value."""
    return EntrypointValidationError(
        f"`{entry.name}` needs a value for `{parameter.name}`",
        span=parameter.span,
        label=f"{what} is known when the circuit is made",
        help=f'give it: `bindings={{"{parameter.name}": ...}}`',
    )


def register_text(place: Place) -> str:
    """What the register of a place is called."""
    if isinstance(place.register, str):
        return written_name(place.register)
    return f"({', '.join(map(register_text, place.register))})"


def outside(place: Place, index: int, length: int) -> QubitIndexResolutionError:
    """The error for an index beyond a register."""
    where = "is negative" if index < 0 else f"lies outside it: it has {counted(length, 'qubit')}"
    return QubitIndexResolutionError(
        f"index {index} of the register `{register_text(place)}` {where}",
        label=f"index {index}",
        help=f"only a number written with a minus, `q[-1]`, counts from the end, and here at most to `q[-{length}]`"
        if index < 0
        else None,
    )


def twice(registers: Registers, qubits: Sequence[int]) -> QubitAliasError:
    """The error for an operation on one qubit in two roles."""
    double = next(qubit for k, qubit in enumerate(qubits) if qubit in qubits[:k])
    return QubitAliasError(f"`{_shown(registers, double)}` stands twice in one operation", label="the same qubit twice")


def used_again(registers: Registers, qubit: int, how: str, span: Span | None) -> QubitConsumedError:
    """The error for a use of a qubit that was consumed."""
    return QubitConsumedError(
        f"`{_shown(registers, qubit)}` is used after it was {how}", label="used here", notes=(Note(f"{how} here", span),)
    )


def _shown(registers: Registers, qubit: int) -> str:
    """A physical qubit by the register that it was made in."""
    register, qubits = next(entry for entry in registers if qubit in entry[1])
    name = written_name(register)
    return name if len(qubits) == 1 else f"{name}[{qubits.index(qubit)}]"


def no_body(function: Function, span: Span | None) -> TargetCapabilityError:
    """The error for lowering an oracle."""
    return TargetCapabilityError(
        f"the oracle `{function.label or written_name(function.name)}` has no body",
        span=span,
        label="cannot be made into gates",
        help="an oracle counts and draws; write a kernel in its place to run it",
    )


def not_finite(columns: Columns, slot: int) -> NotFiniteError:
    """The error for an angle that came out infinite or undefined."""
    span = None
    for run in columns.runs:
        position = run.first_slot
        for code, place in zip(run.kind.tolist(), run.span.tolist(), strict=True):
            count = columns.kinds.table[code].num_angles
            if position <= slot < position + count and place >= 0:
                span = columns.spans[place]
            position += count
    return NotFiniteError(f"an angle is {columns.offsets[slot]}", span=span, label="of this gate")
