"""What a loop carries, solved: the value of each carried name as a closed form in the loop's index.

x' = x + g(i) becomes a sum and x' = c x + g(i) a geometric sum; anything else stays a recurrence that is run step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qkernel.estimate.forms import at_least_zero, positive_part, power
from qkernel.estimate.quantity import Local, Quantity, Symbol, Value, Variable, Word, Words, quantity, symbol
from qkernel.estimate.scope import Deferred, RunTime
from qkernel.estimate.substitution import iterated, length, substitute
from qkernel.estimate.sums import fresh, total
from qkernel.estimate.words import with_words


@dataclass(slots=True)
class Recurrence:
    """The carried names of one loop by their bound names: `solved` ones in the index, `states` of the rest.

    `others` are carried values that are not numbers; they stay. Of `observables` the words are numbers.
    """

    index: Variable
    solved: dict[Local, Quantity] = field(default_factory=dict)
    states: tuple[tuple[Local, Quantity, Quantity], ...] = ()
    others: dict[str, Value | RunTime | Deferred] = field(default_factory=dict)
    observables: dict[str, tuple[Word, ...]] = field(default_factory=dict)

    @property
    def stepped(self) -> frozenset[Local]:
        """The bound names without a closed form."""
        return frozenset(name for name, _, _ in self.states)

    def after(self, bound: Quantity) -> dict[str, Value | RunTime | Deferred]:
        """The values after `bound` iterations, by the names that the loop carries."""
        trips = positive_part(bound)
        result = {**self.others}
        for name, form in self.solved.items():
            result[name.shown] = Deferred(lambda form=form: substitute(form, {self.index: trips}))  # type: ignore[misc]
        for name, _, _ in self.states:
            last = symbol(name, nonnegative=False)
            result[name.shown] = Deferred(
                lambda last=last: iterated(self.index, trips, self.states, last, sums=False)  # type: ignore[misc]
            )
        for carried, words in self.observables.items():
            counts = [(word, result.pop(_count_name(carried, k))) for k, word in enumerate(words)]
            result[carried] = Deferred(lambda counts=counts: Words(tuple((word, form.value()) for word, form in counts)))  # type: ignore[misc]
        return result


_MOST_WORDS = 64


def _count_name(name: str, k: int) -> str:
    return f"word {k} of {name}"  # no name of the user's


class CarriedNumbers:
    """The numbers that a loop carries, each as a name of its own: of observables how many terms they have of each word."""

    def __init__(self, first: Mapping[str, Value | RunTime]) -> None:
        self.first = first
        self.observables = {name: tuple(dict(words.counts)) for name, words in first.items() if isinstance(words, Words)}
        self.names = {name for name, value in first.items() if isinstance(value, (Quantity, Words))}
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
                found[name] = value
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
                case before, _:
                    found[name] = value if isinstance(before, Words) else RunTime()
        return found

    def steps(self, following: Mapping[str, Value | RunTime]) -> dict[Local, tuple[Quantity, Quantity]]:
        """Each number before the loop and after an iteration."""
        first, after = self._numbers(self.first), self._numbers(following)
        return {place: (first[name], after[name]) for name, place in self.placeholders.items()}


def solve(steps: Mapping[Local, tuple[Quantity, Quantity]], index: Variable) -> Recurrence:
    """Solve bound names that start at the first value and step to the second, itself in terms of them and `index`."""
    result = Recurrence(index)
    waiting = {name: following for name, (_, following) in steps.items()}
    while True:
        ready = [name for name, form in waiting.items() if form.free & steps.keys() <= result.solved.keys() | {name}]
        found = {name: _closed(substitute(waiting[name], result.solved), name, steps[name][0], index) for name in ready}
        solved = {name: form for name, form in found.items() if form is not None}
        if not solved:
            break
        result.solved |= solved
        waiting = {name: form for name, form in waiting.items() if name not in solved}
    result.states = tuple((name, steps[name][0], substitute(form, result.solved)) for name, form in waiting.items())
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
