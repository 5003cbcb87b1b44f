"""The fold over the IR: the tally of each op, block and function, in closed form.

A function is folded once, with symbols for its arguments; a call substitutes. Only what closed forms cannot carry is
folded again: recursive functions by their values, and callees that are given measured bits or bound collections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

from qkernel.diagnostics import Span
from qkernel.errors import BindingShapeError, EmitError, EntrypointValidationError, QKernelError, SeparationError, SizeError
from qkernel.estimate.carried import CarriedNumbers, Recurrence, solve
from qkernel.estimate.depth import DEPTHS, add_depths, in_sequence, rounds_are_apart
from qkernel.estimate.effort import TooMuchWork, renew, spend
from qkernel.estimate.forms import is_whole, positive_part, power
from qkernel.estimate.leaves import basis_changes, decided, gate_tally, measure_tally, oracle_tally, pauli_tally, prepare_tally
from qkernel.estimate.own_forms import PLAIN, Context, called, with_forms
from qkernel.estimate.quantity import (
    ONE,
    Bound,
    Closure,
    Local,
    Quantity,
    Register,
    Unfollowed,
    Value,
    Variable,
    Words,
    quantity,
    symbol,
)
from qkernel.estimate.recursion import NeedsValues, held, needs_end, recursive_functions, too_deep
from qkernel.estimate.scope import Deferred, NotFollowed, RunTime, RunTimeValue, Scope, Summary, substituted
from qkernel.estimate.substitution import MOST_STEPS, NotKnown, item_sum, item_values, length, substitute
from qkernel.estimate.sums import fresh, resolve, total, trip_count
from qkernel.estimate.tally import FIELDS, Called, Tally, either, is_maximum
from qkernel.estimate.unknown import formal_value, is_open, item_targets
from qkernel.estimate.workspace import add_widths, largest, largest_item, made, released
from qkernel.ir import ops
from qkernel.ir.expressions import Size
from qkernel.ir.measured import measured_after, runs_on_measurements
from qkernel.ir.module import Module
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, ArrayType
from qkernel.recursion import DEEPEST, deep_stack

Result = Value | RunTime


@dataclass(slots=True)
class Fold:
    """The fold over one module.

    With `paths`, amounts are kept apart by the calls that they are made in; with `depth`, upper bounds of the depths are
    counted too; with `widths`, how many controls gates have, for the workspace that they share; `unrolled`, calls are
    folded with their values and loops whose ranges are known iteration by iteration. Of an entry that `is_known` all is given
    but angles and lengths of registers, of one that `is_bound` these lengths too. Where it `is_final`, nothing around will
    know more: what has no form stays unknown, and `help` says what to give; so it is, too, where all is given and is not to be
    followed, because that would take too long.
    """

    module: Module
    paths: bool = False
    depth: bool = False
    widths: bool = False
    unrolled: bool = False
    is_followed: bool = True
    is_known: bool = False
    is_bound: bool = False
    is_final: bool = False
    help: str = ""
    summaries: dict[tuple[object, ...], Summary | NeedsValues] = field(default_factory=dict)
    running: set[tuple[object, ...]] = field(default_factory=set)
    iterations: list[str] = field(default_factory=list)
    recursive: frozenset[str] = frozenset()
    reaching: frozenset[str] = frozenset()
    forming: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.forming = with_forms(self.module)
        self.recursive, self.reaching = recursive_functions(self.module)

    def entry(self, values: Mapping[str, Value]) -> Tally:
        """The tally of the module's entry, whose arguments have these values, and of the qubits that it takes."""
        self.is_known = self.is_followed and not any(map(is_open, self.module.entry.parameters, values.values()))
        self.is_final = not self.is_known
        unsized = {name for name, value in values.items() if isinstance(value, Register) and not length(value).is_constant}
        wanted = [p.name for p in self.module.entry.parameters if is_open(p, values[p.name]) or p.name in unsized]
        self.help = f"give values: `estimate_resources({', '.join(f'{name}=...' for name in wanted)})`"
        self.is_bound = self.is_known and not unsized
        try:
            return self._entry(values)
        except (EmitError, BindingShapeError, EntrypointValidationError):
            if self.unrolled or not self.is_known:  # else what is not followed, or has no value, perhaps where nothing runs
                raise
        try:
            return self._again(values, unrolled=True)
        except TooMuchWork as error:
            try:
                return self._again(values, unrolled=False)
            except QKernelError:
                raise error from None

    def _again(self, values: Mapping[str, Value], unrolled: bool) -> Tally:
        """The tally of the entry where not all that is known is followed: iteration by iteration, or without."""
        renew()
        again = Fold(self.module, self.paths, self.depth, self.widths, unrolled=unrolled, is_followed=unrolled)
        tally = again.entry(values)
        self.iterations = again.iterations
        return tally

    def _entry(self, values: Mapping[str, Value]) -> Tally:
        try:
            with deep_stack():
                tally = _FunctionFold(self, self.module.entry, Scope({**values})).run().tally
        except NeedsValues as error:
            raise EntrypointValidationError(error.title, span=error.span, help=self.help) from None
        for value in values.values():
            if isinstance(value, Register):
                tally.add("qubits", value.length)
        return tally.with_workspace()

    def call(self, op: ops.Call, arguments: Sequence[Result]) -> Summary:
        """The summary of a call, in the caller's terms."""
        callee = self.module[op.callee]
        if callee.name in self.recursive and any(map(is_open, callee.parameters, arguments)):
            raise needs_end(callee.name, op.span)
        if self.unrolled or callee.name in self.reaching:
            return self._summary(callee, tuple(arguments))
        inside: list[Result] = []
        outside: dict[str, Value] = {}
        for parameter, value in zip(callee.parameters, arguments, strict=True):
            if isinstance(value, (RunTime, Bound, Words)) or (
                isinstance(value, Closure) and parameter.type.element == OBSERVABLE
            ):
                inside.append(value)  # of an observable the words are wanted
                continue
            formal = formal_value(parameter, f"{callee.name}.{parameter.name}")
            inside.append(formal)
            outside[f"{callee.name}.{parameter.name}"] = value
        try:
            with self.tried():
                summary = self._summary(callee, tuple(inside))
            is_lost = any(isinstance(value, RunTime) and value.follows for value in summary.returns)
        except NeedsValues:
            is_lost = True
        if is_lost:
            return self._summary(callee, tuple(arguments))
        return Summary(
            summary.tally.map(lambda amount: substitute(amount, outside)),
            tuple(substituted(value, outside) for value in summary.returns),
        )

    def _summary(self, callee: ops.Function, values: tuple[Result, ...], context: Context = PLAIN) -> Summary:
        key = (callee.name, values, context, self.is_final)
        if key in self.running or len(self.running) >= DEEPEST:
            raise too_deep(callee, endless=key in self.running)
        if key not in self.summaries:
            names = {parameter.name: value for parameter, value in zip(callee.parameters, values, strict=True)}
            self.running.add(key)
            try:
                summary = _FunctionFold(self, callee, Scope({**names}), context=context).run()
                tally = released(callee, summary.tally, values, summary.returns, self.module.reuse_measured)
                self.summaries[key] = replace(summary, tally=tally)
            except NeedsValues as error:  # it is tried again with values
                self.summaries[key] = error
            finally:
                self.running.remove(key)
        found = self.summaries[key]
        if isinstance(found, NeedsValues):
            raise found
        return found

    @contextmanager
    def tried(self, again: bool = True) -> Iterator[None]:
        """What is folded here, if it is folded `again` where it has no form, with more values."""
        is_final, self.is_final = self.is_final, self.is_final and not again
        try:
            yield
        finally:
            self.is_final = is_final

    def expected_iterations(self) -> Quantity:
        """A symbol for how often a `while` is expected to go round."""
        taken = {*self.iterations, *(parameter.name for parameter in self.module.entry.parameters)}
        names = ("rounds" if k == 1 else f"rounds_{k}" for k in count(1))
        name = next(name for name in names if name not in taken)
        self.iterations.append(name)
        return symbol(name)


