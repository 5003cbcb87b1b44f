"""Loops: one iteration after the other, and loops of plain gates for all their iterations at once, with numpy.

There, indices, angles, bounds and aliases are evaluated over arrays that hold one value per iteration. Whatever does not
go through, errors included, goes step by step instead; numpy's half only says no, by `NotVectorised`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import numpy as np

from qkernel.errors import QKernelError, SizeError
from qkernel.gates import GATES
from qkernel.ir.compiled import PLAIN
from qkernel.ir.ops import Block, Carried, For, Gate, Range
from qkernel.ir.places import Place
from qkernel.ir.trees import tree_size
from qkernel.ir.walk import expressions
from qkernel.lower.columns import Group
from qkernel.lower.effort import INSTRUCTION, ITERATION, spend
from qkernel.lower.evaluation import as_machine_numbers, value, whole
from qkernel.lower.interpreter import FEW_GATES, Interpreter
from qkernel.lower.reports import Frame
from qkernel.lower.values import Affine, Array, NotVectorised, OpenDictionary, Unsettled, is_open, numbers

_ANGLES = PLAIN | {np.ndarray, Affine}

Code = Callable[[Gate], tuple[int, int, bool]]
"""The numbers of a gate's kind and span, and whether it takes single qubits."""


def loop(interpreter: Interpreter, op: For, frame: Frame) -> None:
    """Execute the body for each value, or all at once."""
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
    if interpreter.rows is None and _at_once(interpreter, op, iterations, names):
        return
    names.update([(entry.name, value(entry.initial, names)) for entry in op.carried])
    frame.loops.append(op.targets)
    for target in targets:
        for name, entry in zip(op.targets, target, strict=True):
            names[name] = entry
        interpreter.block(op.body, frame)
        if op.carried:
            spend(interpreter.costs[id(op)])
            names.update(after_iteration(interpreter, op.carried, frame))
    frame.loops.pop()


def _at_once(interpreter: Interpreter, op: For, iterations: range | dict[Any, Any], names: dict[str, Any]) -> bool:
    """Whether the loop could be lowered for all its iterations at once."""
    if (gates := interpreter.plain_loops.get(id(op))) is None:
        gates = interpreter.plain_loops[id(op)] = _gates_in(op)
    if len(iterations) * gates < FEW_GATES:
        return False
    try:
        interpreter.columns.extend(unroll(op, iterations, names, interpreter.code, interpreter.consumed))
    except NotVectorised:
        interpreter.plain_loops[id(op)] = 0
        return False
    return True


def after_iteration(interpreter: Interpreter, carried: Sequence[Carried], frame: Frame) -> list[tuple[str, Any]]:
    """What carried names are after an iteration; an error is reported where the iteration assigns them."""
    try:
        return [(entry.name, value(entry.next, frame.names)) for entry in carried]
    except (QKernelError, Unsettled, ArithmeticError, ValueError):
        for entry in carried:  # the one that it was raises again
            with interpreter.reporting(entry.span, frame):
                value(entry.next, frame.names)
        raise


def _gates_in(op: For) -> int:
    """The number of gates written in a loop that may go all at once, 0 if it may not."""
    if op.carried:
        return 0
    total = 0
    for inner in op.body:
        match inner:
            case Gate() if inner.gate in GATES and not inner.modifiers and not any(map(_is_wide, inner.places)):
                total += 1
            case For(domain=Range()) if more := _gates_in(inner):
                total += more
            case _:
                return 0
    return total


def _is_wide(place: Place) -> bool:
    return place.length is not None or type(place.register) is not str


def unroll(
    op: For, iterations: range | dict[Any, Any], names: dict[str, Any], code: Code, consumed: Container[int]
) -> list[Group]:
    """The gates of a loop over a range or the items of a dictionary, in groups for `Columns.extend`."""
    spend(len(names))
    local = {**names, **dict(zip(op.targets, _variables(iterations, len(op.targets)), strict=True))}
    try:
        with np.errstate(all="raise"):
            sizes, groups = _Unrolling(code, consumed).block(op.body, local, op.targets, len(iterations))
    except (QKernelError, Unsettled, ArithmeticError, LookupError, ValueError, TypeError):
        raise NotVectorised from None
    ends = np.cumsum(np.broadcast_to(sizes, len(iterations)))
    first = ends - sizes
    return [
        Group(group.code, group.qubits, group.angles, group.span, first[iterations_of] + group.order)
        for group, iterations_of in groups
    ]


