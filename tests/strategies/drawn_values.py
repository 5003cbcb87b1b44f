"""What random programs are written with: names in scope, numbers, conditions and places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any


@dataclass(frozen=True)
class Helper:
    """A kernel that others call. `shape` says what it acts on: `qubit`, `pair` or `register`.

    Some clean an ancilla, some bring forms of their own.
    """

    name: str
    shape: str
    parameters: tuple[tuple[str, str], ...]
    cleans: bool = False
    formed: bool = False


@dataclass
class Scope:
    """What may be named here: the register in hand with its size and the least that it is known to be, and values."""

    register: str
    size: str
    least: int = 0
    indices: list[str] = field(default_factory=list)
    integers: list[str] = field(default_factory=list)
    floats: list[str] = field(default_factory=list)
    vector: str | None = None
    carried: list[tuple[str, str]] = field(default_factory=list)
    bits: list[str] = field(default_factory=list)
    depth: int = 0
    loops: int = 0
    waits: bool = False

    def inside(self, **changes: Any) -> Scope:
        lists = {name: list(getattr(self, name)) for name in ("indices", "integers", "floats", "carried", "bits")}
        return replace(self, **{**lists, "depth": self.depth + 1, **changes})


class Values:
    """Draws values and places, and holds the text as far as it is written."""

    def __init__(self, random: Random, measures: bool = False) -> None:
        self.random, self.measures = random, measures
        self.lines: list[str] = []
        self.indent = 0
        self.helpers: list[Helper] = [Helper("asked", "qubit", ())]
        self.counter = 0

    # text ---------------------------------------------------------------------------------------------------------------

    def write(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def fresh(self, stem: str) -> str:
        self.counter += 1
        return f"{stem}{self.counter}"

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    # values -------------------------------------------------------------------------------------------------------------

    def integer(self, scope: Scope, depth: int = 2) -> str:
        """A whole number, of any sign."""
        if depth == 0 or self.chance(0.4):
            names = [scope.size, *scope.indices, *scope.integers]
            return self.random.choice(names) if self.chance(0.7) else str(self.random.randrange(4))
        left, right = self.integer(scope, depth - 1), self.integer(scope, depth - 1)
        match self.random.randrange(10):
            case 0 | 1:
                return f"({left} + {right})"
            case 2 | 3:
                return f"({left} - {right})"
            case 4:
                return f"({left} * {right})"
            case 5:
                return f"({left} // {self.random.randrange(2, 4)})"
            case 6:
                return self.pick(*[f"({left} % {self.random.randrange(2, 5)})"] * 8, *self.number_theory(left, right))
            case 7:
                return f"{self.pick('min', 'max')}({left}, {right})"
            case 8:
                return f"abs({left} - {right})"
        return f"({left} if {self.condition(scope, depth - 1)} else {right})"

    def number_theory(self, left: str, right: str) -> tuple[str, ...]:
        return (
            f"2 ** (abs({left}) % 3)",
            f"pow(abs({left}), abs({right}) % 3, 5)",
            f"math.gcd({left}, {right}, 6)",
            f"divmod({left}, 3)[1]",
        )

    def condition(self, scope: Scope, depth: int = 1) -> str:
        """Known when the program is bound."""
        left, right = self.integer(scope, min(depth, 1)), self.integer(scope, 0)
        operator = self.pick("<", "<=", ">", ">=", "==", "!=")
        match self.random.randrange(7) if depth else 0:
            case 1:
                return f"{self.integer(scope, 0)} {self.pick('<', '<=')} {left} {operator} {right}"
            case 2:
                return f"({self.condition(scope, 0)} and {self.condition(scope, 0)})"
            case 3:
                return f"({self.condition(scope, 0)} or {self.condition(scope, 0)})"
            case 4:
                return f"not {self.condition(scope, 0)}" if self.chance(0.5) else f"not ({self.condition(scope, 0)})"
            case 5:
                return f"{left} % 2 == {self.random.randrange(2)}"
        return f"{left} {operator} {right}"

    def number(self, scope: Scope, depth: int = 2) -> str:
        """An angle."""
        if depth == 0 or self.chance(0.45):
            choices = ["0.3", "math.pi / 2", "math.pi / 4", "np.pi", "-0.7", "1", *scope.floats, *scope.floats]
            choices += [f"0.1 * {name}" for name in scope.indices + scope.integers]
            if scope.vector:
                choices += [f"{scope.vector}[{self.element(scope)}]"] * 3
            return self.random.choice(choices)
        left = self.number(scope, depth - 1)
        match self.random.randrange(13):
            case 12:
                values = [*scope.floats, *([f"{scope.vector}[{self.element(scope)}]"] if scope.vector else [])]
                return f"({self.pick(*values)} {self.pick('//', '%')} {self.pick('1', '1.0', '0.7', '-2')})" if values else left
            case 11:
                return f"slope({left}, {self.pick(f'abs({self.integer(scope, 1)}) % 3', '2')})"
            case 0 | 1:
                return f"({left} {self.pick('+', '-')} {self.number(scope, depth - 1)})"
            case 2:
                return f"{left} * {self.pick('0.5', '2', '-1.5')}" if not left.startswith("-") else f"-({left})"
            case 3:
                return f"({left} * {self.number(scope, 0)})"
            case 4:
                return f"-{left}" if left[0].isalpha() else f"({left})"
            case 5:
                return f"({left}) / {self.random.randrange(2, 5)}"
            case 6:
                return f"{self.pick('math', 'qk')}.{self.pick('sin', 'cos')}({left})"
            case 7 if "slope(" not in left:  # a conditional expression chooses between numbers, it calls no kernels
                return f"({left} if {self.condition(scope)} else {self.number(scope, 0)})"
            case 8:
                return f"{self.pick('min', 'max')}({left}, {self.number(scope, 0)})"
            case 9:
                return f"({left}) ** 2" if self.chance(0.5) else f"qk.sqrt(abs({left}) + 1)"
        return f"({left}) / ({self.pick('1', '2')} + abs({self.integer(scope, 1)}))"

    def element(self, scope: Scope) -> str:
        """An index into the vector of floats, which has one element at least."""
        length = f"len({scope.vector})"
        if scope.indices and self.chance(0.5):
            return self.random.choice(scope.indices)
        return self.pick("0", f"{length} - 1", f"{self.integer(scope, 1)} % {length}", f"({self.integer(scope, 1)}) % {length}")

    # places -------------------------------------------------------------------------------------------------------------

    def distinct(self, scope: Scope, count: int) -> list[str]:
        """Indices of that many different qubits; the register has as many."""
        size = scope.size
        if count <= scope.least and self.chance(0.35):
            chosen = self.random.sample(range(scope.least), count)
            return ["-1" if count == 1 and self.chance(0.2) else str(k) for k in chosen]
        if count == 1:
            bare = list(scope.indices)
            return [
                self.random.choice(
                    [
                        *bare,
                        *bare,
                        *(f"{size} - 1 - {name}" for name in bare),
                        f"({self.integer(scope)}) % {size}",
                        f"{size} - 1",
                    ]
                )
            ]
        if count == 2 and scope.indices and self.chance(0.4):
            index = self.random.choice(scope.indices)
            pair = [index, f"({index} + 1) % {size}"]
        else:
            base, step = self.integer(scope, 1), self.integer(scope, 1)
            if count == 2 and self.chance(0.5):
                pair = [f"({base}) % {size}", f"({base} + 1 + {step} % ({size} - 1)) % {size}"]
            else:
                pair = [f"({base} + {k}) % {size}" if k else f"({base}) % {size}" for k in range(count)]
        self.random.shuffle(pair)
        return pair

    def slice(self, scope: Scope) -> str:
        """A slice of the register, of any length."""
        names = [scope.size, *scope.indices]
        start, stop = (self.pick("1", "2", f"{self.random.choice(names)} // 2", *scope.indices) for _ in range(2))
        return self.pick(
            f"{start}:", f":{stop}", f"{self.pick('0', '1')}::2", "::2", f"1:{scope.size}", f"{start}:{stop} + 1", "::3",
            "::-1", f"{self.pick('1', *scope.indices)}::-1", f"::-{self.pick(1, 2)}",
            f":{scope.size} - {start}", f"{stop} - 1:", f"::{stop} + 1", f"{start}:{scope.size} - {stop}:{stop}",
        )  # fmt: skip

    def guarded(self, scope: Scope, need: int) -> Scope:
        """The scope in which the register has `need` qubits, under an `if` where that is not known."""
        if scope.least >= need:
            return scope
        operator = f"> {need - 1}" if self.chance(0.5) else f">= {need}"
        self.write(f"if {scope.size} {operator}:")
        self.indent += 1
        return scope.inside(least=need)
