"""Workspace: that of kernels that clean it, and that which gates under many controls share. Whatever stands in loops, branches
and calls, the widest counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qkernel.diagnostics import Note, Span
from qkernel.errors import SizeError
from qkernel.estimate.carried import Recurrence
from qkernel.estimate.forms import at_least_zero, is_nonnegative, maximum, positive_part
from qkernel.estimate.quantity import (
    ZERO,
    AtLeastZero,
    Atom,
    Coefficient,
    Floor,
    IsZero,
    Positive,
    Power,
    Quantity,
    Register,
    Symbol,
    Value,
    Variable,
    atom,
    atom_names,
    quantity,
    symbol,
)
from qkernel.estimate.scope import NotFollowed
from qkernel.estimate.substitution import NotKnown, item_sum, item_values, length, substitute
from qkernel.estimate.sums import Facts, resolve, total
from qkernel.estimate.tally import Key, Kind, Tally, Widest
from qkernel.gates import GATES
from qkernel.ir.module import Module
from qkernel.ir.ops import Control, Function, Gate
from qkernel.ir.places import Place
from qkernel.ir.walk import walk

_BOUNDED = frozenset(("qubits", "ancillas"))
"""What is an upper bound where the widest gate is not known."""


def may_need_workspace(module: Module) -> bool:
    """Whether a gate of the module may have two controls or more."""
    return any(
        any(isinstance(modifier, Control) for modifier in getattr(op, "modifiers", ()))
        or (isinstance(op, Gate) and op.gate in GATES and GATES[op.gate].controls > 1)
        for function in module.functions
        for op in walk(function.body)
    )


def made(
    function: Function, is_called: bool, register: str, size: Quantity, span: Span | None, values: Mapping[str, object]
) -> Tally:
    """The tally of a register that a function makes, whose names have these values."""
    if size.is_constant and size.constant < 0:
        given = {parameter.name: values[parameter.name] for parameter in function.parameters}
        known = [f"{name} = {value}" for name, value in given.items() if isinstance(value, Quantity) and value.is_constant]
        notes = (Note(", ".join(known)),) if known else ()
        raise SizeError(f"the register `{register}` would have {size} qubits", span=span, label="negative size", notes=notes)
    tally = Tally()
    tally.add("qubits", size)
    if is_called and register not in frozenset().union(
        *(value.registers for value in function.returns if isinstance(value, Place))
    ):
        tally.add("ancillas", size)
    return tally


def released(
    callee: Function, tally: Tally, arguments: Sequence[object], results: Sequence[object], reuse_measured: bool
) -> Tally:
    """The tally of a call. A kernel may clean what it makes and neither returns nor measures; what it measured may be reset.

    `results` are what it returns. Nothing is reset by kernels that read out, which look at the state in the end.
    """
    if not callee.clean_ancillas and not reuse_measured:
        return tally
    pairs = zip(callee.parameters, arguments, strict=True)
    lengths = {parameter.name: value.length for parameter, value in pairs if isinstance(value, Register)}
    consumed, returned = tally.of("consumed") - sum(lengths.values(), ZERO), ZERO
    for place, value in zip(callee.returns, results, strict=True):
        if isinstance(place, Place) and isinstance(value, Register):
            is_given = place.registers <= lengths.keys()
            consumed = consumed + (value.length if is_given else ZERO)
            returned = returned if is_given else returned + value.length
    reset = consumed if reuse_measured and tally.of("consumed") == tally.of("measured") else ZERO
    if callee.clean_ancillas:
        return tally.released(returned + consumed - reset, consumed - reset, reset)
    return tally.released(tally.of("qubits") - reset, tally.of("ancillas") - reset, reset) if reset.terms else tally


def add_widths(tally: Tally) -> None:
    """Note of each kind of gate in a tally how many controls it has."""
    found = [(item, amount) for (_, item), amount in tally.amounts.items() if isinstance(item, Kind)]
    for kind, amount in found:
        assert kind.controls is not None
        tally.add(Widest(kind.base), at_least_zero(amount - 1) * (1 + kind.controls))


def workspace(tally: Tally) -> Quantity:
    """The qubits that the widest gate of a tally needs beside its own."""
    most: dict[str, Quantity] = {}
    for (_, item), amount in tally.amounts.items():
        if isinstance(item, Widest):
            most[item.base] = maximum(most[item.base], amount) if item.base in most else amount
    needed = ZERO
    for base, amount in most.items():
        needed = maximum(needed, _beside(base, amount - 1))
    return needed


def _beside(base: str, controls: Quantity) -> Quantity:
    if base in ("id", "gphase", "barrier"):
        return ZERO
    if base == "p":
        return at_least_zero(controls - 2) * controls
    return positive_part(controls - (2 if base in ("x", "y", "z") else 1))


def largest(key: Key, form: Quantity, index: Variable, bound: Quantity, facts: Facts, is_bound: bool) -> Tally:
    """The largest value, or 0, of `form` over index = 0 .. bound - 1; the sum, as an upper bound, where that is not seen.

    Raises `NotFollowed` where it will be seen with the values of the loops around, which are all known.
    """
    runs = at_least_zero(bound - 1)
    if index not in form.free:
        return Tally({key: form * runs})
    if (slope := _slope(form, index)) is not None:
        last = substitute(form, {index: bound - 1 if slope > 0 else ZERO})
        before, step = (substitute(form, {index: symbol(index) - back}) for back in (quantity(1), quantity(2)))
        is_clamped = slope > 0 and index not in (before - step).free and is_nonnegative(-substitute(before, {index: ZERO}))
        return Tally({key: resolve(positive_part(last) if is_clamped else last * runs, facts)})
    if bound.is_constant and form.free == {index}:
        return Tally({key: Recurrence(index, bound).run([(form, True)])[0]})
    if is_bound:
        raise NotFollowed(str(index))
    if (most := _most(form)) is not None:
        return Tally({key: quantity(most)}, _BOUNDED)
    return Tally({key: total(form, index, bound, facts)}, _BOUNDED)


def largest_item(key: Key, form: Quantity, targets: tuple[Variable, ...], dictionary: Value) -> Tally:
    """The largest value of `form` over the items of a dictionary; where that is not bound, the sum, as an upper bound."""
    if form.free.isdisjoint(targets):
        return Tally({key: at_least_zero(length(dictionary) - 1) * form})
    try:
        iterations = list(item_values(targets, dictionary))
    except NotKnown:
        return Tally({key: item_sum(targets, dictionary, form)}, _BOUNDED)
    result = Tally()
    for values in iterations:
        result.include(Tally({key: substitute(form, dict(zip(targets, values, strict=True)))}))
    return result


def _most(form: Quantity) -> Coefficient | None:
    """A number that a form, or 0, is at most, brackets being at most 1; None where that is not seen."""
    found: Coefficient = 0
    for term, coefficient in form.terms.items():
        clamp = next((part for part, _ in term if isinstance(part, Positive)), None)
        if clamp is not None and len(term) == 1:  # x + Max(0, y) is the larger of x and x + y, x - Max(0, y) the smaller
            rest = form - atom(clamp) * coefficient
            below, above = _most(rest), _most(rest + clamp.value * coefficient)
            return None if below is None or above is None else max(below, above) if coefficient > 0 else min(below, above)
        if coefficient > 0 and not all(isinstance(part, (AtLeastZero, IsZero)) for part, _ in term):
            return None
        if not all(exponent > 0 and is_nonnegative(atom(part)) for part, exponent in term):
            return None
        found += max(0, coefficient)
    return found


def _slope(form: Quantity, index: Variable) -> int | None:
    """1 or -1 where the form visibly grows or falls with the index, 0 where it does neither; None where that is not seen."""
    found = set()
    for term, coefficient in form.terms.items():
        slopes = {_atom_slope(part, index) if exponent > 0 else None for part, exponent in term} - {0}
        if None in slopes or len(slopes) > 1:
            return None
        if slopes:
            if len(term) > 1 and not all(is_nonnegative(atom(part)) for part, _ in term):
                return None
            (slope,) = slopes
            assert slope is not None
            found.add(slope if coefficient > 0 else -slope)
    return None if len(found) > 1 else next(iter(found), 0)


def _atom_slope(part: Atom, index: Variable) -> int | None:
    match part:
        case _ if index not in atom_names(part):
            return 0
        case Symbol():
            return 1
        case Positive(inner) | AtLeastZero(inner):
            return _slope(inner, index)
        case Floor(numerator, divisor) if divisor.is_constant and divisor.constant > 0:
            return _slope(numerator, index)
        case Power(base, exponent) if base.is_constant and base.constant >= 1:
            return _slope(exponent, index)
    return None