def _variables(iterations: range | dict[Any, Any], count: int) -> list[Array]:
    """The values of each loop variable, one per iteration."""
    if isinstance(iterations, range):
        return [np.arange(iterations.start, iterations.stop, iterations.step, dtype=np.int64)]
    keys, values = numbers(list(iterations)), numbers(list(iterations.values()))
    columns = [*keys.T, values] if keys.ndim == 2 else [keys, values]
    if len(columns) != count or keys.dtype.kind not in "iu":
        raise NotVectorised
    return columns


class _Unrolling:
    def __init__(self, code: Code, consumed: Container[int]) -> None:
        self.code, self.consumed = code, consumed

    def block(
        self, block: Block, names: dict[str, Any], variables: tuple[str, ...], count: int
    ) -> tuple[Any, list[tuple[Group, Array]]]:
        """How many gates each iteration has, and the groups; with each group the iteration that each of its gates belongs to.

        Here the order of a group counts from the first gate of the iteration.
        """
        sizes: Any = np.zeros(count, np.int64)
        every = np.arange(count)
        groups = []
        for op in block:
            match op:
                case Gate():
                    groups.append((self.gate(op, names, sizes), every))
                    sizes = sizes + 1
                case For(domain=Range() as domain):
                    more, inner = self.loop(op, domain, names, variables, count, sizes)
                    groups += inner
                    sizes = sizes + more
        return sizes, groups

    def loop(
        self, op: For, domain: Range, names: dict[str, Any], variables: tuple[str, ...], count: int, before: Array
    ) -> tuple[Array, list[tuple[Group, Array]]]:
        """As `block`, for a loop within the loop; `before` counts the gates that stand before it in each iteration."""
        bounds = [_integers(value(bound, names), count) for bound in (domain.start, domain.stop, domain.step)]
        start, stop, step = bounds
        if not step.all():
            raise NotVectorised
        trips = np.maximum(0, -((start - stop) // step))
        spend(ITERATION * int(trips.sum(dtype=float)))
        total = int(trips.sum())
        if not total:
            return np.zeros(count, np.int64), []
        parent = np.repeat(np.arange(count), trips)
        ends = np.cumsum(trips)
        local = {**names, **{name: names[name][parent] for name in variables}}
        local[op.targets[0]] = start[parent] + step[parent] * (np.arange(total) - (ends - trips)[parent])
        sizes, groups = self.block(op.body, local, (*variables, op.targets[0]), total)
        running = np.concatenate([[0], np.cumsum(sizes)])
        shift = running[:-1] - running[ends - trips][parent] + before[parent]
        for group, iterations in groups:
            group.order = group.order + shift[iterations]
        return running[ends] - running[ends - trips], [(group, parent[iterations]) for group, iterations in groups]

    def gate(self, op: Gate, names: dict[str, Any], order: Array) -> Group:
        spend((INSTRUCTION + sum(tree_size(expr)[0] for expr in expressions(op)) // 4) * len(order))
        qubits = np.empty((len(order), len(op.places)), np.int32)
        for k, place in enumerate(op.places):
            assert isinstance(place.register, str)
            register, index = names[place.register].array, value(place.start, names)
            match index:
                case np.ndarray() if index.dtype.kind in "iu" and index.min() >= 0 and index.max() < len(register):
                    qubits[:, k] = register[index]
                case int() if type(index) is int and 0 <= index < len(register):
                    qubits[:, k] = register[index]
                case _:
                    raise NotVectorised
        for k in range(1, qubits.shape[1]):
            if (qubits[:, :k] == qubits[:, k : k + 1]).any():
                raise NotVectorised
        if self.consumed and any(qubit in self.consumed for qubit in np.unique(qubits).tolist()):
            raise NotVectorised
        code, span, _ = self.code(op)
        angles = [as_machine_numbers(value(angle, names)) for angle in op.angles]
        if not all(type(angle) in _ANGLES or is_open(angle) for angle in angles):
            raise NotVectorised
        return Group(code, qubits, angles, span, order)


def _integers(bound: Any, count: int) -> Array:
    if type(bound) is not int and not (isinstance(bound, np.ndarray) and bound.dtype.kind in "iu"):
        raise NotVectorised
    return np.broadcast_to(np.asarray(bound, np.int64), (count,))
