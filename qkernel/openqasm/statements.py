"""Blocks of a kernel as statements of OpenQASM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from qkernel.diagnostics import written_name
from qkernel.errors import QKernelError
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Pack, SystemName
from qkernel.ir.ops import (
    Alloc,
    Block,
    Call,
    Carried,
    Expval,
    For,
    Gate,
    If,
    Items,
    Measure,
    Op,
    PauliEvolve,
    Prepare,
    Probabilities,
    Reset,
    While,
    Within,
)
from qkernel.ir.trees import Bounds
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, joined_type
from qkernel.lower.circuit import EXPECTATIONS
from qkernel.lower.measurement import AFTER, BEFORE
from qkernel.openqasm.gate_statements import GateStatements
from qkernel.openqasm.gates import Definitions
from qkernel.openqasm.scope import Frame, Needed, NoGate, Text, known
from qkernel.openqasm.variables import Variables


@dataclass
class Statements(GateStatements, Variables):
    """Writes the blocks of one function. `is_top` says that what is written is at the top of the program."""

    document: Text
    frame: Frame
    is_top: bool = False

    @property
    def definitions(self) -> Definitions:  # type: ignore[override]
        return self.document.definitions

    # Blocks ---------------------------------------------------------------------------------------------------------

    def block(self, block: Block) -> list[str]:
        lines: list[str] = []
        for op in block:
            try:
                lines += self.op(op)
            except (Needed, NoGate) as error:
                error.span = error.span or op.span
                raise
            except QKernelError:
                if self.scope.numbers:  # what cannot be is not reached, for some of these
                    raise Needed(ZERO, self.scope.numbers, op.span) from None
                raise
        return lines

    def inner(self, block: Block, following: Callable[[], list[str]] = list) -> list[str]:
        """A block within braces, and what is written at its end."""
        outer, self.is_top = self.is_top, False
        try:
            return [f"  {line}" for line in (*self.block(block), *following())]
        finally:
            self.is_top = outer

    def op(self, op: Op) -> list[str]:
        match op:
            case Alloc():
                return self.alloc(op)
            case Gate():
                return self.gate(op)
            case PauliEvolve() | Prepare():
                return self.lowered(op)
            case Call():
                return self.document.call(self, op)
            case Measure():
                return self.measure(op)
            case Reset():
                self.no_gate("resets qubits", op)
                return [f"reset {text};" for text in self.registers(self.frame.place(op.place))]
            case Expval() | Probabilities():
                return self.readout(op)
            case For():
                return self.loop(op)
            case If():
                return self.branch(op)
            case While():
                return self.repeat(op)
            case Within(setup, body):
                used = self.scope.used
                undo = self.document.around(self, setup[0])
                lines = [*undo[0], *self.block(body), *undo[1]]
                self.scope.used = used
                return lines

    def no_gate(self, what: str, op: Op) -> None:
        if self.scope.is_gate:
            raise NoGate(what, op.span)

    def alloc(self, op: Alloc) -> list[str]:
        size = None if op.size is None else known(self.frame.value(op.size))
        if self.is_top:
            place = self.scope.register(op.register, size)
            self.document.declare_qubits(place)
        else:
            place = self.scope.take(size)
        self.frame.places[op.register] = place
        return [f"reset {text};" for text in self.registers(place)] if self.scope.repeats else []

    # Measurements ---------------------------------------------------------------------------------------------------

    def measure(self, op: Measure) -> list[str]:
        self.no_gate("measures", op)
        place = self.frame.place(op.place)
        texts = self.registers(place)
        before = [f"{gate} {text};" for gate in BEFORE[op.basis] for text in texts]
        after = [f"{gate} {text};" for gate in AFTER[op.basis] for text in texts] if op.keeps else []
        if place.length is None:
            return [*before, *self.declare(op.result, BIT, f"measure {texts[0]}"), *after]
        count = known(place.length)
        if len(texts) == 1:
            return [*before, *self.declare(op.result, ArrayType(BIT), f"measure {texts[0]}", (count,)), *after]
        lines = self.declare(op.result, ArrayType(BIT), None, (count,))
        name = self.frame.values[op.result]
        return [*before, *lines, *(f"{name}[{k}] = measure {text};" for k, text in enumerate(texts)), *after]

    def readout(self, op: Expval | Probabilities) -> list[str]:
        self.no_gate("reads out its state", op)
        self.frame.values[op.result] = SystemName(
            EXPECTATIONS.key, ArrayType(FLOAT) if isinstance(op, Probabilities) else FLOAT
        )
        on = ", ".join(self.registers(self.frame.place(op.place))) or "no qubits"
        if isinstance(op, Probabilities):
            return [f"// {written_name(op.result)}: the probabilities of {on}, the first least significant"]
        observable = self.frame.value(op.observable)
        parts = observable.items if isinstance(observable, Pack) else (observable,)
        return [f"// {written_name(op.result)}: the expectation value of {part} on {on}" for part in parts]

    # Control flow ---------------------------------------------------------------------------------------------------

    def branch(self, op: If) -> list[str]:
        condition = self.frame.value(op.condition)
        if isinstance(condition, Const):
            lines = self.block(op.then if condition.value else op.otherwise)
            chosen = {entry.name: self.frame.value(entry.then if condition.value else entry.otherwise) for entry in op.joined}
            self.frame.values.update(chosen)
            return lines
        if self.scope.is_gate:
            raise Needed(condition)
        declared: list[str] = []

        targets: dict[str, Expr] = {}

        def hand_on(side: str) -> list[str]:
            values = [self.frame.value(getattr(entry, side)) for entry in op.joined]
            if not targets:
                for entry, value in zip(op.joined, values, strict=True):
                    type = joined_type(entry.then.type, entry.otherwise.type)
                    declared.extend(self.declare(entry.name, type, None, self.shape(value)))
                    targets[entry.name] = self.frame.values[entry.name]
            return self.assign_all(list(targets.values()), values)

        test = self.scope.write(condition)
        then, otherwise = (self.inner(getattr(op, side), partial(hand_on, side)) for side in ("then", "otherwise"))
        self.frame.values.update(targets)
        return [*declared, f"if ({test}) {{", *then, *(["} else {", *otherwise] if otherwise else []), "}"]

    def loop(self, op: For) -> list[str]:
        if isinstance(op.domain, Items):
            return self.unrolled(op, self.document.items(self.frame, op.domain))
        start, stop, step = (self.frame.value(bound) for bound in (op.domain.start, op.domain.stop, op.domain.step))
        if not isinstance(step, Const):
            raise Needed(step)
        if isinstance(start, Const) and isinstance(stop, Const) and not range(start.value, stop.value, step.value):
            return self.unrolled(op, [])
        state = self.state
        target = self.scope.names.fresh(written_name(op.targets[0]))
        try:
            return self.kept(op, target, (start, stop, step))
        except (Needed, ArithmeticError) as error:  # a branch that this loop never takes may have no value
            if isinstance(error, Needed) and not error.names & (self.carried_names(op) | {target}):
                raise
            known(start), known(stop)
        finally:
            self.scope.numbers.discard(target)
        self.state = state
        return self.unrolled(op, [(Const(k),) for k in range(known(start), known(stop), known(step))])

    @property
    def state(self) -> tuple[Any, ...]:
        """What an attempt that is given up is undone to."""
        return self.document.state, self.scope.used, dict(self.frame.values), dict(self.frame.places)

    @state.setter
    def state(self, kept: tuple[Any, ...]) -> None:
        self.document.state, self.scope.used, self.frame.values, self.frame.places = kept

    def carried_names(self, op: For | While) -> set[str]:
        """What the text calls the values that a loop carries."""
        found = [self.frame.values.get(entry.name) for entry in op.carried]
        return {value.name for value in found if isinstance(value, Name)}

    def kept(self, op: For, target: str, ends: tuple[Expr, Expr, Expr]) -> list[str]:
        """A loop as a loop."""
        start, stop, step = ends
        if self.scope.is_gate and op.carried:
            raise Needed(Name(target, UINT))
        lines = self.carry(op.carried)
        self.frame.values[op.targets[0]] = Name(target, UINT)
        self.scope.numbers.add(target)
        is_up = step.value > 0  # type: ignore[attr-defined]
        low, high = (start, stop - 1) if is_up else (stop + 1, start)
        self.scope.know(target, Bounds(self.scope.text.between(low).least, self.scope.text.between(high).greatest))
        used, registers = self.scope.used, len(self.document.registers)
        body = self.inner(op.body, lambda: self.next(op.carried))
        if self.scope.used != used or len(self.document.registers) != registers:
            raise Needed(Name(target, UINT))  # each iteration makes qubits of its own
        middle = "" if step is ONE else f"{self.scope.write(step)}:"
        domain = f"{self.scope.write(start)}:{middle}{self.scope.write(high if is_up else low)}"
        return [*lines, f"for int {target} in [{domain}] {{", *body, "}"]

    def carry(self, carried: Sequence[Carried]) -> list[str]:
        """The variables that a loop carries, with their values before it."""
        lines: list[str] = []
        for entry in carried:
            lines += self.declare(entry.name, joined_type(entry.initial.type, entry.next.type), entry.initial)
        return lines

    def unrolled(self, op: For, iterations: Sequence[tuple[Expr, ...]]) -> list[str]:
        """A loop as its iterations, one after another."""
        self.start(op.carried)
        lines: list[str] = []
        for targets in iterations:
            self.frame.values.update(zip(op.targets, targets, strict=True))
            lines += self.block(op.body)
            self.step(op.carried)
        return lines

    def start(self, carried: Sequence[Carried]) -> None:
        """Let what a loop carries be what it is before the first iteration."""
        self.frame.values.update({entry.name: self.frame.value(entry.initial) for entry in carried})

    def step(self, carried: Sequence[Carried]) -> None:
        """Let what a loop carries be what it is after an iteration."""
        self.frame.values.update({entry.name: self.frame.value(entry.next) for entry in carried})

    def repeat(self, op: While) -> list[str]:
        """A loop as long as something holds: as its iterations where these are known, and it cannot be written otherwise."""
        first = self.tested(op, {entry.name: self.frame.value(entry.initial) for entry in op.carried})
        state = self.state
        try:
            return self.repeated(op, is_known=isinstance(first, Const))
        except Needed as error:
            if not isinstance(first, Const) or not error.names & (self.carried_names(op) | {""}):
                raise
        self.state = state
        lines: list[str] = []
        self.start(op.carried)
        while isinstance(test := self.frame.value(op.condition), Const):
            if not test.value:
                return lines
            lines += self.block(op.body)
            self.step(op.carried)
        rest = replace(op, carried=tuple(replace(entry, initial=Name(entry.name, entry.initial.type)) for entry in op.carried))
        return [*lines, *self.repeated(rest, is_known=False)]

    def tested(self, op: While, values: dict[str, Expr]) -> Expr:
        """The condition of a loop before it runs."""
        return Frame(self.frame.function, self.scope, {**self.frame.values, **values}).value(op.condition)

    def repeated(self, op: While, is_known: bool) -> list[str]:
        """A loop as a loop; one that `is_known` before the circuit runs makes new qubits in each iteration."""
        if self.scope.is_gate:
            if is_known:
                raise Needed(op.condition, {""})
            raise NoGate("loops at run time", op.span)
        lines = self.carry(op.carried)
        test = self.scope.write(self.frame.value(op.condition))
        outer, used, self.scope.repeats = self.scope.repeats, self.scope.used, self.scope.repeats or not is_known
        body = self.inner(op.body, lambda: self.next(op.carried))
        self.scope.repeats = outer
        if is_known and self.scope.used != used:
            raise Needed(op.condition, {""})
        return [*lines, f"while ({test}) {{", *body, "}"]
