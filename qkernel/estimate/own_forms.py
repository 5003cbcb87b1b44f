"""Kernels with an inverse or a controlled form of their own: which function is counted under which modifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qkernel.estimate.forms import maximum
from qkernel.estimate.quantity import ONE, ZERO, Quantity, Register
from qkernel.estimate.scope import Scope
from qkernel.estimate.tally import Tally
from qkernel.ir.module import Module
from qkernel.ir.ops import Adjoint, Call, Control, Function, Modifier, Power
from qkernel.ir.types import QUBIT
from qkernel.ir.walk import walk


@dataclass(frozen=True, slots=True)
class Context:
    """The modifiers that ops stand under: whether inverted, under how many controls that are all 1, and how many others."""

    is_inverted: bool = False
    controls: Quantity = ZERO
    others: Quantity = ZERO

    def applied(self, tally: Tally) -> Tally:
        """The tally of an op in this context."""
        inner = tally.adjoint() if self.is_inverted else tally
        return inner.controlled(self.controls + self.others)

    def under(self, modifiers: Sequence[Modifier], scope: Scope) -> tuple[Context, Quantity]:
        """The context of what is under more modifiers, and how often it is done."""
        context, times = self, ONE
        for modifier in modifiers:
            match modifier:
                case Adjoint():
                    context = replace(context, is_inverted=not context.is_inverted)
                case Power(exponent):
                    power = scope.number(exponent)
                    if power.is_constant and power.constant < 0:
                        context = replace(context, is_inverted=not context.is_inverted)
                    times = times * maximum(power, -power)
                case Control(places, None, count):
                    number = scope.width(places) if count is None else scope.number(count)
                    context = replace(context, controls=context.controls + number)
                case Control(places, _, count):
                    number = scope.width(places) if count is None else scope.number(count)
                    context = replace(context, others=context.others + number)
        return context, times

    def form(self, module: Module, function: Function, arguments: list[Any]) -> tuple[Context, Function, list[Any]]:
        """The function that is counted for a call of one in this context, its arguments, and what is left of the context."""
        function, is_inverted, takes = module.own_form(function, self.is_inverted, bool(self.controls.terms))
        context = replace(self, is_inverted=is_inverted)
        if not takes:
            return context, function, arguments
        taken = ONE if function.parameters[0].type == QUBIT else self.controls
        return replace(context, controls=self.controls - taken), function, [Register(taken), *arguments]


PLAIN = Context()


def with_forms(module: Module) -> frozenset[str]:
    """The functions that have forms of their own, or call functions that do."""
    found = {function.name for function in module.functions if function.has_forms}
    callers: dict[str, set[str]] = {}
    for function in module.functions if found else ():
        for op in walk(function.body):
            if isinstance(op, Call):
                callers.setdefault(op.callee, set()).add(function.name)
    pending = [*found]
    while pending:
        new = callers.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return frozenset(found)


def called(within: Any, op: Call, callee: Function, arguments: list[Any], inner: Tally, tally: Tally) -> None:
    """Count a call, in the fold of a function, of what may have forms of its own: the modifiers that it stands under tell."""
    fold, label = within.fold, callee.label or callee.name
    context, times = within.context.under(op.modifiers, within.scope)
    left, form, given = context.form(fold.module, callee, arguments)
    summary = fold._summary(form, tuple(given), left)
    inner.include(summary.tally)
    if form is callee:
        within.scope.values |= {name: value for name, value in zip(op.results, summary.returns, strict=False) if name}
    tally.include((inner.within(label) if fold.paths else inner).powered(times))
