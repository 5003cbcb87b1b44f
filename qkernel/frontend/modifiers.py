"""What modifiers ask of an operation: their steps, which arguments are controls, and in which order its qubits come back.

A kernel may hand back its qubits in another order than it takes them. Called, inverted or repeated it only relabels: names
follow their qubits. Where it acts in one branch alone, names cannot follow; `in_place` is the kernel that swaps the qubits
themselves and gives them back where it took them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import Span
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.frontend.arrays import whole_number
from qkernel.frontend.calls import as_expression, operands
from qkernel.frontend.kernel_arguments import spread_structs
from qkernel.frontend.outlines import AnyKernel, Outline
from qkernel.frontend.ownership import QuantumHandle, distance
from qkernel.frontend.signature import Value
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import handles_in
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, Apply, Const, Expr, Name, Size, Slice, apply
from qkernel.ir.ops import Function, Op, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import substitute, unchecked
from qkernel.ir.types import QFIXED, QUBIT, UINT, ArrayType, is_quantum
from qkernel.ir.walk import definitions


@dataclass(frozen=True, slots=True)
class Controls:
    """That many controls, which must hold `value`."""

    count: Any
    value: Any = None


@dataclass(frozen=True, slots=True)
class Inverted:
    """Backwards."""


@dataclass(frozen=True, slots=True)
class Powered:
    """That many times."""

    exponent: Any


@dataclass(frozen=True, slots=True)
class Phased:
    """Times exp(i phase)."""

    phase: Any


Step = Controls | Inverted | Powered | Phased


def is_backwards(steps: Sequence[Step]) -> bool:
    """Whether an operation under the steps takes what the plain one gives back."""
    return sum(isinstance(step, Inverted) for step in steps) % 2 == 1


def is_controlled(steps: Sequence[Step]) -> bool:
    """Whether there are branches in which nothing is done."""
    return any(isinstance(step, Controls) for step in steps)


def times(steps: Sequence[Step]) -> int | None:
    """How often the operation is done under the steps, backwards if negative; None where only values tell."""
    result = -1 if is_backwards(steps) else 1
    for step in steps:
        match step:
            case Powered(Const(exponent)) | Powered(exponent):
                if isinstance(exponent, (bool, Expr)) or not hasattr(exponent, "__index__"):
                    return None
                result *= exponent.__index__()
    return result


@dataclass(slots=True)
class Group:
    """The controls of one `control`; `count` is how many qubits they must be where their lengths leave it open."""

    handles: list[QuantumHandle] = field(default_factory=list)
    count: Expr | None = None


def take_controls(
    tracer: Tracer, counts: Sequence[Any], arguments: tuple[Any, ...], targets: int
) -> tuple[list[Group], tuple[Any, ...]]:
    """The controls of each `control` (whose numbers `counts` tells, innermost first), and the arguments that are left.

    The outermost controls come first among the arguments. A register or view counts as many controls as it has qubits.
    All arguments but the last `targets` handles may be controls; where lengths leave their number open, lowering checks it.
    """
    groups: list[Group] = []
    position = 0
    end = sum(isinstance(argument, QuantumHandle) for argument in arguments) - targets
    for count in reversed(counts):
        asked = whole_number(count, "the number of controls", tracer.site.span)
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
            length = Const(1) if handle.length is None else unchecked(handle.length)
            missing = wanted - have
            if length is not missing and isinstance(missing, Const) and _most(length) == missing.value:
                group.count, length = asked, missing  # the view must be as long as it can be
            have = have + length
            position += 1
        groups.insert(0, group)
    return groups, arguments[position:]


def _wrong_controls(wanted: Expr, have: Expr, span: Span | None, targets: int) -> CallArgumentError:
    return CallArgumentError(
        f"{as_written(wanted)} control qubit{'s are' if wanted is not Const(1) else ' is'} needed, "
        f"but {as_written(have)} {_are(have)} given",
        span=span,
        label="the controls end here",
        help="the controls (qubits, views or registers of that many qubits in all) come before the targets"
        + (f", of which there {'are' if targets != 1 else 'is'} {targets}" if targets else ""),
    )


def _are(count: Expr) -> str:
    return "is" if count is Const(1) else "are"


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
    match have, wanted:
        case Const(given), Const(needed):
            return bool(given > needed)
    return False


Order = tuple[int, ...]
"""`order[k]` is the place, among those that are taken, of what comes back as the k-th."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A kernel's quantum parameters and results, and for each result which parameter it is of; None if the kernel made it."""

    parameters: tuple[Parameter, ...]
    results: tuple[QuantumHandle, ...]
    sources: tuple[int | None, ...]

    @property
    def makes(self) -> QuantumHandle | None:
        """The first result that the kernel made itself."""
        return next((result for result, source in zip(self.results, self.sources, strict=True) if source is None), None)

    @property
    def loses(self) -> bool:
        """Whether a parameter does not come back: it was measured."""
        kept = frozenset().union(*(result.place.registers for result in self.results))
        return not {parameter.name for parameter in self.parameters} <= kept

    @property
    def order(self) -> Order | None:
        """The order of what comes back, what the kernel made left out; None where a parameter comes back in parts."""
        found = [source for source in self.sources if source is not None]
        if sorted(found) != list(range(len(self.parameters))) or not all(map(self.is_whole, range(len(self.results)))):
            return None
        return tuple(found)

    @property
    def keeps_order(self) -> bool:
        """Whether every parameter comes back whole, in the order in which they are taken."""
        return self.order == tuple(range(len(self.parameters)))

    @property
    def keeps_places(self) -> bool:
        """Whether all qubits come back in the order in which they are taken, registers in parts perhaps."""
        position = 0
        following: Expr = ZERO
        left = self._size(0)
        for result, source in zip(self.results, self.sources, strict=True):
            if source is None:
                continue
            while source == position + 1 and distance(left, ZERO) == 0:
                position, following, left = position + 1, ZERO, self._size(position + 1)
            size = ONE if result.length is None else unchecked(result.length)
            place = result.place
            if place.pieces or source != position or distance(place.start, following) != 0 or place.stride is not ONE:
                return False
            is_rest = distance(size, left) == 0 or size is apply("max", left, ZERO)
            following, left = unchecked(following + size), ZERO if is_rest else unchecked(left - size)
        return position == len(self.parameters) - 1 and distance(left, ZERO) == 0

    def _size(self, position: int) -> Expr:
        parameter = self.parameters[position]
        return ONE if parameter.type == QUBIT else Size(Name(parameter.name, ArrayType(QUBIT)))

    def is_whole(self, position: int) -> bool:
        """Whether a result is all of a parameter, or of what the kernel made."""
        source, result = self.sources[position], self.results[position]
        if source is None or result.length is None:
            return source is None or self.parameters[source].type == QUBIT
        place = result.place
        starts = not place.pieces and place.start is ZERO and place.stride is ONE
        return starts and distance(result.length, self._size(source)) == 0


