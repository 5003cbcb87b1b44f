"""Kernels under modifiers: which kernel is called, how often, and which qubits its results are.

A kernel that gives back its qubits in another order than it takes them is called plain, inverted and repeated as it stands,
and names follow its qubits. Where it acts in some branches alone, the kernel that swaps them (`frontend.modifiers.in_place`)
is called in its place, and modifiers act on that as on any other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from qkernel.errors import KernelTypeError, SizeError
from qkernel.frontend.calls import apply_kernel, grouped_results, kernel_operands
from qkernel.frontend.modifiers import (
    Exchange,
    Step,
    exchange,
    in_place,
    inverted_operands,
    is_backwards,
    is_controlled,
    period,
    powered,
    times,
)
from qkernel.frontend.ownership import QuantumHandle, distance
from qkernel.frontend.signature import Value
from qkernel.frontend.trace import Traced
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import handles_in
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name
from qkernel.ir.ops import Adjoint, Control, Modifier
from qkernel.kernel import AnyKernel, BoundKernel, PrebuiltKernel


@dataclass(frozen=True, slots=True)
class KernelCall:
    """A call of `kernel` under steps; `values` are those of its parameters, checked and not yet moved.

    `times` says how often it is called in turn, so that names follow its qubits; None: `called` is called once, with all
    modifiers. With `stays`, names do not follow: what comes back stands where it was taken.
    """

    kernel: AnyKernel
    called: AnyKernel
    flow: Exchange
    values: list[Value]
    backwards: bool
    times: int | None
    stays: bool

    @property
    def handles(self) -> list[QuantumHandle]:
        """The qubits that it takes."""
        return [value for value in self.values if isinstance(value, QuantumHandle)]

    def apply(self, tracer: Tracer, modifiers: tuple[Modifier, ...]) -> list[Any]:
        """Emit the call; what it gives back, records whole."""
        if self.called is not self.kernel and self.kernel.is_settled:
            tracer.used.append((self.kernel, self.kernel.outline()))
        if self.times is None:
            results = apply_kernel(tracer, self.called, self.values, modifiers)
            handles = [result for result in results if isinstance(result, QuantumHandle)]
        else:
            outer = tuple(modifier for modifier in modifiers if isinstance(modifier, Control))
            handles = self._in_turn(tracer, self.times, outer)
            if self.stays:
                assert self.flow.order is not None
                order = powered(self.flow.order, self.times)
                handles = [handles[order.index(k)] for k in range(len(order))]
        return self._taken(handles) if self.backwards else self._given_back(handles)

    def _in_turn(self, tracer: Tracer, times: int, outer: tuple[Modifier, ...]) -> list[QuantumHandle]:
        """The kernel called `times` times, each on what the one before gave back."""
        if times == 0:
            for handle in self.handles:
                tracer.take(handle, f"passed to `{self.kernel.name}`", tracer.site.span)
            return [handle.successor() for handle in self.handles]
        values, handles = self.values, self.handles
        modifiers = (Adjoint(), *outer) if times < 0 else outer
        turn = period(self.flow.order) if self.flow.order is not None else 1
        turns, rest = divmod(abs(times), turn)
        if turns > 1:
            with tracer.block() as body:
                index = tracer.fresh("k", "k")
                for _ in range(turn):
                    values, handles = self._once(tracer, values, modifiers)
            loop = ops.Range(ZERO, Const(turns), ONE)
            tracer.emit(ops.For((index,), loop, tuple(body), (), tracer.site.span))
        for _ in range(rest if turns > 1 else abs(times)):
            values, handles = self._once(tracer, values, modifiers)
        return handles

    def _once(
        self, tracer: Tracer, values: list[Value], modifiers: tuple[Modifier, ...]
    ) -> tuple[list[Value], list[QuantumHandle]]:
        """One call: the values for the next one, and what comes back."""
        results = apply_kernel(tracer, self.called, values, modifiers)
        order = self.flow.order
        if Adjoint() not in modifiers:
            handles = [result for result in results if isinstance(result, QuantumHandle)]
            following = iter(handles)
        else:
            handles = [value.successor() for value in values if isinstance(value, QuantumHandle)]
            following = iter(handles if order is None else [handles[order.index(k)] for k in range(len(order))])
        return [next(following, value) if isinstance(value, QuantumHandle) else value for value in values], handles

    def _given_back(self, handles: list[QuantumHandle]) -> list[Any]:
        """The results in the form of the kernel's return."""
        following = iter(handles)
        known = dict(zip(self.kernel.signature.names, self.values, strict=True))
        flat = [known[value.name] if isinstance(value, Name) else next(following) for value in self.kernel.outline().returns]
        return grouped_results(self.kernel, flat)

    def _taken(self, handles: list[QuantumHandle]) -> list[Any]:
        """The results in the form of the kernel's arguments; numbers come back only as fields, and where they were returned."""
        signature, following = self.kernel.signature, iter(handles)
        returned = {value.name for value in self.kernel.outline().returns if isinstance(value, Name)}
        known = {
            name: next(following) if isinstance(value, QuantumHandle) else value
            for name, value in zip(signature.names, self.values, strict=True)
        }
        found: list[Any] = []
        for written in dict.fromkeys(_written(name, signature.structs) for name in known):
            if written in signature.structs:
                struct = signature.structs[written]
                fields = {field: known[f"{written}.{field}"] for field, _ in struct.fields}
                if handles_in(fields) or not returned.isdisjoint(f"{written}.{field}" for field in fields):
                    found.append(struct.kind(**fields))
            elif isinstance(known[written], QuantumHandle) or written in returned:
                found.append(known[written])
        return found


