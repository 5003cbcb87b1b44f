"""Which wires a place of the IR is, and the wires that a drawing has given out so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.draw.labels import label, place_label
from qkernel.draw.lanes import Lanes, lane_wire
from qkernel.draw.scene import Wire
from qkernel.errors import ArithmeticEvaluationError, QubitIndexResolutionError, SizeError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Slice, wrap
from qkernel.ir.ops import Function
from qkernel.ir.places import Place
from qkernel.ir.spans import Span
from qkernel.ir.types import QUBIT, ArrayType, ScalarType

BUNDLE_ABOVE = 128
"""Registers longer than this are drawn as one bundled wire even where their length is known."""


@dataclass(frozen=True, slots=True)
class Register:
    """Wires of one register; `size` is None for a single qubit. A bundle has one wire for all its qubits."""

    label: str
    wires: tuple[int, ...]
    size: Expr | None
    is_bundle: bool


@dataclass(frozen=True, slots=True)
class Region:
    """The wires of a place. `is_exact` says whether they tell the whole place; if not, `text` is needed beside them."""

    wires: tuple[int, ...]
    text: str
    is_exact: bool


@dataclass(slots=True)
class Scope:
    """One function being read: values of its classical names, places of its registers, and who called it.

    `is_certain` is False below a condition that is open. `rewritten` maps names of bits that a loop's body measures to the
    wires of the bits that they replace in the next round.
    """

    function: Function
    environment: dict[str, Any]
    places: dict[str, Place]
    callers: tuple[str, ...] = ()
    is_certain: bool = True
    rewritten: dict[str, str] = field(default_factory=dict)

    def resolve(self, expr: Expr, span: Span | None = None) -> Any:
        """The value of `expr` as far as it is known: a plain value, or an expression in the drawing's names."""
        try:
            return evaluate(expr, self.environment)
        except QubitIndexResolutionError as error:
            raise QubitIndexResolutionError(error.title, span=span, label=error.label, help=error.help) from None
        except LookupError as error:
            raise QubitIndexResolutionError(
                f"`{label(expr)}` is outside its vector or dictionary", span=span, label=str(error)
            ) from None
        except (ArithmeticError, ValueError) as error:
            raise ArithmeticEvaluationError(f"`{label(expr)}` has no value", span=span, label=str(error)) from None

    def branch(self) -> Scope:
        """The same function below a branch or loop: what it learns there is forgotten afterwards."""
        return replace(self, environment=dict(self.environment), places=dict(self.places), rewritten=dict(self.rewritten))


Snapshot = tuple[list[Wire], dict[str, Register], dict[str, int], set[str], dict[str, list[int]]]


