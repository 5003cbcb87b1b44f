"""What a loop carries, solved: the value of each carried name as a closed form in the loop's index.

x' = x + g(i) becomes a sum and x' = c x + g(i) a geometric sum. Anything else is run step by step where all its numbers are
known, and not followed where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.estimate.effort import spend
from qkernel.estimate.forms import at_least_zero, positive_part, power
from qkernel.estimate.quantity import Local, Quantity, Symbol, Value, Variable, Word, Words, quantity, symbol
from qkernel.estimate.scope import Deferred, NotFollowed, RunTime
from qkernel.estimate.substitution import Numbers, function, length, size, steps, substitute
from qkernel.estimate.sums import fresh, total
from qkernel.estimate.tally import Key, Tally, is_maximum
from qkernel.estimate.words import with_words


@dataclass(slots=True)
class Recurrence:
    """The carried names of one loop of `bound` iterations by their bound names.

    `solved` ones have a form in the index; a name of `states` has its first value, and its next one in terms of all.
    `others` are carried values that are not numbers; they stay. Of `observables` the words are numbers, of
    `sums` of measured bits how many there are. `unknown` makes a symbol for what the user's name holds where that has no
    form and cannot be run, or a run-time value where somebody around will know more.
    """

    index: Variable
    bound: Quantity
    solved: dict[Local, Quantity] = field(default_factory=dict)
    states: dict[Local, tuple[Quantity, Quantity]] = field(default_factory=dict)
    others: dict[str, Value | RunTime | Deferred] = field(default_factory=dict)
    observables: dict[str, tuple[Word, ...]] = field(default_factory=dict)
    sums: dict[str, RunTime] = field(default_factory=dict)
    unknown: Callable[[str], Quantity | RunTime] = lambda name: RunTime(follows=name)

    def after(self) -> dict[str, Value | RunTime | Deferred]:
        """The values after the loop, by the names that it carries."""
        trips = positive_part(self.bound)
        result = {**self.others}
        for name, form in self.solved.items():
            result[name.shown] = Deferred(lambda form=form: substitute(form, {self.index: trips}))  # type: ignore[misc]
        for name in self.states:
            result[name.shown] = Deferred(lambda name=name: self.last(name))  # type: ignore[misc]
        for carried, words in self.observables.items():
            counts = {word: result.pop(_count_name(carried, k)) for k, word in enumerate(words)}
            result[carried] = Deferred(lambda name=carried, counts=counts: _counted(name, counts))  # type: ignore[misc]
        for carried, value in self.sums.items():
            bits = result.pop(_count_name(carried, 0))
            result[carried] = Deferred(lambda value=value, bits=bits: _summed(value, bits.value()))  # type: ignore[misc]
        return result

    def last(self, name: Local) -> Quantity | RunTime:
        """What a state is after the loop."""
        try:
            return quantity(self._run((), {name})[1][name])
        except NotFollowed:
            return self.unknown(_written(name))

    def without_form(self, body: Tally) -> Tally:
        """Take from the tally of an iteration what has no form, and count it by running all iterations, if they are known."""
        result, stepped = Tally(), dict[Key, Quantity]()
        for key, amount in [*body.amounts.items()]:
            if amount.unfollowed:  # another number in each iteration
                result.amounts[key] = symbol(replace(amount.unfollowed), nonnegative=False)
            elif not amount.free.isdisjoint(self.states):
                stepped[key] = amount
            else:
                continue
            del body.amounts[key]
        if not stepped:
            return result
        try:
            found = self.run([(amount, is_maximum(item)) for (_, item), amount in stepped.items()])
        except NotFollowed as error:
            unknown = [self.unknown(error.name) for _ in stepped]
            found = [count for count in unknown if isinstance(count, Quantity)]
            if not found:
                raise
        result.include(Tally(dict(zip(stepped, found, strict=True))))
        return result

    def run(self, amounts: Sequence[tuple[Quantity, bool]]) -> list[Quantity]:
        """The sum of each amount over the iterations, or the largest, if that is asked for, or 0."""
        wanted = self.states.keys() & frozenset[Variable]().union(*(form.free for form, _ in amounts))
        return [quantity(found) for found in self._run(amounts, wanted)[0]]

    def _run(self, amounts: Sequence[tuple[Quantity, bool]], wanted: Set[Local]) -> tuple[list[Any], Numbers]:
        """Go through the iterations; the totals and the last states. Raises `NotFollowed` where a number is not known."""
        states = {name: self.states[name] for name in self._needed(wanted)}
        forms = [form for form, _ in amounts] + [form for _, form in states.values()]
        inside = frozenset().union(*(form.free for form in forms)) - states.keys() - {self.index}
        if inside or not all(start.is_constant for start in (self.bound, *(first for first, _ in states.values()))):
            raise NotFollowed(_written(min(wanted)))
        numbers: Numbers = {name: first.constant for name, (first, _) in states.items()}
        following = [(name, function(form)) for name, (_, form) in states.items()]
        counted = [(k, function(form), is_largest) for k, (form, is_largest) in enumerate(amounts)]
        totals: list[Any] = [0] * len(amounts)
        weight = sum(map(size, forms))
        for step in range(steps(self.bound.constant)):
            numbers[self.index] = step
            for k, amount, is_largest in counted:
                found = amount(numbers)
                totals[k] = max(totals[k], found) if is_largest else totals[k] + found
            stepped = [(name, form(numbers)) for name, form in following]
            numbers.update(stepped)
            spend(weight + sum([state.numerator.bit_length() for _, state in stepped]) // 8000)
        return totals, numbers

    def _needed(self, wanted: Set[Local]) -> set[Local]:
        """The states that the wanted ones depend on, by way of others too."""
        needed, reached = set[Local](), {*wanted}
        while reached:
            needed |= reached
            reached = {name for found in reached for name in self.states if name in self.states[found][1].free} - needed
        return needed


def _summed(value: RunTime, bits: Quantity | RunTime) -> RunTime:
    """A sum of measured bits, of how many there are where that is known."""
    return replace(value, bits=None if isinstance(bits, RunTime) else bits)


def _counted(name: str, counts: Mapping[Word, Any]) -> Words | RunTime:
    """An observable from the numbers of its words, each worked out when it is asked for."""
    found = {word: form.value() for word, form in counts.items()}
    return RunTime(follows=name) if any(isinstance(form, RunTime) for form in found.values()) else Words((*found.items(),))


_MOST_WORDS = 64


def _count_name(name: str, k: int) -> str:
    return f"word {k} of {name}"  # no name of the user's


def _written(number: Local) -> str:
    """The name of the user's that a number is carried for."""
    return number.shown.rpartition(" of ")[2]


