"""Putting values for names into closed forms; sums without one are added up, forms as functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from qkernel.errors import ArithmeticEvaluationError, QubitIndexResolutionError, SizeError
from qkernel.estimate import words
from qkernel.estimate.effort import spend
from qkernel.estimate.forms import (
    at_least_zero,
    by_fallible_factors,
    constant_power,
    equals_zero,
    floor_quotient,
    positive_part,
    power,
    remainder,
)
from qkernel.estimate.quantity import (
    ZERO,
    Argument,
    AtLeastZero,
    Atom,
    Bound,
    Closure,
    Coefficient,
    Floor,
    IsZero,
    ItemSum,
    Length,
    Local,
    Monomial,
    Opaque,
    Positive,
    Power,
    Quantity,
    RangeSum,
    Register,
    Sized,
    Symbol,
    Terms,
    Value,
    Variable,
    Words,
    atom,
    atom_names,
    forms_in,
    is_remainder,
    narrowed,
    quantity,
    symbol,
    value_names,
)
from qkernel.ir import evaluation
from qkernel.ir.expressions import Apply

Values = Mapping[Any, Value]
Numbers = dict[Any, Any]
Function = Callable[[Numbers], Any]

MOST_STEPS = 1_000_000
_DIGITS_A_STEP = 5000
"""How many iterations of a loop without a closed form are run."""


def substitute(form: Quantity, values: Values) -> Quantity:
    """`form` with names replaced by values; names that `values` lacks stay."""
    if form.free.isdisjoint(values):
        return form
    spend(len(form.terms))
    return _substituted(form.terms, values)


def _substituted(terms: dict[Monomial, Coefficient], values: Values) -> Quantity:
    groups = by_fallible_factors(terms)
    result = ZERO
    for outer, inner in groups.items():
        result = result + _times(_substituted(inner, values), outer, values)
    for term, coefficient in terms.items() if not groups else ():
        result = result + _times(quantity(coefficient), term, values)
    return result


def _times(product: Quantity, factors: Monomial, values: Values) -> Quantity:
    """The product with factors in which values are put; brackets first, as where it comes to 0 the rest need no value."""
    for part, exponent in sorted(factors, key=lambda entry: not isinstance(entry[0], (AtLeastZero, IsZero))):
        if not product.terms:
            break
        product = product * substitute_atom(part, values) ** exponent
    return product


def substitute_atom(part: Atom, values: Values) -> Quantity:
    """One atom with names replaced."""
    match part:
        case Symbol(name):
            value = values.get(name)
            return value if isinstance(value, Quantity) else atom(part)
        case _ if atom_names(part).isdisjoint(values):
            return atom(part)
        case Positive(inner):
            return positive_part(substitute(inner, values))
        case Floor(numerator, divisor):
            return floor_quotient(substitute(numerator, values), substitute(divisor, values))
        case Power(base, exponent):
            return power(substitute(base, values), substitute(exponent, values))
        case AtLeastZero(inner):
            return at_least_zero(substitute(inner, values))
        case IsZero(inner):
            return equals_zero(substitute(inner, values))
        case Opaque(Closure(values=((_, left), (_, right)))) if is_remainder(part):
            return remainder(substitute(left, values), substitute(right, values))  # type: ignore[arg-type]
        case Opaque(closure):
            return opaque(substitute_value(closure, values))
        case Length(Argument(name), 0) if isinstance(sized := values[name], Sized):
            return sized.length
        case Length(of, axis):
            return length(substitute_value(of, values), axis)
        case Terms(observable, form_wanted):
            return terms(substitute_value(observable, values), form_wanted)
        case RangeSum(index, count, result):
            iterations = substitute(count, values)
            if iterations.is_constant and iterations.constant <= 0:  # what iterations would do may have no value
                return ZERO
            inside = {name: value for name, value in values.items() if name != index}
            return range_sum(index, iterations, substitute(result, inside))
        case ItemSum(targets, dictionary, result):
            inside = {name: value for name, value in values.items() if name not in targets}
            return item_sum(targets, substitute_value(dictionary, values), substitute(result, inside))


def substitute_value(value: Value, values: Values) -> Value:
    """A value with names replaced."""
    match value:
        case Quantity():
            return substitute(value, values)
        case Argument(name):
            found = values.get(name, value)
            return value if isinstance(found, Sized) else found
        case Register(size):
            return Register(substitute(size, values))
        case Sized(size):
            return Sized(substitute(size, values))
        case Closure(expression, inner, shape):
            put = tuple((name, substitute_value(entry, values)) for name, entry in inner)
            return Closure(expression, put, tuple(substitute(size, values) for size in shape))
        case Words():
            return words.substituted(value, lambda part: substitute_value(part, values))
    return value


class NotKnown(Exception):
    """A value depends on names that have no value yet."""


def known(value: Value) -> Any:
    """The plain value, where no name is left in it; raises `NotKnown` where one is."""
    match value:
        case Quantity() if value.is_constant:
            return value.constant if isinstance(value.constant, int) else float(value)
        case Bound(plain):
            return plain
        case Register(size):
            return range(int(known(size)))
        case Closure(expression, values) if not value_names(value):
            try:
                plain = {name: known(inner) for name, inner in values}
                if isinstance(expression, Apply) and expression.operator == "pow":
                    spend(_power_work(expression, plain))
                return evaluation.evaluate(expression, plain)
            except ArithmeticError as error:
                raise ArithmeticEvaluationError(f"`{expression}` has no value: {error}") from error
            except QubitIndexResolutionError:
                raise
            except LookupError as error:
                raise QubitIndexResolutionError(f"`{expression}` lies outside what it indexes: {error}") from error
    raise NotKnown


def _power_work(power: Apply, values: Mapping[str, Any]) -> int:
    """What a modular power takes: the cube of its binary digits, a few nanoseconds each."""
    digits = int(evaluation.evaluate(power.operands[2], values)).bit_length()
    return digits**3 // _DIGITS_A_STEP


def opaque(value: Value) -> Quantity:
    """The number that a closure computes."""
    try:
        result = known(value)
    except NotKnown:
        if isinstance(value, Closure):
            return atom(Opaque(value))
        raise
    return as_number(result)


def length(value: Value, axis: int = 0) -> Quantity:
    """The length of an array, dictionary or register."""
    match value:
        case Register(size) | Sized(size):
            return size
        case Closure(shape=shape) if shape:
            return shape[axis]
    try:
        plain = known(value)
    except NotKnown:
        return atom(Length(value, axis))
    for _ in range(axis):
        plain = plain[0] if len(plain) else ()
    return quantity(len(plain))


def terms(value: Value, form: int | str | None = None) -> Quantity:
    """How many terms of an observable act on so many qubits (None: on any but none), or are of a Pauli word."""
    try:
        plain = known(value)
    except NotKnown:
        return atom(Terms(value, form))
    if form == 0:
        return quantity(int(plain.constant != 0))
    return quantity(sum(1 for operators in plain.terms if form in (None, len(operators), words.pauli_word(operators))))


def range_sum(index: Variable, count: Quantity, result: Quantity) -> Quantity:
    """A sum without a closed form: add it up if every number in it is known, else keep it."""
    if index not in result.free:
        return result * positive_part(count) if result.terms else ZERO
    name = Local(str(index), -1 - _nesting(result))  # by how deep sums nest in it, so that equal ones are equal
    inside = result if name == index else substitute(result, {index: symbol(name)})
    common = _common(inside)
    found = RangeSum(name, count, inside / common)
    return (atom(found) if atom_names(found) else quantity(run(found)({}))) * common


def _common(form: Quantity) -> int:
    """The whole number to put before a form, by which all its coefficients are divisible: below 0 where all of these are."""
    values = form.terms.values()
    whole = [value for value in values if isinstance(value, int)]
    sign = -1 if all(value < 0 for value in values) else 1
    return sign * (math.gcd(*whole) if len(whole) == len(values) else 1)


def _nesting(form: Quantity) -> int:
    """How deep sums without a closed form nest in `form`."""
    parts = [part for term in form.terms for part, _ in term]
    return max((isinstance(part, RangeSum) + max(map(_nesting, forms_in(part)), default=0) for part in parts), default=0)


def item_sum(targets: tuple[Variable, ...], dictionary: Value, result: Quantity) -> Quantity:
    """The sum of `result` over a dictionary's items."""
    if result.free.isdisjoint(targets):
        return length(dictionary) * result
    try:
        iterations = list(item_values(targets, dictionary))
    except NotKnown:
        return atom(ItemSum(targets, dictionary, result))
    if result.free <= set(targets) and all(isinstance(value, Quantity) for values in iterations for value in values):
        count, spent = function(result), size(result)
        found = 0
        for values in iterations:
            spend(spent)
            found += count({name: value.constant for name, value in zip(targets, values, strict=True)})  # type: ignore[union-attr]
        return quantity(found)
    return sum((substitute(result, dict(zip(targets, values, strict=True))) for values in iterations), ZERO)


