"""What a piece of a kernel costs: how many of each kind of gate, and of everything else that is counted.

A tally is linear: a loop sums it, a branch weighs it, a call substitutes into it. Keys are pairs (path of calls, item).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from weakref import WeakValueDictionary

from qkernel.estimate.forms import at_least_zero, equals_zero, maximum, without_needless_brackets
from qkernel.estimate.quantity import ONE, ZERO, Quantity
from qkernel.gates import GATES

FIELDS = ("total", "single_qubit", "two_qubit", "multi_qubit", "t_gates", "clifford_gates", "rotation_gates", "toffoli")

SHARED = frozenset(("qubits", "ancillas", "workspace", "cleaned", "consumed", "measured"))
"""Qubits that are made and not cleaned, and those of them that calls do not hand back; the most that are cleaned and used again
at one time; all that are cleaned, each time; those that are measured or read out, and those that are measured."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A base gate on `width` targets under `controls` controls (None: three or more, their number symbolic).

    `constant` is the class of a rotation by an angle that is a constant in the kernel's text: `clifford`, `t` or "".
    A `pauli` has the letters of its word in alphabetical order; one without, of width 3, stands for any width from 3 on.
    """

    base: str
    controls: int | None = 0
    width: int = 1
    constant: str = ""
    word: str = ""

    @property
    def name(self) -> str:
        """The gate's name: `cx`, `ccx`, and `mcx` from three controls on."""
        if self.base == "pauli":
            return "pauli"
        for rule in GATES.values():
            if rule.base == self.base and rule.controls == self.controls:
                return rule.name
        return ("mc" if self.controls is None or self.controls > 2 else "c" * self.controls) + self.base

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of `FIELDS` that one such gate adds 1 to."""
        if self.base in ("gphase", "barrier") and not self.controls:
            return ()
        size = 4 if self.controls is None else self.controls + self.width
        found = ["total", ("single_qubit", "two_qubit", "multi_qubit")[min(size, 3) - 1]]
        rule = GATES.get(self.base)
        if self.base == "pauli" or (rule is not None and rule.angles):
            group = self.constant if self.controls == 0 and self.constant else "rotation"
            found.append({"clifford": "clifford_gates", "t": "t_gates", "rotation": "rotation_gates"}[group])
        elif self.controls == 0 and self.base in ("t", "tdg"):
            found.append("t_gates")
        elif (self.controls == 1 and self.base in ("x", "y", "z")) or (
            self.controls == 0 and rule is not None and rule.clifford
        ):
            found.append("clifford_gates")
        if self.controls == 2 and self.base in ("x", "z"):
            found.append("toffoli")
        return tuple(found)


def kind_of(name: str, constant: str = "") -> Kind:
    """The kind of a gate of the table."""
    rule = GATES[name]
    return Kind(rule.base, rule.controls, rule.num_qubits - rule.controls, constant)


@dataclass(frozen=True, slots=True)
class Controls:
    """The sum of the numbers of controls over the gates of a kind whose own number is symbolic."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Called:
    """Calls of a kernel, or of an oracle."""

    name: str
    oracle: bool = False
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much the kinds' own upper bounds overstate a field, or a gate's name, where a branch takes one side only."""

    field: str


@dataclass(frozen=True, slots=True)
class Widest:
    """1 more than the largest number of controls on any gate of this base, 0 where there is none: a maximum, not a sum."""

    base: str


@dataclass(frozen=True, slots=True)
class Uncontrolled:
    """Of a setup and its inverse: what controls on all that stands around and between them leave as it is."""

    item: Kind | Controls | Widest


class Path:
    """The calls that an amount is made in, the outermost first: one object for each path, so that long ones compare fast."""

    __slots__ = ("__weakref__", "name", "rest")

    def __init__(self, name: str, rest: Path | None) -> None:
        self.name, self.rest = name, rest


_paths: WeakValueDictionary[tuple[str, Path | None], Path] = WeakValueDictionary()


def _within(name: str, rest: Path | None) -> Path:
    found = _paths.get((name, rest))
    if found is None:
        found = _paths[name, rest] = Path(name, rest)
    return found


Item = Kind | Controls | Called | Excess | Widest | Uncontrolled | str
Key = tuple[Path | None, Item]
_INSIDE: frozenset[Key] = frozenset((None, item) for item in ("workspace", "cleaned", "consumed", "measured"))


@dataclass(slots=True)
class Tally:
    """Amounts by key; `bounded` names the fields, and the gates, whose amounts are upper bounds only."""

    amounts: dict[Key, Quantity] = field(default_factory=dict)
    bounded: frozenset[str] = frozenset()

    def add(self, item: Item, amount: Quantity) -> None:
        """Count `amount` more of `item`."""
        self._add((None, item), amount)

    def _add(self, key: Key, amount: Quantity) -> None:
        if not amount.terms:
            return
        if key not in self.amounts:
            self.amounts[key] = amount
        elif is_maximum(key[1]):
            self.amounts[key] = maximum(self.amounts[key], amount)
        else:
            self.amounts[key] = self.amounts[key] + amount

    def include(self, other: Tally, weight: Quantity = ONE) -> None:
        """Count everything of `other`, `weight` times."""
        for key, amount in other.amounts.items():
            self._add(key, amount if weight is ONE else amount * weight)
        self.bounded |= other.bounded

    def repeated(self, times: Quantity) -> Tally:
        """The tally of the gates `times` times over, on the same qubits."""
        result = Tally(bounded=self.bounded)
        for (path, item), amount in self.amounts.items():
            result._add((path, item), amount if _is_shared(item) else amount * times)
        return result

    def powered(self, exponent: Quantity) -> Tally:
        """The tally of a power: of the inverse, that many times, where the exponent is negative."""
        if exponent == ONE:
            return self
        result = Tally(bounded=self.bounded)
        is_any, times = 1 - equals_zero(exponent), maximum(exponent, -exponent)
        onwards, backwards = maximum(exponent, ZERO), maximum(-exponent, ZERO)
        for (path, item), amount in self.amounts.items():
            if isinstance(item, Widest):
                result._add((path, item), amount * is_any)
            elif _is_shared(item):
                result._add((path, item), amount)
            elif _inverse(item) == item:
                result._add((path, item), amount * times)
            else:
                result._add((path, item), amount * onwards)
                result._add((path, _inverse(item)), amount * backwards)
        return result

    def map(self, change: Callable[[Quantity], Quantity]) -> Tally:
        """The tally with every amount changed."""
        result = Tally(bounded=self.bounded)
        for key, amount in self.amounts.items():
            result._add(key, change(amount))
        return result

    def released(self, kept: Quantity, ancillas: Quantity, reset: Quantity) -> Tally:
        """The tally of a call that has `kept` so many of the qubits that it made, and `reset` so many that it measured."""
        result = Tally({key: amount for key, amount in self.amounts.items() if key[1] not in SHARED}, self.bounded)
        free = self.of("qubits") - kept
        for item, amount in (
            ("qubits", kept),
            ("ancillas", ancillas),
            ("resets", reset),
            ("workspace", free + self.of("workspace")),
            ("cleaned", free + self.of("cleaned")),
            ("consumed", self.of("consumed") - reset),
            ("measured", self.of("measured") - reset),
        ):
            result.add(item, amount)
        if "consumed" in self.bounded:
            result.bounded |= {"qubits", "ancillas", "resets"} if reset.terms else {"qubits", "ancillas"}
        return result

    def with_workspace(self) -> Tally:
        """The tally with the workspace among its qubits, once no controls come to it any more."""
        result = Tally(bounded=self.bounded - {"consumed"})
        for (path, item), amount in self.amounts.items():
            if (path, item) not in _INSIDE:
                result._add((path, _plain(item)), amount)
        for item in ("qubits", "ancillas"):
            result.add(item, without_needless_brackets(self.of("workspace")))
        return result

    def within(self, name: str) -> Tally:
        """The tally as part of a call of `name`."""
        return Tally({(_within(name, path), item): amount for (path, item), amount in self.amounts.items()}, self.bounded)

    def adjoint(self) -> Tally:
        """The tally of the inverse."""
        result = Tally(bounded=self.bounded)
        for (path, item), amount in self.amounts.items():
            result._add((path, _inverse(item)), amount)
        return result

    def controlled(self, number: Quantity) -> Tally:
        """The tally with `number` controls on every gate."""
        if not number.terms:
            return self
        result = Tally(bounded=self.bounded)
        for (path, item), amount in self.amounts.items():
            match item:
                case Kind():
                    _control(result, path, item, amount, self.amounts.get((path, Controls(item)), ZERO), number)
                case Controls():
                    pass
                case Widest(base):
                    present = at_least_zero(amount - 1)
                    if base == "gphase":  # which becomes a `p`, with one control less
                        more = at_least_zero(number - 1) * (number - 1)
                        result._add((path, Widest("p")), at_least_zero(number - 1) * present * (amount + more))
                    result._add((path, item), amount + present * number)
                case _:
                    result._add((path, item), amount)
        return result

    def around(self, undo: Tally, inner: Tally) -> Tally:
        """The tally of a setup, what stands between, and what undoes the setup and cleans the qubits that this made."""
        both = Tally({key: amount for key, amount in undo.amounts.items() if key[1] not in ("qubits", "ancillas", "cleaned")})
        both.include(self)
        result = Tally(bounded=both.bounded)
        for (path, item), amount in both.amounts.items():  # of a setup within another, some are apart already
            result._add((path, _uncontrolled(item)), amount)
        result.include(inner)
        return result.released(inner.of("qubits"), inner.of("ancillas"), ZERO)

    def field_amounts(self) -> dict[str, Quantity]:
        """The gate counts by field."""
        amounts = dict.fromkeys(FIELDS, ZERO)
        for (_, item), amount in self.amounts.items():
            match item:
                case Kind(fields=fields) | Uncontrolled(Kind(fields=fields)):
                    for name in fields:
                        amounts[name] = amounts[name] + amount
                case Excess(name) if name in amounts:
                    amounts[name] = amounts[name] - amount
        return amounts

    def by_name(self) -> dict[str, Quantity]:
        """The gate counts by the gates' names."""
        amounts: dict[str, Quantity] = {}
        for (_, item), amount in self.amounts.items():
            item = _plain(item)
            if isinstance(item, Kind) and item.fields:
                amounts[item.name] = amounts.get(item.name, ZERO) + amount
            elif isinstance(item, Excess) and item.field not in FIELDS:
                amounts[item.field] = amounts.get(item.field, ZERO) - amount
        return {name: amount for name, amount in amounts.items() if amount.terms}

    def totals(self) -> dict[str, Quantity]:
        """Every counted amount by a text, whatever the path: what makes two tallies equal."""
        amounts = self.field_amounts()
        for _, item in self.amounts:
            if isinstance(item, (str, Called)):
                amounts[str(item)] = self.of(item)
        return {name: amount for name, amount in amounts.items() if amount.terms}

    def of(self, item: Item) -> Quantity:
        """The amount of one item, whatever the path."""
        amounts = [amount for (_, found), amount in self.amounts.items() if found == item]
        return reduce(maximum, amounts, ZERO) if is_maximum(item) else sum(amounts, ZERO)


