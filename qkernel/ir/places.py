"""Where qubits live: a stretch of a register, which may be joined of other places. A slice is arithmetic on places."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Size
from qkernel.ir.trees import free_names
from qkernel.ir.types import QUBIT, ArrayType, Type


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """`length` qubits of `register`, from `start` in steps of `stride`; one single qubit if `length` is None.

    Registers are named uniquely within a function: its quantum parameters, its `Alloc`s and the quantum results of
    its `Call`s. `Place(name)` is the first qubit of a register, and all of it only if its type is Qubit. In place of a
    name stand the pieces of a register that is joined: other places, whose qubits follow one another.
    """

    register: str | tuple[Place, ...]
    start: Expr = ZERO
    stride: Expr = ONE
    length: Expr | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        """Its fields, expressions by identity: of each there is one."""
        return self.register, id(self.start), id(self.stride), id(self.length)

    @property
    def type(self) -> Type:
        """That of a qubit, or of a vector of them."""
        return QUBIT if self.length is None else ArrayType(QUBIT)

    @property
    def pieces(self) -> tuple[Place, ...]:
        """Those of the register that it lies in; none of a register that has a name."""
        return () if isinstance(self.register, str) else self.register

    @property
    def registers(self) -> frozenset[str]:
        """The names of the registers that it may have qubits of."""
        if isinstance(self.register, str):
            return frozenset((self.register,))
        return frozenset().union(*(piece.registers for piece in self.register))

    @property
    def bounds(self) -> tuple[Expr, ...]:
        """The expressions that say where in its register it lies, and its pieces in theirs."""
        own = self._own_bounds
        return (*own, *(bound for piece in self.pieces for bound in piece.bounds)) if self.pieces else own

    @property
    def _own_bounds(self) -> tuple[Expr, ...]:
        return (self.start, self.stride) if self.length is None else (self.start, self.stride, self.length)

    @property
    def names(self) -> frozenset[str]:
        """The names on which it depends where in its register it lies."""
        return frozenset().union(*map(free_names, self.bounds))

    def changed(self, change: Callable[[Expr], Expr]) -> Place:
        """The place with each of its bounds, and those of its pieces, changed."""
        if isinstance(self.register, str):
            return Place(self.register, *map(change, self._own_bounds))
        of = joined(piece.changed(change) for piece in self.register)
        return of if self.is_all else Place(of.pieces or (of,), *map(change, self._own_bounds))

    @property
    def is_all(self) -> bool:
        """Whether it is all that its pieces have, in their order."""
        return bool(self.pieces) and self == _all_of(self.pieces)

    def element(self, index: Expr) -> Place:
        """The qubit at `index` of this place."""
        return self._at(along(self.start, self.stride, index))

    def _at(self, start: Expr) -> Place:
        """The qubit at `start` of its register: one of a piece, where the lengths of those before it are known."""
        match self.register, start:
            case tuple(pieces), Const(int(index)) if index >= 0:
                for piece in pieces:
                    match piece.length:
                        case Const(int(length)) if index >= length:
                            index -= length
                        case None if index > 0:
                            index -= 1
                        case None:
                            return piece
                        case Const():
                            return piece.element(Const(index))
                        case _:
                            break
        return Place(self.register, start)

    def view(self, start: Expr, stride: Expr, length: Expr) -> Place:
        """The part of this place from `start` in steps of `stride`."""
        view = Place(self.register, along(self.start, self.stride, start), self.stride * stride, length)
        match view:
            case Place(tuple(), Const(int(first)), Const(int(step)), Const(int(count))) if 0 < count <= _FEW:
                found = [view._at(Const(first + step * k)) for k in range(count)]
                if not view.is_all and not any(place.pieces for place in found):
                    return joined(found)
        return view


def along(start: Expr, stride: Expr, index: Expr) -> Expr:
    """Where the entry at `index` of a stretch is in what the stretch is of."""
    match stride:
        case Const(int(steps)) if steps < 0:
            return start - index * -steps
    return start + index * stride


_FEW = 64
"""Up to how many qubits a part of a joined register is told one by one."""


def whole(register: str, type: Type = ArrayType(QUBIT)) -> Place:
    """All of a register of that type; as a vector it has whatever length it has."""
    if type == QUBIT:
        return Place(register)
    return Place(register, ZERO, ONE, Size(Name(register, ArrayType(QUBIT))))


def joined(places: Iterable[Place]) -> Place:
    """The qubits of these places, one or more, one after another, as one register."""
    pieces = tuple(piece for place in places for piece in (place.pieces if place.is_all else (place,)))
    if len(pieces) == 1 and pieces[0].length is not None:
        return pieces[0]
    return _all_of(pieces)


def _all_of(pieces: tuple[Place, ...]) -> Place:
    length: Expr = ZERO
    for piece in pieces:
        length = length + (ONE if piece.length is None else piece.length)
    return Place(pieces, ZERO, ONE, length)
