"""From a kernel, and what is said of its arguments, to the one circuit of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    GradientError,
    KernelTypeError,
    ObservableError,
    QKernelError,
    TextFormError,
)
from qkernel.ir.evaluation import substitute
from qkernel.ir.expressions import Expr, Item, Name, wrap
from qkernel.ir.ops import Expval, Function, Module, Parameter
from qkernel.ir.system_names import Key
from qkernel.ir.types import FLOAT, OBSERVABLE, ArrayType, DictType
from qkernel.ir.verifier import verify
from qkernel.kernel import Kernel
from qkernel.lower import lower
from qkernel.lower.bindings import normalise, requires_gradient
from qkernel.lower.circuit import EXPECTATIONS, Circuit
from qkernel.lower.lengths import check_used
from qkernel.lower.values import example_shape
from qkernel.records import fields_among, record_fields, spread

Given = dict[str, Any]


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


def given_shape(given: Any) -> tuple[int, ...] | None:
    """The shape, if `given` is one (a length or a tuple of lengths) and not an initial value."""
    if isinstance(given, int) and not isinstance(given, bool):
        return (given,)
    return tuple(given) if isinstance(given, tuple) and all(isinstance(length, int) for length in given) else None


@dataclass(frozen=True)
class Recipe:
    """All that a layer's circuit is made of: a module, values as lowering reads them, the names of what is open, and shapes.

    There are several sets of values, which differ in one observable, where the circuit reads out what each asks for.
    """

    module: Module
    fixed: tuple[Mapping[str, Any], ...]
    names: tuple[str, ...]
    lengths: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(
        cls, module: Module, each: Iterable[Mapping[str, Any]], names: tuple[str, ...], lengths: Mapping[str, Any]
    ) -> Recipe:
        """For values as users give them."""
        return cls(module, tuple(normalise(module.entry, values, names).values for values in each), names, lengths)

    @cached_property
    def circuit(self) -> Circuit:
        return _side_by_side([self._lowered(values) for values in self.fixed])

    def _lowered(self, values: Mapping[str, Any]) -> Circuit:
        bound = normalise(self.module.entry, values, self.names)
        return lower(self.module, bound.values, bound.open, self.lengths, trims=True)


def compile_layer(kernel: Kernel[..., Any], bindings: Mapping[str, Any], inputs: Given, weights: Given) -> Recipe:
    """The recipe of the circuit whose open parameters are `inputs` and `weights`."""
    if both := [name for name in inputs if name in weights]:
        raise ConflictingBindingError(f"`{both[0]}` stands both in `inputs` and in `weights`")
    _require_kernel(kernel)
    _refuse_trained(bindings)
    entry = kernel.ir.entry
    names = [*inputs, *weights]
    each = _each_observable(entry, bindings)
    still_open = normalise(entry, each[0], names).open
    for parameter in entry.parameters:
        if parameter.name in still_open:
            _check_role(parameter, names)
    lengths = {
        parameter.name: _shape(parameter, given)
        for parameter in entry.parameters
        if (given := {**inputs, **weights}.get(parameter.name)) is not None
    }
    arrays = {parameter.name: parameter.type.rank for parameter in entry.parameters if isinstance(parameter.type, ArrayType)}
    lengths = {name: shape for name, shape in lengths.items() if name in arrays}
    try:
        recipe = _recipe(kernel.ir, each, tuple(names), lengths)
        circuit = recipe.circuit
    except EntrypointValidationError as error:
        for role, given in (("inputs", inputs), ("weights", weights)):
            lacking = arrays.keys() & given.keys() - lengths.keys()
            for name in (name for name in lacking if f"length of `{name}`" in error.title):
                error.help = f'give its shape: `{role}={{"{name}": {example_shape(arrays[name])}}}`'
        raise
    check_used(circuit.angles.parameters, lengths)
    if not circuit.outputs:
        raise GradientError(
            f"`{circuit.name}` returns no numbers, and a layer gives what its kernel returns",
            span=entry.span,
            help="return `qk.expval(q, H)` or `qk.probabilities(q)`",
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


def _recipe(module: Module, each: list[dict[str, Any]], names: tuple[str, ...], lengths: dict[str, Any]) -> Recipe:
    """How to make the circuit that reads out all that `each` asks for."""
    several = {name: tuple(one[name] for one in each) for name in each[0] if each[-1][name] is not each[0][name]}
    wider = _reading_several(module, *several) if len(several) == 1 else None
    if wider is not None:
        try:
            recipe = Recipe.of(wider, [each[0] | several], names, lengths)
            _ = recipe.circuit
            return recipe
        except QKernelError:
            pass  # it is raised again with the kernel as it is, about the observable that is wrong
    return Recipe.of(module, each, names, lengths)


def _reading_several(module: Module, name: str) -> Module | None:
    """The kernel for a vector of observables `name`, if all that it does with one is to read it out and return its value."""
    entry, one = module.entry, Name(name, OBSERVABLE)
    (value, *others) = entry.returns or (None,)
    (read, *more) = [op for op in entry.body if isinstance(op, Expval) and op.observable == one] or (None,)
    if read is None or more or others or not isinstance(value, Name) or value.name != read.result:
        return None
    several = replace(read, observable=Name(name, ArrayType(OBSERVABLE)))
    wider = replace(
        entry,
        parameters=tuple(replace(p, type=ArrayType(OBSERVABLE)) if p.name == name else p for p in entry.parameters),
        body=tuple(several if op is read else op for op in entry.body),
        returns=(Name(read.result, ArrayType(FLOAT)),),
    )
    result = Module((wider, *module.functions[1:]))
    try:
        verify(result)
    except TextFormError:  # the observable is used elsewhere, too
        return None
    return result


def _each_observable(entry: Function, bindings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`bindings`, once for each entry of the list that stands for one observable, or just once."""
    several = [
        parameter.name
        for parameter in entry.parameters
        if parameter.type == OBSERVABLE and isinstance(bindings.get(parameter.name), (list, tuple))
    ]
    if not several:
        return [dict(bindings)]
    if len(several) > 1:
        raise BindingTypeError(f"`{several[0]}` and `{several[1]}` are both given as lists; one observable can be")
    (name,) = several
    if not bindings[name]:
        raise ObservableError(f"the list of observables for `{name}` is empty")
    return [{**bindings, name: observable} for observable in bindings[name]]


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


