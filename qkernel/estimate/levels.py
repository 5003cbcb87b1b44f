"""The levels of all qubits of a circuit that is regular: what gates and loops do to them, for sizes that are symbols.

A loop is followed for a few iterations. As its first ones change the levels, so the next ones are supposed to: that is proved
by one iteration with a symbol for its number, an induction. Where no such guess is proved, `NotRegular` is raised.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from qkernel.estimate import profiles
from qkernel.estimate.forms import at_least_zero, equals_zero, floor_quotient, is_whole, maximum
from qkernel.estimate.inequalities import Inequalities, Undecided
from qkernel.estimate.profiles import Profile
from qkernel.estimate.quantity import (
    ONE,
    ZERO,
    AtLeastZero,
    Closure,
    Coefficient,
    Floor,
    IsZero,
    Local,
    Monomial,
    Opaque,
    Positive,
    Quantity,
    Symbol,
    Variable,
    atom,
    is_remainder,
    quantity,
    symbol,
)
from qkernel.estimate.sums import fresh

_MOST_ITERATIONS = 10
_MOST_TURNS = 8
_MOST_GROWTH = 6
_FEW_ITERATIONS = 6  # that are followed one by one
_MOST_STEPS = 3000
LARGEST_MODULUS = 4


class NotRegular(Exception):
    """The depth is not seen to have a closed form."""


class NoCircuit(Exception):
    """There is no such circuit: a qubit is meant that is not there."""


class Residue(Exception):
    """What a symbol leaves when divided by a modulus decides which qubits are meant, or how many."""

    def __init__(self, name: Variable, modulus: int) -> None:
        super().__init__(name)
        self.name, self.modulus = name, modulus


class NeedsModulus(Exception):
    """Qubits are to be told apart by their index modulo so much."""

    def __init__(self, modulus: int) -> None:
        super().__init__(modulus)
        self.modulus = modulus


@dataclass(frozen=True, slots=True)
class Run:
    """`length` qubits of a register, from `start` in steps of `stride`."""

    register: int
    start: Quantity
    stride: int = 1
    length: Quantity = ONE

    def qubit(self, index: Quantity) -> Run:
        """One of its qubits."""
        return Run(self.register, self.start + index * self.stride)


Numbers = dict[str, Any]
State = tuple[dict[int, list[Profile]], Quantity, Numbers]


@dataclass(slots=True)
class Levels:
    """The registers by number, each as a profile of every residue class of its indices; `top` is what dropped ones reached."""

    known: Inequalities
    modulus: int = 1
    registers: dict[int, list[Profile]] = field(default_factory=dict)
    top: Quantity = ZERO
    indices: set[Variable] = field(default_factory=set)
    made: int = 0
    steps: int = 0

    def make(self, length: Quantity) -> Run:
        """A fresh register."""
        self.made += 1
        length = self.plain(length)
        counts = [self.quotient(length + (self.modulus - 1 - k)) for k in range(self.modulus)]
        self.registers[self.made] = [profiles.flat(count, self.known) for count in counts]
        return Run(self.made, ZERO, 1, length)

    def act(self, runs: Sequence[Run], levels: Quantity) -> None:
        """An op on all qubits of these runs together, which takes so many levels."""
        self.spend()
        spans = [span for run in runs for span in self._spans(run)]
        highest: Quantity | None = None
        for profile, start, stop in spans:
            if stop is None:
                highest = self._higher(highest, profiles.level(profile, start, self.known))
                continue
            for piece in profiles.within(profile, start, stop, self.known):
                highest = self._higher(highest, piece.at(piece.start))
                if piece.slope:
                    highest = self._higher(highest, piece.at(piece.stop - 1))
        for profile, start, stop in spans:
            assert highest is not None
            profiles.put(profile, start, start + 1 if stop is None else stop, highest + levels, self.known)

    def lift(self, run: Run, levels: Quantity) -> None:
        """An op on each qubit of a run, which takes so many levels."""
        self.spend()
        for profile, start, stop in self._spans(run) if levels.terms else ():
            profiles.lift(profile, start, start + 1 if stop is None else stop, levels, self.known)

    def _higher(self, left: Quantity | None, right: Quantity) -> Quantity:
        return right if left is None or self.known.decide(right - left) else left

    def _spans(self, run: Run) -> list[tuple[Profile, Quantity, Quantity | None]]:
        """The stretches of profiles that are the qubits of a run; a single qubit has no end."""
        length = self.plain(run.length)
        if length == ONE:
            return [(*self._where(run.register, run.start), None)]
        period = self.modulus if run.stride % self.modulus else 1
        step, odd = divmod(run.stride * period, self.modulus)
        if odd or step not in (1, -1):
            raise NeedsModulus(abs(run.stride) * self.modulus)
        found: list[tuple[Profile, Quantity, Quantity | None]] = []
        for k in range(period):
            count = self.quotient(length + (period - 1 - k), period)
            if self.known.decide(count - 1):
                profile, start = self._where(run.register, run.start + run.stride * k)
                self._where(run.register, run.start + run.stride * (period * (count - 1) + k))
                found.append((profile, start, start + count) if step > 0 else (profile, start - count + 1, start + 1))
        return found

    def _where(self, register: int, index: Quantity) -> tuple[Profile, Quantity]:
        """The profile of the qubit at an index of a register, and its index there."""
        index = self.plain(index)
        place = self.quotient(index)
        profile = self.registers[register][int(index.constant) % self.modulus]
        for term, share in place.terms.items():
            if any(part.name in self.indices for part, _ in term if isinstance(part, Symbol)) and abs(share) != 1:
                raise NeedsModulus(self.modulus * abs(int(share)))
        if not profile or not self.known.decide(place) or not self.known.decide(profile[-1].stop - 1 - place):
            raise NoCircuit
        return profile, place

    def quotient(self, form: Quantity, modulus: int = 0) -> Quantity:
        """The floor of `form` over the modulus, in which all its other terms are to be divisible."""
        modulus = modulus or self.modulus
        if modulus == 1:
            return form
        terms: dict[Monomial, Coefficient] = {}
        for term, share in form.terms.items():
            if term and (not isinstance(share, int) or share % modulus):
                names = sorted(Quantity({term: 1}).free, key=lambda name: name not in self.indices)
                if not names or not isinstance(share, int):
                    raise NotRegular
                raise Residue(names[0], modulus)
            if found := int(share) // modulus:
                terms[term] = found
        return Quantity(terms)

    def plain(self, form: Quantity) -> Quantity:
        """`form` without the clamps and brackets that what is known decides."""
        if all(isinstance(part, Symbol) for term in form.terms for part, _ in term):
            return form
        result = ZERO
        for term, share in form.terms.items():
            product = quantity(share)
            for part, exponent in term:
                product = product * self._plain(part) ** exponent
            result = result + product
        return result

    def _plain(self, part: Any) -> Quantity:
        match part:
            case Positive(value):
                value = self.plain(value)
                return value if self.known.decide(value) else ZERO
            case AtLeastZero(value):
                return at_least_zero(quantity(0 if self.known.decide(self.plain(value)) else -1))
            case IsZero(value):
                value = self.plain(value)
                is_met = self.known.decide(value) and self.known.decide(-value)
                return equals_zero(ZERO if is_met else ONE)
            case Opaque(Closure(values=((_, Quantity() as left), (_, Quantity() as right)))) if is_remainder(part):
                left, right = self.plain(left), self.plain(right)
                for _ in range(2):
                    if self.known.decide(right - 1 - left):
                        break
                    left = left - right
                if self.known.imply(left) and self.known.imply(right - 1 - left):
                    return left
                raise NotRegular
            case Floor(above, below) if below.is_constant and not above.free.isdisjoint(self.indices):
                above = self.plain(above)
                if self.known.imply(above) and self.known.imply(2 * below - 1 - above):  # an index that starts again from 0
                    return ZERO if self.known.decide(below - 1 - above) else ONE
                return self._floor(above, below)
            case Floor(above, below):
                return self._floor(self.plain(above), self.plain(below))
        return atom(part)

    def _floor(self, above: Quantity, below: Quantity) -> Quantity:
        """A floor by a small number, case by case of what symbols leave."""
        if not below.is_constant or not 1 < below.constant <= LARGEST_MODULUS or not is_whole(above):
            return floor_quotient(above, below)
        return self.quotient(above, int(below.constant))

    def spend(self) -> None:
        """Count a step."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise NotRegular

    def depth(self) -> Quantity:
        """The highest level of all."""
        found = [self.top]
        for register in self.registers.values():
            for profile in register:
                for piece in profiles.joined(profile, self.known):
                    found.append(piece.at(piece.stop - 1 if piece.slope > 0 else piece.start))
        best: list[Quantity] = []
        for one in found:
            if not any(self.known.imply(other - one) for other in best):
                best = [other for other in best if not self.known.imply(one - other)] + [one]
        result, *others = best
        for other in others:
            result = maximum(result, other)
        return result

    def loop(self, count: Quantity, run: Callable[[Quantity], None], carried: Numbers | None = None) -> None:
        """`count` iterations, none where it is negative: `run` does the one of a number."""
        count, numbers = self.plain(count), {} if carried is None else carried
        start = self._state(numbers)
        own = set[Variable]()
        try:
            _Loop(self, run, numbers, own).iterate(ZERO, count)
        except Residue as error:
            if error.name not in own:
                raise
            period = error.modulus
        else:
            return
        self._restore(start, numbers)
        whole = self.quotient(count, period)
        _Loop(self, _together(run, period), numbers, own).iterate(ZERO, whole)
        for k in range(int(count.constant) % period if self.known.decide(count) else 0):
            self.once(run, whole * period + k)

    def once(self, run: Callable[[Quantity], None], index: Quantity) -> None:
        """One iteration, after which the registers are gone that it made."""
        before = {*self.registers}
        run(index)
        for number in self.registers.keys() - before:
            for profile in self.registers.pop(number):
                for piece in profile:
                    self.top = self._higher(self.top, piece.at(piece.stop - 1 if piece.slope > 0 else piece.start))

    def _state(self, numbers: Numbers) -> State:
        """The state, in as few pieces as there are."""
        for register in self.registers.values():
            register[:] = [profiles.joined(profile, self.known) for profile in register]
        return {number: [[*each] for each in register] for number, register in self.registers.items()}, self.top, {**numbers}

    def _restore(self, state: State, numbers: Numbers) -> None:
        registers, self.top, values = state
        self.registers = {number: [[*each] for each in register] for number, register in registers.items()}
        numbers |= values


