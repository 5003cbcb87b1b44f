"""`control`, `inverse`, `power`, `global_phase` and `select`: operations made of gates and kernels."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from qkernel.errors import CallArgumentError, KernelTypeError, OutsideKernelError
from qkernel.frontend import active_tracer
from qkernel.frontend.gate_calls import angle, apply_gate, check_distinct, gate_operands
from qkernel.frontend.indexing import whole_number
from qkernel.frontend.kernel_calls import apply_kernel, kernel_operands
from qkernel.frontend.ownership import QuantumHandle, distance
from qkernel.frontend.tracer import CallSite, Tracer, describe
from qkernel.gates import GATES, Gate
from qkernel.ir import ops
from qkernel.ir.evaluation import unchecked
from qkernel.ir.expressions import Apply, Const, Expr, wrap
from qkernel.ir.ops import Modifier
from qkernel.ir.printer import as_written
from qkernel.ir.spans import Span
from qkernel.ir.types import is_quantum
from qkernel.kernel import Kernel
from qkernel.prebuilt import Oracle
from qkernel.types import Float

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Controls:
    """A step of a modified operation: that many controls, which must hold `value`."""

    count: Any
    value: Any = None


@dataclass(frozen=True, slots=True)
class Inverted:
    """A step of a modified operation: backwards."""


@dataclass(frozen=True, slots=True)
class Powered:
    """A step of a modified operation: that many times."""

    exponent: Any


@dataclass(frozen=True, slots=True)
class Phased:
    """A step of a modified operation: times exp(i phase)."""

    phase: Any


Step = Controls | Inverted | Powered | Phased


@dataclass(slots=True)
class Group:
    """The controls of one step; `count` is how many qubits they must be where their lengths leave it open."""

    handles: list[QuantumHandle] = field(default_factory=list)
    count: Expr | None = None


@dataclass(frozen=True, slots=True)
class Modified:
    """A gate, kernel or oracle with steps applied to it, the first one innermost. Called like the original, controls first."""

    operation: Gate | Kernel[..., Any] | Oracle
    steps: tuple[Step, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<modified {self.operation.name}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Apply the operation; only inside a kernel. `power=` repeats it."""
        return _call(active_tracer(f"a modified `{self.operation.name}`"), self, arguments, keywords)


