"""Closed forms case by case: where what is known of the sizes does not decide something, both cases are worked out.

Cases that turn out to have one form are one again: what holds from n = 4 on is tried at n = 3, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import permutations

from qkernel.estimate.forms import at_least_zero, equals_zero, positive_part, remainder, without_needless_brackets
from qkernel.estimate.inequalities import Inequalities, Undecided
from qkernel.estimate.levels import LARGEST_MODULUS, NeedsModulus, NoCircuit, NotRegular, Residue
from qkernel.estimate.notation import text
from qkernel.estimate.quantity import (
    ONE,
    ZERO,
    Local,
    Opaque,
    Positive,
    Quantity,
    Variable,
    denominator,
    quantity,
    symbol,
)
from qkernel.estimate.substitution import substitute
from qkernel.estimate.sums import fresh, with_value

_MOST_CASES = 200
_LARGEST_PINNED = 20
_MOST_ORDERED = 2

Follow = Callable[[Mapping[Variable, Quantity], Inequalities, int], Quantity]
"""What works out a form, of values for symbols, what is known of the others, and a modulus of indices."""


@dataclass(frozen=True)
class Case:
    """What is known of the symbols: `values` of some in terms of others, `names` of these in terms of the user's, and `forms`.

    Forms are in those others, and at least 0.
    """

    values: Mapping[Variable, Quantity] = field(default_factory=dict)
    names: Mapping[Variable, Quantity] = field(default_factory=dict)
    forms: tuple[Quantity, ...] = ()

    @cached_property
    def known(self) -> Inequalities:
        """The forms."""
        return Inequalities(self.forms)

    def and_(self, form: Quantity) -> Case:
        """The case with one more form that is at least 0; a symbol that this leaves one value has it."""
        case = Case(self.values, self.names, (*self.forms, form))
        match [*form.free]:
            case [name]:
                value = symbol(name)
                for least in range(_LARGEST_PINNED):
                    if case.known.imply(least - value) and case.known.imply(value - least):
                        return case.put(name, quantity(least))
        return case

    def put(self, name: Variable, value: Quantity) -> Case:
        """The case with a value for a symbol that has none."""
        given = {name: value}
        values = {**{key: substitute(old, given) for key, old in self.values.items()}, name: value}
        forms = (substitute(form, given) for form in self.forms)
        return Case(values, self.names, tuple(form for form in forms if not form.is_constant))

    def split(self, name: Variable, modulus: int, left: int) -> Case:
        """The case where a symbol leaves so much when divided by the modulus."""
        share = fresh(name)
        case = self.put(name, symbol(share) * modulus + left)
        written = (substitute(symbol(name), self.names) - left) / modulus
        return Case(case.values, {**self.names, share: written}, case.forms)


@dataclass(frozen=True)
class Fork:
    """`then` where `form` is at least 0, else `otherwise`."""

    form: Quantity
    then: Tree
    otherwise: Tree


Tree = Quantity | Fork | None
"""A form, or those of several cases; None where there is no circuit."""


def by_cases(follow: Follow) -> Quantity:
    """The form that `follow` works out, joined of all cases. Raises `NotRegular` where it has none in some case."""
    modulus = 1
    while True:
        try:
            return written(_Search(follow, modulus).tree(Case()))
        except NeedsModulus as error:
            if error.modulus > LARGEST_MODULUS or error.modulus <= modulus:
                raise NotRegular from None
            modulus = error.modulus


@dataclass
class _Search:
    follow: Follow
    modulus: int
    followed: int = 0

    def tree(self, case: Case) -> Tree:
        """The form in a case, and in those that it falls into, in the user's names."""
        self.followed += 1
        if self.followed > _MOST_CASES:
            raise NotRegular
        try:
            return substitute(self.follow(case.values, case.known, self.modulus), case.names)
        except NoCircuit:
            return None
        except Undecided as error:
            form = error.form
            if _asks_data(form) or not all(_is_given(name, case) for name in form.free):
                raise NotRegular from None
        except Residue as error:
            return self._by_residue(case, error.name, error.modulus)
        then, otherwise = case.and_(form), case.and_(-form - 1)
        written = substitute(form, case.names)
        return _joined(written * denominator(written), self.tree(then), self.tree(otherwise), then, otherwise)

    def _by_residue(self, case: Case, name: Variable, modulus: int) -> Tree:
        """The forms by what a symbol leaves when divided by a modulus; below where all are regular, value by value."""
        written = substitute(symbol(name), case.names)
        if not _is_given(name, case) or denominator(written) * modulus > LARGEST_MODULUS:
            raise NotRegular
        cases = [case.split(name, modulus, left) for left in range(modulus)]
        parts = [*map(self.tree, cases)]
        border = max((_border(part, written) for part in parts), default=0)
        large = case.and_(symbol(name) - border)
        left = remainder(symbol(name), quantity(modulus))
        tree = _within(parts[-1], large)
        for least, part in reversed([*enumerate(parts[:-1], 1)]):
            form = substitute(left, case.names) - least
            tree = _joined(form, tree, _within(part, large), large.and_(left - least), large.and_(least - 1 - left))
        for value in reversed(range(border)):
            here = case.put(name, quantity(value))
            part = _within(parts[value % modulus], here)
            tree = _joined(written - value - 1, tree, part, case.and_(symbol(name) - value - 1), here)
        return tree