def item_values(targets: tuple[Variable, ...], dictionary: Value) -> Iterator[list[Value]]:
    """The values of the targets in each iteration of a loop over a bound dictionary; the parts of a key may have one each."""
    for key, value in known(dictionary).items():
        parts = key if len(targets) > 2 else (key,)
        yield [as_value(part) for part in (*parts, value)]


def as_number(plain: Any) -> Quantity:
    """A Python or numpy number as a quantity; a float exactly as it is."""
    if isinstance(plain, np.generic):
        plain = plain.item()
    return quantity(int(plain)) if isinstance(plain, (bool, int)) else quantity(narrowed(Fraction(plain)))


def as_value(plain: Any) -> Value:
    """A bound value: numbers as quantities, everything else boxed."""
    return as_number(plain) if isinstance(plain, (bool, int, float, np.generic)) else Bound(plain)


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
        case RangeSum():
            return run(part)
        case Opaque(closure):
            values = [(name, _operand(value)) for name, value in closure.values if isinstance(value, (Quantity, Bound))]
            if len(values) == len(closure.values):
                return _expression(closure.expression, values)
    return _by_substitution(part)


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


def _by_substitution(part: Atom) -> Function:
    """An atom by way of its forms."""
    names = atom_names(part)
    return lambda numbers: substitute_atom(part, {name: quantity(numbers[name]) for name in names}).constant


def run(loop: RangeSum) -> Function:
    """The value of a sum, term by term."""
    count, result, index, weight = function(loop.count), function(loop.result), loop.index, size(loop.result)

    def value(numbers: Numbers) -> Any:
        iterations = steps(count(numbers))
        spend(weight * iterations)
        total: Any = 0
        for step in range(iterations):
            numbers[index] = step
            total += result(numbers)
        return total

    return value


def steps(count: Any) -> int:
    """How many iterations are run of a loop without a closed form; raises `SizeError` where they are too many."""
    iterations = max(0, int(count))
    if iterations > MOST_STEPS:
        raise SizeError(f"a loop without a closed form would take {iterations} steps; at most {MOST_STEPS} are run")
    return iterations


def size(form: Quantity) -> int:
    """About how many operations the form takes."""
    return sum(len(term) + sum(_atom_size(part) for part, _ in term) for term in form.terms)


def _atom_size(part: Atom) -> int:
    if isinstance(part, (RangeSum, ItemSum)):  # which count their own
        return 0
    return 10 if isinstance(part, Opaque) else sum(map(size, forms_in(part)))