def exchange(outline: Outline) -> Exchange:
    """How a kernel with that outline gives its qubits back."""
    parameters = tuple(parameter for parameter in outline.parameters if is_quantum(parameter.type))
    names = [parameter.name for parameter in parameters]
    results = tuple(handles_in(outline.returns))
    places = [result.place for result in results]
    sources = (next((k for k, name in enumerate(names) if name in place.registers), None) for place in places)
    return Exchange(parameters, results, tuple(sources))


def powered(order: Order, times: int) -> Order:
    """The order after that many calls, backwards if it is negative."""
    result = tuple(range(len(order)))
    for _ in range(times % period(order)):
        result = tuple(order[k] for k in result)
    return result


def period(order: Order) -> int:
    """After how many calls all is where it was."""
    count, now = 1, order
    while now != tuple(range(len(order))):
        count, now = count + 1, tuple(order[k] for k in now)
    return count


def in_place(function: Function, flow: Exchange) -> Function:
    """The function with its qubits put where it takes them, by swaps behind its body."""
    assert flow.order is not None
    index = _free_name("k", function)
    swaps = [_swap(flow.parameters[left], flow.parameters[right], index, function) for left, right in _swaps(flow.order)]
    places = iter([whole(parameter.name, parameter.type) for parameter in flow.parameters])
    pairs = zip(flow.results, flow.sources, strict=True)
    made = frozenset().union(*(result.place.registers for result, source in pairs if source is None))
    returns = [next(places) if isinstance(value, Place) and not value.registers & made else value for value in function.returns]
    label = function.label or function.name
    body = (*function.body, *swaps)
    return replace(function, name=f"{function.name}.1", label=label, body=body, returns=tuple(returns))


def _swaps(order: Order) -> list[tuple[int, int]]:
    """Swaps that, one after another, bring what belongs there to each place."""
    found: list[tuple[int, int]] = []
    done: set[int] = set()
    for start in range(len(order)):
        place = start
        while order[place] != start and place not in done:
            done.add(place)
            found.append((place, order[place]))
            place = order[place]
        done.add(place)
    return found


def _swap(left: Parameter, right: Parameter, index: str, function: Function) -> Op:
    """Swap two qubits, or two registers qubit by qubit. Of registers that differ, lowering says so."""
    if left.type == QUBIT:
        return ops.Gate("swap", (Place(left.name), Place(right.name)), span=function.span)
    sizes: list[Expr] = [Size(Name(parameter.name, ArrayType(QUBIT))) for parameter in (left, right)]
    places = tuple(Place(parameter.name, Name(index, UINT)) for parameter in (left, right))
    swap = ops.Gate("swap", places, span=function.span)
    return ops.For((index,), ops.Range(ZERO, apply("max", *sizes), ONE), (swap,), span=function.span)


def _free_name(wanted: str, function: Function) -> str:
    """A name that nothing at the end of a function's body has."""
    taken = {parameter.name for parameter in function.parameters}
    for op in function.body:
        returns = {op.callee: (QUBIT,) * len(op.results)} if isinstance(op, ops.Call) else {}
        taken |= {name for name, _ in definitions(op, returns)}
    name, count = wanted, 0
    while name in taken:
        count += 1
        name = f"{wanted}.{count}"
    return name