def _together(run: Callable[[Quantity], None], many: int) -> Callable[[Quantity], None]:
    """So many iterations as one."""

    def runs(index: Quantity) -> None:
        for k in range(many):
            run(index * many + k)

    return runs


@dataclass(slots=True)
class _Loop:
    """The iterations of a loop; `numbers` are what it carries, `own` the symbols that stood for an iteration."""

    levels: Levels
    run: Callable[[Quantity], None]
    numbers: Numbers
    own: set[Variable]

    def iterate(self, first: Quantity, stop: Quantity) -> None:
        """Follow the iterations from `first` to before `stop`."""
        levels, followed = self.levels, 0
        while True:
            past, done = [levels._state(self.numbers)], first
            while past:
                if not levels.known.decide(stop - done - 1):
                    return
                followed += 1
                if followed > 3 * _MOST_ITERATIONS or len(past) > _MOST_ITERATIONS or _only_grows(past):
                    raise NotRegular
                levels.once(self.run, done)
                done = done + 1
                past.append(levels._state(self.numbers))
                left = stop - done
                if not levels.known.decide(left - 1):
                    return
                for before in _alike(past) if not left.is_constant or left.constant > _FEW_ITERATIONS else ():
                    reached = self._closed(before, done, stop)
                    if reached is not None:
                        first, past = reached, []
                        break

    def _closed(self, past: Sequence[State], done: Quantity, stop: Quantity) -> Quantity | None:
        """How far iterations are proved to go on as they went in the `past`, the last of which is now; None if no further."""
        levels, outer = self.levels, self.levels.known
        index = fresh("k")
        steps = symbol(index)
        for _ in range(_MOST_TURNS):
            levels.known = outer.and_(steps, stop - done - 1 - steps)
            levels.indices.add(index)
            self.own.add(index)
            try:
                if not self._goes_on(past, done, steps):
                    break
            except Undecided as error:
                if index not in error.form.free:
                    raise
                turn = _turn(error.form, index)
                levels.known = outer
                turn = None if turn is None else levels.plain(turn)
                if turn is None or not outer.decide(turn - 1) or not outer.decide(stop - done - turn):
                    break
                stop = done + turn
            except (NoCircuit, NotRegular):  # of a guess that is wrong, perhaps
                break
            else:
                levels.known = outer
                reached = self._guess(past, stop - done)
                assert reached is not None
                levels._restore(reached, self.numbers)
                self._tidy()
                return stop
            finally:
                levels.known = outer
                levels.indices.discard(index)
        levels._restore(past[-1], self.numbers)
        return None

    def _goes_on(self, past: Sequence[State], done: Quantity, steps: Quantity) -> bool:
        """Whether one more iteration makes of the guess after `steps` more iterations the guess after one more than these."""
        levels = self.levels
        now, then = self._guess(past, steps), self._guess(past, steps + 1)
        if now is None or then is None:
            return False
        levels._restore(now, self.numbers)
        self._tidy()
        levels.once(self.run, done + steps)
        registers, top, values = then
        for number, register in registers.items():
            for guessed, profile in zip(register, levels.registers[number], strict=True):
                if not profiles.are_equal(profile, profiles.without_empty(guessed, levels.known), levels.known):
                    return False
        if not levels.known.equal(levels.top, top):
            return False
        for name, value in values.items():
            if isinstance(value, Quantity) and not levels.known.equal(levels.plain(self.numbers[name]), value):
                return False
        return True

    def _tidy(self) -> None:
        known = self.levels.known
        for register in self.levels.registers.values():
            register[:] = [profiles.without_empty(profile, known) for profile in register]

    def _guess(self, past: Sequence[State], steps: Quantity) -> State | None:
        """The state in `steps` iterations, if it goes on as it went in the `past`."""
        registers: dict[int, list[Profile]] = {}
        for number, register in past[-1][0].items():
            found = registers[number] = list[Profile]()
            for k in range(len(register)):
                each = [state[0][number][k] for state in past]
                pieces = [profiles.extended(piece, steps) for piece in zip(*each, strict=True)]
                if None in pieces:
                    return None
                found.append([piece for piece in pieces if piece is not None])
        numbers: Numbers = {}
        for name, value in past[-1][2].items():
            before = [state[2][name] for state in past]
            numbers[name] = profiles.continued(before, steps) if isinstance(value, Quantity) else value
        return registers, profiles.continued([state[1] for state in past], steps), numbers