def size_of(name: str) -> Local:
    """What stands for the length of an argument while cases are told apart."""
    return Local(f"|{name}|", "size")


def _asks_data(form: Quantity) -> bool:
    """Whether a form is of entries of data, which have too many cases to be told apart."""
    parts = [part for term in form.terms for part, _ in term if isinstance(part, Opaque)]
    return any(not isinstance(value, Quantity) for part in parts for _, value in part.closure.values)


def _is_given(name: Variable, case: Case) -> bool:
    """Whether a symbol is an argument's, and no index of a loop."""
    return isinstance(name, str) or name in case.names or (isinstance(name, Local) and name == size_of(name.shown[1:-1]))


def _border(tree: Tree, name: Quantity) -> int:
    """From which value of a symbol on all that a tree asks of it alone is decided."""
    if not isinstance(tree, Fork):
        return 0
    found = max(_border(tree.then, name), _border(tree.otherwise, name))
    ((term, share), *others) = name.terms.items()
    if not others and tree.form.free == name.free and tree.form.terms.keys() <= {term, frozenset()}:
        change = -Fraction(tree.form.constant) / Fraction(tree.form.terms[term]) * Fraction(share)
        return max(found, math.ceil(change) + (tree.form.terms[term] < 0))
    return found


def _within(tree: Tree, case: Case) -> Tree:
    """The tree without the sides that a case does not take."""
    if not isinstance(tree, Fork):
        return None if tree is None else _plain(tree, case)
    sides = [*_sides(tree, case)]
    if len(sides) == 1:
        return _within(sides[0][0], case)
    (then, when), (otherwise, where) = sides
    return _joined(tree.form, _within(then, when), _within(otherwise, where), when, where)


def _joined(form: Quantity, then: Tree, otherwise: Tree, when: Case, where: Case) -> Tree:
    """One form for the two cases `when` and `where`, if there is one."""
    if _serves(then, otherwise, where):
        return then
    if _serves(otherwise, then, when):
        return otherwise
    if isinstance(then, Quantity) and isinstance(otherwise, Quantity):
        more = then - otherwise
        if when.known.imply(substitute(more, when.values)) and where.known.imply(substitute(-more, where.values)):
            return otherwise + positive_part(more)
    return Fork(form, then, otherwise)


def _serves(tree: Tree, other: Tree, case: Case) -> bool:
    """Whether a form is seen to be another one wherever, in a case, this has a circuit."""
    if isinstance(other, Fork):
        return all(_serves(tree, side, inner) for side, inner in _sides(other, case))
    if isinstance(tree, Fork):
        return all(_serves(side, other, inner) for side, inner in _sides(tree, case))
    if tree is None or other is None:
        return other is None
    return case.known.equal(_plain(substitute(tree, case.values), case), _plain(substitute(other, case.values), case))


