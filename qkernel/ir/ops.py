"""The statements of the IR: effects on qubits in program order. Blocks nest; nothing else has an effect.

No name is defined where another of that name is in scope. A block's names end with it; carried and joined ones stay.
Qubits are by reference (`Place`): the frontend has proved that every name of the user's denotes one live place. Spans
never count in comparison.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, get_args

from qkernel.diagnostics import Span, counted
from qkernel.errors import BindingShapeError
from qkernel.gates import GATES
from qkernel.ir.expressions import Expr
from qkernel.ir.fields import NUMBERS, Declared, Defines, Operand, Role
from qkernel.ir.places import Place
from qkernel.ir.types import ARRAYS, BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, ScalarType, Type, joined_type

OnePlace = Annotated[Place, Role.PLACE]
EachPlace = Annotated[tuple[Place, ...], Role.EACH_PLACE]
Modifiers = Annotated[tuple["Modifier", ...], Role.PARTS]
Body = Annotated[tuple["Op", ...], Role.BLOCK]
Bound = Annotated[Expr, Operand("a bound of the range", (UINT,))]
AnyExpr = Annotated[Expr, Operand()]
Handed = Annotated[Expr, Operand(inside=True)]
"""What a block hands on at its end."""


def _as_many(element: ScalarType) -> Callable[[Any], Type]:
    """The type of one result for each qubit of an op's place."""
    return lambda op: element if op.place.length is None else ArrayType(element)


@dataclass(frozen=True, slots=True)
class Adjoint(Declared, words="inverse"):
    """Run the operation backwards."""


@dataclass(frozen=True, slots=True)
class Control(Declared, words="control"):
    """Run the operation where the qubits of `places`, in order, least significant first, hold `value` (None: all 1).

    `count` is how many qubits these must be, where the lengths of `places` do not show it; lowering checks that.
    """

    places: EachPlace
    value: Annotated[Expr | None, Operand("the value of a control", (UINT,), keyword=True)] = None
    count: Annotated[Expr | None, Operand("the number of controls", (UINT,), keyword=True)] = None


@dataclass(frozen=True, slots=True)
class Power(Declared, words="power"):
    """Run the operation `exponent` times; a negative number of times runs its adjoint."""

    exponent: Annotated[Expr, Operand("the exponent of a power", (UINT,))]


Modifier = Adjoint | Control | Power
MODIFIER_WORDS: dict[str, type[Modifier]] = {word: kind for kind in get_args(Modifier) for word in kind.words}


@dataclass(frozen=True, slots=True)
class Alloc(Declared, words={"qubit": {"size": None}, "qubits": {}}):
    """A fresh register of `size` qubits in 0, or one fresh qubit if `size` is None. Never reused, one per execution."""

    register: Annotated[str, Defines(lambda op: QUBIT if op.size is None else ArrayType(QUBIT))]
    size: Annotated[Expr | None, Operand("the size of a register", (UINT,))] = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Gate(Declared, words={**{gate: {"matrix": None} for gate in (*GATES, "barrier")}, "unitary": {}}):
    """A gate of the table `qkernel.gates.GATES`, by name.

    On places with lengths, which are equal, it acts on the first qubit of each, then on the second of each, and so on;
    then an angle of vector type gives one angle to each. `modifiers` apply from the first to the last. `matrix` belongs
    to `unitary` alone: a square complex matrix as a tuple of rows, first place least significant.
    """

    gate: Annotated[str, Role.WORD]
    places: EachPlace
    angles: Annotated[tuple[Expr, ...], Role.EACH_EXPRESSION] = ()
    modifiers: Modifiers = ()
    matrix: Annotated[tuple[tuple[complex, ...], ...] | None, Role.MATRIX] = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PauliEvolve(Declared, words="pauli_evolve"):
    """exp(-i time observable) on `place` (observable qubit k is its k-th qubit), one Trotter step in the terms' order."""

    place: OnePlace
    observable: Annotated[Expr, Operand("what `pauli_evolve` takes", (OBSERVABLE,))]
    time: Annotated[Expr, Operand("an angle", NUMBERS)]
    modifiers: Modifiers = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Prepare(Declared, words="prepare"):
    """Bring `place`, a register in 0, into the state of `amplitudes`, scaled to norm 1, 0 for those that are not given.

    With `imaginary` they are complex, and `amplitudes` are their real parts.
    """

    place: OnePlace
    amplitudes: Annotated[Expr, Operand("what `prepare` takes", (ArrayType(FLOAT),))]
    imaginary: Annotated[Expr | None, Operand("what `prepare` takes", (ArrayType(FLOAT),), keyword=True)] = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Call(Declared):
    """A call of the function `callee` of the module.

    `arguments` stand in the order of the callee's parameters: expressions for classical ones, places for quantum
    ones. `results` stand in the order of the callee's `returns`: the name that the result gets here, or None where the
    result is not a new thing (a place that was passed in, or an expression in the callee's arguments).
    """

    callee: Annotated[str, Role.WORD]
    arguments: Annotated[tuple[Expr | Place, ...], Role.EACH_VALUE]
    results: Annotated[tuple[str | None, ...], Role.RESULTS] = ()
    modifiers: Modifiers = ()
    span: Span | None = field(default=None, compare=False)


_MEASUREMENTS = {
    "measure": {"basis": "z", "keeps": False},
    "measure_x": {"basis": "x", "keeps": False},
    "measure_y": {"basis": "y", "keeps": False},
    "project_z": {"basis": "z", "keeps": True},
    "project_x": {"basis": "x", "keeps": True},
    "project_y": {"basis": "y", "keeps": True},
}


