"""What the names of a kernel are in a text: expressions over the text's own names, and places in its registers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from qkernel.diagnostics import Span, written_name
from qkernel.ir.expressions import ONE, ZERO, Apply, Const, Expr, Item, Name, Pack, Size, apply, item, size, wrap
from qkernel.ir.operators import PAULIS
from qkernel.ir.ops import Call, Function, Items, Op
from qkernel.ir.places import Place, joined
from qkernel.ir.trees import Bounds, free_names, is_constant
from qkernel.ir.types import FLOAT, OBSERVABLE, DictType
from qkernel.openqasm.expressions import QasmText, Unwritten
from qkernel.openqasm.gates import Definitions
from qkernel.openqasm.names import Names

NOTHING = Place((), ZERO, ONE, ZERO)
"""No qubits."""

_OF_TERMS = (*PAULIS, "+", "-", "*", "/", "neg")


class Needed(Exception):
    """To be written, something must be known of names of the text: loops over them are unrolled, arguments are fixed."""

    def __init__(self, part: Expr, names: Iterable[str] | None = None, span: Span | None = None) -> None:
        super().__init__(part)
        self.part, self.names, self.span = part, free_names(part) if names is None else frozenset(names), span


class NoGate(Exception):
    """What is to be a gate does what gates cannot do."""

    def __init__(self, what: str, span: Span | None) -> None:
        super().__init__(what)
        self.what, self.span = what, span


@dataclass
class Scope:
    """The program, a subroutine or a gate: its names, and the qubits that it works with beside those that it is given.

    `used` of these are in use, at most `most` were; `lengths` are those of its registers, None for a single qubit, and
    `shapes` those of its arrays; `numbers` are the whole numbers that may come to be known, where the text is written once
    for each of their values. In a loop that is repeated at run time qubits are put into 0 again where they are made.
    """

    names: Names
    kind: str
    repeats: bool = False
    used: int = 0
    most: int = 0
    lengths: dict[str, int | None] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    text: QasmText = field(default_factory=lambda: QasmText({}))
    spare: list[str] = field(default_factory=list)

    @property
    def is_gate(self) -> bool:
        return self.kind == "gate"

    @property
    def is_program(self) -> bool:
        return self.kind == "program"

    def write(self, expr: Expr) -> str:
        """A number or bit as text."""
        try:
            return self.text.text(expr)
        except Unwritten as error:
            raise Needed(error.part) from None

    def angle(self, expr: Expr) -> str:
        """An angle as text; whole numbers and bits are none."""
        shown = self.write(expr)
        return shown if expr.type == FLOAT else str(float(expr.value)) if isinstance(expr, Const) else f"float({shown})"

    def know(self, name: str, bounds: Bounds) -> None:
        """Note between which numbers a name of the text lies."""
        self.text.known = {**self.text.known, name: bounds}

    def register(self, wanted: str, length: int | None) -> Place:
        """A register or single qubit of its own; in a gate each qubit has a name."""
        plain = written_name(wanted)
        if length is None:
            name = self.names.fresh(plain)
            self.lengths[name] = None
            return Place(name)
        if self.is_gate:
            singles = [self.register(f"{plain}_{k}", None) for k in range(length)]
            return joined(singles) if singles else Place((), ZERO, ONE, ZERO)
        if not length:
            return NOTHING
        name = self.names.fresh(plain)
        self.lengths[name] = length
        return Place(name, ZERO, ONE, Const(length))

    def take(self, count: int | None) -> Place:
        """Qubits to work with: a register of `count`, or one qubit."""
        first, width = self.used, 1 if count is None else count
        self.used += width
        self.most = max(self.most, self.used)
        if not self.is_gate:
            if not self.spare:
                self.spare.append(self.names.fresh("work"))
                self.lengths[self.spare[0]] = -1  # until it is known how many there are
            start = Const(first)
            return Place(self.spare[0], start) if count is None else Place(self.spare[0], start, ONE, Const(count))
        while len(self.spare) < self.used:
            self.spare.append(str(self.register("work", None).register))
        singles = [Place(name) for name in self.spare[first : first + width]]
        if count is None:
            return singles[0]
        return joined(singles)

    def single(self, place: Place) -> str:
        """One qubit as text."""
        if isinstance(place.register, tuple):
            raise Needed(place.start, None if free_names(place.start) else self.numbers)
        if self.lengths[place.register] is None:
            return place.register
        self.check(place.register, place.start)
        return f"{place.register}[{self.write(place.start)}]"

    def check(self, register: str, index: Expr) -> None:
        """See that a register has a qubit of this index: where it has none, the text would not be reached, and cannot be."""
        length = self.lengths[register]
        if isinstance(index, Const) and length is not None and length >= 0 and not 0 <= index.value < length:
            raise Needed(index, self.numbers)

    def several(self, place: Place) -> str | None:
        """One or more qubits of one register as text; None for those of several."""
        count = known(place.length if place.length is not None else ONE)
        if isinstance(place.register, tuple):
            return None
        if place.length is None:
            return self.single(place)
        if self.lengths[place.register] is None:
            return place.register
        if place.start is ZERO and place.stride is ONE and count == self.lengths[place.register]:
            return place.register
        last = place.start + place.stride * (count - 1)
        self.check(place.register, place.start)
        self.check(place.register, last)
        step = "" if place.stride is ONE else f"{self.write(place.stride)}:"
        return f"{place.register}[{self.write(place.start)}:{step}{self.write(last)}]"


class Text(Protocol):
    """What those who write a part of a text see of the rest: what stands at its top, and how calls are written."""

    definitions: Definitions
    registers: list[str]
    arrays: list[str]
    outputs: dict[int, tuple[str, str]]
    returned: dict[str, int]
    state: Any

    def declare_qubits(self, place: Place) -> None: ...

    def items(self, frame: Frame, domain: Items) -> list[tuple[Expr, ...]]: ...

    def call(self, caller: Any, op: Call) -> list[str]: ...

    def around(self, caller: Any, op: Op) -> tuple[list[str], list[str]]: ...


@dataclass
class Frame:
    """A function of the module as it is written in `scope`: what its names are there."""

    function: Function
    scope: Scope
    values: dict[str, Expr] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    dictionaries: dict[str, dict[Any, Expr]] = field(default_factory=dict)

    def value(self, expr: Expr) -> Expr:
        """`expr` over the text's names."""
        match expr:
            case Name(name):
                if name not in self.values:
                    raise Needed(expr, ())
                return self.values[name]
            case Size(Name(name)) if isinstance(expr.base.type, DictType):
                return Const(len(self.dictionaries[name]))
            case Size(Name(name)) if name in self.places:
                length = self.places[name].length
                return ONE if length is None else length
            case Apply(name, operands) if name in _OF_TERMS and expr.type == OBSERVABLE:
                return Apply(name, tuple(map(self.value, operands)))  # as a constant it would have its equal words merged
            case Apply("fixed", (bits, point)):
                each = self.value(bits)
                return apply("fixed", wrap([item(each, Const(k)) for k in range(self.length(each))]), self.value(point))
            case Item(Name(name), (key,)) if isinstance(expr.base.type, DictType):
                found = self.dictionaries[name].get(_key(self.value(key)))
                if found is None:
                    raise Needed(self.value(key))
                return found
        if not expr.children:
            return expr
        return self.sized(expr.rebuilt([self.value(child) for child in expr.children]))

    def sized(self, expr: Expr) -> Expr:
        """The length of an array of the text, which is known."""
        if isinstance(expr, Size):
            if isinstance(expr.base, Name) and expr.base.name in self.scope.shapes:
                return Const(self.scope.shapes[expr.base.name][expr.axis])
            if (inner := size(expr.base, expr.axis)) is not expr:
                return self.sized(inner)
        return expr

    def length(self, array: Expr) -> int:
        """The number of elements of a vector of the text, or of rows of a matrix."""
        return known(self.sized(size(array)))

    def place(self, place: Place) -> Place:
        """A place in the text's registers."""
        if isinstance(place.register, tuple):
            pieces = [self.place(piece) for piece in place.register]
            base = joined([piece for piece in pieces if piece.length is not ZERO])
            if place.is_all:
                return base
        else:
            base = self.places[place.register]
        if base.length is None:
            return base
        start = self.value(place.start)
        if place.length is None:
            return base.element(start)
        stride, count = self.value(place.stride), self.value(place.length)
        if start is ZERO and stride is ONE and count is base.length:
            return base
        return base.view(start, stride, count)

    def singles(self, places: Sequence[Place]) -> list[Place]:
        """The qubits of places of the text, one by one."""
        found: list[Place] = []
        for place in places:
            if place.length is None:
                found.append(place)
            else:
                found += [place.element(Const(k)) for k in range(known(place.length))]
        return found


def known(expr: Expr) -> int:
    """A whole number that must be known for a text to be written."""
    if isinstance(expr, Const):
        return int(expr.value)
    raise Needed(expr)


def _key(value: Expr) -> Any:
    """The key of a dictionary that an expression says."""
    match value:
        case Const(key):
            return key
        case Pack(items) if is_constant(value):
            return tuple(part.value for part in items if isinstance(part, Const))
    raise Needed(value)
