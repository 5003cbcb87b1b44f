"""The atoms of closed forms, and the values that arguments stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qkernel.ir.expressions import Expr

if TYPE_CHECKING:
    from qkernel.estimate.quantity import Quantity, Value


class Local(NamedTuple):
    """A name that an estimate makes, such as the index of a sum: what it shows, and what tells it from all others."""

    shown: str
    scope: int | str

    def __str__(self) -> str:
        return self.shown


Variable = str | Local
"""A name of the user's, or one that an estimate made."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """An argument of the kernel, or a bound index of a sum."""

    name: Variable
    nonnegative: bool = True


@dataclass(frozen=True, slots=True)
class Positive:
    """Max(0, value)."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor of numerator / divisor."""

    numerator: Quantity
    divisor: Quantity


@dataclass(frozen=True, slots=True)
class Power:
    """base ** exponent with a symbolic exponent."""

    base: Quantity
    exponent: Quantity


@dataclass(frozen=True, slots=True)
class AtLeastZero:
    """1 where the whole number `value` is at least 0, else 0."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class IsZero:
    """1 where `value` is 0, else 0."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class Argument:
    """A vector, dictionary or observable argument that is not bound."""

    name: Variable


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A bound vector, dictionary or observable, compared by identity."""

    value: Any


@dataclass(frozen=True, slots=True)
class Register:
    """A register of `length` qubits."""

    length: Quantity


@dataclass(frozen=True, slots=True)
class Sized:
    """A collection of which only the length is known."""

    length: Quantity


@dataclass(frozen=True, slots=True)
class Closure:
    """An expression of the IR whose names have the given values; `shape` has the lengths of an array, axis by axis."""

    expression: Expr
    values: tuple[tuple[str, Value], ...]
    shape: tuple[Quantity, ...] = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A number that an expression of the IR computes and that polynomials cannot say."""

    closure: Closure


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a vector, dictionary or register along an axis."""

    of: Value
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """How many terms of an observable act on so many qubits (None: on any but none), or are of a Pauli word."""

    observable: Value
    form: int | str | None = None


@dataclass(frozen=True, slots=True)
class Iterated:
    """A loop over index = 0 .. count - 1 that has no closed form.

    `states` (name, first value, next value) step once a round; the value is the sum of `result` over the rounds, or,
    if not `sums`, `result` after the last round.
    """

    index: Variable
    count: Quantity
    states: tuple[tuple[Variable, Quantity, Quantity], ...]
    result: Quantity
    sums: bool = True


@dataclass(frozen=True, slots=True)
class ItemSum:
    """The sum of `result` over the items of a dictionary that is not bound; `targets` name the item's key and value."""

    targets: tuple[Variable, ...]
    dictionary: Value
    result: Quantity


Atom = Symbol | Positive | Floor | Power | AtLeastZero | IsZero | Opaque | Length | Terms | Iterated | ItemSum
Monomial = frozenset[tuple[Atom, int]]