REGISTER = ArrayType(QUBIT)


def inverted_operands(
    tracer: Tracer, kernel: AnyKernel, flow: Exchange, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> list[Value]:
    """The arguments of `inverse(kernel)`, its results by position, as the values of the kernel's own parameters."""
    parameters = _inverted_parameters(kernel, flow)
    name = f"inverse({kernel.name})"
    names = tuple(parameter.name for parameter in parameters)
    arguments, keywords, site = spread_structs(kernel, arguments, keywords, tracer.site, names=names)
    given = operands(tracer, name, parameters, arguments, keywords, site, kernel.outline().changed)
    by_name = dict(zip(names, given, strict=True))
    known: dict[str, Expr] = {name: value for name, value in by_name.items() if isinstance(value, Expr)}
    handles = handles_in(given)
    parts: dict[str, list[tuple[QuantumHandle, QuantumHandle]]] = {}
    for position, (result, source) in enumerate(zip(flow.results, flow.sources, strict=True)):
        assert source is not None
        parameter = flow.parameters[source]
        if flow.is_whole(position):
            by_name[parameter.name] = handle = _as(parameter, handles[position])
            known[parameter.name] = as_expression(handle)
        else:
            parts.setdefault(parameter.name, []).append((result, handles[position]))
    for parameter_name, pairs in parts.items():
        by_name[parameter_name] = _joined(tracer, kernel, parameter_name, pairs, known)
    return [by_name[parameter.name] for parameter in kernel.signature.parameters]


def _inverted_parameters(kernel: AnyKernel, flow: Exchange) -> tuple[Parameter, ...]:
    """The parameters of the inverted kernel: results stand where the kernel takes qubits, and numbers that it gives back."""
    outline = kernel.outline()
    results = [
        Parameter(value.name if isinstance(value, Name) else _result_name(flow, value), value.type)
        for value in outline.returns
        if isinstance(value, (Name, QuantumHandle))
    ]
    names = {result.name for result in results}
    own = kernel.signature.parameters
    slots = [k for k, parameter in enumerate(own) if is_quantum(parameter.type) or parameter.name in names]
    found: list[Parameter] = []
    for k, parameter in enumerate(own):
        if k not in slots:
            found.append(parameter)
        elif k == slots[-1]:
            found += results
        elif results:
            found.append(results.pop(0))
    return tuple(found)


def _result_name(flow: Exchange, result: QuantumHandle) -> str:
    position = next(k for k, each in enumerate(flow.results) if each is result)
    source = flow.sources[position]
    return flow.parameters[source].name if source is not None and flow.is_whole(position) else f"result {position}"


def _as(parameter: Parameter, handle: QuantumHandle) -> QuantumHandle:
    """The handle as what the parameter takes it for: a number, or qubits."""
    if (handle.fixed_point is not None) == (parameter.type == QFIXED):
        return handle
    return replace(handle, fixed_point=None)


def _joined(
    tracer: Tracer,
    kernel: AnyKernel,
    name: str,
    pairs: list[tuple[QuantumHandle, QuantumHandle]],
    known: dict[str, Expr],
) -> QuantumHandle:
    """The register that a kernel takes as `name` and gives back in parts: each pair is a result and what is given for it."""
    first = pairs[0][1].place.register
    for place, register in tracer.stretches.get(first if isinstance(first, str) else "", {}).items():
        assert register.length is not None
        inside = known | {name: Slice(Name(name, REGISTER), ZERO, ONE, register.length)}
        if all(_is_part(place, _place(result, inside), given) for result, given in pairs):
            for _, given in pairs:
                tracer.take(given, f"passed to `inverse({kernel.name})`", tracer.site.span)
            loans = tracer.ledger.loans.get(register.parent, ()) if register.parent is not None else ()
            parent = register.parent if any(loan.place == place for loan in loans) else None
            return QuantumHandle(place, register.length, tracer.hint or register.name, parent)
    texts = ", ".join(f"`{given.name}`" for _, given in pairs)
    raise KernelTypeError(
        f"{texts} are not the parts that `{kernel.name}` makes of one register `{name}`",
        span=tracer.site.span,
        label=f"gives back one register `{name}`",
        help=f"give `inverse({kernel.name})` what `{kernel.name}` gave back, in that order",
    )


def _place(result: QuantumHandle, inside: dict[str, Expr]) -> Place:
    """Where a result stands in what the kernel takes."""
    place = result.place
    length = None if result.length is None else substitute(result.length, inside)
    return Place(place.register, substitute(place.start, inside), substitute(place.stride, inside), length)


def _is_part(register: Place, part: Place, given: QuantumHandle) -> bool:
    """Whether `given` is what `part` of a register is, as far as can be told."""
    if part.length is None or given.length is None:
        return part.length is given.length and _same(register.element(part.start), given.place)
    view = register.view(part.start, part.stride, part.length)
    return _same(view, given.place) and distance(part.length, given.length) == 0


def _same(left: Place, right: Place) -> bool:
    return left.register == right.register and distance(left.start, right.start) == 0 == distance(left.stride, right.stride)
