"""From a kernel, and what is said of its arguments, to the one circuit of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.errors import (
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    GradientError,
    KernelTypeError,
    ObservableError,
)
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import FLOAT, OBSERVABLE, ArrayType
from qkernel.kernel import Kernel
from qkernel.lower import lower
from qkernel.lower.bindings import normalise, requires_gradient
from qkernel.lower.circuit import Circuit
from qkernel.lower.given_values import Several
from qkernel.lower.lengths import Lengths, checked_shape
from qkernel.nn.readouts import Readout, as_readout, observable, with_readout
from qkernel.records import fields_among, record_fields, spread

Given = dict[str, Any]

_ROLES = (("input", "i"), ("weight", "w"))
_PREFIXES = tuple(", ".join(f"`{word}_*`" for word in words) + f", `{words[0]}` or `{words[1]}`" for words in _ROLES)


def arguments_by_name(role: str, given: Iterable[str] | Mapping[str, Any]) -> Given:
    """The names in order, each with what was said of it: None, a shape or an initial value."""
    if isinstance(given, Mapping):
        return dict(given)
    names = [given] if isinstance(given, str) else list(given)
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ConflictingBindingError(f"`{doubled[0]}` stands twice in `{role}`")
    return dict.fromkeys(names)


def spread_arguments(kernel: Any, given: Given, fixed: Mapping[str, Any]) -> Given:
    """`given` by the names that the IR has: a record as those of its fields that are not in `fixed`."""
    _require_kernel(kernel)
    known = [parameter.name for parameter in kernel.ir.entry.parameters]
    found: Given = {}
    for name, said in given.items():
        fields = record_fields(said)
        each = dict.fromkeys(fields_among(known, name), said) if fields is None else spread({name: said})
        for field, value in each.items():
            if field in found:
                raise ConflictingBindingError(f"`{field}` is named twice: with `{name}` and by itself")
            if field == name or field not in fixed:
                found[field] = value
    return found


def with_kernels(kernel: Any, bindings: Given) -> tuple[Any, Given]:
    """The kernel with the kernels among `bindings` put in, and the other bindings."""
    _require_kernel(kernel)
    bound, _, others = kernel._bound((), {"bindings": bindings})
    return bound, others["bindings"]


def arguments_of(kernel: Any, fixed: Mapping[str, Any], inputs: Any, weights: Any) -> tuple[Given, Given]:
    """The inputs and the weights, by the names that the IR has, each with what was said of it."""
    if inputs is None and weights is None:
        return roles_by_name(kernel, fixed)
    given = ("inputs", inputs), ("weights", weights)
    by_role = [spread_arguments(kernel, arguments_by_name(role, names or ()), fixed) for role, names in given]
    return by_role[0], by_role[1]


def given_shape(given: Any) -> tuple[int, ...] | None:
    """The shape, if `given` is one (a length or a tuple of lengths) and not an initial value."""
    lengths = given if isinstance(given, tuple) else (given,)
    whole = all(isinstance(length, (int, np.integer)) and not isinstance(length, bool) for length in lengths)
    return tuple(map(int, lengths)) if whole else None


def is_initialiser(given: Any) -> bool:
    """Whether `given` tells how a weight begins, and is no shape or value: a name or a callable."""
    return isinstance(given, str) or callable(given)


@dataclass(frozen=True)
class Recipe:
    """All that a layer's circuit is made of: a module, values as lowering reads them, the names of what is open, and shapes."""

    module: Module
    fixed: Mapping[str, Any]
    names: tuple[str, ...]
    lengths: Mapping[str, tuple[int, ...]]
    readout: Readout | None = None

    @cached_property
    def circuit(self) -> Circuit:
        bound = normalise(self.module.entry, self.fixed, self.names)
        circuit = lower(self.module, bound.values, bound.open, Lengths(self.lengths, trims=True))
        return circuit if self.readout is None else with_readout(circuit, self.readout)


def roles_by_name(kernel: Any, fixed: Mapping[str, Any]) -> tuple[Given, Given]:
    """The inputs and weights of a kernel whose arguments tell by their names which they are; one with a default may be neither.

    Raises `EntrypointValidationError` for a name that tells neither, and for a kernel without inputs and weights.
    """
    _require_kernel(kernel)
    entry, roles = kernel.ir.entry, dict[bool, Given]({True: {}, False: {}})
    still_open = normalise(entry, _with_observables(entry, fixed)).open
    for parameter in entry.parameters:
        if parameter.name in still_open and parameter.type.element != FLOAT:
            _check_role(parameter, [])
        base = parameter.name.partition(".")[0]
        is_input, is_weight = (base in words or base.startswith(tuple(f"{word}_" for word in words)) for words in _ROLES)
        if parameter.name in fixed or (not (is_input or is_weight) and parameter.default is not None):
            continue
        if not (is_input or is_weight):
            raise EntrypointValidationError(
                f"`{parameter.name}` has no value, and its name does not tell whether it is an input or a weight",
                span=parameter.span,
                label=f"neither {_PREFIXES[0]} nor {_PREFIXES[1]}",
                help="rename it, or name it in `bindings`, `inputs` or `weights`",
            )
        roles[is_input][parameter.name] = None
    if not roles[True] and not roles[False]:
        raise EntrypointValidationError(
            f"`{entry.name}` has no argument that could be an input or a weight",
            span=entry.span,
            help="for a layer without any write `inputs=[]`",
        )
    return roles[True], roles[False]


