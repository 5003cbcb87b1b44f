"""From a kernel, and what is said of its arguments, to the one circuit of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qkernel.errors import BindingTypeError, ConflictingBindingError, EntrypointValidationError, ObservableError
from qkernel.ir.expressions import Expr, Item, Name, substitute, wrap
from qkernel.ir.ops import Parameter
from qkernel.ir.types import FLOAT, OBSERVABLE, ArrayType, DictType
from qkernel.kernel import Kernel
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian

Given = dict[str, Any]


def arguments_by_name(role: str, given: Iterable[str] | Mapping[str, Any]) -> Given:
    """The names in order, each with what was said of it: None, a shape or an initial value."""
    if isinstance(given, Mapping):
        return dict(given)
    names = [given] if isinstance(given, str) else list(given)
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ConflictingBindingError(f"`{doubled[0]}` stands twice in `{role}`")
    return dict.fromkeys(names)


def given_shape(given: Any) -> tuple[int, ...] | None:
    """The shape, if `given` is one (a length or a tuple of lengths) and not an initial value."""
    if isinstance(given, int) and not isinstance(given, bool):
        return (given,)
    return tuple(given) if isinstance(given, tuple) and all(isinstance(length, int) for length in given) else None


def compile_layer(kernel: Kernel[..., Any], bindings: Mapping[str, Any], inputs: Given, weights: Given) -> Circuit:
    """The circuit whose open parameters are `inputs` and `weights`."""
    if both := [name for name in inputs if name in weights]:
        raise ConflictingBindingError(f"`{both[0]}` stands both in `inputs` and in `weights`")
    entry = kernel.ir.entry
    for parameter in entry.parameters:
        _check_role(parameter, bindings, inputs, weights)
    names = [*inputs, *weights]
    lengths = {name: _shape(given) for name, given in (*inputs.items(), *weights.items()) if given is not None}
    several = [
        parameter.name
        for parameter in entry.parameters
        if parameter.type == OBSERVABLE and isinstance(bindings.get(parameter.name), (list, tuple))
    ]
    if not several:
        return kernel.compile(bindings, names, lengths=lengths).circuit
    if len(several) > 1:
        raise BindingTypeError(f"`{several[1]}` is one observable, and a list was given; only one argument may have a list")
    (name,) = several
    each: list[Hamiltonian] = list(bindings[name])
    return _side_by_side(
        name, [kernel.compile({**bindings, name: observable}, names, lengths=lengths).circuit for observable in each]
    )


def _check_role(parameter: Parameter, bindings: Mapping[str, Any], inputs: Given, weights: Given) -> None:
    name, type = parameter.name, parameter.type
    open_here = name in inputs or name in weights
    element = type.element if isinstance(type, ArrayType) else type.value if isinstance(type, DictType) else type
    if open_here and element != FLOAT:
        raise BindingTypeError(
            f"`{name}` is a {type}, and a layer's inputs and weights are Floats",
            span=parameter.span,
            help=f'fix it: `bindings={{"{name}": ...}}`',
        )
    if not open_here and name not in bindings and parameter.default is None:
        roles = "`bindings`, `inputs` or `weights`" if element == FLOAT else "`bindings`"
        raise EntrypointValidationError(f"`{name}` has no value", span=parameter.span, help=f"name it in {roles}")


def _shape(given: Any) -> tuple[int, ...]:
    shape = given_shape(given)
    return tuple(np.shape(given)) if shape is None else shape


def _side_by_side(name: str, circuits: list[Circuit]) -> Circuit:
    """One circuit that reads out what each of `circuits`, which differ in their observables only, reads out."""
    if not circuits:
        raise ObservableError(f"the list of observables for `{name}` is empty")
    first = circuits[0]
    expectations, outputs = list(first.expectations), list(first.outputs)
    for circuit in circuits[1:]:
        if replace(circuit, expectations=first.expectations, outputs=first.outputs) != first:
            raise ObservableError(
                f"the observable `{name}` shapes the circuit, so that a list of them does not share one state",
                help="make one layer for each observable",
            )
        moved: dict[str, Expr] = {"expectations": _shifted(first, len(expectations))}
        outputs += [substitute(output, moved) for output in circuit.outputs]
        expectations += circuit.expectations
    return replace(first, expectations=tuple(expectations), outputs=tuple(outputs), outputs_tuple=True)


def _shifted(circuit: Circuit, start: int) -> Expr:
    """The vector of expectation values of one circuit among those of all."""
    values = Name("expectations", ArrayType(FLOAT))
    return wrap([Item(values, (wrap(start + k),)) for k in range(len(circuit.expectations))])
