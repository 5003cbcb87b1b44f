"""What a loop carries, solved: the value of each carried name as a closed form in the loop's index.

x' = x + g(i) becomes a sum and x' = c x + g(i) a geometric sum; anything else stays a recurrence that is run step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qkernel.estimate.forms import at_least_zero, positive_part, power
from qkernel.estimate.quantity import Local, Quantity, Symbol, Value, Variable, quantity, symbol
from qkernel.estimate.scope import Deferred, RunTime
from qkernel.estimate.substitution import iterated, substitute
from qkernel.estimate.sums import fresh, total


@dataclass(slots=True)
class Recurrence:
    """The carried names of one loop by their bound names: `solved` ones in the index, `states` of the rest.

    `others` are carried values that are not numbers; they stay.
    """

    index: Variable
    solved: dict[Local, Quantity] = field(default_factory=dict)
    states: tuple[tuple[Local, Quantity, Quantity], ...] = ()
    others: dict[str, Value | RunTime | Deferred] = field(default_factory=dict)

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
        return result


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
