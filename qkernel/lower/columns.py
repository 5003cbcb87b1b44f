"""The growing columns of a circuit: instructions, angles and bodies, written in program order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.gates import GATES
from qkernel.ir.expressions import Expr
from qkernel.lower.bit_angles import in_bits, is_zero
from qkernel.lower.circuit import PASSIVE, Assign, Branch, Kind, Repeat, Run
from qkernel.lower.effort import NODE, spend
from qkernel.lower.values import Affine, Unsettled, is_open

Array = np.ndarray[Any, Any]

Row = tuple[Any, Sequence[int], Sequence[Any], int]
"""A gate on the flat list that modifiers act on: the number of its kind, qubits, angles (values), the number of its span.

In place of the number it has what is a `Compound` of gates.
"""


class Compound:
    """What stands for several gates on the list, and says itself what modifiers make of it."""

    __slots__ = ()

    def inverted(self, kinds: Kinds) -> Compound:
        """It backwards."""
        raise NotImplementedError

    def controlled(self, controls: Sequence[int], selected: int, is_plain: bool, kinds: Kinds) -> Compound:
        """It where the controls hold `selected`: all 1, without a value that was given, if it `is_plain`."""
        raise NotImplementedError

    def write(self, interpreter: Any) -> None:
        """Write its gates where gates go now."""
        raise NotImplementedError


@dataclass(slots=True)
class Group:
    """The gates of one op over all iterations of a loop: qubits (iterations, qubits), an angle one value or one per iteration.

    `order` says where each stands among the gates of all groups that are written together.
    """

    code: int
    qubits: Array
    angles: Sequence[Any]
    span: int
    order: Array


class Kinds:
    """The kinds of a circuit by number, and what a modifier makes of each."""

    def __init__(self) -> None:
        self.table: list[Kind] = []
        self.acquires: set[int] = set()
        self._numbers: dict[Kind, int] = {}
        self._gates: dict[str, int] = {}
        self._adjoints: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._controlled: dict[tuple[int, int, int], int] = {}

    def number(self, kind: Kind) -> int:
        """The number of a kind, a new one if need be."""
        if (found := self._numbers.get(kind)) is None:
            found = self._numbers[kind] = len(self.table)
            self.table.append(kind)
            if kind.name == "acquire":
                self.acquires.add(found)
        return found

    def gate(self, name: str) -> int:
        """The kind of a gate of the table."""
        if (found := self._gates.get(name)) is None:
            rule = GATES[name]
            kind = Kind(rule.base, rule.num_qubits - rule.controls, len(rule.angles), rule.controls, (1 << rule.controls) - 1)
            found = self._gates[name] = self.number(kind)
        return found

    def adjoint(self, code: int) -> tuple[int, tuple[int, ...]]:
        """The kind of the inverse, and the order in which it takes the negated angles."""
        if (found := self._adjoints.get(code)) is None:
            found = self._adjoints[code] = self._adjoint(self.table[code])
        return found

    def _adjoint(self, kind: Kind) -> tuple[int, tuple[int, ...]]:
        if kind.unitary is not None:
            rows = np.array(kind.unitary, complex).conj().T.tolist()
            return self.number(replace(kind, unitary=tuple(map(tuple, rows)))), ()
        if kind.name in ("acquire", "release"):
            return self.number(replace(kind, name="acquire" if kind.name == "release" else "release")), ()
        if kind.name in ("pauli", "barrier"):
            return self.number(kind), tuple(range(kind.num_angles))
        rule = GATES[kind.name]
        return self.number(replace(kind, name=rule.adjoint)), rule.adjoint_order

    def controlled(self, code: int, count: int, selected: int) -> int:
        """The kind with `count` further controls in front, which hold `selected`."""
        if (found := self._controlled.get((code, count, selected))) is None:
            kind = self.table[code]
            if kind.name not in PASSIVE:
                kind = replace(kind, controls=kind.controls + count, control_value=selected | kind.control_value << count)
                if kind.name == "gphase" and kind.controls and kind.is_plainly_controlled:
                    kind = Kind("p", 1, 1, kind.controls - 1, (1 << (kind.controls - 1)) - 1)
            found = self._controlled[code, count, selected] = self.number(kind)
        return found


class Columns:
    """Writes instructions one by one or in groups. What is written between two closings becomes one `Run`.

    Angles that are not affine are `non_affine`, with their slots, or `spread`: one expression for the slots of many iterations.
    """

    def __init__(self) -> None:
        self.kinds = Kinds()
        self.spans: list[Span] = []
        self.body: list[Run | Branch | Repeat | Assign] = []
        self.runs: list[Run] = []
        self.offsets, self.rows = array("d"), array("i")
        self.symbols, self.coefficients = array("q"), array("d")
        self.non_affine: list[tuple[int, Expr]] = []
        self.spread: list[tuple[Array, Expr]] = []
        self._span_numbers: dict[int, int] = {}
        self._open()

    def _open(self) -> None:
        self.kind, self.qubits, self.bits, self.span = array("i"), array("i"), array("i"), array("i")
        self._first_slot = len(self.offsets)

    def close(self) -> None:
        """End the current run; what follows is control flow or the end."""
        if self.kind:
            kind, qubits, bits, span = (np.array(column, np.int32) for column in (self.kind, self.qubits, self.bits, self.span))
            run = Run(kind, qubits, bits, span, self._first_slot)
            self.runs.append(run)
            self.body.append(run)
        self._open()

    def used_kinds(self) -> tuple[Kind, ...]:
        """The kinds that the closed runs have, which from then on are numbered anew: modifiers leave others behind."""
        table = self.kinds.table
        used = sum((np.bincount(run.kind, minlength=len(table)) for run in self.runs), np.zeros(len(table), int)) > 0
        renumbered = (np.cumsum(used) - 1).astype(np.int32)
        for run in self.runs:
            run.kind[:] = renumbered[run.kind]
        return tuple(kind for kind, kept in zip(table, used.tolist(), strict=True) if kept)

    @contextmanager
    def nested(self) -> Iterator[list[Run | Branch | Repeat | Assign]]:
        """Write into a body of its own meanwhile."""
        self.close()
        outer, self.body = self.body, []
        yield self.body
        self.close()
        self.body = outer

    def span_number(self, span: Span | None) -> int:
        """The number of a span; -1 for none."""
        if span is None:
            return -1
        if (found := self._span_numbers.get(id(span))) is None:
            found = self._span_numbers[id(span)] = len(self.spans)
            self.spans.append(span)
        return found

    def emit(self, code: int, qubits: Sequence[int], angles: Sequence[Any], span: int) -> None:
        """Write one instruction; one whose angle measured bits add up to, as one for each of these bits."""
        for angle in angles:
            if isinstance(angle, Expr) and not is_open(angle):
                self._decided(code, qubits, angle, span)
                return
        self.kind.append(code)
        self.qubits.extend(qubits)
        self.span.append(span)
        for angle in angles:
            self._angle(angle)

    def each(self, code: int, qubits: Sequence[int], span: int) -> None:
        """Write one instruction for each qubit, one without angles."""
        for qubit in qubits:
            self.emit(code, (qubit,), (), span)

    def _decided(self, code: int, qubits: Sequence[int], angle: Expr, span: int) -> None:
        constant, bits = in_bits(angle, self.kinds.table[code])
        if not is_zero(constant):
            self.emit(code, qubits, [constant], span)
        for bit, factor in bits.items():
            with self.nested() as body:
                self.emit(code, qubits, [factor], span)
            self.body.append(Branch(bit, tuple(body), (), self.spans[span] if span >= 0 else None))

    def _angle(self, angle: Any) -> None:
        if isinstance(angle, Affine):
            slot = len(self.offsets)
            self.offsets.append(angle.constant)
            if angle.many is not None:
                symbols, coefficients = angle.many
                spend(NODE * len(symbols))
                self.rows.frombytes(np.full(len(symbols), slot, np.int32).tobytes())
                self.symbols.frombytes(symbols.tobytes())
                self.coefficients.frombytes(coefficients.tobytes())
            for symbol, coefficient in angle.terms:
                self.rows.append(slot)
                self.symbols.append(symbol)
                self.coefficients.append(coefficient)
        elif isinstance(angle, Expr):
            self.non_affine.append((len(self.offsets), angle))
            self.offsets.append(0.0)
        else:
            self.offsets.append(angle)

    def unattached(self, values: Sequence[Any]) -> int:
        """Slots for values that belong to no gate; gives the first. What is written behind them has to be no gate either."""
        first = len(self.offsets)
        for value in values:
            if isinstance(value, Expr) and not is_open(value):
                raise Unsettled(value, "an amplitude")
            self._angle(value)
        return first

    def extend(self, groups: Sequence[Group]) -> None:
        """Write the gates of `groups`, each at its `order`; together these are 0, 1, 2, ... without gaps."""
        total = sum(len(group.order) for group in groups)
        code, span, width, angles = np.empty((4, total), np.int32)
        for group in groups:
            code[group.order], span[group.order] = group.code, group.span
            width[group.order], angles[group.order] = group.qubits.shape[1], len(group.angles)
        first_qubit, first_slot = np.cumsum(width) - width, np.cumsum(angles) - angles
        qubits = np.empty(int(width.sum()), np.int32)
        offsets = np.zeros(int(angles.sum()))
        for group in groups:
            for k in range(group.qubits.shape[1]):
                qubits[first_qubit[group.order] + k] = group.qubits[:, k]
            for k, angle in enumerate(group.angles):
                self._group_angle(offsets, first_slot[group.order] + k, angle)
        for column, chunk in ((self.kind, code), (self.span, span), (self.qubits, qubits), (self.offsets, offsets)):
            column.frombytes(chunk.tobytes())

    def _group_angle(self, offsets: Array, slots: Array, angle: Any) -> None:
        if isinstance(angle, Expr):
            self.spread.append((len(self.offsets) + slots, angle))
            return
        if not isinstance(angle, Affine):
            offsets[slots] = angle
            return
        offsets[slots] = angle.constant
        for symbol, coefficient in angle.all_terms:
            self.rows.frombytes((len(self.offsets) + slots).astype(np.int32).tobytes())
            self.symbols.frombytes(np.full(slots.shape, symbol, np.int64).tobytes())
            self.coefficients.frombytes(np.full(slots.shape, coefficient, np.float64).tobytes())
