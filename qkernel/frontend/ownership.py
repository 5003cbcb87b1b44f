"""Ownership: every handle is owned, moved, or has lent elements and views.

A handle names one place. It is used once; what it was used for gives a new handle of the same place. A register lends
elements and views, which come back before the register is used whole. The rules stand here and nowhere else; what
symbolic indices leave open is decided at lowering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import Note, Span
from qkernel.errors import AffineTypeError, QubitAliasError, QubitBorrowConflictError, QubitConsumedError, UnreturnedBorrowError
from qkernel.ir.expressions import ONE, ZERO, Apply, Const, Expr, apply
from qkernel.ir.places import Place, joined
from qkernel.ir.types import QFIXED, QUBIT, UINT, ArrayType, Type
from qkernel.tracing import active
from qkernel.types import Handle


@dataclass(eq=False, slots=True, repr=False)
class QuantumHandle(Handle):
    """A live name for qubits: one qubit if `length` is None, else a register or view of that length.

    `parent` is the handle that lent this one. `fixed_point` is the number of integer bits of a QFixed. `given` are the
    handles, in the user's lists and tuples, that this one register was joined of for an operation.
    """

    place: Place
    length: Expr | None
    name: str
    parent: QuantumHandle | None = None
    fixed_point: Expr | None = None
    given: Any = None

    def __repr__(self) -> str:
        return f"<{self.type} {self.name}>"

    @property
    def is_register(self) -> bool:
        return self.length is not None

    @property
    def parts(self) -> list[QuantumHandle]:
        """The handles that are used up with it: those that it was joined of, or itself."""
        return [self] if self.given is None else _flat(self.given)

    def successor(self) -> QuantumHandle:
        """The handle of the same place after an operation."""
        return replace(self) if self.given is None else replace(self, given=_followed(self.given))

    @property
    def type(self) -> Type:
        """What it is in the IR."""
        return QFIXED if self.fixed_point is not None else QUBIT if self.length is None else ArrayType(QUBIT)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The number of qubits of a register."""
        if self.length is None:
            raise AttributeError("a Qubit has no shape")
        return (plain(self.length),)

    def __getitem__(self, key: Any) -> Any:
        return active("indexing a register").lend(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        active("assigning to a register").give_back(self, key, value)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __iter__(self) -> Any:
        raise TypeError("a register is indexed, not iterated: `for i in qk.range(q.shape[0]): q[i] = ...`")


def _flat(given: Any) -> list[QuantumHandle]:
    """The handles in lists and tuples."""
    return [given] if isinstance(given, QuantumHandle) else [handle for entry in given for handle in _flat(entry)]


def _followed(given: Any) -> Any:
    """What was given, with the handles after an operation."""
    return given.successor() if isinstance(given, QuantumHandle) else type(given)(map(_followed, given))


def is_of_qubits(value: Any) -> bool:
    """Whether a value is a handle, or a list or tuple of handles, one or more, and of such lists and tuples."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_of_qubits, value))
    return isinstance(value, QuantumHandle)


def as_given(handle: QuantumHandle) -> Any:
    """What comes back for a handle: where it was joined for an operation, handles in the shape in which they were given."""
    return handle if handle.given is None or handle.fixed_point is not None else handle.given


def joined_register(given: Any, span: Span | None) -> QuantumHandle:
    """One register of the qubits in lists and tuples, in their order."""
    parts = _flat(given)
    length: Expr = ZERO
    for part in parts:
        length = length + (ONE if part.length is None else part.length)
    handle = QuantumHandle(joined(part.place for part in parts), length, _written(given), given=given)
    check_distinct([handle], [span])
    return handle


def _written(given: Any) -> str:
    """Lists and tuples of handles as their user writes them."""
    if isinstance(given, QuantumHandle):
        return given.name
    inside = ", ".join(map(_written, given))
    return f"[{inside}]" if isinstance(given, list) else f"({inside}{',' if len(given) == 1 else ''})"


def check_distinct(handles: Sequence[QuantumHandle], spans: Sequence[Span | None]) -> None:
    """One qubit twice in a call is an error."""
    parts = [(part, span) for handle, span in zip(handles, spans, strict=False) for part in handle.parts]
    for position, (second, span) in enumerate(parts):
        for first, before in parts[:position]:
            if first is second or surely_overlap(first.place, second.place):
                raise QubitAliasError(
                    f"`{second.name}` stands twice in one call",
                    span=span,
                    label="the same qubit again",
                    notes=(Note("first here", before),) if before != span else (),
                    help="a gate on several qubits needs different ones",
                )


def plain(expr: Expr) -> Any:
    """A constant as the Python number that it is."""
    return expr.value if isinstance(expr, Const) else expr


@dataclass(frozen=True, slots=True)
class Move:
    """Where a handle went: `what` reads like "passed to `h`"."""

    what: str
    span: Span | None
    consumed: bool = False
    discarded: bool = False
    successor: QuantumHandle | None = None


@dataclass(frozen=True, slots=True)
class Loan:
    """A part of a register that is out. `place` is None once it means some element that a finished loop consumed."""

    place: Place | None
    text: str
    span: Span | None
    consumed: Move | None = None


@dataclass(slots=True)
class Ledger:
    """Who was moved where, and what is lent. Copied for branches; `snapshot` and `restore` are shallow dictionaries."""

    moves: dict[QuantumHandle, Move] = field(default_factory=dict)
    loans: dict[QuantumHandle, tuple[Loan, ...]] = field(default_factory=dict)

    def snapshot(self) -> Ledger:
        return Ledger(dict(self.moves), dict(self.loans))

    def restore(self, other: Ledger) -> None:
        self.moves, self.loans = dict(other.moves), dict(other.loans)

    def is_live(self, handle: QuantumHandle) -> bool:
        return handle not in self.moves

    # using --------------------------------------------------------------------------------------------------------

    def _check_live(self, handle: QuantumHandle, span: Span | None) -> None:
        move = self.moves.get(handle)
        if move is not None:
            raise QubitConsumedError(
                f"`{handle.name}` was already used",
                span=span,
                label="used again here",
                notes=(Note(f"`{handle.name}` was {move.what} here", move.span),),
                help=self._after_move(handle, move),
            )

    def check_usable(self, handle: QuantumHandle, span: Span | None) -> None:
        """Raise unless `handle` is live and nothing of it is out."""
        self._check_live(handle, span)
        for loan in self.loans.get(handle, ()):
            if loan.consumed is not None:
                raise QubitConsumedError(
                    f"part of `{handle.name}` is gone: `{loan.text}` was {loan.consumed.what}",
                    span=span,
                    label=f"needs all of `{handle.name}`",
                    notes=(Note(f"`{loan.text}` was {loan.consumed.what} here", loan.consumed.span),),
                    help="use the remaining elements one by one, or measure the register as a whole",
                )
            raise UnreturnedBorrowError(
                f"`{loan.text}` is still out while `{handle.name}` is used as a whole",
                span=span,
                label=f"needs all of `{handle.name}`",
                notes=(Note(f"`{loan.text}` was taken here", loan.span),),
                help=self._way_back(handle, loan),
            )

    def _way_back(self, parent: QuantumHandle, loan: Loan) -> str:
        """How a loan comes back: where a gate's result was thrown away, there."""
        for part, move in self.moves.items():
            if part.parent is parent and part.place == loan.place and move.discarded:
                return f"gates and kernels return the qubit: write `{loan.text} = ...` where it was {move.what}"
        return f"give it back first: `{loan.text} = ...`"

    def follow(self, handle: QuantumHandle, successor: QuantumHandle) -> QuantumHandle:
        """Remember the handle that an operation gave back for `handle`."""
        for part, following in zip(handle.parts, successor.parts, strict=True):
            self.moves[part] = replace(self.moves[part], successor=following)
        return successor

    def move(self, handle: QuantumHandle, move: Move) -> None:
        """Use `handle` up. If it is consumed for good, its lender remembers the hole."""
        self.check_usable(handle, move.span)
        self.moves[handle] = move
        if move.consumed and handle.parent is not None:
            self._open_hole(handle.parent, handle.place, move)

    def mark_consumed(self, handle: QuantumHandle) -> Move:
        """A moved handle turns out to be gone for good: nothing came back for it."""
        move = self.moves[handle]
        move = replace(move, what=f"{move.what}, which does not give it back,", consumed=True, discarded=False)
        self.moves[handle] = move
        if handle.parent is not None:
            self._open_hole(handle.parent, handle.place, move)
        return move

    def _open_hole(self, parent: QuantumHandle, place: Place, move: Move) -> None:
        loans = self.loans.get(parent, ())
        self.loans[parent] = tuple(replace(loan, consumed=move) if loan.place == place else loan for loan in loans)

    def _after_move(self, handle: QuantumHandle, move: Move) -> str | None:
        if move.discarded:
            return f"gates and kernels return the qubit: write `{handle.name} = ...` where it was {move.what}"
        if move.consumed and move.what.startswith("measured"):
            return "a measured qubit is gone; `qk.project_z` measures and keeps it"
        if move.consumed and move.what.startswith("read out by `expval`"):
            return f"several observables of one state are read at once: `qk.expval({handle.name}, [H0, H1])`"
        if move.consumed:
            return "to use it further, the kernel that it was passed to must return it"
        if move.what.startswith("given back to "):
            return f"take it again: {move.what.removeprefix('given back to ')}"
        now = move.successor
        while now is not None and (later := self.moves.get(now)) is not None:
            now = later.successor
        named = now is not None and now.name != handle.name
        return f"the qubit goes by `{now.name}` now" if now is not None and named else "use what the operation returned"

    # lending ------------------------------------------------------------------------------------------------------

    def lend(self, parent: QuantumHandle, part: QuantumHandle, span: Span | None, during: Iterable[QuantumHandle]) -> None:
        """Record that `part` of `parent` is out; `during` are the handles that the call under way already took."""
        self._check_live(parent, span)
        for loan in self.loans.get(parent, ()):
            if loan.place is None or not surely_overlap(loan.place, part.place):
                continue
            if loan.consumed is not None:
                raise QubitConsumedError(
                    f"`{part.name}` is gone: `{loan.text}` was {loan.consumed.what}",
                    span=span,
                    label="used again here",
                    notes=(Note(f"`{loan.text}` was {loan.consumed.what} here", loan.consumed.span),),
                )
            if any(taken.place == loan.place for taken in during):
                raise QubitAliasError(
                    f"`{part.name}` stands twice in one call",
                    span=span,
                    label="the same qubit again",
                    notes=(Note("first here", loan.span),),
                    help="a gate on several qubits needs different ones",
                )
            raise QubitBorrowConflictError(
                f"`{part.name}` is lent already",
                span=span,
                label="taken again here",
                notes=(Note(f"`{loan.text}` was taken here and did not come back", loan.span),),
                help=f"give it back first: `{loan.text} = ...`",
            )
        self.loans[parent] = (*self.loans.get(parent, ()), Loan(part.place, part.name, span))

    def untake(self, part: QuantumHandle) -> None:
        """End the loan of a part that nothing can use."""
        assert part.parent is not None
        self.moves[part] = Move("taken to ask for its length", None)
        self.loans[part.parent] = tuple(loan for loan in self.loans[part.parent] if loan.place != part.place)

    def give_back(self, parent: QuantumHandle, target: Place, text: str, handle: QuantumHandle, span: Span | None) -> None:
        """`parent[...] = handle`: the loan ends."""
        self.check_usable(handle, span)
        if handle.parent is not parent or not any(loan.place == handle.place for loan in self.loans.get(parent, ())):
            came = f"`{handle.name}` was not taken from `{parent.name}`"
            raise AffineTypeError(
                f"{came}, so it cannot be put there",
                span=span,
                label="does not belong here",
                help="elements and slices go back to where they were taken from; `qk.swap` exchanges the states of two qubits",
            )
        if handle.place != target:
            loan = next(loan for loan in self.loans[parent] if loan.place == handle.place)
            raise AffineTypeError(
                f"`{loan.text}` cannot be put into `{text}`",
                span=span,
                label=f"not the place of `{loan.text}`",
                notes=(Note("taken here", loan.span),),
                help=f"write `{loan.text} = ...`; `qk.swap` exchanges the states of two qubits",
            )
        self.moves[handle] = Move(f"given back to `{text}`", span)
        self.loans[parent] = tuple(loan for loan in self.loans[parent] if loan.place != handle.place)


def surely_overlap(left: Place, right: Place) -> bool:
    """Whether two places certainly share a qubit; symbolic doubts are left to the lowering."""
    if left.is_all or right.is_all:
        return any(surely_overlap(a, b) for a in left.pieces or (left,) for b in right.pieces or (right,))
    if left.register != right.register:
        return False
    if left == right:
        return not (isinstance(left.length, Const) and left.length.value == 0)
    spans = [_known(place) for place in (left, right)]
    if spans[0] is None or spans[1] is None:
        return left.start is right.start and left.length is None and right.length is None
    return bool(set(spans[0]) & set(spans[1])) if max(map(len, spans)) < 10_000 else False  # type: ignore[arg-type]


def _known(place: Place) -> range | None:
    match place.start, place.stride, place.length:
        case Const(start), Const(), None:
            return range(start, start + 1)
        case Const(start), Const(stride), Const(length):
            return range(start, start + stride * length, stride)
    return None


OTHER_QUBITS = "means other qubits", "`qk.swap` exchanges the states of two qubits; names stay with their places"


def rebinding(left: QuantumHandle, right: QuantumHandle) -> tuple[str, str] | None:
    """How a name that must mean the same on two paths does not, and what to do about it."""
    if left.place != right.place:
        return OTHER_QUBITS
    if left.fixed_point is not right.fixed_point:
        return "is read as another number", "`qk.cast` belongs before or after, where it is done in any case"
    return None


def distance(left: Expr, right: Expr) -> int | None:
    """left - right if it is a known number."""
    (base, offset), (other, other_offset) = _offset(left), _offset(right)
    if base is other:
        return offset - other_offset
    difference = apply("-", left, right)
    return difference.value if isinstance(difference, Const) else None


def _offset(expr: Expr) -> tuple[Expr, int]:
    """An expression as another one and the known number that is added to it; where it has a value, `natural` changes none."""
    match expr:
        case Apply("natural", (inner,)):
            return _offset(inner)
        case Apply("+" | "-" as sign, (base, Const(int(value)))) if base.type == UINT:
            return base, value if sign == "+" else -value
    return expr, 0


def loop_consumed(loan: Loan, loop_names: frozenset[str]) -> Loan:
    """A consumed loan as it looks after the loop whose variables its place depends on."""
    place = loan.place
    if place is None or loan.consumed is None:
        return loan
    return replace(loan, place=None) if place.names & loop_names else loan