def _written(name: str, structs: Collection[str]) -> str:
    """The name of an argument as it was written: that of the record whose field it is."""
    first = name.partition(".")[0]
    return first if first in structs else name


def kernel_call(
    tracer: Tracer,
    kernel: AnyKernel,
    steps: Sequence[Step],
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    stays: bool = False,
) -> KernelCall:
    """The call of `kernel` under `steps`; with `stays`, all branches exchange alike, and who asked relabels what comes back."""
    if kernel.signature.kernels:
        kernel, arguments, keywords = kernel.called_with(tracer, arguments, keywords)
    _check_returns(tracer, kernel)
    flow = exchange(kernel.outline())
    called, often = _form(tracer, kernel, flow, steps, stays)
    if often is not None and often < 0:
        values = inverted_operands(tracer, kernel, flow, arguments, keywords)
    else:
        values = kernel_operands(tracer, kernel, arguments, keywords)
    call = KernelCall(kernel, called, flow, values, is_backwards(steps), often, stays)
    if called is not kernel:
        _check_lengths(tracer, kernel, flow, call.handles)
    return call


def _form(
    tracer: Tracer, kernel: AnyKernel, flow: Exchange, steps: Sequence[Step], stays: bool
) -> tuple[AnyKernel, int | None]:
    """The kernel to call under the steps, and how often in turn; None: once, with all modifiers."""
    backwards, often = is_backwards(steps), times(steps)
    controlled = is_controlled(steps) and not stays
    if (made := flow.makes) is not None and (backwards or often != 1) and not flow.loses:
        raise _makes(tracer, kernel, made, "inverted" if backwards else "repeated")
    if flow.loses or flow.keeps_order or (controlled and not backwards and often == 1 and flow.keeps_places):
        return kernel, None  # what is lost was measured: lowering says so
    if not controlled and often in (1, -1):
        return kernel, often
    _check_positions(tracer, kernel, flow, "controlled" if controlled else "repeated")
    return (in_place_form(kernel), None) if controlled or often is None else (kernel, often)


_in_place: WeakKeyDictionary[AnyKernel, tuple[Traced, PrebuiltKernel]] = WeakKeyDictionary()


def in_place_form(kernel: AnyKernel) -> AnyKernel:
    """The kernel that does the same and gives its qubits back where it takes them."""
    if isinstance(kernel, BoundKernel):
        return BoundKernel(in_place_form(kernel.generic), kernel.given)
    traced = kernel.traced()
    found = _in_place.get(kernel)
    if found is None or found[0] is not traced:
        function = in_place(traced.function, exchange(traced.outline))
        found = _in_place[kernel] = traced, PrebuiltKernel(function, traced.callees, kernel.free, kernel.open)
    return found[1]


def _check_returns(tracer: Tracer, kernel: AnyKernel) -> None:
    taken = kernel.signature.names
    for returned in kernel.outline().returns:
        if isinstance(returned, Expr) and not (isinstance(returned, Name) and returned.name in taken):
            raise KernelTypeError(
                f"`{kernel.name}` returns a {returned.type}, so it cannot be controlled or inverted",
                span=tracer.site.span,
                label="not only qubits come back",
                help=f"leave what is measured or computed out of `{kernel.name}`",
            )


def _makes(tracer: Tracer, kernel: AnyKernel, made: QuantumHandle, what: str) -> KernelTypeError:
    return KernelTypeError(
        f"`{kernel.name}` gives back qubits that it makes itself, so it cannot be {what}",
        span=tracer.site.span,
        label=f"`{made.name}` does not go in",
        help=f"make the qubits where `{kernel.name}` is called, and let it take them as an argument",
    )


def _check_positions(tracer: Tracer, kernel: AnyKernel, flow: Exchange, what: str) -> None:
    """Raise unless qubits come back where others of their type are taken, so that swaps can bring them to their places."""
    names = ", ".join(parameter.name for parameter in flow.parameters)
    if flow.order is None:
        position = next(k for k in range(len(flow.results)) if not flow.is_whole(k))
        source = flow.sources[position]
        assert source is not None
        raise KernelTypeError(
            f"`{kernel.name}` gives back `{flow.parameters[source].name}` in parts, so it cannot be {what}",
            span=tracer.site.span,
            label="what comes back does not stand where it was taken",
            help=f"return what it takes: `return {names}`",
        )
    for position, source in enumerate(flow.order):
        wanted, given = flow.parameters[position].type, flow.parameters[source].type
        if wanted != given:
            raise KernelTypeError(
                f"`{kernel.name}` gives back a {given} where it takes a {wanted}, so it cannot be {what}",
                span=tracer.site.span,
                label=f"a branch that does nothing would give back a {wanted}",
                help=f"only qubits of one type change places; return them as they are taken: `return {names}`",
            )


def _check_lengths(tracer: Tracer, kernel: AnyKernel, flow: Exchange, handles: list[QuantumHandle]) -> None:
    """Raise where registers that are exchanged are known to differ; of the others, lowering says so."""
    assert flow.order is not None
    for position, source in enumerate(flow.order):
        left, right = handles[position], handles[source]
        names = " and ".join(f"`{flow.parameters[k].name}`" for k in (position, source))
        if left.length is not None and right.length is not None and distance(left.length, right.length) not in (0, None):
            raise SizeError(
                f"`{kernel.name}` exchanges {names} in some branches only, so they must have one length",
                span=tracer.site.span,
                label=f"{as_written(left.length)} and {as_written(right.length)} qubits",
                help="give it registers of one length",
            )
        if left.fixed_point != right.fixed_point:
            raise KernelTypeError(
                f"`{kernel.name}` exchanges {names} in some branches only, and they have other integer bits",
                span=tracer.site.span,
                label="of which number?",
            )
