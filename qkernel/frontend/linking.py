"""From traces to a module: a kernel with all that it reaches, and with what its kernel arguments are.

A kernel is read once, with kernels that have no body for its kernel arguments. What they are in a call is put in here, one
function of the module for each choice. The free variables of a function that is such an argument go along as parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from qkernel.errors import KernelRecursionError
from qkernel.frontend.outlines import AnyKernel, implied_parameters
from qkernel.ir import ops
from qkernel.ir.expressions import Expr, Name
from qkernel.ir.module import Module
from qkernel.ir.ops import Parameter
from qkernel.ir.places import Place
from qkernel.ir.walk import with_blocks

DEEPEST = 32
"""The deepest that functions which are kernel arguments may be made of kernel arguments."""


@dataclass(frozen=True, slots=True)
class _Instance:
    """A kernel, and what the kernel arguments are that it or a kernel around it has."""

    kernel: AnyKernel
    known: Mapping[AnyKernel, _Instance] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        return id(self.kernel), *((id(argument), instance.key) for argument, instance in self.known.items())

    @property
    def added(self) -> tuple[Parameter, ...]:
        """The free variables of what its kernel arguments are."""
        return tuple(
            Parameter(f"{argument.name}.{parameter.name}", parameter.type, span=parameter.span)
            for argument, instance in self.known.items()
            for parameter in (*instance.kernel.free, *instance.added)
        )

    @property
    def depth(self) -> int:
        """How deep what its kernel arguments are has kernel arguments itself."""
        return 1 + max((instance.depth for instance in self.known.values()), default=0)

    def meant(self, callee: AnyKernel) -> _Instance:
        """What a kernel that is named in this one is."""
        if callee.is_argument:
            return self.known.get(callee, _Instance(callee))
        if callee.given:
            return _Instance(callee.generic, {argument: self.meant(value) for argument, value in callee.given.items()})
        return _Instance(callee, {argument: self.known[argument] for argument in callee.open if argument in self.known})

    def inherited(self, callee: AnyKernel) -> dict[str, Name]:
        """The values of the parameters that what is meant by `callee` has beside its own: parameters of this instance."""
        if not callee.given:
            return {parameter.name: Name(parameter.name, parameter.type) for parameter in self.meant(callee).added}
        found: dict[str, Name] = {}
        for argument, value in callee.given.items():
            if value.is_argument:
                meant = self.known.get(value, _Instance(value))
                own = [(parameter, f"{value.name}.{parameter.name}") for parameter in (*meant.kernel.free, *meant.added)]
            else:
                own = [(parameter, parameter.name) for parameter in self.meant(value).added]
            found |= {f"{argument.name}.{parameter.name}": Name(name, parameter.type) for parameter, name in own}
        return found


def link(kernel: AnyKernel) -> Module:
    """The kernel and every kernel that it reaches, under unique names."""
    entry = _Instance(kernel).meant(kernel)
    names = {entry.key: kernel.name}
    order, taken = [entry], {kernel.name}
    for reached in order:
        for callee in (*reached.kernel.traced().callees.values(), *reached.kernel.forms.values()):
            meant = reached.meant(callee)
            if meant.key in names:
                continue
            if meant.depth > DEEPEST:
                raise _without_end(meant.kernel)
            name, count = meant.kernel.name, 1
            while name in taken:
                count += 1
                name = f"{meant.kernel.name}.{count}"
            names[meant.key] = name
            taken.add(name)
            order.append(meant)
    return Module(tuple(_function(reached, names) for reached in order))


def _without_end(kernel: AnyKernel) -> KernelRecursionError:
    name = kernel.name
    return KernelRecursionError(
        f"`{name}` calls itself with another kernel each time, made of its own kernel argument",
        span=kernel.traced().function.span,
        label="without end",
        help=f"hand on the kernel as it is, and what changes as a number: `{name}(u, ..., angle + t)`",
    )


def _function(instance: _Instance, names: Mapping[tuple[object, ...], str]) -> ops.Function:
    traced = instance.kernel.traced()
    meant = {label: instance.meant(callee) for label, callee in traced.callees.items()}
    mapping = {label: names[found.key] for label, found in meant.items()}
    function: ops.Function = traced.function
    if names[instance.key] != function.name:
        function = replace(function, name=names[instance.key])
    if forms := {word: names[instance.meant(form).key] for word, form in instance.kernel.forms.items()}:
        function = replace(function, inverse=forms.get("inverse"), control=forms.get("control"))
    if instance.added:
        function = replace(function, parameters=_with_added(function.parameters, instance))
    if all(label == name and not meant[label].known for label, name in mapping.items()):
        return function

    def changed(call: ops.Call) -> ops.Call:
        callee = traced.callees[call.callee]
        return replace(call, callee=mapping[call.callee], arguments=_arguments(call, callee, instance))

    return replace(function, body=_changed_calls(function.body, changed))


def _arguments(call: ops.Call, callee: AnyKernel, instance: _Instance) -> tuple[Expr | Place, ...]:
    """The arguments of a call of what `callee` is."""
    if callee.is_argument:
        meant = instance.meant(callee)
        free = (*meant.kernel.free, *meant.added)
        return *call.arguments, *(Name(f"{callee.name}.{parameter.name}", parameter.type) for parameter in free)
    inherited = instance.inherited(callee)
    if not inherited:
        return call.arguments
    given = dict(zip((parameter.name for parameter in callee.outline().parameters), call.arguments, strict=True)) | inherited
    return tuple(
        given[parameter.name] for parameter in _with_added(callee.generic.outline().parameters, instance.meant(callee))
    )


def _with_added(parameters: tuple[Parameter, ...], instance: _Instance) -> tuple[Parameter, ...]:
    """A kernel's parameters as an instance has them: what is added stands before what the user does not give."""
    implied = implied_parameters(parameters)
    return *parameters[: len(parameters) - len(implied)], *instance.added, *implied


def _changed_calls(block: ops.Block, change: Callable[[ops.Call], ops.Call]) -> ops.Block:
    def changed(op: ops.Op) -> ops.Op:
        if isinstance(op, ops.Call):
            return change(op)
        return with_blocks(op, lambda inner: _changed_calls(inner, change))

    return tuple(map(changed, block))