def _alike(past: Sequence[State]) -> Iterator[Sequence[State]]:
    """The last states that have equally many pieces: two; three, if they bend away from the line; four, if borders double.

    Borders that rise by more than a qubit may be about to double: they are looked at once more, and are then no line.
    """
    counts = [[len(profile) for register in state[0].values() for profile in register] for state in past[-4:]]
    alike = len(list(itertools.takewhile(lambda count: count == counts[-1], reversed(counts))))
    borders = list(zip(*map(_borders, past[-alike:]), strict=True))
    if any(profiles.doubles(each) for each in borders):
        yield past[-4:]
    elif alike > 1 and not any(_may_double(each) for each in borders):
        yield past[-2:]
        if alike > 2 and _bends(*past[-3:]):
            yield past[-3:]


def _only_grows(past: Sequence[State]) -> bool:
    """Whether there have been more pieces after each of the last iterations."""
    last = [sum(len(profile) for register in state[0].values() for profile in register) for state in past[-_MOST_GROWTH - 1 :]]
    return len(last) > _MOST_GROWTH and all(before < after for before, after in itertools.pairwise(last))


def _may_double(border: Sequence[Quantity]) -> bool:
    *earlier, last = (after - before for before, after in itertools.pairwise(border))
    return last not in (0, 1, -1) and (not earlier or last == 2 * earlier[-1])


def _bends(first: State, second: State, third: State) -> bool:
    """Whether some number changes otherwise from the second state to the third than from the first."""
    for one, other, last in zip(*map(_numbers, (first, second, third)), strict=True):
        if last is not other and other is not one and last - other != other - one:
            return True
    return False


def _borders(state: State) -> Iterator[Quantity]:
    for register in state[0].values():
        for profile in register:
            for piece in profile:
                yield from (piece.start, piece.stop)


def _numbers(state: State) -> Iterator[Quantity]:
    yield from _borders(state)
    for register in state[0].values():
        yield from (piece.at(piece.start) for profile in register for piece in profile)
    yield state[1]
    yield from (value for value in state[2].values() if isinstance(value, Quantity))


def _turn(form: Quantity, index: Local) -> Quantity | None:
    """From which value of the index on `form` >= 0 is no longer true, or no longer false, if that is seen."""
    share = form.terms.get(frozenset(((Symbol(index), 1),)), 0)
    rest = form - symbol(index) * share
    if not share or not isinstance(share, int) or index in rest.free:
        return None
    if share < 0:
        return (rest if share == -1 else floor_quotient(rest, quantity(-share))) + 1
    return -rest if share == 1 else floor_quotient(-rest + share - 1, quantity(share))
