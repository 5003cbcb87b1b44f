"""Where an estimate comes from: the module, what is bound, and the symbols of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from numbers import Integral
from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.errors import (
    BindingShapeError,
    ConflictingBindingError,
    EntrypointValidationError,
    TargetCapabilityError,
    UnknownBindingError,
)
from qkernel.estimate.cases import by_cases, size_of
from qkernel.estimate.clifford_t import to_clifford_t
from qkernel.estimate.depth import FEW_GATES, MOST_GATES, Depths, exact_depths
from qkernel.estimate.effort import TooMuchWork, bounded_work
from qkernel.estimate.fold import Fold
from qkernel.estimate.inequalities import Inequalities
from qkernel.estimate.leaves import t_spans
from qkernel.estimate.levels import NotRegular
from qkernel.estimate.quantity import Argument, Bound, Quantity, Register, Sized, Value, Variable, quantity, symbol, value_names
from qkernel.estimate.regular import followed
from qkernel.estimate.substitution import as_value, length, substitute, substitute_value
from qkernel.estimate.tally import Tally
from qkernel.estimate.target_basis import to_basis
from qkernel.estimate.unknown import formal_value
from qkernel.estimate.workspace import may_need_workspace
from qkernel.ir.evaluation import evaluate
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import FLOAT, OBSERVABLE, ArrayType, is_quantum
from qkernel.lower import lower
from qkernel.lower.bindings import can_be_open, normalise, register_length
from qkernel.lower.circuit import Circuit
from qkernel.lower.lengths import Lengths
from qkernel.observable import Hamiltonian
from qkernel.records import fields_among


@dataclass(frozen=True)
class Origin:
    """The module, the values of the entry's arguments (bound, or symbols), and the symbols for iterations of `while`s.

    `defaults` names the arguments that have the value of their default. `given` is what was put for symbols beside
    `values`: numbers of iterations, and lengths of arrays that are not known otherwise.
    """

    module: Module
    values: dict[str, Value]
    iterations: tuple[str, ...] = ()
    given: Mapping[str, Value] = field(default_factory=dict)
    defaults: frozenset[str] = frozenset()
    basis: str | tuple[str, ...] = "native"
    precision: float = 1e-10

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
        if is_quantum(parameter.type):
            return Register(quantity(register_length(self.module.entry, parameter, value)))
        if isinstance(value, Integral) and not isinstance(formal_value(parameter, name), Quantity):
            return Sized(_length(parameter, value))
        return as_value(_checked(parameter, value))

    def refuse_fixed(self, name: str) -> None:
        """Raise for an argument that was given a value already."""
        value = self.values.get(name)
        if value is not None and name not in self.defaults and name not in value_names(value):
            parameter = next(entry for entry in self.module.entry.parameters if entry.name == name)
            raise ConflictingBindingError(
                f"`{name}` has a value already in this estimate of `{self.name}`",
                span=parameter.span,
                help="put values into an estimate that leaves it open: `kernel.estimate_resources()`",
            )

    def bound_to(self, given: Mapping[str, Value]) -> Origin:
        """The origin with values put for symbols, and for arguments that have the value of their default."""
        values = {name: substitute_value(value, given) for name, value in self.values.items()}
        values |= {name: value for name, value in given.items() if name in self.defaults}
        beside = {name: value for name, value in given.items() if name not in values or isinstance(value, Sized)}
        return replace(self, values=values, given={**self.given, **beside}, defaults=self.defaults - given.keys())

    def fold(self, paths: bool = False, depth: bool = False) -> Fold:
        """The fold that counts what the basis asks for."""
        return Fold(self.module, paths, depth, widths=self.basis == "clifford_t" and may_need_workspace(self.module))

    @bounded_work()
    def tally(self, paths: bool = False, depth: bool = False) -> Tally:
        """Fold the module: by paths of calls, or with upper bounds of the depths, if asked."""
        tally = self.fold(paths, depth).entry(self.values)
        tally = tally.map(lambda amount: substitute(amount, self.given)) if self.given else tally
        return tally if depth else self.decomposed(tally)

    def decomposed(self, tally: Tally) -> Tally:
        """The tally over the basis that the estimate is for."""
        if self.basis == "native":
            return tally
        if self.basis == "clifford_t":
            return to_clifford_t(tally, self.precision)
        return to_basis(tally, self.basis)

    def depths(self, total: Quantity) -> Depths:
        """The depths: of the lowered circuit where everything is bound and the `total` gates are few, else in closed form."""

        @cache
        def walked() -> Mapping[str, Quantity]:
            circuit = self._circuit()
            is_straight = circuit is not None and circuit.is_straight
            return exact_depths(circuit.without_releases, t_spans(self.module)) if circuit and is_straight else {}

        @cache
        def bounds() -> Tally:
            return self.tally(depth=True)

        walkable = total.is_constant and total.constant <= MOST_GATES and not self.iterations
        walk = (lambda name: walked().get(name),) if walkable else ()
        ways = (*walk, self._regular) if walkable and total.constant <= FEW_GATES else (self._regular, *walk)
        return Depths(ways, lambda name: bounds().of(name))

    def _regular(self, depth: str) -> Quantity | None:
        """One of the depths in closed form, where the circuit is regular."""

        sized, sizes = dict[str, Value](), dict[Variable, Quantity]()
        for parameter in self.module.entry.parameters:
            match value := sized.setdefault(parameter.name, self.values[parameter.name]):
                case Register(Quantity(is_constant=False)) | Argument() if is_quantum(parameter.type) or has_angles(parameter):
                    name = size_of(parameter.name)
                    sizes[name] = length(value)
                    sized[parameter.name] = (Register if is_quantum(parameter.type) else Sized)(symbol(name))

        def follow(given: Mapping[Variable, Quantity], known: Inequalities, modulus: int) -> Quantity:
            values = {name: substitute_value(value, given) for name, value in sized.items()}
            return followed(self.module, values, depth, known, modulus)

        try:
            with bounded_work():
                return substitute(substitute(by_cases(follow), sizes), self.given)
        except (NotRegular, TooMuchWork):
            return None

    def _circuit(self) -> Circuit | None:
        """The lowered circuit; None where something that shapes it is not bound."""
        values: dict[str, Any] = {}
        lengths: dict[str, tuple[int, ...]] = {}
        for parameter in self.module.entry.parameters:
            name, element = parameter.name, getattr(parameter.type, "element", parameter.type)
            match self.values[name]:
                case Quantity() as form if form.is_constant:
                    values[name] = form.constant if isinstance(form.constant, int) else float(form)
                case Register(size) if size.is_constant:
                    values[name] = int(size)
                case Bound(plain):
                    values[name] = plain
                case Argument() if isinstance(sized := self.given.get(name), Sized) and sized.length.is_constant:
                    lengths[name] = (int(sized.length),)
                case _ if element == OBSERVABLE:  # read out only, or it would be in the counts
                    values[name] = Hamiltonian() if parameter.type == OBSERVABLE else ()
        open_names = [
            entry.name for entry in self.module.entry.parameters if entry.name not in values and can_be_open(entry.type)
        ]
        try:
            return lower(self.module, values, open_names, Lengths(lengths))
        except (EntrypointValidationError, TargetCapabilityError):
            return None


def has_angles(parameter: Parameter) -> bool:
    """Whether an argument is a vector of angles, of which the length alone decides counts."""
    return isinstance(parameter.type, ArrayType) and parameter.type.rank == 1 and parameter.type.element == FLOAT


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
    parameters = tuple(name for asked in parameters for name in ([asked] if asked in names else fields_among(names, asked)))
    for name in (*bindings, *parameters):
        if name not in names:
            raise UnknownBindingError(
                f"`{entry.name}` has no argument `{name}`{did_you_mean(str(name), names)}",
                span=entry.span,
                label=f"its arguments are {', '.join(names)}" if names else "it has no arguments",
            )
    values: dict[str, Value] = {}
    defaults = set()
    for parameter in entry.parameters:
        formal = formal_value(parameter, parameter.name, nonnegative=True)
        if parameter.name in bindings:
            given = bindings[parameter.name]
        elif parameter.default is not None and parameter.name not in parameters:
            given = evaluate(parameter.default, {})
            defaults.add(parameter.name)
        elif parameter.length is not None:
            given = parameter.length
        else:
            values[parameter.name] = formal
            continue
        if is_quantum(parameter.type):
            values[parameter.name] = Register(quantity(register_length(entry, parameter, given)))
        else:
            values[parameter.name] = as_value(_checked(parameter, given))
    return Origin(module, values, defaults=frozenset(defaults))


def _length(parameter: Parameter, value: Any) -> Quantity:
    """A number that stands for the length of an array."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < 0:
        raise BindingShapeError(
            f"`{parameter.name}` takes its length, a whole number from 0 on, and {value!r} was given", span=parameter.span
        )
    return quantity(int(value))


def _checked(parameter: Parameter, value: Any) -> Any:
    """The value in the form that lowering reads, or its error."""
    function = Function(parameter.name, (parameter,), (), span=parameter.span)
    return normalise(function, {parameter.name: value}).values[parameter.name]
