"""Which qubits ops touch, and along which axis: what tells whether two of them may change places.

A gate has an axis on a qubit if it commutes with that Pauli matrix there. Gates that have one axis on each qubit that they
share are diagonal in one basis of these, and commute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from qkernel.gates import GATES, Matrix, pauli_matrix
from qkernel.ir import ops
from qkernel.ir.expressions import Apply, Const, Expr
from qkernel.ir.module import Module
from qkernel.ir.operators import PAULIS
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place, whole
from qkernel.ir.types import OBSERVABLE
from qkernel.ir.walk import definitions, return_types, walk
from qkernel.observable import Hamiltonian
from qkernel.optimize.linear import linear

Axis = str | None
"""A letter of `PAULIS`, or None where there is no axis."""

_ROUNDING = 1e-14  # of the entries of a product of matrices; a matrix that commutes up to more does not


@dataclass(frozen=True, slots=True)
class Touch:
    """What an op does to the qubits of a place."""

    place: Place
    axis: Axis


@cache
def axes(gate: str) -> tuple[Axis, ...]:
    """The axis on each qubit of a gate of the table, whatever its angles; "" where it does nothing to it."""
    rule = GATES[gate]
    return _axes([rule.matrix(*np.arange(1, len(rule.angles) + 1) * scale) for scale in (0.7, 1.9)], rule.num_qubits)


def _axes(matrices: list[Matrix], count: int) -> tuple[Axis, ...]:
    found: list[Axis] = []
    for k in range(count):
        letters = [
            letter
            for letter in PAULIS
            if all(_commutes(matrix, "I" * k + letter + "I" * (count - k - 1)) for matrix in matrices)
        ]
        found.append("" if len(letters) > 1 else letters[0] if letters else None)
    return tuple(found)


def _commutes(matrix: Matrix, word: str) -> bool:
    pauli = pauli_matrix(word)
    return bool(np.allclose(matrix @ pauli, pauli @ matrix, atol=_ROUNDING, rtol=0))


def apart(left: Place, right: Place) -> bool:
    """Whether two places of one block share no qubit, whatever their names stand for."""
    if left.registers.isdisjoint(right.registers):
        return True
    if left.pieces or right.pieces:
        return all(apart(one, other) for one in left.pieces or (left,) for other in right.pieces or (right,))
    offset = linear(right.start - left.start)
    return (
        _never_meets(offset, _stride(left), _stride(right))
        or _is_behind(left, right)
        or _is_behind(right, left)
    )  # fmt: skip


def _stride(place: Place) -> int | None:
    """How far its qubits are from each other, 0 for a single one; None where that is not known."""
    if place.length is None:
        return 0
    return abs(place.stride.value) if isinstance(place.stride, Const) else None


def _never_meets(offset: Any, left: int | None, right: int | None) -> bool:
    """Whether stretches with these strides, which begin `offset` apart, have no element in common."""
    if left is None or right is None or (offset and set(offset) != {None}):
        return False
    step, distance = int(np.gcd(left, right)), offset.get(None, 0)
    return bool(distance % step if step else distance)


def _is_behind(left: Place, right: Place) -> bool:
    """Whether `right` begins behind the end of `left`, both in rising order."""
    first, second = _stride(left), _stride(right)
    if first is None or second is None or any(_falls(place) for place in (left, right)):
        return False
    end = left.start if left.length is None else left.start + (left.length - 1) * first
    gap = linear(right.start - end)
    return set(gap) == {None} and gap[None] > 0


def _falls(place: Place) -> bool:
    return isinstance(place.stride, Const) and place.stride.value < 0


@dataclass(slots=True)
class Reading:
    """What is known of the ops of a module: each asked for once."""

    module: Module
    returns: Any = field(init=False)
    _functions: dict[str, tuple[Axis, ...]] = field(default_factory=dict)
    _touches: dict[int, tuple[Op, tuple[Touch, ...]]] = field(default_factory=dict)
    _apart: dict[tuple[Place, Place], bool] = field(default_factory=dict)
    _names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.returns = return_types(self.module.functions)

    @property
    def names(self) -> frozenset[str]:
        """All names that functions of the module give to anything."""
        if not self._names:
            inside = [op for function in self.module.functions for op in walk(function.body)]
            found = {name for op in inside for name, _ in definitions(op, self.returns)}
            found |= {target for op in inside if isinstance(op, ops.For) for target in op.targets}
            found |= {parameter.name for function in self.module.functions for parameter in function.parameters}
            self._names = frozenset(found | {function.name for function in self.module.functions})
        return self._names

    # what ops do ---------------------------------------------------------------------------------------------------------

    def defines(self, op: Op) -> bool:
        """Whether what follows `op` may name something that it makes."""
        return not isinstance(op, ops.Gate) and any(True for _ in definitions(op, self.returns))

    def touches(self, op: Op) -> tuple[Touch, ...]:
        """What `op` does to qubits that are there before it."""
        found = self._touches.get(id(op))
        if found is None:
            found = self._touches[id(op)] = op, tuple(self._of(op))
        return found[1]

    def commute(self, left: Op, right: Op) -> bool:
        """Whether two ops of one block may change places, as far as their qubits go."""
        return all(
            (one.axis is not None and one.axis == other.axis) or self.apart(one.place, other.place)
            for one in self.touches(left)
            for other in self.touches(right)
        )

    def apart(self, left: Place, right: Place) -> bool:
        """As `apart`, kept."""
        found = self._apart.get((left, right))
        if found is None:
            found = self._apart[left, right] = self._apart[right, left] = apart(left, right)
        return found

    def _of(self, op: Op) -> Iterator[Touch]:
        match op:
            case ops.Gate():
                yield from _gate(op)
            case ops.PauliEvolve(place, observable):
                yield Touch(place, _letter(observable))
            case ops.Call():
                yield from self._call(op)
            case ops.Measure(place, _, basis):
                yield Touch(place, basis.upper())
            case ops.Prepare(place) | ops.Reset(place) | ops.Expval(place):
                yield Touch(place, None)
            case ops.Probabilities(place):
                yield Touch(place, "Z")
            case ops.For() | ops.While():
                targets = op.targets if isinstance(op, ops.For) else ()
                yield from self._outside(op.body, {*targets, *(name for name, _ in definitions(op, self.returns))})
            case ops.If(_, then, otherwise):
                yield from self._outside((*then, *otherwise), set())
            case ops.Within(setup, body):
                yield from self._outside((*setup, *body), set())
            case ops.Alloc():
                pass
        for modifier in getattr(op, "modifiers", ()):
            if isinstance(modifier, ops.Control):
                yield from (Touch(place, "Z") for place in modifier.places)

    def _call(self, call: ops.Call) -> Iterator[Touch]:
        for argument, axis in zip(call.arguments, self.function(call.callee), strict=True):
            if isinstance(argument, Place) and axis != "":
                yield Touch(argument, axis)

    def function(self, name: str) -> tuple[Axis, ...]:
        """The axis of a function on each of its parameters; none where it calls itself, and where its forms may differ."""
        if name not in self._functions:
            function = self.module[name]
            self._functions[name] = (None,) * len(function.parameters)
            if function.kind != "oracle" and not function.has_forms:
                inside = list(self._outside(function.body, set()))
                self._functions[name] = tuple(
                    _together(touch.axis for touch in inside if parameter.name in touch.place.registers)
                    for parameter in function.parameters
                )
        return self._functions[name]

    def _outside(self, block: Block, own: set[str]) -> Iterator[Touch]:
        """What a block does outside of itself: where what it touches depends on names of its `own`, to whole registers."""
        inside = {*own, *(name for op in walk(block) for name, _ in definitions(op, self.returns))}
        inside |= {name for op in walk(block) if isinstance(op, ops.For) for name in op.targets}
        for touch in dict.fromkeys(touch for op in block for touch in self.touches(op)):
            if inside.isdisjoint(touch.place.names | touch.place.registers):
                yield touch
            else:
                yield from (replace(touch, place=whole(register)) for register in touch.place.registers - inside)


def _gate(gate: ops.Gate) -> Iterator[Touch]:
    if gate.gate in GATES:
        found = axes(gate.gate)
    elif gate.matrix is not None and all(place.length is None for place in gate.places):
        found = _axes([np.array(gate.matrix)], len(gate.places))
    else:
        found = (None,) * len(gate.places)
    yield from (Touch(place, axis) for place, axis in zip(gate.places, found, strict=True) if axis != "")


def _together(found: Iterable[Axis]) -> Axis:
    """The one axis that all have; "" where nothing is done."""
    different = {*found}
    return "" if not different else different.pop() if len(different) == 1 else None


def _letter(observable: Expr) -> Axis:
    """The one Pauli letter that all words of an observable are of, where it is known."""
    letters, pending = set[str | None](), [observable]
    while pending:
        match pending.pop():
            case Const(Hamiltonian() as known):
                letters |= {operator.pauli.value for word in known.terms for operator in word}
            case Apply(operator, operands) if operator in PAULIS:
                letters.add(operator)
            case Apply(_, operands):
                pending += operands
            case other if other.type.element == OBSERVABLE:
                letters.add(None)
    return letters.pop() if len(letters) == 1 else None
