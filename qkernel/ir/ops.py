"""The statements of the IR: effects on qubits in program order. Blocks nest; nothing else has an effect.

No name is defined where another of that name is in scope. A block's names end with it; carried and joined ones stay.
Qubits are by reference (`Place`): the frontend has proved that every name of the user's denotes one live place. Spans
never count in comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Span
from qkernel.ir.expressions import Expr
from qkernel.ir.places import Place
from qkernel.ir.types import Type


@dataclass(frozen=True, slots=True)
class Adjoint:
    """Run the operation backwards."""


@dataclass(frozen=True, slots=True)
class Control:
    """Run the operation where the qubits of `places`, in order, least significant first, hold `value` (None: all 1).

    `count` is how many qubits these must be, where the lengths of `places` do not show it; lowering checks that.
    """

    places: tuple[Place, ...]
    value: Expr | None = None
    count: Expr | None = None


@dataclass(frozen=True, slots=True)
class Power:
    """Run the operation `exponent` times; a negative number of times runs its adjoint."""

    exponent: Expr


Modifier = Adjoint | Control | Power


@dataclass(frozen=True, slots=True)
class Alloc:
    """A fresh register of `size` qubits in 0, or one fresh qubit if `size` is None. Never reused, one per execution."""

    register: str
    size: Expr | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of the table `qkernel.gates.GATES`, by name.

    A one-qubit gate on a place with a length acts on each of its qubits; then an angle of vector type gives one angle
    to each. `modifiers` apply from the first to the last. `matrix` belongs to `unitary` alone: a square complex
    matrix as a tuple of rows, first place least significant.
    """

    gate: str
    places: tuple[Place, ...]
    angles: tuple[Expr, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    matrix: tuple[tuple[complex, ...], ...] | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PauliEvolve:
    """exp(-i time observable) on `places` (observable qubit k is the k-th qubit), one Trotter step in the terms' order."""

    places: tuple[Place, ...]
    observable: Expr
    time: Expr
    modifiers: tuple[Modifier, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the function `callee` of the module.

    `arguments` stand in the order of the callee's parameters: expressions for classical ones, places for quantum
    ones. `results` stand in the order of the callee's `returns`: the name that the result gets here, or None where the
    result is not a new thing (a place that was passed in, or an expression in the callee's arguments).
    """

    callee: str
    arguments: tuple[Expr | Place, ...]
    results: tuple[str | None, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure `place` in the basis `z`, `x` or `y`. Defines `result`: a Bit, or a vector of Bits if place has a length.

    `keeps` says whether the qubits live on afterwards (`project_*`, `measure_reset`).
    """

    place: Place
    result: str
    basis: str = "z"
    keeps: bool = False
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """Put `place` into 0."""

    place: Place
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Expval:
    """The expectation value of `observable` (its qubit k is the k-th qubit of `places`); consumes the qubits.

    Defines `result`: a Float, or a vector of Floats if `observable` is a vector of observables.
    """

    places: tuple[Place, ...]
    observable: Expr
    result: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The 2**n outcome probabilities of `places`, index 0 all zeros, first qubit least significant; consumes them."""

    places: tuple[Place, ...]
    result: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """Python's `range(start, stop, step)`."""

    start: Expr
    stop: Expr
    step: Expr


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a dictionary in its order."""

    dictionary: Expr


@dataclass(frozen=True, slots=True)
class Carried:
    """A classical value that a loop carries.

    Before the loop `name` is `initial`; after each round it becomes `next`, all carried names at once; after the loop
    `name` denotes the last value. Its type is `joined_type` of the two. `span` is where the loop's body assigns it last.
    """

    name: str
    initial: Expr
    next: Expr
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class For:
    """A loop over a range (one target) or over items (key names, then the value's name)."""

    targets: tuple[str, ...]
    domain: Range | Items
    body: tuple[Op, ...]
    carried: tuple[Carried, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """A classical value that depends on the branch taken; after the `If`, `name` denotes it, of `joined_type` of the two."""

    name: str
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class If:
    """A branch on a bit: chosen at lowering where the condition is known then, else at run time."""

    condition: Expr
    then: tuple[Op, ...]
    otherwise: tuple[Op, ...] = ()
    joined: tuple[Joined, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class While:
    """Run `body` as long as `condition`, an expression over carried names and bits, holds."""

    condition: Expr
    body: tuple[Op, ...]
    carried: tuple[Carried, ...] = ()
    span: Span | None = field(default=None, compare=False)


Op = Alloc | Gate | PauliEvolve | Call | Measure | Reset | Expval | Probabilities | For | If | While
Block = tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a function. A quantum parameter is also a register of that name."""

    name: str
    type: Type
    default: Expr | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A traced kernel.

    `returns` are the values returned, flattened; `returns_tuple` says whether they were written as a tuple.
    `kind`: `kernel`; `composite` (a named box, `label` its name); `oracle` (no body: counts and draws, does not lower).
    """

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    returns: tuple[Expr | Place, ...] = ()
    returns_tuple: bool = False
    kind: str = "kernel"
    label: str | None = None
    clean_ancillas: bool = False
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Module:
    """A function and every function that it reaches, by unique names; the entry comes first."""

    functions: tuple[Function, ...]
    index: dict[str, Function] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {function.name: function for function in self.functions})

    @property
    def entry(self) -> Function:
        """The function that the module is for."""
        return self.functions[0]

    def __getitem__(self, name: str) -> Function:
        return self.index[name]

    def __str__(self) -> str:
        from qkernel.ir.printer import format_module

        return format_module(self)

    def __repr__(self) -> str:
        """The text form: what stands in the functions takes a hundred times as much as Python would write it."""
        return str(self)


def blocks(op: Any) -> tuple[Block, ...]:
    """The blocks nested directly in `op`."""
    match op:
        case For(body=body) | While(body=body):
            return (body,)
        case If(then=then, otherwise=otherwise):
            return (then, otherwise)
    return ()