@dataclass(frozen=True, slots=True)
class Selection:
    """A multiplexer with steps applied to it: each operation with them, since no two act at once."""

    operations: tuple[Any, ...]
    steps: tuple[Step, ...] = field(default=())

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Apply the operation that the index tells; only inside a kernel. Outer controls come before the index."""
        return _select(active_tracer("`select`"), self, arguments, keywords)


Operation = Modified | Selection


def _extend(operation: Any, step: Step, what: str) -> Operation:
    if isinstance(operation, Selection) and not isinstance(step, Phased):
        return Selection(operation.operations, (*operation.steps, step))
    if isinstance(operation, Modified):
        return Modified(operation.operation, (*operation.steps, step))
    if isinstance(operation, (Gate, Kernel, Oracle)):
        return Modified(operation, (step,))
    name = getattr(operation, "__name__", "<")
    is_own = isinstance(operation, types.FunctionType) and not operation.__module__.startswith("qkernel.")
    raise KernelTypeError(
        f"`{what}` takes a gate or a kernel, but this is {f'`{name}`' if name.isidentifier() else describe(operation)}",
        span=_span(),
        label="not a gate or kernel",
        help=f"put `@qk.qkernel` over `{name}`" if is_own and name.isidentifier() else _WRAPPED.format(what),
    )


_WRAPPED = """write what it does as a kernel of qubits, and give that to `{}`:
    @qk.qkernel
    def step(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        ..."""


def _span() -> Any:
    try:
        return active_tracer("").site.of(0)
    except OutsideKernelError:
        return None


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

    for operation in operations:
        _extend(operation, Inverted(), "select")
    return Selection(tuple(operations))


def _select(tracer: Tracer, selection: Selection, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    operations, site = selection.operations, tracer.site
    rest = _take_controls(tracer, selection.steps, arguments, 1 + _target_count(operations[0], keywords))[1]
    position = len(arguments) - len(rest)
    handle = tracer.expect_qubits(rest[0] if rest else None, "the index of `select`", site.of(position))
    count = handle.length if handle.length is not None else Const(1)
    if isinstance(count, Const) and len(operations) > 1 << count.value:
        raise CallArgumentError(
            f"`select` has {len(operations)} operations, but its index tells only {1 << count.value} apart",
            span=site.of(position),
            label=f"{count.value} qubit{'s' if count.value != 1 else ''}",
            help=f"give it an index of {(len(operations) - 1).bit_length()} qubits",
        )
    classical = tuple(value for value in arguments if not isinstance(value, QuantumHandle))
    results: Any = arguments
    for value, operation in enumerate(operations):
        inner = _extend(operation, Controls(count, value), "select")
        modified = replace(inner, steps=(*inner.steps, *selection.steps))
        results = modified(*results, *(classical if value else ()), **keywords)
    return results


def _call(tracer: Tracer, modified: Modified, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    operation, steps = modified.operation, list(modified.steps)
    if isinstance(operation, Oracle):
        operation = operation.kernel_for(arguments, tracer.site.of(max(0, len(arguments) - 1)))
    own = GATES[operation.name].angles if isinstance(operation, Gate) else operation.signature.names
    if "power" in keywords and "power" not in own:
        keywords = dict(keywords)
        innermost = next((k for k, step in enumerate(steps) if isinstance(step, Controls)), len(steps))
        is_phased = any(isinstance(step, Phased) for step in steps[innermost:])
        steps.insert(len(steps) if is_phased else innermost, Powered(keywords.pop("power")))
    groups, rest = _take_controls(tracer, steps, arguments, _target_count(operation, keywords))
    site = tracer.site
    tracer.site = CallSite(site.span, site.positional[len(arguments) - len(rest) :], site.keyword)
    try:
        if isinstance(operation, Gate):
            operands, parameters = gate_operands(tracer, operation, rest, keywords)
            quantum: list[QuantumHandle] = operands
        else:
            values = kernel_operands(tracer, operation, rest, keywords)
            quantum = [value for value in values if isinstance(value, QuantumHandle)]
    finally:
        tracer.site = site
    controls = [handle for group in reversed(groups) for handle in group.handles]  # in the order of the arguments
    positions = [k for k, value in enumerate(arguments) if isinstance(value, QuantumHandle)]
    spans = [site.of(k) for k in positions] + [site.span] * (len(controls) + len(quantum) - len(positions))
    check_distinct([*controls, *quantum], spans)
    for handle in controls:
        tracer.take(handle, f"passed to `control({operation.name})`", site.span)
    modifiers, phases = _modifiers(tracer, steps, groups)
    for phase, outer in phases:
        tracer.emit(ops.Gate("gphase", (), (phase,), outer, None, site.span))
    if isinstance(operation, Gate):
        results: list[Any] = list(apply_gate(tracer, operation.name, operands, parameters, modifiers))
    else:
        _check_returns(tracer, operation)
        results = apply_kernel(tracer, operation, values, modifiers)
    everything = [handle.successor() for handle in controls] + results
    return everything[0] if len(everything) == 1 else tuple(everything)


def _check_returns(tracer: Tracer, kernel: Kernel[..., Any]) -> None:
    for returned in kernel.outline().returns:
        if isinstance(returned, Expr):
            raise KernelTypeError(
                f"`{kernel.name}` returns a {returned.type}, so it cannot be controlled or inverted",
                span=tracer.site.span,
                label="not only qubits come back",
                help=f"leave what is measured or computed out of `{kernel.name}`",
            )


def _take_controls(
    tracer: Tracer, steps: Sequence[Step], arguments: tuple[Any, ...], targets: int
) -> tuple[list[Group], tuple[Any, ...]]:
    """The controls of each `Controls` step (in the order of `steps`), and the arguments that are left.

    The outermost controls come first among the arguments. A register or view counts as many controls as it has qubits.
    All arguments but the last `targets` handles may be controls; where lengths leave their number open, lowering checks it.
    """
    groups: list[Group] = []
    position = 0
    end = sum(isinstance(argument, QuantumHandle) for argument in arguments) - targets
    for step in reversed([step for step in steps if isinstance(step, Controls)]):
        asked = whole_number(step.count, "the number of controls", tracer.site.span)
        wanted = unchecked(asked)  # a length is checked where its view is lowered
        group = Group()
        have: Expr = Const(0)
        while distance(have, wanted) != 0:
            if position >= end and group.handles and distance(have, wanted) is None:
                group.count = asked
                break
            if position >= end or not isinstance(arguments[position], QuantumHandle) or _beyond(have, wanted):
                raise _wrong_controls(wanted, have, tracer.site.of(position), targets)
            handle = arguments[position]
            group.handles.append(handle)
            count = Const(1) if handle.length is None else unchecked(handle.length)
            missing = wanted - have
            if count != missing and isinstance(missing, Const) and _most(count) == missing.value:
                group.count, count = asked, missing  # the view must be as long as it can be
            have = have + count
            position += 1
        groups.insert(0, group)
    return groups, arguments[position:]


def _wrong_controls(wanted: Expr, have: Expr, span: Span | None, targets: int) -> CallArgumentError:
    return CallArgumentError(
        f"{as_written(wanted)} control qubit{'s are' if wanted != Const(1) else ' is'} needed, "
        f"but {as_written(have)} {_are(have)} given",
        span=span,
        label="the controls end here",
        help="the controls (qubits, views or registers of that many qubits in all) come before the targets"
        + (f", of which there {'are' if targets != 1 else 'is'} {targets}" if targets else ""),
    )


def _are(count: Expr) -> str:
    return "is" if count == Const(1) else "are"


def _target_count(operation: Any, keywords: dict[str, Any]) -> int:
    """How many handles an operation takes at least, beside those given by keyword."""
    given = sum(isinstance(value, QuantumHandle) for value in keywords.values())
    match operation:
        case Gate():
            return len(GATES[operation.name].qubits) - given
        case Kernel():
            structs = operation.signature.structs
            own = [part for part in operation.signature.parameters if is_quantum(part.type)]
            return len([part for part in own if part.name.split(".")[0] not in structs]) - given
        case Modified(inner, steps):
            return _target_count(inner, keywords) + sum(isinstance(step, Controls) for step in steps)
        case Selection((first, *_), steps):
            return 1 + _target_count(first, keywords) + sum(isinstance(step, Controls) for step in steps)
    return 1  # an oracle, on a register or on qubits


def _most(length: Expr) -> int | None:
    """The largest value that a length can have, where its form shows it."""
    match length:
        case Const(value):
            return int(value)
        case Apply("min", operands):
            return min((most for operand in operands if (most := _most(operand)) is not None), default=None)
        case Apply("max", (left, right)) if (first := _most(left)) is not None and (second := _most(right)) is not None:
            return max(first, second)
        case Apply("-", (left, Const(value))) if (most := _most(left)) is not None:
            return int(most - value)
        case Apply("+", operands) if None not in (known := [_most(operand) for operand in operands]):
            return sum(most for most in known if most is not None)
        case Apply("//", (left, Const(value))) if (most := _most(left)) is not None:
            return int(most // value)
    return None


def _beyond(have: Expr, wanted: Expr) -> bool:
    return isinstance(have, Const) and isinstance(wanted, Const) and bool(have.value > wanted.value)


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
                phases.append((angle(tracer, phase, "a global phase", tracer.site.span), len(modifiers)))
            case Controls(_, value):
                group = next(remaining)
                held = None if value is None else wrap(whole_number(value, "`control_value`", tracer.site.span))
                modifiers.append(ops.Control(tuple(handle.place for handle in group.handles), held, group.count))
    return tuple(modifiers), [(phase, tuple(modifiers[position:])) for phase, position in phases]
