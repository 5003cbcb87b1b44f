"""The core of lowering: the state of one execution, its blocks, its qubits and what it writes; it knows no op by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from qkernel.diagnostics import Span, written_name
from qkernel.errors import QKernelError, SizeError
from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Expr, Item
from qkernel.ir.module import Module
from qkernel.ir.ops import Block, Call, Gate, Op, Parameter
from qkernel.ir.places import Place
from qkernel.ir.trees import tree_size
from qkernel.ir.types import BIT, QUBIT, is_quantum
from qkernel.ir.walk import expressions
from qkernel.lower.circuit import Box, Expectation, Kind, Promise, bit
from qkernel.lower.columns import Columns, Compound, Row
from qkernel.lower.effort import INSTRUCTION, NODE, OPERATION, spend
from qkernel.lower.evaluation import value, whole
from qkernel.lower.integers import Integers
from qkernel.lower.lengths import Lengths
from qkernel.lower.parameters import OpenParameters
from qkernel.lower.reports import (
    Frame,
    locate,
    not_unitary,
    outside,
    refused_bound,
    register_text,
    translated,
    twice,
    used_again,
)
from qkernel.lower.values import Register, Unsettled, known
from qkernel.lower.workspace import Workspace

Steps = Mapping[type[Any], Callable[["Interpreter", Any, Frame], None]]
"""What lowering does for each type of op."""

FEW_GATES = 24
"""From how many gates on numpy is faster than a gate at a time."""
_MOST_QUBITS = 1 << 24


class Interpreter:
    """Executes ops one after another and writes what they do into columns, or onto a flat list under a modifier."""

    def __init__(
        self,
        steps: Steps,
        module: Module,
        values: Mapping[str, Any],
        open_parameters: Sequence[str],
        lengths: Lengths,
    ) -> None:
        entry = module.entry
        self.steps, self.module = steps, module
        self.open = OpenParameters(tuple(p for p in entry.parameters if p.name in open_parameters), lengths)
        self.columns = Columns()
        self.integers = Integers()
        self.top = self.columns.body
        self.rows: list[Row] | None = None
        self.modified: list[Call | Gate] = []
        self.consumed: dict[int, tuple[str, Span | None]] = {}
        self.workspace = Workspace()
        self.num_qubits = self.num_bits = self.depth = 0
        self.inputs: tuple[int, ...] = ()
        self.branching = self.repeating = 0
        self.registers: list[tuple[str, tuple[int, ...]]] = []
        self.boxes: list[Box] = []
        self.expectations: list[Expectation] = []
        self.side_by_side: list[range] = []
        self.probabilities: list[tuple[int, ...]] = []
        self.clean: list[tuple[Promise, tuple[int, ...]]] = []
        self._gates: dict[int, tuple[int, int, bool]] = {}
        self.plain_loops: dict[int, int] = {}
        self.costs: dict[int, int] = {}
        self.taken_apart: dict[str, tuple[Parameter, ...]] = {}
        self.frame = Frame(entry, dict(self.open.values))
        for parameter in entry.parameters:
            if parameter.name in self.frame.names:
                continue
            if is_quantum(parameter.type):
                size = 1 if parameter.type == QUBIT else values.get(parameter.name)
                if size is None:
                    raise refused_bound(entry, parameter, "a register's length")
                self.frame.names[parameter.name] = self.allocate(parameter.name, size, parameter.span)
                self.inputs = tuple(range(self.num_qubits))
            elif parameter.name in values:
                self.frame.names[parameter.name] = known(values[parameter.name])
            else:
                raise refused_bound(entry, parameter, f"a {parameter.type}")

    # Blocks and errors -------------------------------------------------------------------------------------------------

    def block(self, block: Block, frame: Frame) -> None:
        """Execute the ops of a block."""
        steps = self.steps
        for op in block:
            try:
                spend(self.costs.get(id(op)) or self.cost(op))
                steps[type(op)](self, op, frame)
            except (QKernelError, Unsettled, ArithmeticError, ValueError) as error:
                raise locate(translated(error, self.open), op.span, frame) from None

    def cost(self, op: Op) -> int:
        """The steps of an op, without those of the blocks in it."""
        returned = self.module[op.callee].returns if isinstance(op, Call) else ()
        nodes = sum(tree_size(expr)[0] for expr in (*expressions(op), *returned) if isinstance(expr, Expr))
        self.costs[id(op)] = OPERATION + INSTRUCTION + NODE * nodes
        return self.costs[id(op)]

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
            raise not_unitary(what, self.modified[-1])

    # Qubits ------------------------------------------------------------------------------------------------------------

    def allocate(self, name: str, size: int, span: Span | None) -> Register:
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
        self.workspace.make(first, size, name, span)
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
        qubits = self._stretch(place.register, names)
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
        qubits = self._stretch(place.register, names)
        start, stride, length = (
            whole(value(part, names), "the bounds of a slice") for part in (place.start, place.stride, place.length)
        )
        if length < 0:
            raise SizeError(
                f"a part of the register `{register_text(place)}` would have {length} qubits", label="negative size"
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

    def _stretch(self, register: str | tuple[Place, ...], names: dict[str, Any]) -> list[int]:
        """The qubits of a register, by its name or joined of pieces."""
        if isinstance(register, str):
            found: list[int] = names[register].qubits
            return found
        return [qubit for piece in register for qubit in self.qubits(piece, names)]

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

    # Gates -------------------------------------------------------------------------------------------------------------

    def emit(self, row: Row) -> None:
        """Write a gate where gates go now."""
        if self.rows is not None:
            self.rows.append(row)
        elif isinstance(row[0], Compound):
            row[0].write(self)
        elif row[0] not in self.columns.kinds.acquires:
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
