"""The interpreter: the one place where loops run, branches choose, calls recurse and modifiers act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from qkernel.diagnostics import Note, Span, written_name
from qkernel.errors import KernelRecursionError, NotUnitaryError, QKernelError, SizeError
from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Expr, Item
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Block,
    Call,
    Control,
    Expval,
    For,
    Gate,
    If,
    Measure,
    Modifier,
    Op,
    Parameter,
    PauliEvolve,
    Power,
    Prepare,
    Probabilities,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place
from qkernel.ir.trees import tree_size
from qkernel.ir.types import BIT, QUBIT, is_quantum
from qkernel.ir.walk import expressions
from qkernel.lower import broadcast, loading, loops, measurement, modifiers, returns, runtime
from qkernel.lower.circuit import Box, Circuit, Expectation, Kind, bit
from qkernel.lower.columns import Columns, Row
from qkernel.lower.effort import INSTRUCTION, ITERATION, NODE, OPERATION, spend
from qkernel.lower.evaluation import value, whole
from qkernel.lower.evolution import evolution
from qkernel.lower.integers import Integers
from qkernel.lower.parameters import OpenParameters
from qkernel.lower.reports import Frame, locate, no_body, not_finite, outside, refused_bound, translated, twice, used_again
from qkernel.lower.values import NotVectorised, OpenDictionary, Register, Unsettled, known
from qkernel.recursion import DEEPEST

_FEW_GATES = 24
_MOST_QUBITS = 1 << 24


class Interpreter:
    """Executes ops one after another and writes what they do into columns, or onto a flat list under a modifier."""

    def __init__(
        self,
        module: Module,
        values: Mapping[str, Any],
        open_parameters: Sequence[str],
        lengths: Mapping[str, tuple[Any, ...]],
        trims: bool,
    ) -> None:
        entry = module.entry
        self.module = module
        self.open = OpenParameters(tuple(p for p in entry.parameters if p.name in open_parameters), lengths, trims)
        self.columns = Columns()
        self.integers = Integers()
        self.top = self.columns.body
        self.rows: list[Row] | None = None
        self.modified: list[Call] = []
        self.consumed: dict[int, tuple[str, Span | None]] = {}
        self.num_qubits = self.num_bits = self.depth = 0
        self.inputs: tuple[int, ...] = ()
        self.branching = self.repeating = 0
        self.registers: list[tuple[str, tuple[int, ...]]] = []
        self.boxes: list[Box] = []
        self.expectations: list[Expectation] = []
        self.side_by_side: list[range] = []
        self.probabilities: list[tuple[int, ...]] = []
        self.clean: list[tuple[str, tuple[int, ...]]] = []
        self._gates: dict[int, tuple[int, int, bool]] = {}
        self._plain_loops: dict[int, int] = {}
        self._costs: dict[int, int] = {}
        self.taken_apart: dict[str, tuple[Parameter, ...]] = {}
        self.frame = Frame(entry, dict(self.open.values))
        for parameter in entry.parameters:
            if parameter.name in self.frame.names:
                continue
            if is_quantum(parameter.type):
                size = 1 if parameter.type == QUBIT else values.get(parameter.name)
                if size is None:
                    raise refused_bound(entry, parameter, "a register's length")
                self.frame.names[parameter.name] = self.allocate(parameter.name, size)
                self.inputs = tuple(range(self.num_qubits))
            elif parameter.name in values:
                self.frame.names[parameter.name] = known(values[parameter.name])
            else:
                raise refused_bound(entry, parameter, f"a {parameter.type}")

    def circuit(self) -> Circuit:
        """Run the entry to its end."""
        frame, entry = self.frame, self.module.entry
        if entry.kind == "oracle":
            raise no_body(entry, entry.span)
        self.block(entry.body, frame)
        returned = [expr for expr in entry.returns if isinstance(expr, Expr)]
        qubits = returns.keep_promise(self, frame, len(self.inputs))
        with self.reporting(entry.span, frame):
            outputs = [measurement.output(value(expr, frame.names), expr.type) for expr in returned]
            if self.side_by_side:
                outputs = measurement.outputs_for_each(outputs, self.side_by_side, len(self.expectations))
        self.columns.close()
        angles = self.open.angle_map(self.columns, outputs)
        if not np.isfinite(angles.offsets).all():
            raise not_finite(self.columns, int(np.argmin(np.isfinite(angles.offsets))))
        return Circuit(
            self.num_qubits,
            self.num_bits,
            self.columns.used_kinds(),
            tuple(self.columns.body),
            angles,
            tuple(self.expectations),
            tuple(self.probabilities),
            tuple(map(self.open.written, outputs)),
            entry.returns_tuple or len(outputs) > len(returned),
            tuple(self.registers),
            tuple(self.boxes),
            tuple(self.columns.spans),
            entry.name,
            self.inputs,
            qubits,
            tuple(self.clean),
            self.integers.variables,
            self.open.loads(angles),
        )

    # Blocks and errors -------------------------------------------------------------------------------------------------

    def block(self, block: Block, frame: Frame) -> None:
        """Execute the ops of a block."""
        for op in block:
            try:
                spend(self._costs.get(id(op)) or self.cost(op))
                STEPS[type(op)](self, op, frame)
            except (QKernelError, Unsettled, ArithmeticError, ValueError) as error:
                raise locate(translated(error, self.open), op.span, frame) from None

    def cost(self, op: Op) -> int:
        """The steps of an op, without those of the blocks in it."""
        returned = self.module[op.callee].returns if isinstance(op, Call) else ()
        nodes = sum(tree_size(expr)[0] for expr in (*expressions(op), *returned) if isinstance(expr, Expr))
        self._costs[id(op)] = OPERATION + INSTRUCTION + NODE * nodes
        return self._costs[id(op)]

    @contextmanager
    def reporting(self, span: Span | None, frame: Frame) -> Iterator[None]:
        """Give what goes wrong in here its place in the source."""
        try:
            yield
        except (QKernelError, Unsettled, ArithmeticError, ValueError) as error:
            raise locate(translated(error, self.open), span, frame) from None

    def refuse_modified(self, op: Op, what: str) -> None:
        """Raise if a modifier is to act on `op`, which is not unitary."""
        if self.rows is not None:
            modifier, span = modifiers.name_of(self.modified[-1].modifiers), self.modified[-1].span
            raise NotUnitaryError(
                f"{what} cannot stand in an operation under `{modifier}`",
                label="not unitary",
                notes=(Note(f"`{modifier}` is applied here", span),),
                help="keep gates only in what is inverted, controlled or repeated, and do this outside of it",
            )

    # Qubits ------------------------------------------------------------------------------------------------------------

    def allocate(self, name: str, size: int) -> Register:
        """A fresh register."""
        if size < 0 or self.num_qubits + size >= _MOST_QUBITS:
            raise SizeError(
                f"the register `{written_name(name)}` would have {size} qubits",
                label="negative size" if size < 0 else "too many qubits",
            )
        spend(INSTRUCTION * size)
        first = self.num_qubits
        self.num_qubits += size
        register = Register(list(range(first, first + size)))
        self.registers.append((name, tuple(register.qubits)))
        return register

    def fresh_bits(self, count: int) -> int:
        """The first of `count` new bits."""
        first = self.num_bits
        self.num_bits += count
        return first

    def fresh_variable(self, like: Item) -> Item:
        """A new bit, or an integer that has room for what `like` holds."""
        return bit(self.fresh_bits(1)) if like.type == BIT else self.integers.like(like)

    def qubit(self, place: Place, names: dict[str, Any]) -> int:
        """The one qubit of a place without a length."""
        qubits: list[int] = names[place.register].qubits
        start = place.start
        index = start.value if type(start) is Const else value(start, names)
        if type(index) is not int:
            index = whole(index, "an index")
        if not 0 <= index < len(qubits):
            raise outside(place, index, len(qubits))
        return qubits[index]

    def qubits(self, place: Place, names: dict[str, Any]) -> list[int]:
        """The qubits of a place."""
        if place.length is None:
            return [self.qubit(place, names)]
        qubits: list[int] = names[place.register].qubits
        start, stride, length = (
            whole(value(part, names), "the bounds of a slice") for part in (place.start, place.stride, place.length)
        )
        if length < 0:
            raise SizeError(
                f"a part of the register `{written_name(place.register)}` would have {length} qubits", label="negative size"
            )
        spend(length)
        for index in (start, start + stride * (length - 1)) if length else ():
            if not 0 <= index < len(qubits):
                raise outside(place, index, len(qubits))
        return (
            qubits[start:]
            if stride == 1 and start + length == len(qubits)
            else [qubits[start + stride * k] for k in range(length)]
        )

    def all_qubits(self, places: Iterable[Place], names: dict[str, Any]) -> list[int]:
        """The qubits of several places in order, distinct and alive."""
        qubits = [qubit for place in places for qubit in self.qubits(place, names)]
        self.check(qubits)
        return qubits

    def check(self, qubits: Sequence[int]) -> None:
        """Raise if a qubit stands twice, or was consumed."""
        if len(set(qubits)) != len(qubits):
            raise twice(self.registers, qubits)
        if self.consumed:
            for qubit in qubits:
                if qubit in self.consumed:
                    raise used_again(self.registers, qubit, *self.consumed[qubit])

    def alloc(self, op: Alloc, frame: Frame) -> None:
        size = 1 if op.size is None else whole(value(op.size, frame.names), "the size of a register")
        register = frame.names[op.register] = self.allocate(op.register, size)
        if self.rows is not None:
            frame.fresh.append((register.qubits, op.span))
        if self.repeating:
            reset = self.columns.kinds.number(Kind("reset", 1))
            for qubit in register.qubits:
                self.columns.emit(reset, (qubit,), (), self.columns.span_number(op.span))

    # Gates -------------------------------------------------------------------------------------------------------------

    def emit(self, row: Row) -> None:
        """Write a gate where gates go now."""
        if self.rows is not None:
            self.rows.append(row)
        else:
            self.columns.emit(*row)

    def code(self, op: Gate) -> tuple[int, int, bool]:
        """The numbers of a gate's kind and span, and whether it takes single qubits only."""
        if (found := self._gates.get(id(op))) is None:
            single = all(place.length is None for place in op.places)
            if op.matrix is not None:
                code = self.columns.kinds.number(Kind("unitary", (len(op.matrix) - 1).bit_length(), unitary=op.matrix))
            else:
                single = single and op.gate != "barrier"
                code = self.columns.kinds.gate(op.gate) if op.gate in GATES else -1
            found = self._gates[id(op)] = code, self.columns.span_number(op.span), single
        return found

    def gate(self, op: Gate, frame: Frame) -> None:
        names = frame.names
        code, span, single = self.code(op)
        if not single:
            self.wide_gate(op, code, span, names)
            return
        qubits = [self.qubit(place, names) for place in op.places]
        if self.consumed or len(qubits) > 1:
            self.check(qubits)
        angles = [value(angle, names) for angle in op.angles]
        if op.modifiers:
            for row in self.modify([(code, qubits, angles, span)], op.modifiers, names):
                self.emit(row)
        elif self.rows is None:
            self.columns.emit(code, qubits, angles, span)
        else:
            self.rows.append((code, qubits, angles, span))

    def wide_gate(self, op: Gate, code: int, span: int, names: dict[str, Any]) -> None:
        """A gate on whole places: one gate for each qubit, or a barrier or matrix on all of them."""
        qubits = self.all_qubits(op.places, names)
        if op.gate == "barrier":
            code = self.columns.kinds.number(Kind("barrier", len(qubits)))
        elif op.gate in GATES:
            self.broadcast(op, code, qubits, span, names)
            return
        elif len(qubits) != self.columns.kinds.table[code].num_targets:
            width = self.columns.kinds.table[code].num_targets
            raise SizeError(f"the matrix acts on {width} qubits, and {len(qubits)} are given", label=f"{len(qubits)} qubits")
        for row in self.modify([(code, qubits, (), span)], op.modifiers, names):
            self.emit(row)

    def broadcast(self, op: Gate, code: int, qubits: list[int], span: int, names: dict[str, Any]) -> None:
        """One gate for each qubit."""
        spend(INSTRUCTION * len(qubits))
        angles = broadcast.per_qubit(op, names, len(qubits))
        if self.rows is None and not op.modifiers and len(qubits) >= _FEW_GATES:
            try:
                self.columns.extend([broadcast.group(code, qubits, angles, span)])
                return
            except NotVectorised:
                pass
        for row in self.modify(broadcast.rows(op, code, qubits, angles, span), op.modifiers, names):
            self.emit(row)

    def evolve(self, op: PauliEvolve, frame: Frame) -> None:
        names = frame.names
        qubits = self.all_qubits(op.places, names)
        time = value(op.time, names)
        rows = evolution(value(op.observable, names), qubits, time, self.columns.kinds, self.columns.span_number(op.span))
        spend(INSTRUCTION * sum(1 + len(row[1]) for row in rows))
        for row in self.modify(rows, op.modifiers, names, qubits):
            self.emit(row)

    def modify(
        self, rows: list[Row], applied: Sequence[Modifier], names: dict[str, Any], touched: Iterable[int] = ()
    ) -> list[Row]:
        """The rows under modifiers; `touched` are qubits that the operation holds beside those in the rows."""
        kinds = self.columns.kinds
        for modifier in applied:
            spend(INSTRUCTION * len(rows))
            match modifier:
                case Adjoint():
                    rows = modifiers.adjoint(rows, kinds)
                case Power(exponent):
                    rows = modifiers.power(rows, value(exponent, names), kinds)
                case Control(places, selected, count):
                    controls = self.all_qubits(places, names)
                    spend(len(controls) * len(rows))
                    if count is not None:
                        modifiers.check_count(len(controls), whole(value(count, names), "the number of controls"))
                    if not set(controls).isdisjoint(touched):
                        raise modifiers.controlled_target()
                    number = (1 << len(controls)) - 1 if selected is None else whole(value(selected, names), "a control value")
                    if number >> len(controls):
                        raise SizeError(
                            f"the control value {number} does not fit {len(controls)} controls", label="controlled here"
                        )
                    rows = modifiers.control(rows, controls, number, kinds)
        return rows

    # Calls -------------------------------------------------------------------------------------------------------------

    def call(self, op: Call, frame: Frame) -> None:
        function = self.module[op.callee]
        if function.kind == "oracle":
            raise no_body(function, op.span)
        names, quantum = {}, []
        for parameter, argument in zip(function.parameters, op.arguments, strict=True):
            if isinstance(argument, Place):
                names[parameter.name] = Register(self.qubits(argument, frame.names))
                quantum += names[parameter.name].qubits
            else:
                names[parameter.name] = value(argument, frame.names)
        self.check(quantum)
        inner = Frame(function, names, op, frame)
        if op.modifiers:
            outer, self.rows = self.rows, []
            self.modified.append(op)
            self.enter(inner)
            rows, self.rows = self.rows, outer
            self.modified.pop()
            for row in self.modify(rows, op.modifiers, frame.names, quantum):
                self.emit(row)
        elif function.kind == "composite" and self.rows is None and self.columns.body is self.top and not self.top:
            start, fresh, position = len(self.columns.kind), self.num_qubits, len(self.boxes)
            self.enter(inner)
            if not self.top:
                held = (*quantum, *range(fresh, self.num_qubits))
                self.boxes.insert(position, Box(function.label or function.name, start, len(self.columns.kind), held))
        else:
            self.enter(inner)
        returns.check_returned(self, inner)
        for result, returned in zip(op.results, function.returns, strict=False):
            if result is not None:
                frame.names[result] = self.result(returned, names)

    def result(self, returned: Expr | Place, names: dict[str, Any]) -> Any:
        return Register(self.qubits(returned, names)) if isinstance(returned, Place) else value(returned, names)

    def enter(self, frame: Frame) -> None:
        """Execute the body of a called function."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise KernelRecursionError(
                f"`{written_name(frame.function.name)}` is called {DEEPEST} calls deep",
                label="called here",
                help="end the recursion by an `if` on a value that is known when the kernel is compiled",
            )
        first = self.num_qubits
        self.block(frame.function.body, frame)
        self.depth -= 1
        if self.num_qubits > first:
            returns.keep_promise(self, frame, first)
        if frame.fresh:
            returns.keep_fresh(self, frame)

    # Loops and branches ------------------------------------------------------------------------------------------------

    def loop(self, op: For, frame: Frame) -> None:
        names = frame.names
        if isinstance(op.domain, Range):
            parts = (op.domain.start, op.domain.stop, op.domain.step)
            start, stop, step = (whole(value(part, names), "the number of iterations") for part in parts)
            if not step:
                raise SizeError("the step of a loop is 0", label="step 0")
            iterations: range | dict[Any, Any] = range(start, stop, step)
            spend(ITERATION * max(0, (stop - start) // step))
            targets: Iterable[tuple[Any, ...]] = ((k,) for k in iterations)
        else:
            dictionary = value(op.domain.dictionary, names)
            if isinstance(dictionary, OpenDictionary):
                dictionary = dictionary.items()
            iterations, spread = dictionary, len(op.targets) > 2
            spend(ITERATION * len(dictionary))
            targets = ((*key, entry) if spread else (key, entry) for key, entry in dictionary.items())
        if self.rows is None and self.unrolled(op, iterations, names):
            return
        names.update([(entry.name, value(entry.initial, names)) for entry in op.carried])
        frame.loops.append(op.targets)
        for target in targets:
            for name, entry in zip(op.targets, target, strict=True):
                names[name] = entry
            self.block(op.body, frame)
            if op.carried:
                spend(self._costs[id(op)])
                names.update(runtime.after_round(self, op.carried, frame))
        frame.loops.pop()

    def unrolled(self, op: For, iterations: range | dict[Any, Any], names: dict[str, Any]) -> bool:
        """Whether the loop could be lowered for all its iterations at once."""
        if (gates := self._plain_loops.get(id(op))) is None:
            gates = self._plain_loops[id(op)] = loops.gates_in(op)
        if len(iterations) * gates < _FEW_GATES:
            return False
        try:
            self.columns.extend(loops.unroll(op, iterations, names, self.code, self.consumed))
        except NotVectorised:
            self._plain_loops[id(op)] = 0
            return False
        return True

    def branch(self, op: If, frame: Frame) -> None:
        names = frame.names
        condition = value(op.condition, names)
        if not isinstance(condition, (bool, int, float)):
            runtime.branch(self, op, condition, frame)
            return
        self.block(op.then if condition else op.otherwise, frame)
        names.update([(entry.name, value(entry.then if condition else entry.otherwise, names)) for entry in op.joined])


STEPS: dict[type[Any], Callable[[Interpreter, Any, Frame], None]] = {
    Alloc: Interpreter.alloc,
    Gate: Interpreter.gate,
    PauliEvolve: Interpreter.evolve,
    Prepare: loading.prepare,
    Call: Interpreter.call,
    Measure: measurement.measure,
    Reset: measurement.reset,
    Expval: measurement.expval,
    Probabilities: measurement.probabilities,
    For: Interpreter.loop,
    If: Interpreter.branch,
    While: runtime.repeat,
}