@dataclass(slots=True)
class Wiring:
    """The wires, registers and names of a drawing while it grows."""

    wires: list[Wire] = field(default_factory=list)
    registers: dict[str, Register] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    lanes: Lanes = field(default_factory=Lanes)

    def snapshot(self) -> Snapshot:
        """Everything but lives of lanes, to go back to with `restore`."""
        lanes = {register: list(wires) for register, wires in self.lanes.wires.items()}
        return list(self.wires), dict(self.registers), dict(self.bits), set(self.names), lanes

    def restore(self, state: Snapshot) -> None:
        self.wires, self.registers, self.bits, self.names, self.lanes.wires = state

    def fresh(self, name: str) -> str:
        """The user's `name`, marked where the drawing has used it for something else."""
        written = name.partition(".")[0]
        unique, number = written, 2
        while unique in self.names:
            unique, number = f"{written}#{number}", number + 1
        self.names.add(unique)
        return unique

    def add_register(self, name: str, size: Any, late: bool, span: Span | None = None) -> Place:
        """New wires for `size` qubits (None: one qubit, not a register); the place that they are."""
        unique = self.fresh(name)
        if size is None:
            self.registers[unique] = Register(unique, self._new([Wire(unique, starts_late=late)]), None, False)
            return Place(unique)
        if not isinstance(size, Expr) and size < 0:
            raise SizeError(f"the register `{name}` would have {size} qubits", span=span, label="its size is negative here")
        if isinstance(size, Expr) or size > BUNDLE_ABOVE:
            wires = [Wire(unique, label(size), starts_late=late)]
        else:
            wires = [Wire(f"{unique}[{k}]", starts_late=late) for k in range(size)]
        is_bundle = isinstance(size, Expr) or size > BUNDLE_ABOVE
        self.registers[unique] = Register(unique, self._new(wires), wrap(size), is_bundle)
        return Place(unique, ZERO, ONE, wrap(size))

    def add_bits(self, name: str, size: Any) -> str:
        """A new classical wire for a bit (`size` None) or a vector of bits; the name that it got."""
        unique = self.fresh(name)
        (self.bits[unique],) = self._new([Wire(unique, None if size is None else label(size), is_classical=True)])
        return unique

    def rename(self, place: Place, name: str) -> Place:
        """Call the register of a place that nobody has seen yet by another name."""
        old = self.registers.pop(place.register)
        self.names.discard(place.register)
        unique = self.fresh(name)
        self.registers[unique] = replace(old, label=unique)
        self.lanes.wires[unique] = self.lanes.wires.pop(place.register, [])
        for wire in old.wires:
            self.wires[wire] = replace(self.wires[wire], label=unique + self.wires[wire].label.removeprefix(old.label))
        return replace(place, register=unique)

    def add_lane(self) -> int:
        """A new wire for lanes."""
        return self._new([lane_wire()])[0]

    def qubits_from(self, first: int) -> list[int]:
        """The wires of qubits from `first` on."""
        made = range(first, len(self.wires))
        return [wire for wire in made if not (self.wires[wire].is_classical or self.wires[wire].is_lane)]

    def _new(self, wires: list[Wire]) -> tuple[int, ...]:
        first = len(self.wires)
        self.wires += wires
        return tuple(range(first, len(self.wires)))

    def place(self, place: Place, scope: Scope, span: Span | None = None) -> Place:
        """`place` of the scope's function in terms of the drawing's registers."""
        base = scope.places[place.register]
        if base.length is None:
            return base
        start, stride = (wrap(scope.resolve(part, span)) for part in (place.start, place.stride))
        if place.length is None:
            return base.element(start)
        return base.view(start, stride, wrap(scope.resolve(place.length, span)))

    def region(self, place: Place, span: Span | None = None) -> Region:
        """The wires of a place that is in terms of the drawing's registers."""
        register, text = self.registers[place.register], self.text(place)
        lane = self.lanes.find(place.register, text)
        if lane is not None:
            return Region((lane,), text, True)
        match register, place:
            case Register(size=None), _:
                return Region(register.wires, text, True)
            case Register(is_bundle=True), _:
                return Region(register.wires, text, text == register.label)
            case _, Place(start=Const(int(start)), length=None):
                return Region((self._wire(register, start, text, span),), text, True)
            case _, Place(start=Const(int(start)), stride=Const(int(stride)), length=Const(int(length))):
                wires = (self._wire(register, start + stride * k, text, span) for k in range(length))
                return Region(tuple(wires), text, True)
        return Region(register.wires, text, text == register.label)

    def text(self, place: Place) -> str:
        """What its user calls a place."""
        register = self.registers[place.register]
        return place_label(register.label, place, register.size)

    def needs_words(self, place: Place) -> bool:
        """Whether the wires of its register alone do not tell the place."""
        register = self.registers[place.register]
        if register.size is None or self.text(place) == register.label:
            return False
        parts = (place.start, *(() if place.length is None else (place.stride, place.length)))
        return register.is_bundle or not all(isinstance(part, Const) for part in parts)

    def _wire(self, register: Register, index: int, text: str, span: Span | None) -> int:
        if not 0 <= index < len(register.wires):
            title = f"`{register.label}` has {len(register.wires)} qubits and no qubit {index}"
            raise QubitIndexResolutionError(title, span=span, label=f"this is `{text}`")
        return register.wires[index]


def register_value(name: str, place: Place) -> Any:
    """What a register's name stands for in expressions: something that has its length."""
    match place.length:
        case Const(int(length)):
            return range(length)
        case None:
            return Name(name, QUBIT)
        case length:
            return Slice(Name(name, ArrayType(QUBIT)), ZERO, ONE, length)


def argument_label(name: str, value: Any) -> str:
    """A classical argument: `weights`, `offset=4`, and vectors by the name that they have where the call stands."""
    text = label(value)
    if text == name or (isinstance(value, Name) and not isinstance(value.type, ScalarType)):
        return text
    return f"{name}={text}"


def describe_arguments(values: Mapping[str, Any]) -> str:
    """Arguments on one line."""
    return ", ".join(argument_label(name, value) for name, value in values.items())
