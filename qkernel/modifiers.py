"""`control`, `inverse`, `power`, `global_phase` and `select`: operations made of gates and kernels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar, overload

from qkernel.diagnostics import Span, counted, with_article
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.frontend.arrays import whole_number
from qkernel.frontend.calls import angle, apply_gate, gate_operands
from qkernel.frontend.closures import closed, name_of
from qkernel.frontend.kernel_arguments import redefined_help
from qkernel.frontend.modifiers import (
    Controls,
    Group,
    Inverted,
    Order,
    Phased,
    Powered,
    Step,
    exchange,
    is_backwards,
    is_controlled,
    powered,
    take_controls,
    times,
)
from qkernel.frontend.ownership import QuantumHandle, as_given, check_distinct, is_of_qubits, joined_register
from qkernel.frontend.signature import CallSite, Struct, parts_of
from qkernel.frontend.tracer import Tracer, active_tracer
from qkernel.frontend.values import describe, handles_in, with_handles
from qkernel.gate_functions import Gate
from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expressions import Const, Expr, wrap
from qkernel.ir.ops import Modifier
from qkernel.ir.types import is_quantum
from qkernel.kernel import Kernel, PrebuiltKernel
from qkernel.kernel_modifiers import kernel_call
from qkernel.prebuilt import Oracle
from qkernel.records import record_fields
from qkernel.tracing import is_tracing
from qkernel.types import Float

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Modified:
    """What can be called with steps applied to it, the first one innermost. Called like the original, controls first."""

    operation: Callable[..., Any]
    steps: tuple[Step, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<modified {name_of(self.operation)}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Apply the operation; only inside a kernel. `power=` repeats it."""
        return _call(active_tracer(f"a modified `{name_of(self.operation)}`"), self, arguments, keywords)


