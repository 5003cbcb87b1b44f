"""Functions of Python's as kernels: local functions, lambdas and partials where an operation is wanted.

What such a function does with its arguments is read as the body of a kernel, whose free variables become further arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qkernel.diagnostics import Span, written_name
from qkernel.errors import KernelTypeError
from qkernel.frontend.modifiers import exchange
from qkernel.frontend.outlines import AnyKernel, implied_parameters, in_ir, parameter_handle, written_parameters
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.trace import check_accounted
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import describe, handles_in, with_handles
from qkernel.gate_functions import Gate
from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Size, Slice
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import free_names, named, substitute
from qkernel.ir.types import QUBIT, UINT, ArrayType, Type, is_quantum
from qkernel.ir.walk import definitions, expressions, operands, walk, with_values

_REGISTER = ArrayType(QUBIT)


@dataclass(frozen=True, slots=True)
class Closed:
    """What does the same as a function with certain arguments, and how it is called."""

    operation: Gate | AnyKernel
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def name_of(function: Any) -> str:
    """The name of a function, as a kernel can have it."""
    if isinstance(function, functools.partial):
        return name_of(function.func)
    name = str(getattr(function, "__name__", getattr(function, "name", type(function).__name__)))
    return name if name.isidentifier() else "lambda"


def closed(
    tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], make: Callable[..., AnyKernel]
) -> Closed:
    """`function(*arguments, **keywords)` as a call of a gate or kernel, for which numbers are free variables."""
    given = handles_in((*arguments, *keywords.values()))

    def call(handles: list[Any]) -> Any:
        following = iter([replace(handle, name=each.name) for handle, each in zip(handles, given, strict=True)])
        taken, named = (with_handles(each, lambda _: next(following)) for each in (arguments, keywords))
        return tracer.call_python(function, taken, named, tracer.site.node)  # type: ignore[arg-type]

    wanted = [(min(each.place.registers), each.type) for each in given]
    found, callees, length = _read(tracer, name_of(function), wanted, call)
    if (direct := _direct(found, callees, given)) is not None:
        return direct
    whole_function, free = _with_free_variables(found, callees, length)
    return Closed(_shared(tracer, whole_function, callees, len(given), make), tuple(given), free)


def kernel_of(
    tracer: Tracer, function: Any, types: Sequence[Type], make: Callable[..., AnyKernel]
) -> tuple[AnyKernel, dict[str, Expr]]:
    """A function as a kernel that takes values of these types, and its free variables, which it takes behind them."""

    def call(values: list[Any]) -> Any:
        return tracer.call_python(function, tuple(values), {}, tracer.site.node)  # type: ignore[arg-type]

    wanted = [("q" if is_quantum(type) else "x", type) for type in types]
    found, callees, length = _read(tracer, name_of(function), wanted, call)
    whole_function, free = _with_free_variables(found, callees, length)
    return _shared(tracer, whole_function, callees, len(types), make), free


def _shared(
    tracer: Tracer, function: Function, callees: dict[str, AnyKernel], own: int, make: Callable[..., AnyKernel]
) -> AnyKernel:
    """The kernel of a function, one for all that are the same; behind its `own` parameters are its free variables."""
    key = function, tuple(callees.items())
    if key not in tracer.closures:
        around = tuple(dict.fromkeys(each for callee in callees.values() for each in callee.open))
        tracer.closures[key] = make(function, callees, written_parameters(function.parameters)[own:], around)
    return tracer.closures[key]


def _read(
    tracer: Tracer, name: str, wanted: Sequence[tuple[str, Type]], call: Callable[[list[Any]], Any]
) -> tuple[Function, dict[str, AnyKernel], str]:
    """What a call does with values of these types, each under a name like this one; and a name that nothing in it has."""
    site, outer, hints = tracer.site, tracer.callees, tracer.hints
    tracer.callees, tracer.hints = {}, ()
    try:
        with tracer.block() as body:
            parameters = [Parameter(tracer.fresh(base, "q"), type, span=site.span) for base, type in wanted]
            result = call([_value(tracer, parameter) for parameter in parameters])
            returned = _returned(tracer, name, result, site.span)
            check_accounted(tracer, name, parameters, returned, site.span)
            length = tracer.fresh("length", "length")
    finally:
        callees, tracer.callees = tracer.callees, outer
        tracer.site, tracer.hints = site, hints
    found = Function(name, tuple(parameters), tuple(body), in_ir(returned), isinstance(result, tuple), span=site.span)
    return found, callees, length


def _value(tracer: Tracer, parameter: Parameter) -> Any:
    if not is_quantum(parameter.type):
        return Name(parameter.name, parameter.type)
    handle = parameter_handle(parameter)
    return tracer.noted(replace(handle, name=handle.name.partition(".")[0]))


def _returned(tracer: Tracer, name: str, result: Any, span: Span | None) -> list[QuantumHandle]:
    """The qubits that a function gives back, each handed on."""
    values = result if isinstance(result, tuple) else () if result is None else (result,)
    for value in values:
        if not isinstance(value, QuantumHandle):
            raise KernelTypeError(
                f"`{name}` returns {describe(value)}, so it is no operation on qubits",
                span=span,
                label="not only qubits come back",
                help=f"leave what is measured or computed out of `{name}`",
            )
        tracer.take(value, "returned", span)
    return list(values)


def _direct(function: Function, callees: Mapping[str, AnyKernel], given: Sequence[QuantumHandle]) -> Closed | None:
    """The one gate or kernel that a function calls with all that it takes, as it takes it, and gives back: called itself."""
    match function.body:
        case (ops.Gate(name, places, angles, (), None),) if name in GATES:
            operation: Any = Gate(name)
            arguments: tuple[Expr | Place, ...] = (*places, *angles)
        case (ops.Call(name, arguments, modifiers=()),):
            operation = callees[name]
            flow = exchange(operation.outline())
            if not flow.keeps_order or flow.makes is not None or len(operation.signature.parameters) < len(arguments):
                return None
        case _:
            return None
    handles = {whole(to.name, to.type): handle for to, handle in zip(function.parameters, given, strict=True)}
    places = tuple(value for value in arguments if isinstance(value, Place))
    own = {parameter.name for parameter in function.parameters}
    is_own = any(isinstance(value, Expr) and not own.isdisjoint(free_names(value)) for value in arguments)
    if is_own or places != function.returns or places != tuple(handles):
        return None
    return Closed(operation, tuple(handles[value] if isinstance(value, Place) else value for value in arguments), {})


def _with_free_variables(function: Function, callees: Mapping[str, AnyKernel], length: str) -> tuple[Function, dict[str, Expr]]:
    """The function with its free variables as parameters behind the qubits, and what each is called with.

    Of a register around it the length may be free, which is then called `length`; its qubits may not.
    """
    returns = {label: tuple(value.type for value in kernel.outline().returns) for label, kernel in callees.items()}
    own = {parameter.name for parameter in function.parameters} | {name for name, _ in _defined(function.body, returns)}
    names: dict[str, Name] = {}
    for op in walk(function.body):
        registers = [name for place in operands(op) if isinstance(place, Place) for name in sorted(place.registers)]
        if around := next((name for name in registers if name not in own), None):
            raise _captured(function.name, around, op.span)
        for expr in expressions(op):
            names |= {name.name: name for name in named(expr) if name.name not in own}
    sized = [name for name in names.values() if is_quantum(name.type)]
    sizes = {name.name: f"{length}.{k}" if k else length for k, name in enumerate(sized)}
    lengths = {name: Slice(Name(name, _REGISTER), ZERO, ONE, Name(size, UINT)) for name, size in sizes.items()}
    free: dict[str, Expr] = {sizes[name.name]: Size(name) for name in sized}
    free |= {name: value for name, value in names.items() if name not in sizes}
    body = with_values(function.body, lambda expr: substitute(expr, lengths)) if sizes else function.body
    parameters = (*function.parameters, *(Parameter(name, value.type, span=function.span) for name, value in free.items()))
    return replace(function, parameters=(*parameters, *implied_parameters(function.parameters)), body=body), free


def _defined(body: ops.Block, returns: Mapping[str, tuple[Type, ...]]) -> Iterator[tuple[str, Type]]:
    """The names that are defined anywhere in a body."""
    for op in walk(body):
        yield from definitions(op, returns)
        if isinstance(op, ops.For):
            yield from ((name, UINT) for name in op.targets)


def _captured(name: str, register: str, span: Span | None) -> KernelTypeError:
    shown = written_name(register)
    return KernelTypeError(
        f"`{name}` uses `{shown}`, which it does not take",
        span=span,
        label=f"`{shown}` belongs to the kernel around it",
        help=f"let it take all qubits that it acts on: `{'lambda ' if name == 'lambda' else f'def {name}('}{shown}, ...`",
    )
