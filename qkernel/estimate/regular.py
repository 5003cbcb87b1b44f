"""A reading of the IR that follows the levels of its qubits: exact depths of what is regular, for sizes that are symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qkernel.errors import QKernelError
from qkernel.estimate.forms import is_whole
from qkernel.estimate.inequalities import Inequalities
from qkernel.estimate.leaves import basis_changes, classes
from qkernel.estimate.levels import Levels, NoCircuit, NotRegular, Numbers, Run
from qkernel.estimate.quantity import ONE, ZERO, Argument, Bound, Quantity, Register, Symbol, Value, quantity, symbol
from qkernel.estimate.scope import RunTime, RunTimeValue, Scope
from qkernel.estimate.substitution import NotKnown, item_values, known, length
from qkernel.estimate.sums import fresh, trip_count
from qkernel.ir import ops
from qkernel.ir.module import Module
from qkernel.ir.places import Place
from qkernel.ir.types import FLOAT, OBSERVABLE, QUBIT, ArrayType, is_quantum
from qkernel.ir.walk import definitions, return_types
from qkernel.observable import Hamiltonian
from qkernel.observable.terms import listed
from qkernel.recursion import deep_stack

_MOST_CALLS = 30
_MOST_ITEMS = 300


def followed(module: Module, values: Mapping[str, Value], depth: str, known: Inequalities, modulus: int = 1) -> Quantity:
    """One of the depths of the module's entry with these arguments, of which `known` is known.

    Raises `NotRegular` where it is not seen to have a closed form, and `Undecided`, `Residue` and `NeedsModulus` where it has
    perhaps another one in each of several cases.
    """
    levels = Levels(known, modulus)
    reading = _Reading(module, levels, depth)
    try:
        with deep_stack():
            frame = _Frame(Scope({**values}))
            for name, value in values.items():
                if isinstance(value, Register):
                    frame.runs[name] = (levels.make(value.length),)
            reading.block(module.entry.body, frame, PLAIN)
            return levels.depth()
    except (RunTimeValue, NotKnown, QKernelError):
        raise NotRegular from None


@dataclass(frozen=True, slots=True)
class Under:
    """The modifiers that ops stand under: whether inverted, and the qubits that control them."""

    is_inverted: bool = False
    controls: tuple[Run, ...] = ()
    are_plain: bool = True


PLAIN = Under()


@dataclass(slots=True)
class _Frame:
    """The names of a function: classical values, and where its registers are."""

    scope: Scope
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Reading:
    module: Module
    levels: Levels
    depth: str
    calls: int = 0

    def block(self, body: Sequence[ops.Op], frame: _Frame, under: Under) -> None:
        if under.is_inverted:  # what is computed on the way is not known before
            returns = return_types(self.module.functions)
            for op in body:
                for name, type in definitions(op, returns):
                    if is_quantum(type):
                        raise NotRegular
                    frame.scope.values[name] = RunTime(follows=name)
        for op in reversed(body) if under.is_inverted else body:
            self.op(op, frame, under)

    def op(self, op: ops.Op, frame: _Frame, under: Under) -> None:
        scope, levels = frame.scope, self.levels
        match op:
            case ops.Gate():
                self.gate(op, frame, under)
            case ops.Call():
                self.call(op, frame, under)
            case ops.For(_, ops.Range() as domain):
                self.range_loop(op, domain, frame, under)
            case ops.For(_, ops.Items() as domain):
                self.items_loop(op, domain, frame, under)
            case ops.If():
                self.branch(op, frame, under)
            case ops.Within(setup, body):
                made = levels.made
                self.block(setup, frame, PLAIN)
                if levels.made != made:  # qubits that are used again
                    raise NotRegular
                self.block(body, frame, under)
                self.block((op.undo,), frame, PLAIN)
            case ops.Alloc(register, size):
                if under is not PLAIN:
                    raise NotRegular
                amount = ONE if size is None else scope.number(size)
                scope.values[register] = Register(amount)
                frame.runs[register] = (levels.make(amount),)
            case ops.PauliEvolve():
                self.evolve(op, frame, under)
            case ops.Measure(place, result):
                taken = 1 + len(basis_changes(op)) if self.depth == "depth" else 0
                for run in self.place(place, frame):
                    levels.lift(run, quantity(taken))
                scope.values[result] = RunTime(None if place.length is None else scope.place_length(place), is_outcome=True)
            case ops.Reset(place):
                for run in self.place(place, frame):
                    levels.lift(run, quantity(int(self.depth == "depth")))
            case ops.Expval(_, observable, result):
                many = isinstance(observable.type, ArrayType)
                scope.values[result] = RunTime(length(scope.closure(observable)) if many else None)
            case ops.Probabilities(_, result):
                scope.values[result] = RunTime()
            case _:
                raise NotRegular

    def gate(self, op: ops.Gate, frame: _Frame, under: Under) -> None:
        under, times = self.under(op.modifiers, frame, under)
        if op.gate == "gphase":
            if under.controls:
                self.act((), under, times, is_t=False)
            return
        if any(map(frame.scope.is_run_time, op.angles)):
            raise NotRegular
        is_t = self.is_t(op)
        places = [self.place(place, frame) for place in op.places]
        if op.gate == "barrier":
            self.levels.act([run for runs in places for run in runs], ZERO)
        elif op.matrix is not None or all(place.length is None for place in op.places):
            self.act([run for runs in places for run in runs], under, times, is_t)
        elif len(places) == 1 and not under.controls:
            for run in places[0]:
                self.levels.lift(run, times * self.weight(ONE, is_t, under))
        else:
            self.pairwise(places, under, times, is_t)

    def pairwise(self, places: Sequence[Sequence[Run]], under: Under, times: Quantity, is_t: bool) -> None:
        """A gate on the first qubit of each place, then on the second of each, and so on."""
        count, *others = (self.levels.plain(sum((run.length for run in runs), ZERO)) for runs in places)
        known = self.levels.known
        if not all(known.decide(count - other) and known.decide(other - count) for other in others):
            raise NoCircuit
        if not all(places):
            return
        if any(len(runs) > 1 for runs in places):
            raise NotRegular
        firsts = [run for (run,) in places]
        self.loop(count, lambda k: self.act([run.qubit(k) for run in firsts], under, times, is_t), under.is_inverted)

    def act(self, runs: Sequence[Run], under: Under, times: Quantity, is_t: bool) -> None:
        """A gate on these qubits and on those that control it, so many times."""
        width = sum((run.length for run in (*runs, *under.controls)), ZERO)
        self.levels.act((*runs, *under.controls), times * self.weight(width, is_t, under))

    def weight(self, width: Quantity, is_t: bool, under: Under) -> Quantity:
        """Whether a gate on so many qubits counts."""
        if self.depth == "depth":
            return ONE
        if self.depth == "t_depth":
            return ONE if is_t and not under.controls else ZERO
        return ONE if self.levels.known.decide(self.levels.plain(width) - 2) else ZERO

    def under(self, modifiers: Sequence[ops.Modifier], frame: _Frame, under: Under) -> tuple[Under, Quantity]:
        """The modifiers that an op stands under with its own, and how often it is done."""
        times = ONE
        for modifier in modifiers:
            match modifier:
                case ops.Adjoint():
                    under = replace(under, is_inverted=not under.is_inverted)
                case ops.Control(places, value):
                    runs = tuple(run for place in places for run in self.place(place, frame))
                    kept = tuple(run for run in runs if self.levels.known.decide(self.levels.plain(run.length) - 1))
                    plain = under.are_plain and value is None
                    under = replace(under, controls=(*under.controls, *kept), are_plain=plain)
                case ops.Power(exponent):
                    power = frame.scope.number(exponent)
                    if exponent.type != FLOAT or (power.is_constant and is_whole(power)):
                        power = self.levels.plain(power)
                        if not self.levels.known.decide(power):
                            power, under = -power, replace(under, is_inverted=not under.is_inverted)
                        times = times * power
        return under, times

    def call(self, op: ops.Call, frame: _Frame, under: Under) -> None:
        under, times = self.under(op.modifiers, frame, under)
        function = self.module[op.callee]
        runs = [self.place(argument, frame) if isinstance(argument, Place) else None for argument in op.arguments]
        values = [
            Register(frame.scope.place_length(argument)) if isinstance(argument, Place) else frame.scope.value(argument)
            for argument in op.arguments
        ]
        function, is_inverted, takes = self.module.own_form(function, under.is_inverted, bool(under.controls))
        if takes or self.calls > _MOST_CALLS or function.kind == "oracle" or (function.has_forms and not under.are_plain):
            raise NotRegular
        under = replace(under, is_inverted=is_inverted)
        inner = _Frame(Scope({p.name: value for p, value in zip(function.parameters, values, strict=True)}))
        inner.runs |= {p.name: run for p, run in zip(function.parameters, runs, strict=True) if run is not None}
        self.calls += 1
        if times == ONE:
            self.body(function, inner, under)
        else:
            self.loop(times, lambda k: self.body(function, _Frame(Scope({**inner.scope.values}), {**inner.runs}), under))
        self.calls -= 1
        for name, returned in zip(op.results, function.returns, strict=False):
            if name is None:
                continue
            if not isinstance(returned, Place):
                frame.scope.values[name] = inner.scope.value(returned)
            elif returned.type == QUBIT or times == ONE:
                frame.runs[name] = self.place(returned, inner)
                frame.scope.values[name] = Register(inner.scope.place_length(returned))

    def body(self, function: ops.Function, frame: _Frame, under: Under) -> None:
        made = self.levels.made
        self.block(function.body, frame, under)
        if function.clean_ancillas and self.levels.made != made:  # qubits that are used again
            raise NotRegular

    def branch(self, op: ops.If, frame: _Frame, under: Under) -> None:
        condition = self.levels.plain(frame.scope.number(op.condition))
        if not condition.is_constant:
            raise NotRegular
        self.block(op.then if condition == 1 else op.otherwise, frame, under)
        for entry in op.joined:
            frame.scope.values[entry.name] = frame.scope.joined(condition, entry.then, entry.otherwise)

    def range_loop(self, op: ops.For, domain: ops.Range, frame: _Frame, under: Under) -> None:
        scope, levels = frame.scope, self.levels
        start, stop, step = (levels.plain(scope.number(part)) for part in (domain.start, domain.stop, domain.step))
        count = levels.plain(trip_count(start, stop, step, op.span))
        numbers: Numbers = {}
        for entry in op.carried:
            value = scope.value(entry.initial)
            is_number = isinstance(value, Quantity) and entry.initial.type != FLOAT and not under.is_inverted
            numbers[entry.name] = value if is_number else self.unfollowed(value, entry.name)

        def iteration(k: Quantity) -> None:
            scope.values |= {**numbers, op.targets[0]: start + step * k}
            self.block(op.body, frame, under)
            for entry in op.carried:
                if isinstance(numbers[entry.name], Quantity):
                    numbers[entry.name] = levels.plain(scope.number(entry.next))

        is_plain = not any(isinstance(value, Quantity) for value in numbers.values())
        if not is_plain or not self.apart(op, start, step, count, frame, under):
            self.loop(count, iteration, under.is_inverted, numbers)
        scope.values |= numbers

    def unfollowed(self, value: Value | RunTime, name: str) -> RunTime:
        """What stands for a value that a loop carries and that is no number."""
        if isinstance(value, RunTime):
            return value
        has_length = isinstance(value, (Argument, Bound)) or not isinstance(value, Quantity)
        return RunTime(length(value) if has_length else None, follows=name)

    def apart(self, op: ops.For, start: Quantity, step: Quantity, count: Quantity, frame: _Frame, under: Under) -> bool:
        """Follow a loop of gates on single qubits, another one in each iteration, as gates on rows of qubits, if it is one."""
        index, rows = fresh(op.targets[0]), list[tuple[Run, Quantity]]()
        frame.scope.values[op.targets[0]] = start + symbol(index) * step
        for inner in op.body:
            match inner:
                case ops.Gate(gate, (Place(str(register), first, _, None),), modifiers=()) if gate not in ("barrier", "gphase"):
                    place = frame.scope.number(first)
                case _:
                    return False
            slope = place.terms.get(frozenset(((Symbol(index), 1),)), 0)
            offset = place - symbol(index) * slope
            if under.controls or not slope or not isinstance(slope, int) or index in offset.free:
                return False
            if len(frame.runs[register]) != 1 or any(map(frame.scope.is_run_time, inner.angles)):
                return False
            (run,) = frame.runs[register]
            is_t = self.is_t(inner)
            rows.append((replace(run.qubit(offset), stride=run.stride * slope, length=count), self.weight(ONE, is_t, under)))
        if self.levels.known.decide(count - 1):
            for run, levels in rows:
                self.levels.lift(run, levels)
        return True

    def is_t(self, op: ops.Gate) -> bool:
        """Whether a gate without controls counts as a T gate."""
        return op.gate in ("t", "tdg") or (op.span is not None and "t" in classes(op))

    def loop(
        self, count: Quantity, run: Callable[[Quantity], None], is_inverted: bool = False, numbers: Numbers | None = None
    ) -> None:
        if is_inverted:
            self.levels.loop(count, lambda k: run(count - 1 - k), numbers)
        else:
            self.levels.loop(count, run, numbers)

    def items_loop(self, op: ops.For, domain: ops.Items, frame: _Frame, under: Under) -> None:
        dictionary = frame.scope.value(domain.dictionary)
        if isinstance(dictionary, (RunTime, Quantity)):
            raise NotRegular
        iterations = list(item_values(op.targets, dictionary))
        if len(iterations) > _MOST_ITEMS or op.carried:
            raise NotRegular
        for values in reversed(iterations) if under.is_inverted else iterations:
            frame.scope.values |= dict(zip(op.targets, values, strict=True))
            self.levels.once(lambda _: self.block(op.body, frame, under), ZERO)

    def evolve(self, op: ops.PauliEvolve, frame: _Frame, under: Under) -> None:
        under, times = self.under(op.modifiers, frame, under)
        value = frame.scope.value(op.observable)
        if isinstance(value, (RunTime, Quantity)) or frame.scope.is_run_time(op.time) or op.observable.type != OBSERVABLE:
            raise NotRegular
        observable = known(value)
        if not isinstance(observable, Hamiltonian) or len(observable.terms) > _MOST_ITEMS:
            raise NotRegular
        words = [operators for _, operators in listed(observable).terms]
        words = words[::-1] if under.is_inverted else words

        def once(k: Quantity) -> None:
            for operators in words:
                if operators or under.controls:
                    qubits = [self.element(op.place, quantity(each.index), frame) for each in operators]
                    self.act([run for runs in qubits for run in runs], under, ONE, is_t=False)

        self.loop(times, once)

    def place(self, place: Place, frame: _Frame) -> tuple[Run, ...]:
        """The qubits of a place."""
        scope, levels = frame.scope, self.levels
        start = levels.plain(scope.number(place.start))
        runs = self.register(place, frame)
        if place.length is None:
            return (self.among(runs, start),)
        size, stride = levels.plain(scope.place_length(place)), scope.number(place.stride)
        if not levels.known.decide(size - 1):
            return ()
        if start == ZERO and stride == ONE and levels.known.equal(size, sum((run.length for run in runs), ZERO)):
            return runs
        if not stride.is_constant:
            raise NotRegular
        step = int(stride.constant)
        if len(runs) > 1:
            if not size.is_constant or size.constant > _MOST_ITEMS:
                raise NotRegular
            return tuple(self.among(runs, start + step * k) for k in range(int(size.constant)))
        return (replace(self.among(runs, start), stride=runs[0].stride * step, length=size),)

    def element(self, place: Place, index: Quantity, frame: _Frame) -> tuple[Run, ...]:
        """One qubit of a place, by its number there."""
        return (self.among(self.place(place, frame), index),)

    def register(self, place: Place, frame: _Frame) -> tuple[Run, ...]:
        if isinstance(place.register, str):
            return frame.runs.get(place.register, ())
        return tuple(run for piece in place.register for run in self.place(piece, frame))

    def among(self, runs: Sequence[Run], index: Quantity) -> Run:
        """The qubit at an index of several runs, one behind the other."""
        for run in runs[:-1]:
            if self.levels.known.decide(self.levels.plain(run.length) - 1 - index):
                return run.qubit(index)
            index = index - run.length
        if not runs:
            raise NoCircuit
        return runs[-1].qubit(index)