class CarriedNumbers:
    """The numbers that a loop carries, each as a name of its own: of observables how many terms they have of each word."""

    def __init__(self, first: Mapping[str, Value | RunTime]) -> None:
        self.first = first
        self.observables = {name: tuple(dict(words.counts)) for name, words in first.items() if isinstance(words, Words)}
        self.sums = {name: value for name, value in first.items() if isinstance(value, RunTime) and value.bits is not None}
        self.names = {name for name, value in first.items() if isinstance(value, (Quantity, Words)) or name in self.sums}
        self.placeholders = {name: fresh(name) for name in self._numbers(first)}

    def _numbers(self, values: Mapping[str, Value | RunTime]) -> dict[str, Quantity]:
        found: dict[str, Quantity] = {}
        for name, value in values.items():
            match value:
                case Quantity():
                    found[name] = value
                case Words(counts):
                    by_word = dict(counts)
                    for k, word in enumerate(self.observables[name]):
                        found[_count_name(name, k)] = by_word.get(word, quantity(0))
                case RunTime(bits=Quantity() as bits):
                    found[_count_name(name, 0)] = bits
        return found

    def inside(self) -> dict[str, Value | RunTime]:
        """What the names stand for in the loop: the elements of a carried collection are not followed, its length stays."""
        numbers = {name: symbol(place, nonnegative=False) for name, place in self.placeholders.items()}
        found: dict[str, Value | RunTime] = {}
        for name, value in self.first.items():
            if name in self.observables:
                words = enumerate(self.observables[name])
                found[name] = Words(tuple((word, numbers[_count_name(name, k)]) for k, word in words))
            elif isinstance(value, RunTime):
                found[name] = replace(value, bits=numbers[_count_name(name, 0)]) if name in self.sums else value
            else:
                found[name] = numbers[name] if name in numbers else RunTime(length(value), follows=name)
        return found

    def grown(self, following: Mapping[str, Value | RunTime]) -> dict[str, Value | RunTime]:
        """What names are to be before the loop in place of what they were: run-time values, observables with more words."""
        found: dict[str, Value | RunTime] = {}
        for name, value in following.items():
            match self.first[name], value:
                case Quantity(), Quantity():
                    pass
                case Words() as before, Words(counts):
                    if new := [word for word, _ in counts if word not in self.observables[name]]:
                        all_words = with_words(before, new)
                        found[name] = all_words if len(all_words.counts) < _MOST_WORDS else RunTime(follows=name)
                case Words(), _:
                    found[name] = value
                case Quantity() as before, RunTime(bits=Quantity(), follows=follows):
                    found[name] = RunTime(follows=name if follows else "", bits=quantity(0), rest=before != 0)
                case RunTime(bits=Quantity(), rest=rest) as before, RunTime(bits=Quantity(), rest=has_rest):
                    if has_rest and not rest:
                        found[name] = replace(before, rest=True)
                case _, RunTime(follows=follows):
                    found[name] = RunTime(follows=name if follows else "")
                case _:
                    found[name] = RunTime()
        return found

    def steps(self, following: Mapping[str, Value | RunTime]) -> dict[Local, tuple[Quantity, Quantity]]:
        """Each number before the loop and after an iteration."""
        first, after = self._numbers(self.first), self._numbers(following)
        return {place: (first[name], after[name]) for name, place in self.placeholders.items()}