def _plain(form: Quantity, case: Case) -> Quantity:
    """The form without the clamps that a case decides."""
    for part in {part for term in form.terms for part, _ in term if isinstance(part, Positive)}:
        value = substitute(part.value, case.values)
        if case.known.imply(value) or case.known.imply(-value):
            form = with_value(form, part, part.value if case.known.imply(value) else ZERO)
    return form


def _sides(fork: Fork, case: Case) -> Iterator[tuple[Tree, Case]]:
    """The sides of a fork that a case may take."""
    form = substitute(fork.form, case.values)
    if case.known.imply(form):
        yield fork.then, case
    elif case.known.imply(-form - 1):
        yield fork.otherwise, case
    else:
        yield fork.then, case.and_(form)
        yield fork.otherwise, case.and_(-form - 1)


def written(tree: Tree) -> Quantity:
    """All cases in one form: the one that reads shortest, of several ways to tell the cases apart."""
    borders = _borders(tree)
    names = [name for name, border in borders.items() if border <= _LARGEST_PINNED]
    trees = [tree, *(_by_names(tree, Case(), order, borders) for order in permutations(names[:_MOST_ORDERED]))]
    found = [_apart(each) for each in trees]
    found += [without_needless_brackets(form) for form in found]
    return min(found, key=lambda form: len(text(form)))


def _borders(tree: Tree) -> dict[Variable, int]:
    """From which value of each symbol on all that a tree asks of it alone is decided."""
    if not isinstance(tree, Fork):
        return {}
    found = _borders(tree.then)
    for name, border in _borders(tree.otherwise).items():
        found[name] = max(found.get(name, 0), border)
    for name in tree.form.free if len(tree.form.free) == 1 else ():
        found[name] = max(found.get(name, 0), _border(tree, symbol(name)))
    return found


def _by_names(tree: Tree, case: Case, names: Sequence[Variable], borders: Mapping[Variable, int]) -> Tree:
    """The same with the cases told apart by one symbol after the other: by each small value, and all from there on."""
    if not names:
        return _within(tree, case)
    name, *others = names
    above = [symbol(name) - value for value in range(borders[name] + 1)]
    result = _by_names(tree, case.and_(above[-1]), others, borders)
    for value in reversed(range(borders[name])):
        here = case.put(name, quantity(value))
        part = _by_names(tree, here, others, borders)
        result = _joined(above[value + 1], result, part, case.and_(above[value + 1]), here)
    return result


def _apart(tree: Tree, path: tuple[Quantity, ...] = ()) -> Quantity:
    """Each case under the brackets of the forms of its `path`, which are at least 0 in it."""
    if isinstance(tree, Fork):
        return _apart(tree.then, (*path, tree.form)) + _apart(tree.otherwise, (*path, -tree.form - 1))
    return ZERO if tree is None else tree * _bracket(path)


def _bracket(path: tuple[Quantity, ...]) -> Quantity:
    """1 where all forms are at least 0; what bounds a symbol from both sides to one value says so."""
    least, most = dict[Variable, int](), dict[Variable, int]()
    result = ONE
    for form in path:
        match [*form.free]:
            case [name] if (rest := form - symbol(name)).is_constant:
                least[name] = max(least.get(name, 0), -int(rest.constant))
            case [name] if (rest := form + symbol(name)).is_constant:
                most[name] = min(most.get(name, int(rest.constant)), int(rest.constant))
            case _:
                result = result * at_least_zero(form)
    for name in least | most:
        low, high = least.get(name, 0), most.get(name)
        if low == high:
            result = result * equals_zero(symbol(name) - low)
            continue
        result = result * at_least_zero(symbol(name) - low)
        result = result if high is None else result * at_least_zero(high - symbol(name))
    return result