@dataclass(frozen=True, slots=True)
class Measure(Declared, words=_MEASUREMENTS):
    """Measure `place` in the basis `z`, `x` or `y`. Defines `result`: a Bit, or a vector of Bits if place has a length.

    `keeps` says whether the qubits live on afterwards (`project_*`, `measure_reset`).
    """

    place: OnePlace
    result: Annotated[str, Defines(_as_many(BIT))]
    basis: str = "z"
    keeps: bool = False
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reset(Declared, words="reset"):
    """Put `place` into 0."""

    place: OnePlace
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Expval(Declared, words="expval"):
    """The expectation value of `observable` (its qubit k is the k-th qubit of `place`); consumes the qubits.

    Defines `result`: a Float, or a vector of Floats if `observable` is a vector of observables.
    """

    place: OnePlace
    observable: Annotated[Expr, Operand("what `expval` takes", (OBSERVABLE, ArrayType(OBSERVABLE)))]
    result: Annotated[str, Defines(lambda op: ArrayType(FLOAT) if isinstance(op.observable.type, ArrayType) else FLOAT)]
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Probabilities(Declared, words="probabilities"):
    """The 2**n outcome probabilities of `place`, index 0 all zeros, first qubit least significant; consumes its qubits."""

    place: OnePlace
    result: Annotated[str, Defines(lambda op: ArrayType(FLOAT))]
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Range(Declared):
    """Python's `range(start, stop, step)`."""

    start: Bound
    stop: Bound
    step: Bound


@dataclass(frozen=True, slots=True)
class Items(Declared):
    """The items of a dictionary in its order."""

    dictionary: AnyExpr


@dataclass(frozen=True, slots=True)
class Carried(Declared):
    """A classical value that a loop carries.

    Before the loop `name` is `initial`; after each iteration it becomes `next`, all carried names at once; after the loop
    `name` denotes the last value. Its type is `joined_type` of the two. `span` is where the loop's body assigns it last.
    """

    name: Annotated[str, Defines(lambda entry: joined_type(entry.initial.type, entry.next.type))]
    initial: AnyExpr
    next: Handed
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class For(Declared):
    """A loop over a range (one target) or over items (key names, then the value's name)."""

    targets: tuple[str, ...]
    domain: Annotated[Range | Items, Role.PARTS]
    body: Body
    carried: Annotated[tuple[Carried, ...], Role.PARTS] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Joined(Declared):
    """A classical value that depends on the branch taken; after the `If`, `name` denotes it, of `joined_type` of the two."""

    name: Annotated[str, Defines(lambda entry: joined_type(entry.then.type, entry.otherwise.type))]
    then: Handed
    otherwise: Handed


@dataclass(frozen=True, slots=True)
class If(Declared):
    """A branch on a bit: chosen at lowering where the condition is known then, else at run time."""

    condition: Annotated[Expr, Operand("the condition", (BIT,))]
    then: Body
    otherwise: Body = ()
    joined: Annotated[tuple[Joined, ...], Role.PARTS] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class While(Declared):
    """Run `body` as long as `condition`, an expression over carried names and bits, holds."""

    condition: Annotated[Expr, Operand("the condition", (BIT,), inside=True)]
    body: Body
    carried: Annotated[tuple[Carried, ...], Role.PARTS] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Within(Declared):
    """Run `setup`, one gate or call, then `body`, then `setup` backwards: only `body` is controlled, where all of it is.

    What `setup` defines is visible in `body`; qubits that it makes are in 0 again at the end, and free.
    """

    setup: Body
    body: Body
    span: Span | None = field(default=None, compare=False)

    @property
    def undo(self) -> Gate | Call:
        """The setup backwards."""
        (first,) = self.setup
        assert isinstance(first, Gate | Call)
        return replace(first, modifiers=(*first.modifiers, Adjoint()))


Op = Alloc | Gate | PauliEvolve | Prepare | Call | Measure | Reset | Expval | Probabilities | For | If | While | Within
Block = tuple[Op, ...]
OP_WORDS: dict[str, type[Op]] = {word: kind for kind in get_args(Op) for word in kind.words}
"""The ops by the words that they are written with; any other word calls the function of that name."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a function. A quantum parameter is also a register of that name, of any `length` or of a fixed one."""

    name: str
    type: Type
    default: Expr | None = None
    span: Span | None = field(default=None, compare=False)
    length: int | None = None

    @property
    def annotation(self) -> str:
        """Its type as it is written, with the length of a register that has a fixed one."""
        return str(self.type) if self.length is None else f"{ARRAYS[0]}[{self.type.element}, {self.length}]"

    def check_length(self, given: int, function: str, span: Span | None) -> None:
        """Raise if a register of `function` is given that many qubits, and has a fixed number of others."""
        if self.length not in (None, given):
            raise BindingShapeError(
                f"`{self.name}` of `{function}` has {counted(self.length, 'qubit')}, not {given}",
                span=span,
                label="" if span is None else counted(given, "qubit"),
            )


@dataclass(frozen=True, slots=True)
class Function:
    """A traced kernel.

    `returns` are the values returned, flattened; `returns_tuple` says whether they were written as a tuple.
    `kind`: `kernel`; `composite` (a named box, `label` its name); `oracle` (no body: counts and draws, does not lower).
    `inverse` and `control` name the functions that take its place under modifiers: see `Module.own_form`.
    `cost` says of an oracle how many there are of what it is made of, by the words of `COSTS`, in terms of its arguments.
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
    cost: tuple[tuple[str, Expr], ...] = ()
    inverse: str | None = None
    control: str | None = None

    @property
    def has_forms(self) -> bool:
        """Whether functions of the module stand for its inverse or its controlled form."""
        return self.inverse is not None or self.control is not None