@dataclass(frozen=True, slots=True)
class Selection:
    """A multiplexer with steps applied to it: each operation with them, since no two act at once."""

    operations: tuple[Any, ...]
    steps: tuple[Step, ...] = field(default=())

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Apply the operation that the index tells; only inside a kernel. Outer controls come before the index."""
        return _call(active_tracer("`select`"), self, arguments, keywords)


@dataclass(frozen=True, slots=True)
class Conjugation:
    """An operation between another and the inverse of that, with steps applied: to the operation between alone."""

    outer: Any
    inner: Any
    steps: tuple[Step, ...] = field(default=())

    @overload
    def __call__(self, target: T, /, **keywords: Any) -> T: ...
    @overload
    def __call__(self, /, *arguments: Any, **keywords: Any) -> Any: ...
    def __call__(self, /, *arguments: Any, **keywords: Any) -> Any:
        """Apply it; only inside a kernel. Takes what `outer` takes."""
        return _call(active_tracer("`within_apply`"), self, arguments, keywords)


Operation = Modified | Selection | Conjugation


def _extend(operation: Any, step: Step, what: str) -> Operation:
    if isinstance(operation, Selection) and not isinstance(step, Phased):
        return Selection(operation.operations, (*operation.steps, step))
    if isinstance(operation, Modified | Conjugation):
        return replace(operation, steps=(*operation.steps, step))
    if callable(operation) and not isinstance(operation, (type, QuantumHandle)):
        return Modified(operation, (step,))
    raise KernelTypeError(
        f"`{what}` takes a gate, a kernel or a function, but this is {describe(operation)}",
        span=_span(),
        label="no operation on qubits",
        help=_WRAPPED.format(what),
    )


_WRAPPED = """write what it does as a kernel of qubits, and give that to `{}`:
    @qk.qkernel
    def step(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        ..."""


def _span() -> Span | None:
    return active_tracer("").site.of(0) if is_tracing() else None


def control(operation: Any, num_controls: Any = 1, control_value: Any = None, *, power: Any = None) -> Any:
    """`operation` where `num_controls` qubits hold `control_value` (None: all 1; else a number, first control least
    significant). Call it with the controls (qubits, views, registers), then the operation's own arguments."""
    base = operation if power is None else _extend(operation, Powered(power), "control")
    return _extend(base, Controls(num_controls, control_value), "control")


def inverse(operation: Callable[P, R]) -> Callable[P, R]:
    """`operation` backwards: whatever lowers to unitary operations."""
    return _extend(operation, Inverted(), "inverse")


def global_phase(operation: Callable[P, R], phase: Float = None) -> Callable[P, R]:  # type: ignore[assignment]
    """`operation` times exp(i phase); the phase shows once the whole is controlled."""
    if phase is None:
        raise CallArgumentError(
            "`global_phase` takes an operation and a phase",
            span=active_tracer("`global_phase`").site.span,
            label="one of them is missing",
            help="it wraps a gate or a kernel: `q = qk.global_phase(qk.id, 0.77)(q)`",
        )
    return _extend(operation, Phased(phase), "global_phase")


def select(operations: Sequence[Any]) -> Any:
    """A multiplexer: `select([f0, f1, ...])(index, *targets)` applies f_k where the register `index`, first qubit least
    significant, holds k."""
    if not isinstance(operations, Sequence):
        raise KernelTypeError(
            f"`select` takes a list of gates and kernels, but this is {describe(operations)}",
            span=_span(),
            label="not a list",
            help="write `qk.select([f0, f1])(index, q)`",
        )
    for operation in operations:
        _extend(operation, Inverted(), "select")
    return Selection(tuple(operations))


def within_apply(outer: Any, inner: Any) -> Conjugation:
    """`outer`, `inner`, and `outer` backwards: called with what `outer` takes, which comes back.

    `inner` takes what `outer` gives back, qubits that it made included, and hands back the same; these are in 0 again at the
    end, and free. Controls on all of it act on `inner` alone. Keywords go to whichever has arguments of these names.
    """
    for operation in (outer, inner):
        _extend(operation, Inverted(), "within_apply")
    return Conjugation(outer, inner)


# calls --------------------------------------------------------------------------------------------------------------------


def _call(tracer: Tracer, operation: Operation, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A call as its user writes it: records go in and come out whole."""
    site = tracer.site
    arguments = tuple(_joined(argument, site.of(k)) for k, argument in enumerate(arguments))
    keywords = {name: _joined(argument, site.of(name)) for name, argument in keywords.items()}
    arguments, tracer.site = _spread(operation, arguments, site)
    try:
        results = _apply(tracer, operation, arguments, keywords)
    finally:
        tracer.site = site
    results = [with_handles(result, as_given) for result in results]
    return results[0] if len(results) == 1 else tuple(results)


def _joined(argument: Any, span: Span | None) -> Any:
    """Lists and tuples of qubits as one register; all else as it is."""
    is_handle = isinstance(argument, QuantumHandle)
    return joined_register(argument, span) if not is_handle and is_of_qubits(argument) else argument


def _spread(operation: Any, arguments: tuple[Any, ...], site: CallSite) -> tuple[tuple[Any, ...], CallSite]:
    """The arguments with records of qubits as their fields, and where each stands."""
    structs = iter(_structs(operation))
    found: list[tuple[Any, Any]] = []
    for position, value in enumerate(arguments):
        fields = record_fields(value)
        if fields is not None and not handles_in(value):
            fields = None
        struct = None if fields is None else next(structs, None)
        if fields is not None and (struct is None or not struct.fits(value)):
            given = with_article(type(value).__name__)
            raise KernelTypeError(
                f"{_name(operation)} takes {'no record here' if struct is None else with_article(struct)}, but this is {given}",
                span=site.of(position),
                label=given,
                help=None if struct is None else redefined_help(struct, value, _name(operation)),
            )
        found += [(entry, site.of(position)) for entry in ([value] if fields is None else fields.values())]
    spans = tuple(span for _, span in found if span is not None)
    return tuple(value for value, _ in found), replace(site, positional=spans)


def _name(operation: Any) -> str:
    match operation:
        case Selection():
            return "`select`"
        case Conjugation():
            return "`within_apply`"
        case Modified(inner):
            return _name(inner)
    return f"`{name_of(operation)}`"


def _structs(operation: Any, backwards: bool = False) -> list[Struct]:
    """The records of qubits that an operation takes, in order."""
    match operation:
        case Kernel():
            taken = parts_of(operation.signature.returned) if backwards else operation.signature.structs.values()
            return [part for part in taken if isinstance(part, Struct) and any(is_quantum(type) for _, type in part.fields)]
        case Modified(inner, steps):
            return _structs(inner, is_backwards(steps) != backwards)
        case Conjugation(outer):
            return _structs(outer)
        case Selection((first, *_), steps):
            return _structs(first, is_backwards(steps) != backwards)
    return []


def _target_count(operation: Any, keywords: dict[str, Any], backwards: bool = False) -> int:
    """How many handles an operation takes at least, beside those given by keyword."""
    match operation:
        case Gate():
            return len(GATES[operation.name].qubits) - len(handles_in(keywords))
        case Kernel():
            taken = [parameter for parameter in operation.signature.parameters if is_quantum(parameter.type)]
            count = len(exchange(operation.outline()).results) if backwards else len(taken)
            return count - len(handles_in(keywords))
        case Modified(inner, steps) | Selection((inner, *_), steps) | Conjugation(inner, _, steps):
            controls = sum(isinstance(step, Controls) for step in steps) + isinstance(operation, Selection)
            return controls + _target_count(inner, keywords, is_backwards(steps) != backwards)
    return 1  # an oracle, on a register or on qubits; a function, which does not say


def _apply(
    tracer: Tracer, operation: Operation, arguments: tuple[Any, ...], keywords: dict[str, Any], stays: bool = False
) -> list[Any]:
    """A call with records spread: the controls, and what the operation gives back, records whole."""
    operation, keywords = _with_power(operation, keywords)
    if isinstance(operation, Selection):
        return _select(tracer, operation, arguments, keywords)
    if isinstance(operation, Conjugation):
        return _within(tracer, operation, arguments, keywords)
    inner: Any = operation.operation
    steps = operation.steps
    if isinstance(inner, Oracle):
        inner = inner.kernel_for(arguments, tracer.site.of(max(0, len(arguments) - 1)))
    counts = [step.count for step in steps if isinstance(step, Controls)]
    groups, rest = take_controls(tracer, counts, arguments, _target_count(inner, keywords, is_backwards(steps)))
    site = tracer.site
    tracer.site = replace(site, positional=site.positional[len(arguments) - len(rest) :])
    try:
        if not isinstance(inner, (Gate, Kernel)):
            found = closed(tracer, inner, rest, keywords, PrebuiltKernel)
            inner, rest, keywords = found.operation, found.arguments, found.keywords
        if isinstance(inner, Gate):
            quantum, parameters = gate_operands(tracer, inner, rest, keywords)
        else:
            call = kernel_call(tracer, inner, steps, rest, keywords, stays)
            quantum = call.handles
    finally:
        tracer.site = site
    controls = [handle for group in reversed(groups) for handle in group.handles]  # in the order of the arguments
    positions = [k for k, value in enumerate(arguments) if isinstance(value, QuantumHandle)]
    spans = [site.of(k) for k in positions] + [site.span] * (len(controls) + len(quantum) - len(positions))
    check_distinct([*controls, *quantum], spans)
    for handle in controls:
        tracer.take(handle, f"passed to `control({inner.name})`", site.span)
    modifiers, phases = _modifiers(tracer, steps, groups)
    for phase, outer in phases:
        tracer.emit(ops.Gate("gphase", (), (phase,), outer, None, site.span))
    results: list[Any] = (
        list(apply_gate(tracer, inner.name, quantum, parameters, modifiers))
        if isinstance(inner, Gate)
        else call.apply(tracer, modifiers)
    )
    return [*(handle.successor() for handle in controls), *results]


def _with_power(operation: Operation, keywords: dict[str, Any]) -> tuple[Operation, dict[str, Any]]:
    """The operation with what `power=` says as a step, unless that is an argument of its own; and the other keywords."""
    if "power" not in keywords or _takes_power(operation):
        return operation, keywords
    steps = [*operation.steps]
    innermost = next((k for k, step in enumerate(steps) if isinstance(step, Controls)), len(steps))
    is_outermost = isinstance(operation, Selection) or any(isinstance(step, Phased) for step in steps[innermost:])
    steps.insert(len(steps) if is_outermost else innermost, Powered(keywords["power"]))
    others = {name: value for name, value in keywords.items() if name != "power"}
    return replace(operation, steps=tuple(steps)), others


def _takes_power(operation: Any) -> bool:
    """Whether `power` is an argument of the operation's own."""
    match operation:
        case Modified(inner):
            return _takes_power(inner)
        case Conjugation(outer, inner):
            return _takes_power(outer) or _takes_power(inner)
        case Selection(operations):
            return any(map(_takes_power, operations))
        case Kernel():
            return "power" in operation.signature.names
    return False


# within -----------------------------------------------------------------------------------------------------------------


def _within(tracer: Tracer, operation: Conjugation, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> list[Any]:
    """The outer operation as a setup, and the inner one, under the steps, on what that gives back."""
    site, outer = tracer.site, operation.outer
    for name in keywords:
        if not (_takes(outer, name) or _takes(operation.inner, name)):
            title = f"neither {_name(outer)} nor {_name(operation.inner)} has an argument `{name}`"
            raise CallArgumentError(title, span=site.of(name), label="unknown here")
    counts = [step.count for step in operation.steps if isinstance(step, Controls)]
    rest = take_controls(tracer, counts, arguments, _target_count(outer, keywords))[1]
    controls = arguments[: len(arguments) - len(rest)]
    with tracer.block() as setup:
        tracer.site = replace(site, positional=site.positional[len(controls) :])
        named = {name: value for name, value in keywords.items() if _takes(outer, name)}
        taken = [value for value in (*rest, *named.values()) if handles_in(value)]
        if not isinstance(outer, Gate | Kernel):
            call = closed(tracer, outer, rest, named, PrebuiltKernel)
            outer, rest, named = call.operation, call.arguments, call.keywords
        given = handles_in(outer(*rest, **named))
        tracer.site = site
        others = {name: value for name, value in keywords.items() if _takes(operation.inner, name)}
        with tracer.block() as body:
            inner = operation.inner if isinstance(operation.inner, Operation) else Modified(operation.inner)
            for step in operation.steps:
                inner = _extend(inner, step, "within_apply")
            results = _apply(tracer, inner, (*controls, *given), others)
    _check_within(tracer, operation, given, handles_in(tuple(results))[len(controls) :])
    tracer.emit(ops.Within(tuple(setup), tuple(body), site.span))
    return [*results[: len(controls)], *(with_handles(value, lambda handle: _after(tracer, handle)) for value in taken)]


def _after(tracer: Tracer, handle: QuantumHandle) -> QuantumHandle:
    """The handle of the same qubits after an operation on them."""
    following = handle.successor()
    tracer.ledger.follow(handle, following)
    return following


def _takes(operation: Any, name: str) -> bool:
    """Whether an operation has an argument of that name; of one that does not say, it is taken to have it."""
    match operation:
        case Gate():
            return name in (*GATES[operation.name].angles, "theta")
        case Kernel():
            return name in operation._argument_names
        case Modified(inner):
            return _takes(inner, name)
        case Selection(operations):
            return any(_takes(each, name) for each in operations)
        case Conjugation(outer, inner):
            return _takes(outer, name) or _takes(inner, name)
    try:
        found = inspect.signature(operation).parameters
    except (TypeError, ValueError):
        return True
    return name in found or any(each.kind is each.VAR_KEYWORD for each in found.values())


def _check_within(tracer: Tracer, operation: Conjugation, given: list[QuantumHandle], back: list[QuantumHandle]) -> None:
    """Raise where the inner operation does not give back what it takes."""
    outer, inner = _name(operation.outer), _name(operation.inner)
    if [handle.place for handle in given] != [handle.place for handle in back]:
        raise KernelTypeError(
            f"{inner} must hand back what {outer} gives it, in that order",
            span=tracer.site.span,
            label="other qubits come back",
            help=f"return in {inner} all qubits that it takes",
        )
    for handle in back:
        tracer.take(handle, "passed to `within_apply`", tracer.site.span)


# multiplexers ---------------------------------------------------------------------------------------------------------------


def _select(tracer: Tracer, selection: Selection, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> list[Any]:
    """Each operation where the index holds its number, one after another."""
    operations, site = selection.operations, tracer.site
    if handles_in(keywords):
        raise CallArgumentError("`select` takes its qubits by position", span=site.span, label="a qubit by keyword")
    counts = [step.count for step in selection.steps if isinstance(step, Controls)]
    targets = _target_count(operations[0], keywords, is_backwards(selection.steps))
    rest = take_controls(tracer, counts, arguments, 1 + targets)[1]
    position = len(arguments) - len(rest)
    handle = tracer.expect_qubits(rest[0] if rest else None, "the index of `select`", site.of(position))
    count = handle.length if handle.length is not None else Const(1)
    if isinstance(count, Const) and len(operations) > 1 << count.value:
        raise CallArgumentError(
            f"`select` has {len(operations)} operations, but its index tells only {1 << count.value} apart",
            span=site.of(position),
            label=counted(count.value, "qubit"),
            help=f"give it an index of {(len(operations) - 1).bit_length()} qubits",
        )
    order = _common_order(selection, count)
    results: list[Any] = []
    for value, operation in enumerate(operations):
        inner = _extend(operation, Controls(count, value), "select")
        branch = replace(inner, steps=(*inner.steps, *selection.steps))
        results = _apply(tracer, branch, arguments, keywords, order is not None)
        arguments = _with_handles(tracer, arguments, handles_in(tuple(results)))
    if order is not None:
        handles = handles_in(tuple(results))
        first = len(handles) - len(order)
        relabelled = iter([*handles[:first], *(handles[first + source] for source in order)])
        results = [with_handles(result, lambda _: next(relabelled)) for result in results]
    return results


def _with_handles(tracer: Tracer, arguments: tuple[Any, ...], handles: list[QuantumHandle]) -> tuple[Any, ...]:
    """The arguments of the next operation: what the one before gave back."""
    if len(handles) != sum(isinstance(value, QuantumHandle) for value in arguments):
        raise CallArgumentError(
            "an operation under `select` gives back as many qubits and registers as it takes",
            span=tracer.site.span,
            label=f"{len(handles)} come back",
        )
    following = iter(handles)
    return tuple(next(following) if isinstance(value, QuantumHandle) else value for value in arguments)


def _common_order(selection: Selection, count: Expr) -> Order | None:
    """The order in which all operations, of which one acts in any case, give their qubits back; None where none exchanges, or
    some do otherwise."""
    if is_controlled(selection.steps) or not isinstance(count, Const) or len(selection.operations) != 1 << count.value:
        return None
    orders = {_order(operation, selection.steps) for operation in selection.operations}
    order = orders.pop()
    return None if orders or order == tuple(range(len(order or ()))) else order


def _order(operation: Any, steps: Sequence[Step]) -> Order | None:
    """The order in which an operation gives its qubits back, as far as it relabels."""
    match operation:
        case Modified(inner, own) if not is_controlled(own):
            return _order(inner, (*own, *steps))
        case Kernel():
            order, often = exchange(operation.outline()).order, times(steps)
            return None if order is None or often is None else powered(order, often)
    return None


def _modifiers(
    tracer: Tracer, steps: Sequence[Step], groups: Sequence[Group]
) -> tuple[tuple[Modifier, ...], list[tuple[Expr, tuple[Modifier, ...]]]]:
    """The IR modifiers, and each global phase with the modifiers outside it."""
    modifiers: list[Modifier] = []
    phases: list[tuple[Expr, int]] = []
    remaining = iter(groups)
    for step in steps:
        match step:
            case Inverted():
                modifiers.append(ops.Adjoint())
            case Powered(exponent):
                modifiers.append(ops.Power(whole_number(exponent, "a power", tracer.site.of("power"))))
            case Phased(phase):
                phases.append((angle(phase, "a global phase", tracer.site.span), len(modifiers)))
            case Controls(_, value):
                group = next(remaining)
                held = None if value is None else wrap(whole_number(value, "`control_value`", tracer.site.span))
                modifiers.append(ops.Control(tuple(handle.place for handle in group.handles), held, group.count))
    return tuple(modifiers), [(phase, tuple(modifiers[position:])) for phase, position in phases]