def solve(steps: Mapping[Local, tuple[Quantity, Quantity]], index: Variable, bound: Quantity) -> Recurrence:
    """Solve bound names that start at the first value and step to the second, itself in terms of them and `index`."""
    result = Recurrence(index, bound)
    waiting = {name: following for name, (_, following) in steps.items()}
    while True:
        ready = [name for name, form in waiting.items() if form.free & steps.keys() <= result.solved.keys() | {name}]
        ready = [name for name in ready if waiting[name].unfollowed is None]  # what is not known is another number each time
        found = {name: _closed(substitute(waiting[name], result.solved), name, steps[name][0], index) for name in ready}
        solved = {name: form for name, form in found.items() if form is not None}
        if not solved:
            break
        result.solved |= solved
        waiting = {name: form for name, form in waiting.items() if name not in solved}
    result.states = {name: (steps[name][0], substitute(form, result.solved)) for name, form in waiting.items()}
    return result


def _closed(form: Quantity, own: Variable, first: Quantity, index: Variable) -> Quantity | None:
    """The value in round `index` of own' = form, from `first`; None if no closed form is known."""
    factor = form.terms.get(frozenset(((Symbol(own, False), 1),)), 0)
    rest = form - symbol(own, nonnegative=False) * factor
    if own in rest.free:
        return None
    step, round_number = fresh(index), symbol(index)
    added = substitute(rest, {index: symbol(step)})
    if factor == 1:
        return first + total(added, step, round_number)
    if not factor:
        started = at_least_zero(round_number - 1)
        return first * (1 - started) + substitute(rest, {index: round_number - 1}) * started
    if not isinstance(factor, int) or (factor < 0 and added.terms):
        return None
    growth = power(quantity(factor), round_number)
    back = power(quantity(factor), -symbol(step) - 1) if added.terms else quantity(0)
    return growth * (first + total(added * back, step, round_number))
