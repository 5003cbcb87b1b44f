"""Where an estimate comes from: the module, what is bound, and the symbols of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import UnknownBindingError
from qkernel.estimate.atoms import Argument, Bound, Register
from qkernel.estimate.fold import formal_value
from qkernel.estimate.quantity import Quantity, Value, quantity
from qkernel.estimate.substitution import as_value, length
from qkernel.ir.expressions import evaluate
from qkernel.ir.ops import Function, Module, Parameter
from qkernel.ir.types import is_quantum


@dataclass(frozen=True)
class Origin:
    """The module, the values of the entry's arguments (bound, or symbols), and the symbols for rounds of `while`s."""

    module: Module
    values: dict[str, Value]
    rounds: tuple[str, ...] = ()
    bindings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The kernel's name."""
        return self.module.entry.name

    def symbols(self) -> dict[str, Quantity]:
        """The symbol of each argument of the kernel that is not bound."""
        return {
            parameter.name: form
            for parameter in self.module.entry.parameters
            if (form := _symbol(formal_value(parameter, parameter.name, nonnegative=True))) is not None
        }

    def read(self, name: str, value: Any) -> Value:
        """A value for a symbol, checked against the argument of that name."""
        parameter = next((entry for entry in self.module.entry.parameters if entry.name == name), None)
        if isinstance(value, Quantity):
            return value
        if parameter is None:
            return as_value(value)
        if isinstance(value, int) and not isinstance(formal_value(parameter, name), Quantity):
            return Bound(range(value))
        return as_value(_checked(parameter, value))

    def bound_to(self, values: Mapping[str, Value]) -> Origin:
        """The origin with more of the arguments bound."""
        return replace(self, values={**self.values, **{name: value for name, value in values.items() if name in self.values}})


def _symbol(value: Value) -> Quantity | None:
    match value:
        case Quantity():
            return value
        case Register(size):
            return None if size.is_constant else size
        case Argument():
            return length(value)
    return None


def origin(module: Module, bindings: Mapping[str, Any], parameters: tuple[str, ...]) -> Origin:
    """Bind what is given; an argument with a default that is neither bound nor in `parameters` has its default."""
    entry = module.entry
    names = [parameter.name for parameter in entry.parameters]
    for name in (*bindings, *parameters):
        if name not in names:
            raise UnknownBindingError(
                f"`{entry.name}` has no argument `{name}`{did_you_mean(str(name), names)}", span=entry.span
            )
    values: dict[str, Value] = {}
    bound: dict[str, Any] = {}
    for parameter in entry.parameters:
        formal = formal_value(parameter, parameter.name, nonnegative=True)
        if parameter.name in bindings:
            given = bindings[parameter.name]
        elif parameter.default is not None and parameter.name not in parameters:
            given = evaluate(parameter.default, {})
        else:
            values[parameter.name] = formal
            continue
        bound[parameter.name] = given
        if is_quantum(parameter.type):
            values[parameter.name] = Register(quantity(int(given)))
        else:
            values[parameter.name] = as_value(_checked(parameter, given))
    return Origin(module, values, (), bound)


def _checked(parameter: Parameter, value: Any) -> Any:
    """The value in the form that lowering reads, or its error."""
    if is_quantum(parameter.type):
        return range(int(value))
    from qkernel.lower.bindings import normalise

    function = Function(parameter.name, (parameter,), (), span=parameter.span)
    return normalise(function, {parameter.name: value}).values[parameter.name]
