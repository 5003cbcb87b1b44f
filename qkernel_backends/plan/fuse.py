"""Fewer passes: what turns one qubit is merged, what is diagonal is gathered, the first layer becomes the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from qkernel_backends.plan.operations import (
    ZERO,
    Affine,
    Flip,
    Operation,
    Phases,
    Product,
    Rotation,
    X,
    Y,
    Z,
)

Factor = tuple[int, Affine]
Factors = tuple[Factor, ...]

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
        self.moved: list[int] = []  # of each operation, beside it: asking it takes longer
        self.support: list[int] = []
        self.started = self.doubtful = 0  # qubits that were ever acted on, and those of operations that are gone again
        self.pending: dict[int, list[Factor]] = {}
        self.global_phase = Affine(0.0)

    def run(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Rotation) and not operation.controls:
                _append(self.pending.setdefault(operation.qubit, []), operation.factors)
            elif isinstance(operation, Phases):
                self._phases(operation.terms)
            else:
                self._release(operation.moved, operation.read)
                self._insert(operation)
        for qubit in list(self.pending):
            self._emit(qubit, tuple(self.pending.pop(qubit)))

    def _phases(self, terms: dict[int, Affine]) -> None:
        for mask, angle in terms.items():
            if not mask:
                self.global_phase += angle
            elif mask & (mask - 1) == 0:
                _append(self.pending.setdefault(mask.bit_length() - 1, []), ((Z, angle.scaled(-1.0)),))
            else:
                self._release(0, mask)
                self._add_phase(mask, angle)

    def _release(self, moved: int, read: int) -> None:
        """Emit what is pending on these qubits; last Z rotations stay behind where they are only read and the start is over."""
        support = moved | read
        for qubit in [qubit for qubit in self.pending if support >> qubit & 1]:
            factors = self.pending.pop(qubit)
            rest: list[Factor] = []
            if factors and not moved >> qubit & 1 and factors[-1][0] == Z and not self._at_start(qubit):
                rest = [factors.pop()]
            if factors:
                self._emit(qubit, tuple(factors))
            if rest:
                self.pending[qubit] = rest

    def _emit(self, qubit: int, factors: Factors) -> None:
        """One run on a qubit: as phases and a real rotation if its Z angles are shared, else as one rotation."""
        others = [k for k, (axis, _) in enumerate(factors) if axis != Z]
        if not others:
            if factors:
                self._add_phase(1 << qubit, _angle(factors).scaled(-1.0))
            return
        if len(others) > 1 or self._at_start(qubit) or not all(self.is_shared(h) for axis, h in factors if axis == Z):
            self._insert(Rotation(qubit, factors))
            return
        (k,) = others
        axis, half = factors[k]
        before, after = _angle(factors[:k]), _angle(factors[k + 1 :])
        if axis == X:
            before, after = before + _QUARTER, after + _QUARTER.scaled(-1.0)
        if before is not ZERO:
            self._add_phase(1 << qubit, before.scaled(-1.0))
        self._insert(Rotation(qubit, ((Y, half),)))
        if after is not ZERO:
            self._add_phase(1 << qubit, after.scaled(-1.0))

    def _at_start(self, qubit: int) -> bool:
        if not self.from_zero or not self.started >> qubit & 1:
            return self.from_zero
        return bool(self.doubtful >> qubit & 1) and not any(support >> qubit & 1 for support in self.support)

    def _put(self, position: int, operation: Operation) -> None:
        moved = operation.moved
        support = moved | operation.read
        self.operations.insert(position, operation)
        self.moved.insert(position, moved)
        self.support.insert(position, support)
        self.started |= support

    def _take(self, position: int) -> None:
        del self.operations[position], self.moved[position]
        self.doubtful |= self.support.pop(position)

    def _insert(self, operation: Operation) -> None:
        """Put an operation as early as what it does not commute with allows, but into no run of flips.

        It is merged into a rotation like it, and undone by a flip like it.
        """
        position = len(self.operations)
        if isinstance(operation, Flip):
            if position and self.operations[-1] == operation:
                self._take(position - 1)
            else:
                self._put(position, operation)
            return
        moved = operation.moved
        support = moved | operation.read
        while position:
            if self.support[position - 1] & support:
                other = self.operations[position - 1]
                if isinstance(operation, Rotation) and isinstance(other, Rotation) and _acts_alike(operation, other):
                    self._merge(position - 1, other, operation)
                    return
                if self.moved[position - 1] & support or moved & self.support[position - 1]:
                    break
            position -= 1
        while position < len(self.operations) and isinstance(self.operations[position], Flip):
            position += 1
        self._put(position, operation)

    def _merge(self, position: int, first: Rotation, second: Rotation) -> None:
        factors = merged(first.factors + second.factors)
        if factors:
            self.operations[position] = Rotation(first.qubit, factors, first.controls, first.value)
        else:
            self._take(position)

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
            elif moved & self.moved[position - 1]:
                if not isinstance(other, Flip) or other.controls & (other.controls - 1):
                    break
                moved ^= other.controls
                sign = sign if other.value else -sign
            position -= 1
        if not position and self.from_zero:
            self.global_phase += angle.scaled(sign)
            return
        if found is None:
            self._put(len(self.operations), Phases({mask: angle}))
            return
        position, moved, sign = found
        if not moved:
            self.global_phase += angle.scaled(sign)
            return
        self._add_term(position, moved, angle.scaled(sign))

    def _add_term(self, position: int, mask: int, angle: Affine) -> None:
        target = self.operations[position]
        assert isinstance(target, Phases)  # of this fusion's making
        total = target.terms.pop(mask, Affine(0.0)) + angle
        if total.terms or total.offset:
            target.terms[mask] = total
            self.support[position] |= mask
            self.started |= mask
        elif target.terms:
            self.support[position] = target.read
            self.doubtful |= mask
        else:
            self._take(position)

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
    result: list[Factor] = []
    _append(result, factors)
    return tuple(result)


def _append(merged: list[Factor], factors: Factors) -> None:
    """Go on with factors that are merged already."""
    for axis, half in factors:
        if merged and merged[-1][0] == axis:
            half = merged.pop()[1] + half
        if half.terms or half.offset:
            merged.append((axis, half))


def _acts_alike(first: Rotation, second: Rotation) -> bool:
    return (first.qubit, first.controls, first.value) == (second.qubit, second.controls, second.value)


def _angle(factors: Factors) -> Affine:
    if len(factors) < 2:
        return factors[0][1] if factors else ZERO
    return sum((half for _, half in factors), ZERO)


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