def is_maximum(item: Item) -> bool:
    """Whether of two amounts of this the larger counts, and not the sum."""
    return isinstance(_plain(item), Widest) or item == "workspace"


def _is_shared(item: Item) -> bool:
    """Whether what is done again uses the same of this again."""
    return isinstance(_plain(item), Widest) or item in SHARED


def _plain(item: Item) -> Item:
    return item.item if isinstance(item, Uncontrolled) else item


def _uncontrolled(item: Item) -> Item:
    return Uncontrolled(item) if isinstance(item, (Kind, Controls, Widest)) else item


def _inverse(item: Item) -> Item:
    """What counts for the inverse of a gate."""
    if isinstance(item, Uncontrolled):
        return _uncontrolled(_inverse(item.item))
    rule = GATES.get(item.base) if isinstance(item, Kind) else None
    if isinstance(item, Kind) and rule is not None and rule.adjoint:
        return replace(item, base=rule.adjoint)
    if isinstance(item, Controls):
        kind = _inverse(item.kind)
        assert isinstance(kind, Kind)
        return Controls(kind)
    return item


def _control(result: Tally, path: Path | None, kind: Kind, amount: Quantity, inner: Quantity, number: Quantity) -> None:
    """Count `amount` gates of `kind` under `number` more controls; `inner` is the sum of a symbolic kind's own controls."""
    if kind.base == "gphase":
        result._add((path, kind), amount * (1 - at_least_zero(number - 1)))
        phase = Kind("p", 0, 1)
        _split(result, path, phase, amount * at_least_zero(number - 1), number - 1)
    elif kind.controls is None:
        result._add((path, kind), amount)
        result._add((path, Controls(kind)), inner + amount * number)
    else:
        _split(result, path, kind, amount, number + kind.controls)


