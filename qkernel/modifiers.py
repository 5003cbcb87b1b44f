"""`control`, `inverse`, `power`, `global_phase` and `select`: operations made of gates and kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from qkernel.errors import CallArgumentError, KernelTypeError, OutsideKernelError
from qkernel.frontend import active_tracer
from qkernel.frontend.gate_calls import angle, apply_gate, check_distinct, gate_operands
from qkernel.frontend.indexing import whole_number
from qkernel.frontend.kernel_calls import apply_kernel, kernel_operands
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.tracer import CallSite, Tracer, describe
from qkernel.gates import GATES, Gate
from qkernel.ir import ops
from qkernel.ir.expressions import Apply, Const, Expr, wrap
from qkernel.ir.ops import Modifier
from qkernel.kernel import Kernel
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
    """A gate or kernel with steps applied to it, the first one innermost. Called like the original, controls first."""

    operation: Gate | Kernel[..., Any]
    steps: tuple[Step, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<modified {self.operation.name}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Apply the operation; only inside a kernel. `power=` repeats it."""
        return _call(active_tracer(f"a modified `{self.operation.name}`"), self, arguments, keywords)


def _extend(operation: Any, step: Step, what: str) -> Modified:
    if isinstance(operation, Modified):
        return Modified(operation.operation, (*operation.steps, step))
    if isinstance(operation, (Gate, Kernel)):
        return Modified(operation, (step,))
    name = getattr(operation, "__name__", None)
    raise KernelTypeError(
        f"`{what}` takes a gate or a kernel, but this is {describe(operation)}",
        span=_span(),
        label="not a gate or kernel",
        help=f"put `@qk.qkernel` over `{name}`" if name else None,
    )


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

    def selected(index: Any, *targets: Any, **keywords: Any) -> Any:
        tracer = active_tracer("`select`")
        handle = tracer.expect_qubits(index, "the index of `select`", tracer.site.of(0))
        count = handle.length if handle.is_register else Const(1)
        if isinstance(count, Const) and len(operations) > 1 << count.value:
            raise CallArgumentError(
                f"`select` has {len(operations)} operations, but its index tells only {1 << count.value} apart",
                span=tracer.site.of(0),
                label=f"{count.value} qubit{'s' if count.value != 1 else ''}",
                help=f"give it an index of {(len(operations) - 1).bit_length()} qubits",
            )
        results: Any = (index, *targets)
        for value, operation in enumerate(operations):
            classical = tuple(target for target in targets if not isinstance(target, QuantumHandle))
            results = control(operation, count, value)(*results, *(classical if value else ()), **keywords)
        return results

    return selected


def _call(tracer: Tracer, modified: Modified, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    operation, steps = modified.operation, list(modified.steps)
    own = GATES[operation.name].angles if isinstance(operation, Gate) else operation.signature.names
    if "power" in keywords and "power" not in own:
        keywords = dict(keywords)
        innermost = next((k for k, step in enumerate(steps) if isinstance(step, Controls)), len(steps))
        is_phased = any(isinstance(step, Phased) for step in steps[innermost:])
        steps.insert(len(steps) if is_phased else innermost, Powered(keywords.pop("power")))
    groups, rest = _take_controls(tracer, steps, arguments)
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


def _take_controls(tracer: Tracer, steps: Sequence[Step], arguments: tuple[Any, ...]) -> tuple[list[Group], tuple[Any, ...]]:
    """The controls of each `Controls` step (in the order of `steps`), and the arguments that are left.

    The outermost controls come first among the arguments. A register or view counts as many controls as it has qubits.
    """
    groups: list[Group] = []
    position = 0
    for step in reversed([step for step in steps if isinstance(step, Controls)]):
        wanted = whole_number(step.count, "the number of controls", tracer.site.span)
        group = Group()
        have: Expr = Const(0)
        while have != wanted:
            if position >= len(arguments) or not isinstance(arguments[position], QuantumHandle) or _beyond(have, wanted):
                raise CallArgumentError(
                    f"{wanted} control qubits are needed, but {have} are given",
                    span=tracer.site.of(position),
                    label="controls come first",
                    help="the controls (qubits, views or registers of that many qubits in all) come before the targets",
                )
            handle = arguments[position]
            group.handles.append(handle)
            count = Const(1) if handle.length is None else handle.length
            missing = wanted - have
            if count != missing and isinstance(missing, Const) and _most(count) == missing.value:
                group.count, count = wanted, missing  # the view must be as long as it can be
            have = have + count
            position += 1
        groups.insert(0, group)
    return groups, arguments[position:]


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