def compile_layer(
    kernel: Kernel[..., Any],
    bindings: Mapping[str, Any],
    inputs: Given,
    weights: Given,
    readout: Any = None,
    returns_numbers: bool = True,
) -> Recipe:
    """The recipe of the circuit whose open parameters are `inputs` and `weights`, and whose kernel mostly `returns_numbers`."""
    if both := [name for name in inputs if name in weights]:
        raise ConflictingBindingError(f"`{both[0]}` stands both in `inputs` and in `weights`")
    _require_kernel(kernel)
    _refuse_trained(bindings)
    entry = kernel.ir.entry
    names = [*inputs, *weights]
    bound = normalise(entry, _with_observables(entry, bindings), names)
    for parameter in entry.parameters:
        if parameter.name in bound.open:
            _check_role(parameter, names)
    lengths = _shapes(entry, {**inputs, **weights})
    recipe = Recipe(kernel.ir, bound.values, tuple(names), lengths, as_readout(readout))
    try:
        circuit = recipe.circuit
    except EntrypointValidationError as error:
        if error.without_length is not None:
            name, shape = error.without_length
            error.help = f'give its shape: `{"inputs" if name in inputs else "weights"}={{"{name}": {shape}}}`'
        raise
    Lengths(lengths).refuse_unused(circuit.angles.parameters)
    if returns_numbers and not circuit.outputs:
        raise GradientError(
            f"`{circuit.name}` returns no numbers, and a layer gives what its kernel returns",
            span=entry.span,
            help='return `qk.expval(q, H)` or `qk.probabilities(q)`, or say `readout="z"` of the qubits that it hands back',
        )
    return recipe


def _require_kernel(kernel: Any) -> None:
    if not isinstance(kernel, Kernel):
        raise KernelTypeError(
            f"a layer is made of a kernel, not of `{kernel!r}`", help="put `@qk.qkernel` over the function and give its name"
        )


def _refuse_trained(bindings: Mapping[str, Any]) -> None:
    for name, value in bindings.items():
        if requires_gradient(value):
            raise GradientError(
                f"`{name}` requires a gradient, which would stop here: what stands in `bindings` is fixed",
                help=f'train it: `weights={{"{name}": ...}}`, or fix it: `{name}.detach()`',
            )


def _with_observables(entry: Function, bindings: Mapping[str, Any]) -> dict[str, Any]:
    """`bindings`, where text may stand for an observable, and a list for one."""
    found = dict(bindings)
    lists = []
    for parameter in entry.parameters:
        name, value = parameter.name, bindings.get(parameter.name)
        if parameter.type.element == OBSERVABLE and isinstance(value, str):
            found[name] = observable(value)
        elif parameter.type.element == OBSERVABLE and isinstance(value, (list, tuple)):
            each = [observable(entry) if isinstance(entry, str) else entry for entry in value]
            found[name] = Several(tuple(each)) if parameter.type == OBSERVABLE else each
            lists += [name] if parameter.type == OBSERVABLE else []
    if len(lists) > 1:
        raise BindingTypeError(f"`{lists[0]}` and `{lists[1]}` are both given as lists; one observable can be")
    if lists and not found[lists[0]].observables:
        raise ObservableError(f"the list of observables for `{lists[0]}` is empty")
    return found


def _check_role(parameter: Parameter, names: list[str]) -> None:
    name, type = parameter.name, parameter.type
    if type.element != FLOAT:
        raise BindingTypeError(
            f"`{name}` is a {type}, and a layer's inputs and weights are Floats",
            span=parameter.span,
            help=f'fix it: `bindings={{"{name}": ...}}`',
        )
    if name not in names:
        raise EntrypointValidationError(
            f"`{name}` has no value", span=parameter.span, help="name it in `bindings`, `inputs` or `weights`"
        )


def _shapes(entry: Function, said: Given) -> dict[str, tuple[int, ...]]:
    """The shapes of arrays that are told by a shape or an initial value."""
    found = {}
    for parameter in entry.parameters:
        given = said.get(parameter.name)
        if given is not None and not is_initialiser(given):
            shape = given_shape(given)
            shape = checked_shape(parameter, np.shape(given) if shape is None else shape)
            if isinstance(parameter.type, ArrayType):
                found[parameter.name] = shape
    return found