def _split(result: Tally, path: Path | None, kind: Kind, amount: Quantity, controls: Quantity) -> None:
    """Count gates under `controls` controls, apart by whether these are 0, 1, 2 or more."""
    if controls.is_constant:
        result._add((path, replace(kind, controls=int(controls))), amount)
        return
    reached = [ONE, *(at_least_zero(controls - least) for least in (1, 2, 3))]
    for exact in range(3):
        share = amount * (reached[exact] - reached[exact + 1])
        result._add((path, replace(kind, controls=exact)), share)
    many = replace(kind, controls=None)
    result._add((path, many), amount * reached[3])
    result._add((path, Controls(many)), amount * reached[3] * controls)


def either(then: Tally, otherwise: Tally) -> Tally:
    """An upper bound of a branch that is taken at run time: of each field, the larger of both sides."""
    result = Tally()
    sides = (then.field_amounts(), otherwise.field_amounts())
    differing = {str(item) for _, item in {*then.amounts, *otherwise.amounts} if isinstance(item, str)}
    bounded = {name for name in FIELDS if sides[0][name] != sides[1][name]}
    for key in {**then.amounts, **otherwise.amounts}:
        first, second = then.amounts.get(key, ZERO), otherwise.amounts.get(key, ZERO)
        if key[1] in SHARED and not is_maximum(key[1]):  # the circuit has those of both sides
            result._add(key, first + second)
        elif not isinstance(key[1], Excess):
            result._add(key, maximum(first, second))
    bounded |= {name for name in differing - SHARED if then.of(name) != otherwise.of(name)}
    for name, amount in result.field_amounts().items():
        result.add(Excess(name), amount - maximum(sides[0][name], sides[1][name]))
    names = (then.by_name(), otherwise.by_name())
    bounded |= {name for name in {**names[0], **names[1]} if names[0].get(name) != names[1].get(name)}
    for name, amount in result.by_name().items():
        result.add(Excess(name), amount - maximum(names[0].get(name, ZERO), names[1].get(name, ZERO)))
    if result.of("consumed").terms:  # perhaps the same qubits on both sides
        bounded.add("consumed")
    result.bounded = then.bounded | otherwise.bounded | bounded
    return result
