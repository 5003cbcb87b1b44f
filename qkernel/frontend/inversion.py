"""Calls of an inverted kernel: what it returns goes in, what it takes comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qkernel.errors import KernelTypeError
from qkernel.frontend.exchange import Exchange
from qkernel.frontend.kernel_calls import Value, as_expression, operands
from qkernel.frontend.ownership import QuantumHandle, distance
from qkernel.frontend.tracer import Tracer
from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Slice
from qkernel.ir.ops import Parameter
from qkernel.ir.places import Place
from qkernel.ir.trees import substitute
from qkernel.ir.types import QFIXED, QUBIT, ArrayType, is_quantum

if TYPE_CHECKING:
    from qkernel.kernel import AnyKernel

REGISTER = ArrayType(QUBIT)


def inverted_operands(
    tracer: Tracer, kernel: AnyKernel, flow: Exchange, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> list[Value]:
    """The arguments of `inverse(kernel)`, its results by position, as the values of the kernel's own parameters."""
    parameters = _inverted_parameters(kernel, flow)
    name = f"inverse({kernel.name})"
    given = operands(tracer, name, parameters, arguments, keywords, tracer.site, kernel.outline().changed)
    by_name = dict(zip((parameter.name for parameter in parameters), given, strict=True))
    known: dict[str, Expr] = {name: value for name, value in by_name.items() if isinstance(value, Expr)}
    handles = [value for value in given if isinstance(value, QuantumHandle)]
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
    for place, whole in tracer.stretches.get(pairs[0][1].place.register, {}).items():
        assert whole.length is not None
        inside = known | {name: Slice(Name(name, REGISTER), ZERO, ONE, whole.length)}
        if all(_is_part(place, _place(result, inside), given) for result, given in pairs):
            for _, given in pairs:
                tracer.take(given, f"passed to `inverse({kernel.name})`", tracer.site.span)
            loans = tracer.ledger.loans.get(whole.parent, ()) if whole.parent is not None else ()
            parent = whole.parent if any(loan.place == place for loan in loans) else None
            return QuantumHandle(place, whole.length, tracer.hint or whole.name, parent)
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
