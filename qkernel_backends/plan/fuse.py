"""Fewer passes: what turns one qubit is merged, what is diagonal is gathered, the first layer becomes the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from qkernel_backends.plan.operations import (
    Affine,
    Flip,
    Operation,
    Phases,
    Product,
    Rotation,
    X,
    Y,
    Z,
    commute,
)

Factors = tuple[tuple[int, Affine], ...]

_QUARTER = Affine(math.pi / 4)
"""RX(a) = RZ(-pi/2) RY(a) RZ(pi/2), in half angles."""


class Fusion:
    """Takes operations in time order, keeps a shorter list that does the same.

    `is_shared(angle)` says whether an angle is one number for all samples: then its phases are tabulated once per
    call. `from_zero` says that the qubits start in |0>.
    """

    def __init__(self, is_shared: Callable[[Affine], bool], from_zero: bool) -> None:
        self.is_shared, self.from_zero = is_shared, from_zero
        self.operations: list[Operation] = []
        self.pending: dict[int, Factors] = {}
        self.global_phase = Affine(0.0)

    def run(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            match operation:
                case Rotation(qubit, factors, 0):
                    self.pending[qubit] = merged(self.pending.get(qubit, ()) + factors)
                case Phases(terms):
                    self._phases(terms)
                case _:
                    self._release(operation.moved, operation.read)
                    self._insert(operation)
        for qubit in list(self.pending):
            self._emit(qubit, self.pending.pop(qubit))

    def _turn(self, qubit: int, half: Affine) -> None:
        self.pending[qubit] = merged((*self.pending.get(qubit, ()), (Z, half)))

    def _phases(self, terms: dict[int, Affine]) -> None:
        for mask, angle in terms.items():
            if not mask:
                self.global_phase += angle
            elif mask & (mask - 1) == 0:
                self._turn(mask.bit_length() - 1, angle.scaled(-1.0))
            else:
                self._release(0, mask)
                self._add_phase(mask, angle)

    def _release(self, moved: int, read: int) -> None:
        """Emit what is pending on these qubits; last Z rotations stay behind where they are only read and the start is over."""
        for qubit in [qubit for qubit in self.pending if (moved | read) >> qubit & 1]:
            factors = self.pending.pop(qubit)
            rest: Factors = ()
            if factors and not moved >> qubit & 1 and factors[-1][0] == Z and not self._at_start(qubit):
                factors, rest = factors[:-1], factors[-1:]
            if factors:
                self._emit(qubit, factors)
            if rest:
                self.pending[qubit] = rest

    def _emit(self, qubit: int, factors: Factors) -> None:
        """One run on a qubit: as phases and a real rotation if its Z angles are shared, else as one rotation."""
        others = [k for k, (axis, _) in enumerate(factors) if axis != Z]
        if not others:
            self._add_phase(1 << qubit, _angle(factors).scaled(-1.0))
            return
        if self._at_start(qubit) or len(others) > 1 or not all(self.is_shared(h) for axis, h in factors if axis == Z):
            self._insert(Rotation(qubit, factors))
            return
        (k,) = others
        axis, half = factors[k]
        before, after = _angle(factors[:k]), _angle(factors[k + 1 :])
        if axis == X:
            before, after = before + _QUARTER, after + _QUARTER.scaled(-1.0)
        self._add_phase(1 << qubit, before.scaled(-1.0))
        self._insert(Rotation(qubit, ((Y, half),)))
        self._add_phase(1 << qubit, after.scaled(-1.0))

    def _at_start(self, qubit: int) -> bool:
        return self.from_zero and not any((op.moved | op.read) >> qubit & 1 for op in self.operations)

    def _insert(self, operation: Operation) -> None:
        """Put an operation as early as what it does not commute with allows, but into no run of flips.

        It is merged into a rotation like it, and undone by a flip like it.
        """
        position = len(self.operations)
        while position:
            other = self.operations[position - 1]
            if (
                isinstance(operation, Rotation)
                and isinstance(other, Rotation)
                and (operation.qubit, operation.controls, operation.value) == (other.qubit, other.controls, other.value)
            ):
                factors = merged(other.factors + operation.factors)
                self.operations[position - 1 : position] = (
                    [Rotation(other.qubit, factors, other.controls, other.value)] if factors else []
                )
                return
            if isinstance(operation, Flip) and operation == other:
                del self.operations[position - 1]
                return
            if isinstance(operation, Flip) or not commute(operation, other):
                break
            position -= 1
        while position < len(self.operations) and isinstance(self.operations[position], Flip):
            position += 1
        self.operations.insert(position, operation)

    def _add_phase(self, mask: int, angle: Affine) -> None:
        """Carry a parity's phase back to the earliest `Phases` that it reaches; through flips its parity changes."""
        if not angle.offset and not angle.terms:
            return
        found: tuple[int, int, float] | None = None
        moved, sign, position = mask, 1.0, len(self.operations)
        while position:
            other = self.operations[position - 1]
            if isinstance(other, Phases):
                found = (position - 1, moved, sign)
            elif isinstance(other, Flip) and other.controls & (other.controls - 1) == 0:
                if moved & other.moved:
                    moved ^= other.controls
                    sign = sign if other.value else -sign
            elif other.moved & moved:
                break
            position -= 1
        if not position and self.from_zero:
            self.global_phase += angle.scaled(sign)
            return
        if found is None:
            self.operations.append(Phases({mask: angle}))
            return
        position, moved, sign = found
        target = self.operations[position]
        assert isinstance(target, Phases)
        if not moved:
            self.global_phase += angle.scaled(sign)
            return
        terms = dict(target.terms)
        total = terms.pop(moved, Affine(0.0)) + angle.scaled(sign)
        if total.terms or total.offset:
            terms[moved] = total
        self.operations[position : position + 1] = [Phases(terms)] if terms else []

    def product(self) -> Product:
        """Take the rotations that act on untouched qubits off the front of the list."""
        touched, start, rest = 0, [], []
        for operation in self.operations:
            if isinstance(operation, Rotation) and not operation.controls and not operation.moved & touched:
                start.append(operation)
            else:
                rest.append(operation)
            touched |= operation.moved | operation.read
        self.operations = rest
        return Product(tuple(start))


def merged(factors: Factors) -> Factors:
    """Neighbours about one axis as one; rotations by 0 dropped."""
    result: list[tuple[int, Affine]] = []
    for axis, half in factors:
        if result and result[-1][0] == axis:
            half = result.pop()[1] + half
        if half.terms or half.offset:
            result.append((axis, half))
    return tuple(result)


def _angle(factors: Factors) -> Affine:
    return sum((half for _, half in factors), Affine(0.0))


def in_light_cone(operations: list[Operation], moved: int, read: int) -> tuple[list[Operation], int]:
    """The operations that an observable can see, which moves the qubits `moved` and reads the parity of `read`.

    Also gives the qubits that are left.
    """
    alive, kept = moved | read, []
    for operation in reversed(operations):
        support = operation.moved | operation.read
        diagonal = isinstance(operation, Phases) or (
            isinstance(operation, Rotation) and all(axis == Z for axis, _ in operation.factors)
        )
        if not support & alive or (diagonal and not support & moved):
            continue
        if isinstance(operation, Phases):
            terms = {mask: angle for mask, angle in operation.terms.items() if mask & moved}
            operation = Phases(terms)
            support = operation.read
        alive |= support
        if not isinstance(operation, Flip) or support & moved:
            moved |= support
        kept.append(operation)
    return kept[::-1], alive
