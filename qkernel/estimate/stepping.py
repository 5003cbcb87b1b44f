"""Loops without a closed form, run step by step: forms as functions of a dictionary of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from qkernel.errors import ArithmeticEvaluationError, QubitIndexResolutionError, SizeError
from qkernel.estimate.atoms import AtLeastZero, Atom, Bound, Floor, IsZero, Iterated, Opaque, Positive, Power, Symbol
from qkernel.estimate.effort import spend
from qkernel.estimate.forms import by_fallible_factors, constant_power
from qkernel.estimate.quantity import Quantity, atom_names, narrowed, quantity
from qkernel.ir import evaluation

MOST_STEPS = 1_000_000
Numbers = dict[Any, Any]
Function = Callable[[Numbers], Any]


def function(form: Quantity) -> Function:
    """What the form is where its names have numbers."""
    if groups := by_fallible_factors(form.terms):
        return _guarded([(function(Quantity(inner)), _factors(outer)) for outer, inner in groups.items()])
    constant, terms = form.constant, [(_factors(term), value) for term, value in form.terms.items() if term]
    match terms:
        case [([factor], 1)] if not constant:
            return factor
        case [([factor], value)]:
            return lambda numbers: narrowed(value * factor(numbers) + constant)

    def total(numbers: Numbers) -> Any:
        result: Any = constant
        for factors, coefficient in terms:
            product: Any = coefficient
            for factor in factors:
                product *= factor(numbers)
                if not product:
                    break
            result += product
        return narrowed(result)

    return total


def _guarded(products: Sequence[tuple[Function, Sequence[Function]]]) -> Function:
    """A sum of products whose later factors need no value where the earlier ones come to 0."""

    def total(numbers: Numbers) -> Any:
        result: Any = 0
        for first, factors in products:
            product = first(numbers)
            for factor in factors:
                if not product:
                    break
                product *= factor(numbers)
            result += product
        return narrowed(result)

    return total


def _factors(term: Any) -> list[Function]:
    """The factors of a term, brackets first: where they are 0 the rest may have no value."""
    first = sorted(term, key=lambda entry: not isinstance(entry[0], (AtLeastZero, IsZero)))
    return [_raised(_atom(part), exponent) for part, exponent in first]


def _raised(base: Function, exponent: int) -> Function:
    if exponent > 0:
        return base if exponent == 1 else lambda numbers: base(numbers) ** exponent
    return lambda numbers: narrowed(Fraction(base(numbers)) ** exponent)


def _atom(part: Atom) -> Function:
    match part:
        case Symbol(name):
            return lambda numbers: numbers[name]
        case Positive(inner):
            value = function(inner)
            return lambda numbers: max(0, value(numbers))
        case AtLeastZero(inner):
            value = function(inner)
            return lambda numbers: int(value(numbers) >= 0)
        case IsZero(inner):
            value = function(inner)
            return lambda numbers: int(value(numbers) == 0)
        case Floor(numerator, divisor):
            return _quotient(function(numerator), function(divisor))
        case Power(base, exponent):
            below, above = function(base), function(exponent)
            return lambda numbers: constant_power(quantity(below(numbers)), above(numbers)).constant
        case Iterated():
            return run(part)
        case Opaque(closure):
            values = [(name, _operand(value)) for name, value in closure.values if isinstance(value, (Quantity, Bound))]
            if len(values) == len(closure.values):
                return _expression(closure.expression, values)
    return _substituted(part)


def _quotient(above: Function, below: Function) -> Function:
    def quotient(numbers: Numbers) -> Any:
        divisor = below(numbers)
        if not divisor:
            raise SizeError("a count divides by zero")
        return above(numbers) // divisor

    return quotient


def _operand(value: Quantity | Bound) -> Function:
    return function(value) if isinstance(value, Quantity) else lambda numbers: value.value


def _expression(expression: Any, values: Sequence[tuple[str, Function]]) -> Function:
    def evaluated(numbers: Numbers) -> Any:
        try:
            found = evaluation.evaluate(expression, {name: _as_plain(value(numbers)) for name, value in values})
        except ArithmeticError as error:
            raise ArithmeticEvaluationError(f"`{expression}` has no value: {error}") from error
        except LookupError as error:
            raise QubitIndexResolutionError(f"`{expression}` lies outside what it indexes: {error}") from error
        return int(found) if isinstance(found, (bool, int)) else narrowed(Fraction(found))

    return evaluated


def _as_plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value


def _substituted(part: Atom) -> Function:
    """An atom by way of its forms."""
    from qkernel.estimate.substitution import substitute_atom

    names = atom_names(part)
    return lambda numbers: substitute_atom(part, {name: quantity(numbers[name]) for name in names}).constant


def run(loop: Iterated) -> Function:
    """The value of a loop: a sum over its rounds, or what is left after the last."""
    count, result, index = function(loop.count), function(loop.result), loop.index
    first = [(name, function(form)) for name, form, _ in loop.states]
    following = [(name, function(form)) for name, _, form in loop.states]
    weight = size(loop.result) + sum(size(form) for _, _, form in loop.states)

    def value(numbers: Numbers) -> Any:
        rounds = max(0, int(count(numbers)))
        if rounds > MOST_STEPS:
            raise SizeError(f"a loop without a closed form would take {rounds} steps; at most {MOST_STEPS} are run")
        numbers |= {name: start(numbers) for name, start in first}
        total: Any = 0
        for step in range(rounds):
            numbers[index] = step
            if loop.sums:
                total += result(numbers)
            stepped = [(name, form(numbers)) for name, form in following]
            numbers.update(stepped)
            spend(weight + sum([state.numerator.bit_length() for _, state in stepped]) // 8000)
        return total if loop.sums else result(numbers)

    return value


def size(form: Quantity) -> int:
    """About how many operations the form takes."""
    return sum(len(term) + sum(_atom_size(part) for part, _ in term) for term in form.terms)


def _atom_size(part: Atom) -> int:
    match part:
        case Positive(inner) | AtLeastZero(inner) | IsZero(inner):
            return size(inner)
        case Floor(left, right) | Power(left, right):
            return size(left) + size(right)
        case Opaque():
            return 10
    return 0