@dataclass(slots=True)
class _FunctionFold:
    fold: Fold
    function: ops.Function
    scope: Scope
    facts: list[tuple[Variable, Quantity]] = field(default_factory=list)
    context: Context = PLAIN

    def run(self) -> Summary:
        tally = self.block(self.function.body)
        return Summary(tally, tuple(self.returned(value) for value in self.function.returns))

    def returned(self, value: object) -> Result:
        if isinstance(value, Place):
            return Register(self.scope.place_length(value))
        return self.scope.value(value)  # type: ignore[arg-type]

    def block(self, body: Sequence[ops.Op]) -> Tally:
        tally = Tally()
        for op in body:
            spend(1)
            self.op(op, tally)
        return tally

    def op(self, op: ops.Op, tally: Tally) -> None:
        """Count an op, and say where something is wanted that is not known."""
        try:
            self.counted(op, tally)
        except NotFollowed as error:
            raise NeedsValues(held(error.name), op.span) from None
        except RunTimeValue:
            raise SeparationError("what this needs depends on a measured value", span=op.span) from None

    def unknown(self, name: str, span: Span | None) -> Quantity | RunTime:
        """What the user's `name` holds after changes that are not followed."""
        if not self.fold.is_final:
            return RunTime(follows=name)
        return symbol(Unfollowed(held(name), span, self.fold.help), nonnegative=False)

    def counted(self, op: ops.Op, tally: Tally) -> None:
        match op:
            case ops.Gate():
                inner = self.widened(gate_tally(op, self.scope))
                inner = self.leveled(inner) if op.gate not in ("barrier", "gphase") else inner
                self.modified(decided(inner, op.angles, self.scope), op.modifiers, tally)
            case ops.Call():
                self.call(op, tally)
            case ops.For(_, domain):
                if isinstance(domain, ops.Range):
                    self.range_loop(op, domain, tally)
                else:
                    self.items_loop(op, domain, tally)
            case ops.If():
                self.branch(op, tally)
            case ops.Within(setup, body):
                context, self.context = self.context, PLAIN
                around, undo = self.block(setup), self.block((op.undo,))
                self.context = context
                tally.include(around.around(undo, self.block(body)))
            case ops.Alloc(register, written, span):
                size = ONE if written is None else self.scope.number(written)
                self.scope.values[register] = Register(size)
                is_called = self.function is not self.fold.module.entry
                tally.include(made(self.function, is_called, register, size, span, self.scope.values))
            case ops.PauliEvolve(_, observable, time, modifiers):
                inner = self.in_turn(pauli_tally(self.scope.value(observable)))
                self.modified(decided(inner, (time, observable), self.scope), modifiers, tally)
            case ops.Prepare(place, _, imaginary):
                prepared = prepare_tally(self.scope.place_length(place), imaginary is not None)
                self.modified(self.in_turn(prepared), (), tally)
            case ops.Measure(place, result):
                length = self.scope.place_length(place)
                tally.include(self.leveled(measure_tally(op, length), 1 + len(basis_changes(op))))
                self.scope.values[result] = RunTime(None if place.length is None else length, is_outcome=True)
            case ops.Reset(place):
                tally.add("resets", self.scope.place_length(place))
                if self.fold.depth:
                    tally.add("depth", ONE)
            case ops.Expval(place, observable, result):
                tally.add("consumed", self.scope.place_length(place))
                many = isinstance(observable.type, ArrayType)
                self.scope.values[result] = RunTime(self.scope.number(Size(observable)) if many else None)
            case ops.Probabilities(place, result):
                width = self.scope.place_length(place)
                tally.add("consumed", width)
                self.scope.values[result] = RunTime(power(quantity(2), width))
            case ops.While():
                self.while_loop(op, tally)
            case _:
                assert_never(op)

    def widened(self, inner: Tally) -> Tally:
        if self.fold.widths:
            add_widths(inner)
        return inner

    def in_turn(self, inner: Tally) -> Tally:
        return in_sequence(self.widened(inner)) if self.fold.depth else self.widened(inner)

    def leveled(self, inner: Tally, levels: int = 1) -> Tally:
        if self.fold.depth:
            add_depths(inner, quantity(levels))
        return inner

    def modified(self, inner: Tally, modifiers: Sequence[ops.Modifier], tally: Tally) -> None:
        for modifier in modifiers:
            match modifier:
                case ops.Adjoint():
                    inner = inner.adjoint()
                case ops.Control(places, _, count):
                    inner = inner.controlled(self.scope.width(places) if count is None else self.scope.number(count))
                    if self.fold.depth:
                        inner = in_sequence(inner)
                case ops.Power(exponent):
                    times = self.scope.number(exponent)
                    if exponent.type != FLOAT or (times.is_constant and is_whole(times)):
                        inner = inner.powered(times)  # else one rotation takes it into its angle
        if self.context is not PLAIN:
            inner = in_sequence(self.context.applied(inner)) if self.fold.depth else self.context.applied(inner)
        if inner.bounded and modifiers:  # under these, gates have other names
            inner.bounded |= frozenset((*FIELDS, *inner.by_name()))
        tally.include(inner)

    def call(self, op: ops.Call, tally: Tally) -> None:
        callee = self.fold.module[op.callee]
        arguments: list[Result] = [
            Register(self.scope.place_length(argument)) if isinstance(argument, Place) else self.scope.value(argument)
            for argument in op.arguments
        ]
        inner = Tally()
        label = callee.label or callee.name
        inner.add(Called(label, callee.kind == "oracle", bool(callee.cost)), ONE)
        if callee.kind == "oracle":
            inner.include(self.in_turn(oracle_tally(callee, arguments)))
        elif callee.name in self.fold.forming:
            return called(self, op, callee, arguments, inner, tally)
        else:
            summary = self.fold.call(op, arguments)
            inner.include(summary.tally)
            for name, value in zip(op.results, summary.returns, strict=False):
                if name is not None:
                    self.scope.values[name] = value
        self.modified(inner.within(label) if self.fold.paths else inner, op.modifiers, tally)

    def branch(self, op: ops.If, tally: Tally) -> None:
        try:
            condition = self.scope.number(op.condition)
            if condition.unfollowed:
                raise RunTimeValue(str(op.condition))
        except RunTimeValue as error:
            if isinstance(error, NotFollowed) and self.fold.is_known:
                raise
            sides = either(self.block(op.then), self.block(op.otherwise))
            if not self.scope.is_outcome(op.condition):  # lowering may know which side is taken, and make that one alone
                made = sides.with_workspace()
                sides.bounded |= {item for item in ("qubits", "ancillas") if made.of(item).terms}
            tally.include(sides)
            for joined in op.joined:
                self.scope.values[joined.name] = self.scope.chosen_when_run(joined.then, joined.otherwise)
            return
        if not condition.is_constant and self.function.name in self.fold.recursive:
            raise needs_end(self.function.name, op.span)
        if condition != 0:
            tally.include(self.block(op.then), condition)
        if condition != 1:
            tally.include(self.block(op.otherwise), 1 - condition)
        for joined in op.joined:
            self.scope.values[joined.name] = self.scope.joined(condition, joined.then, joined.otherwise)

    def while_loop(self, op: ops.While, tally: Tally) -> None:
        if not runs_on_measurements(self.fold.module, op, self.scope.measured):
            self.set_all({entry.name: self.scope.value(entry.initial) for entry in op.carried})
            while (condition := self.scope.number(op.condition)) == 1:
                spend(1)
                tally.include(self.block(op.body))
                self.set_all({entry.name: self.scope.value(entry.next) for entry in op.carried})
            if not condition.is_constant:
                raise NeedsValues("how often this `while` goes round has no closed form, so its estimate needs values", op.span)
            return
        for entry in op.carried:
            self.scope.values[entry.name] = RunTime(self.scope.length(entry.initial))
        body, iterations = self.block(op.body), self.fold.expected_iterations()
        tally.include(body.repeated(iterations))
        # The circuit has these once and resets them in each iteration.
        fresh_again = (body.of("qubits") + body.of("cleaned")) * iterations
        tally.add("resets", fresh_again)
        if self.fold.depth:
            tally.add("depth", fresh_again)

    def range_loop(self, op: ops.For, domain: ops.Range, tally: Tally) -> None:
        try:
            start, stop, step = (self.scope.number(part) for part in (domain.start, domain.stop, domain.step))
        except NotFollowed:
            raise
        except RunTimeValue:
            raise SeparationError("a loop's range depends on a measured value", span=op.span) from None
        bound = trip_count(start, stop, step, op.span)
        if self.fold.unrolled and bound.is_constant:
            self.unrolled_loop(op, ((start + step * k,) for k in range(int(bound))), tally)
            return
        saved = dict(self.scope.values)
        try:
            with self.fold.tried(bound.is_constant):
                tally.include(self.symbolic_loop(op, start, bound, step))
        except (NeedsValues, NotFollowed):
            if not bound.is_constant:
                raise
            self.scope.values = saved
            if bound.constant > MOST_STEPS:
                title = f"a loop that is counted step by step has {bound} iterations; at most {MOST_STEPS} are counted"
                raise SizeError(title, span=op.span) from None
            self.unrolled_loop(op, ((start + step * k,) for k in range(int(bound))), tally)

    def symbolic_loop(self, op: ops.For, start: Quantity, bound: Quantity, step: Quantity) -> Tally:
        index = fresh(op.targets[0])
        if resolve(positive_part(bound), self.facts) == 0:
            self.set_all({entry.name: self.scope.value(entry.initial) for entry in op.carried})
            return Tally()
        self.scope.values[op.targets[0]] = start + symbol(index) * step
        body, recurrence = self.looped_body(op, index, bound)
        apart = self.fold.depth and rounds_are_apart(op.body, self.scope, index)
        tally = recurrence.without_form(body)
        for key, amount in body.amounts.items():
            if is_maximum(key[1]):
                tally.include(largest(key, amount, index, bound, self.facts, self.fold.is_bound))
            elif apart and key[1] in DEPTHS and index not in amount.free:
                tally.include(Tally({key: amount}))
            else:
                tally.include(Tally({key: total(amount, index, bound, self.facts)}))
        tally.bounded |= body.bounded
        self.set_all(recurrence.after())
        return tally

    def looped_body(self, op: ops.For, index: Variable, bound: Quantity) -> tuple[Tally, Recurrence]:
        """The tally of one iteration in terms of the index, and what the loop carries."""
        first = {entry.name: self.scope.counted(entry.initial) for entry in op.carried}
        if bits := [entry for entry in op.carried if entry.initial.type == ArrayType(BIT)]:
            measured = measured_after(self.fold.module, op, self.scope.measured)
            first |= {entry.name: RunTime(self.scope.length(entry.initial)) for entry in bits if entry.name in measured}
        self.facts.append((index, bound))
        while True:
            carried = CarriedNumbers(first)
            self.set_all(carried.inside())
            body = self.block(op.body)
            following = {entry.name: self.scope.counted(entry.next) for entry in op.carried if entry.name in carried.names}
            if not (grown := carried.grown(following)):
                break
            first |= grown
        self.facts.pop()
        recurrence = solve(carried.steps(following), index, bound)
        recurrence.others = {name: self.scope.values[name] for name in first if name not in carried.names}
        recurrence.observables, recurrence.sums = carried.observables, carried.sums
        recurrence.unknown = lambda name: self.unknown(name, op.span)
        return body.map(lambda amount: substitute(amount, recurrence.solved)), recurrence

    def unrolled_loop(self, op: ops.For, values: Iterable[Sequence[Value]], tally: Tally) -> None:
        """Fold the body once for each iteration, with the loop's names known."""
        self.set_all({entry.name: self.scope.value(entry.initial) for entry in op.carried})
        for round_values in values:
            self.set_all(dict(zip(op.targets, round_values, strict=True)))
            tally.include(self.block(op.body))
            self.set_all({entry.name: self.scope.value(entry.next) for entry in op.carried})

    def items_loop(self, op: ops.For, domain: ops.Items, tally: Tally) -> None:
        dictionary = self.scope.value(domain.dictionary)
        if isinstance(dictionary, (RunTime, Quantity)):
            raise SeparationError("a loop's items depend on a measured value", span=op.span)
        if self.fold.unrolled and isinstance(dictionary, Bound):
            self.unrolled_loop(op, item_values(op.targets, dictionary), tally)
            return
        saved = dict(self.scope.values)
        try:
            with self.fold.tried(isinstance(dictionary, Bound)):
                tally.include(self.symbolic_items(op, domain, dictionary))
        except NeedsValues as error:
            self.scope.values = saved
            try:
                iterations = list(item_values(op.targets, dictionary))
            except NotKnown:
                raise error from None
            self.unrolled_loop(op, iterations, tally)

    def symbolic_items(self, op: ops.For, domain: ops.Items, dictionary: Value) -> Tally:
        index, bound = fresh("item"), length(dictionary)
        names = {target: Local(target, self.function.name) for target in op.targets}
        self.set_all(item_targets(names, domain, dictionary))
        body, recurrence = self.looped_body(op, index, bound)
        mixed = recurrence.states.keys() | {index}
        summed = recurrence.without_form(body) if self.fold.is_final else Tally()
        summed.bounded |= body.bounded
        for key, amount in body.amounts.items():
            if is_maximum(key[1]) and amount.free.isdisjoint(mixed):
                summed.include(largest_item(key, amount, tuple(names.values()), dictionary))
            elif amount.free.isdisjoint(names.values()) and amount.free.isdisjoint(recurrence.states):
                summed.include(Tally({key: total(amount, index, bound, self.facts)}))
            elif amount.free.isdisjoint(mixed):
                summed.include(Tally({key: item_sum(tuple(names.values()), dictionary, amount)}))
            else:
                raise NeedsValues("what a loop carries from item to item decides counts, so they need the items", op.span)
        self.set_all(recurrence.after())
        return summed

    def set_all(self, values: Mapping[str, Result | Deferred]) -> None:
        self.scope.values.update(values)