def _shape(parameter: Parameter, given: Any) -> tuple[int, ...]:
    shape = given_shape(given)
    shape = tuple(np.shape(given)) if shape is None else shape
    rank = parameter.type.rank if isinstance(parameter.type, ArrayType) else int(isinstance(parameter.type, DictType))
    if len(shape) != rank:
        raise BindingShapeError(
            f"`{parameter.name}` is a {parameter.type}, and the shape {shape} was given", span=parameter.span
        )
    return shape


def _side_by_side(circuits: list[Circuit]) -> Circuit:
    """One circuit that reads out what each of `circuits`, which differ in their observables only, reads out."""
    if len(circuits) == 1:
        return circuits[0]
    first = circuits[0]
    expectations, outputs = list(first.expectations), list(first.outputs)
    for circuit in circuits[1:]:
        if replace(circuit, expectations=first.expectations, outputs=first.outputs) != first:
            raise ObservableError(
                "an observable that is given as a list shapes the circuit, so that its entries do not share one state",
                help="make one layer for each observable",
            )
        moved: dict[Key, Expr] = {EXPECTATIONS.key: _shifted(first, len(expectations))}
        outputs += [substitute(output, moved) for output in circuit.outputs]
        expectations += circuit.expectations
    return replace(first, expectations=tuple(expectations), outputs=tuple(outputs), outputs_tuple=True)


def _shifted(circuit: Circuit, start: int) -> Expr:
    """The vector of expectation values of one circuit among those of all."""
    return wrap([Item(EXPECTATIONS, (wrap(start + k),)) for k in range(len(circuit.expectations))])
