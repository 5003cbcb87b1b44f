"""Random kernels, written as users write them.

`generate(seed)` draws a program: helper kernels, a unitary kernel `k`, and `main`, which prepares a state that no qubit
is special in, calls `k` and reads out an observable. `generate_measuring(seed)` draws a `main` that measures. Every
index is in range and no qubit is used twice at the sizes that the program comes with; a draw that is not of use says so
when it runs (`eager.TooLarge`, `eager.Invalid`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import strategies as st

import qkernel.observable as qko

HEADER = "import math\n\nimport numpy as np\n\nimport qkernel as qk\nimport qkernel.observable as qko\n\n"
PLAIN = "h x y z s sdg t tdg sx sxdg id".split()
ROTATIONS = "p rx ry rz".split()
PAIRS = "cx cy cz ch swap iswap ecr".split()
PAIR_ROTATIONS = "cp crx cry crz rxx ryy rzz rzx".split()
TRIPLES = "ccx ccz cswap".split()
MATRICES = """\
TURN = np.array([[0.6, -0.8j], [-0.8j, 0.6]])
SHIFT = np.array([[0, 0, 0, 1j], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
"""
OBSERVABLES = {
    1: ["qko.Z(0)", "0.5 * qko.X(0)", "qko.Y(0) + 0.3"],
    2: ["qko.Z(0) * qko.Z(1)", "0.7 * qko.X(0) * qko.Y(1) - 0.2 * qko.Z(1)", "qko.X(0) + 0.4 * qko.Z(0) * qko.X(1)"],
    3: ["qko.X(0) * qko.Y(1) * qko.Z(2) + 0.1", "0.3 * qko.Z(2) - qko.Z(0) * qko.Y(2)"],
}


@dataclass(frozen=True)
class Program:
    """A program's text, the name of its entry, and values for the entry's arguments."""

    seed: int
    source: str
    values: dict[str, Any]
    entry: str = "main"
    measures: bool = False

    @property
    def script(self) -> str:
        """The text with its imports."""
        return HEADER + self.source


@dataclass(frozen=True)
class Helper:
    """A kernel that others call. `shape` says what it acts on: `qubit`, `pair` or `register`."""

    name: str
    shape: str
    parameters: tuple[tuple[str, str], ...]


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


class Writer:
    """Draws a program and writes its text."""

    def __init__(self, random: Random, measures: bool = False) -> None:
        self.random, self.measures = random, measures
        self.lines: list[str] = []
        self.indent = 0
        self.helpers: list[Helper] = []
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
                return f"({left} % {self.random.randrange(2, 5)})"
            case 7:
                return f"{self.pick('min', 'max')}({left}, {right})"
            case 8:
                return f"abs({left} - {right})"
        return f"({left} if {self.condition(scope, depth - 1)} else {right})"

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
        match self.random.randrange(11):
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
            case 7:
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
            f"{start}:", f":{stop}", f"{self.pick('0', '1')}::2", "::2", f"1:{scope.size}", f"{start}:{stop} + 1", "::3"
        )

    def guarded(self, scope: Scope, need: int) -> Scope:
        """The scope in which the register has `need` qubits, under an `if` where that is not known."""
        if scope.least >= need:
            return scope
        operator = f"> {need - 1}" if self.chance(0.5) else f">= {need}"
        self.write(f"if {scope.size} {operator}:")
        self.indent += 1
        return scope.inside(least=need)

    # statements ---------------------------------------------------------------------------------------------------------

    def block(self, scope: Scope, most: int) -> None:
        """One statement or more."""
        for _ in range(self.random.randint(1, most)):
            self.statement(scope)

    def statement(self, scope: Scope) -> None:
        indent = self.indent
        simple = [
            self.one,
            self.one,
            self.broadcast,
            self.pair,
            self.pair,
            self.triple,
            self.call,
            self.modified,
            self.modified,
        ]
        simple += [self.assign, self.evolve, self.matrix, self.choose, self.steps]
        nested = [self.loop, self.loop, self.branch, self.view, self.carry]
        if self.measures:
            simple += [self.project, self.project, self.set_bit]
            nested += [self.runtime_branch] * 3 + [self.repeat]
        self.random.choice(simple if scope.depth >= 3 or self.chance(0.6) else nested)(scope)
        self.indent = indent

    def gate_on(self, scope: Scope, name: str, places: list[str]) -> None:
        """`name` on places of the register; angles as the gate has them."""
        count = {"u": 3, "cu": 4, **dict.fromkeys(ROTATIONS + PAIR_ROTATIONS, 1)}.get(name, 0)
        angles = [self.number(scope) for _ in range(count)]
        if count == 1 and self.chance(0.2):
            angles = [f"{self.pick('angle', 'theta')}={angles[0]}"]
        targets = ", ".join(places)
        self.write(f"{targets} = qk.{name}({', '.join([targets, *angles])})")

    def one(self, scope: Scope) -> None:
        scope = self.guarded(scope, 1)
        [index] = self.distinct(scope, 1)
        self.gate_on(scope, self.pick(*PLAIN, *ROTATIONS, *ROTATIONS, "u"), [f"{scope.register}[{index}]"])

    def steps(self, scope: Scope) -> None:
        """An element taken out under a name, used and put back."""
        scope = self.guarded(scope, 1)
        [index], name = self.distinct(scope, 1), self.fresh("x")
        self.write(f"{name} = {scope.register}[{index}]")
        self.gate_on(scope, self.pick(*PLAIN, *ROTATIONS), [name])
        self.write(f"{name} = qk.{self.pick('barrier', *PLAIN)}({name})")
        self.write(f"{scope.register}[{index}] = {name}")

    def broadcast(self, scope: Scope) -> None:
        name = self.pick(*PLAIN, *ROTATIONS, *ROTATIONS, "u")
        if name in ROTATIONS and scope.vector and self.chance(0.5):
            part = self.pick(f":{scope.size}", f"1 : {scope.size} + 1")
            self.write(f"{scope.register} = qk.{name}({scope.register}, {scope.vector}[{part}])")
            return
        place = scope.register if self.chance(0.5) else f"{scope.register}[{self.slice(scope)}]"
        self.gate_on(scope, name, [place])

    def pair(self, scope: Scope) -> None:
        scope = self.guarded(scope, 2)
        places = [f"{scope.register}[{index}]" for index in self.distinct(scope, 2)]
        self.gate_on(scope, self.pick(*PAIRS, *PAIR_ROTATIONS, "cu"), places)

    def triple(self, scope: Scope) -> None:
        scope = self.guarded(scope, 3)
        self.gate_on(scope, self.pick(*TRIPLES), [f"{scope.register}[{index}]" for index in self.distinct(scope, 3)])

    def matrix(self, scope: Scope) -> None:
        count = self.pick(1, 2)
        scope = self.guarded(scope, count)
        targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, count))
        self.write(f"{targets} = qk.unitary({'TURN' if count == 1 else 'SHIFT'}, {targets})")

    def evolve(self, scope: Scope) -> None:
        count = self.pick(1, 2, 3)
        scope = self.guarded(scope, count)
        observable = self.pick(*OBSERVABLES[count])
        if self.chance(0.5):
            self.write(f"{scope.register} = qk.pauli_evolve({scope.register}, {observable}, {self.number(scope)})")
        elif count > 1:
            targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, count))
            self.write(f"{targets} = qk.pauli_evolve(({targets}), {observable}, {self.number(scope)})")
        else:
            place = f"{scope.register}[{self.distinct(scope, 1)[0]}]"
            self.write(f"{place} = qk.pauli_evolve({place}, {observable}, {self.number(scope, 1)})")

    def call(self, scope: Scope) -> None:
        """A call of a helper as it is."""
        usable = self.usable(scope)
        if not usable:
            return self.one(scope)
        helper = self.random.choice(usable)
        need = {"qubit": 1, "pair": 2, "register": 0}[helper.shape]
        scope = self.guarded(scope, need)
        if helper.shape == "register":
            targets = scope.register if self.chance(0.6) else f"{scope.register}[{self.slice(scope)}]"
        else:
            targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, need))
        self.write(f"{targets} = {helper.name}({', '.join([targets, *self.arguments(scope, helper)])})")
        return None

    def usable(self, scope: Scope) -> list[Helper]:
        """Those helpers whose arguments are at hand."""
        return [helper for helper in self.helpers if scope.vector or "v" not in dict(helper.parameters)]

    def arguments(self, scope: Scope, helper: Helper) -> list[str]:
        result = []
        named = self.chance(0.2)
        for name, kind in helper.parameters:
            if kind == "qk.UInt":
                value = self.pick("0", "1", "2") if name == "depth" else f"abs({self.integer(scope, 1)})"
            elif kind == "qk.Float":
                value = self.number(scope)
            else:
                value = str(scope.vector)
            result.append(f"{name}={value}" if named else value)
        return result

    def modified(self, scope: Scope) -> None:
        """`control`, `inverse`, `global_phase` and powers of a gate or helper, nested up to three deep."""
        usable = self.usable(scope)
        if usable and self.chance(0.6):
            helper = self.random.choice(usable)
            operation, shape = helper.name, helper.shape
            rest = self.arguments(scope, helper)
        else:
            name = self.pick(*PLAIN, *ROTATIONS, "swap", "iswap", "ecr", "rxx", "rzx", "cx", "crz", "u")
            shape = "qubit" if name in (*PLAIN, *ROTATIONS, "u") else "pair"
            operation, rest = (
                f"qk.{name}",
                [self.number(scope) for _ in range({"u": 3, "rxx": 1, "rzx": 1, "crz": 1}.get(name, 0))],
            )
            rest = [self.number(scope)] if name in ROTATIONS else rest
        controls, together = 0, False
        for _ in range(self.random.randint(1, 3)):
            match self.pick("control", "control", "inverse", "phase"):
                case "control" if controls < 2:
                    count = self.pick(1, 1, 2 - controls)
                    value = f", control_value={self.random.randrange(1 << count)}" if self.chance(0.4) else ""
                    power = (
                        f", power={self.pick('2', '3', '-1', '2 ** ' + str(self.random.randrange(3)))}"
                        if self.chance(0.2)
                        else ""
                    )
                    operation, controls = f"qk.control({operation}, {count}{value}{power})", controls + count
                    together = count == 2
                case "phase":
                    operation = f"qk.global_phase({operation}, {self.number(scope, 1)})"
                case _:
                    operation = f"qk.inverse({operation})"
        if "(" not in operation:
            operation = f"qk.inverse({operation})"
        targets = {"qubit": 1, "pair": 2, "register": 0}[shape]
        scope = self.guarded(scope, controls + targets)
        name = scope.register
        if shape == "register":
            places = [f"{name}[{k}]" for k in range(controls)]
            places.append(f"{name}[{controls}:]" if controls else name)
        elif together and name == "q" and self.chance(0.3) and scope.least >= 2 + targets:
            places = [f"{name}[0:2]", *(f"{name}[{2 + k}]" for k in range(targets))]
        else:
            places = [f"{name}[{index}]" for index in self.distinct(scope, controls + targets)]
        power = [f"power={self.pick('2', '3')}"] if self.chance(0.15) else []
        self.write(f"{', '.join(places)} = {operation}({', '.join([*places, *rest, *power])})")

    def choose(self, scope: Scope) -> None:
        """A multiplexer."""
        scope = self.guarded(scope, 2)
        usable = [helper.name for helper in self.helpers if helper.shape == "qubit" and len(helper.parameters) == 1]
        angle = self.chance(0.5)
        names = [*(f"qk.{name}" for name in ROTATIONS), *usable] if angle else [f"qk.{name}" for name in PLAIN]
        wide = scope.least >= 3 and self.chance(0.5)
        operations = ", ".join(self.random.choice(names) for _ in range(self.random.randint(1, 4 if wide else 2)))
        index = f"{scope.register}[0:2]" if wide else f"{scope.register}[{self.pick('0', '0:1')}]"
        target = f"{scope.register}[{2 if wide else 1}]"
        rest = f", {self.number(scope)}" if angle else ""
        self.write(f"{index}, {target} = qk.select([{operations}])({index}, {target}{rest})")

    def assign(self, scope: Scope) -> None:
        """A classical value under a name, or a step of one that is carried."""
        if scope.carried and self.chance(0.7):
            name, kind = self.random.choice(scope.carried)
            if kind == "int":
                step = self.pick(
                    f"({name} + {self.integer(scope, 1)}) % 5",
                    f"min({name} + 1, 4)",
                    f"abs({name} - {self.integer(scope, 1)}) % 4",
                )
                self.write(f"{name} = {step}" if self.chance(0.7) else f"{name} += 1")
            else:
                self.write(
                    f"{name} = {name} * 0.5 + {self.number(scope, 1)}"
                    if self.chance(0.6)
                    else f"{name} += {self.number(scope, 0)}"
                )
        elif self.chance(0.5):
            name = self.fresh("m")
            self.write(f"{name} = {self.integer(scope)}")
            scope.integers.append(name)
        else:
            name = self.fresh("c")
            self.write(f"{name} = {self.number(scope)}")
            scope.floats.append(name)

    def carry(self, scope: Scope) -> None:
        """A loop that carries values."""
        scope = scope.inside(depth=scope.depth)
        integer, number = self.fresh("t"), self.fresh("s")
        self.write(f"{integer} = {self.pick('0', '1', self.integer(scope, 1))}")
        scope.integers.append(integer)
        scope.carried.append((integer, "int"))
        if self.chance(0.6):
            self.write(f"{number} = {self.number(scope, 1)}")
            scope.floats.append(number)
            scope.carried.append((number, "float"))
        if self.chance(0.3):
            other = self.fresh("t")
            self.write(f"{other} = {self.random.randrange(3)}")
            scope.integers.append(other)
            self.write(f"for {self.fresh('i')} in qk.range({self.pick('2', '3', scope.size)}):")
            self.indent += 1
            self.write(f"{integer}, {other} = {other}, ({integer} + {self.random.randrange(1, 3)}) % 4")
            self.one(scope.inside())
            self.indent -= 1
        else:
            self.loop(scope)
        self.one(scope)

    def loop(self, scope: Scope) -> None:
        """A loop over a range or over items."""
        indent = self.indent
        if scope.loops >= 2:
            return self.one(scope)
        name = "ijl"[scope.loops] if self.chance(0.7) else self.fresh("i")
        inner = scope.inside(loops=scope.loops + 1)
        size = scope.size
        choice = self.random.randrange(9)
        word = self.pick("qk.range", "qk.range", "range")
        if scope.register == "q" and size == "n" and self.chance(0.2) and not self.measures:
            return self.item_loop(inner)
        match choice:
            case 0 | 1 | 2:
                self.write(f"for {name} in {word}({size}):")
                inner.indices.append(name)
                inner.least = max(inner.least, 1)
            case 3:
                self.write(f"for {name} in {word}({size} - 1):")
                inner.indices.append(name)
                inner.least = max(inner.least, 2)
            case 4:
                self.write(f"for {name} in {word}({size} - {self.pick(1, 2)}, -1, -1):")
                inner.indices.append(name)
                inner.least = max(inner.least, 1)
            case 5 if scope.indices:
                outer = self.random.choice(scope.indices)
                self.write(
                    f"for {name} in {word}({self.pick(f'{outer} + 1, {size}', outer, f'{outer}, {size}', f'{outer}, -1, -1')}):"
                )
                inner.indices.append(name)
            case 6:
                self.write(f"for {name} in {word}({self.pick('0', '1')}, {size}, {self.pick('2', '3')}):")
                inner.indices.append(name)
                inner.least = max(inner.least, 1)
            case 7:
                self.write(
                    f"for {name} in {word}({self.integer(scope, 1)}, {self.integer(scope, 1)}, {self.pick('1', '2', '-1', '-2')}):"
                )
                inner.integers.append(name)
            case _:
                self.write(f"for {name} in {word}({self.random.randrange(1, 4)}):")
                inner.integers.append(name)
        self.indent += 1
        self.block(inner, 3)
        self.indent = indent
        return None

    def item_loop(self, scope: Scope) -> None:
        form, name, value = self.pick("qk.items({})", "{}.items()"), self.fresh("i"), self.fresh("w")
        scope.floats.append(value)
        scope.indices.append(name)
        if self.chance(0.5):
            other = self.fresh("j")
            self.write(f"for ({name}, {other}), {value} in {form.format('d')}:")
            self.indent += 1
            scope.indices.append(other)
            self.gate_on(scope, self.pick(*PAIR_ROTATIONS), [f"q[{name}]", f"q[{other}]"])
            scope.least = max(scope.least, 2)
        else:
            self.write(f"for {name}, {value} in {form.format('e')}:")
            self.indent += 1
            self.gate_on(scope, self.pick(*ROTATIONS), [f"q[{name}]"])
            scope.least = max(scope.least, 1)
        if self.chance(0.5):
            self.statement(scope)

    def branch(self, scope: Scope) -> None:
        """Decided when the program is bound."""
        self.write(f"if {self.condition(scope)}:")
        for word in self.pick(("",), ("", "else:"), ("", "elif", "else:"), ("", "elif")):
            if word:
                self.write(f"elif {self.condition(scope)}:" if word == "elif" else word)
            self.indent += 1
            self.block(scope.inside(), 2)
            self.indent -= 1

    def view(self, scope: Scope) -> None:
        """A slice under a name of its own, used like a register."""
        name, part = self.fresh("w"), self.slice(scope)
        self.write(f"{name} = {scope.register}[{part}]")
        size = self.fresh("m") if self.chance(0.5) else f"len({name})" if self.chance(0.5) else f"{name}.shape[0]"
        if size.startswith("m"):
            self.write(f"{size} = {name}.shape[0]")
        self.block(scope.inside(register=name, size=size, least=0, indices=[], integers=[*scope.integers, *scope.indices]), 3)
        self.write(f"{scope.register}[{part}] = {name}")

    # measurement --------------------------------------------------------------------------------------------------------

    def project(self, scope: Scope) -> None:
        """A measurement that keeps its qubit, or a reset."""
        scope_in = self.guarded(scope, 1)
        place, bit = f"{scope.register}[{self.distinct(scope_in, 1)[0]}]", self.fresh("b")
        match self.random.randrange(6):
            case 0 if self.chance(0.5):
                self.write(f"{scope.register} = qk.reset({scope.register})")
                return
            case 0 | 1:
                self.write(f"{place} = qk.reset({place})")
                return
            case 2:
                self.write(f"{place}, {bit} = qk.measure_reset({place})")
            case 3:
                self.write(f"{place}, {bit} = qk.project_{self.pick('x', 'y')}({place})")
            case 4 if scope_in.least >= 2:
                bits = self.fresh("bs")
                self.write(f"{scope.register}[0:2], {bits} = qk.project_z({scope.register}[0:2])")
                self.write(f"{bit} = {bits}[0] {self.pick('&', '|', '^')} {bits}[1]")
            case _:
                self.write(f"{place}, {bit} = qk.project_z({place})")
        if scope_in is not scope or self.chance(0.3):
            self.write(f"parity = parity {self.pick('^', '&', '|', '!=')} {bit}")
        if scope_in is scope:
            scope.bits.append(bit)

    def bit(self, scope: Scope, depth: int = 1) -> str:
        """An expression over measured bits."""
        if depth == 0 or self.chance(0.4):
            return self.random.choice(["parity", *scope.bits, *scope.bits])
        left, right = self.bit(scope, depth - 1), self.bit(scope, depth - 1)
        return self.pick(
            f"({left} & {right})", f"({left} | {right})", f"({left} ^ {right})", f"~{left}", f"(not {left})",
            f"({left} and {right})", f"({left} or not {right})", f"({left} == {right})", f"({left} != {right})",
        )  # fmt: skip

    def set_bit(self, scope: Scope) -> None:
        """Classical work on bits, and counting."""
        bit = self.bit(scope)
        match 0 if scope.waits else self.random.randrange(5):
            case 0:
                self.write(f"parity = {bit}")
            case 1:
                self.write(f"count = count + (1 if {bit} else 0)")
            case 2:
                self.write(f"if {bit}:")
                self.write(f"    count {self.pick('+= 1', '= count + 2', '= 2 * count + 1')}")
            case 3:
                self.write(f"parity, count = {bit}, (0 if parity else count)")
            case _:
                name = self.fresh("b")
                self.write(f"{name} = {bit}")
                scope.bits.append(name)

    def runtime_branch(self, scope: Scope) -> None:
        """Decided by measured bits."""
        self.write(f"if {self.bit(scope)}:")
        for word in self.pick(("",), ("",), ("", "else:"), ("", "elif", "else:"), ("", "elif")):
            if word:
                self.write(f"elif {self.bit(scope)}:" if word == "elif" else word)
            self.indent += 1
            self.block(scope.inside(carried=[]), 2)  # a value that depends on a bit shapes nothing
            self.indent -= 1

    def repeat(self, scope: Scope) -> None:
        """Until a measurement says so; a round ends it with a chance of 0.93."""
        if scope.waits or scope.depth or not self.may_wait:
            return self.runtime_branch(scope)
        self.may_wait = False
        qubit, flag = self.fresh("y"), self.fresh("b")
        self.write(f"{qubit} = qk.ry(qk.qubit(), 1.2)")
        self.write(f"{qubit}, {flag} = qk.project_z({qubit})")
        self.write(f"while {self.pick(flag, f'not ~{flag}', f'({flag} == {flag}) & {flag}')}:")
        self.indent += 1
        inner = scope.inside(waits=True, depth=2, carried=[])
        for _ in range(self.random.randrange(3)):
            self.pick(self.one, self.pair, self.set_bit, self.broadcast, self.loop)(inner)
            self.indent = 2
        self.write(f"{qubit} = qk.ry({qubit}, 2.6)")
        self.write(f"{qubit}, {flag} = qk.project_z({qubit})")
        self.indent -= 1
        scope.bits.append(flag)
        return None

    # kernels ------------------------------------------------------------------------------------------------------------

    def define(self, name: str, decorator: str, parameters: list[str], result: str) -> None:
        self.lines += ["", ""] if self.lines else []
        self.write(decorator)
        self.write(f"def {name}({', '.join(parameters)}) -> {result}:")
        self.indent = 1

    def helper(self) -> None:
        """A kernel on a qubit, on a pair or on a register; it may call those before it."""
        name = self.fresh("f")
        shape = self.pick("qubit", "pair", "register", "register", "ancilla", "recursion")
        default = " = 0.25" if self.chance(0.15) else ""
        decorator = self.pick("@qk.qkernel", "@qk.qkernel", f'@qk.composite_gate(name="box_{name}")\n@qk.qkernel')
        if shape in ("qubit", "pair"):
            names = ["x"] if shape == "qubit" else ["x", "y"]
            self.define(
                name,
                decorator,
                [*(f"{entry}: qk.Qubit" for entry in names), f"a: qk.Float{default}"],
                "qk.Qubit" if shape == "qubit" else "tuple[qk.Qubit, qk.Qubit]",
            )
            scope = Scope("", "2", floats=["a"])
            for _ in range(self.random.randint(1, 3)):
                self.random.shuffle(names)
                if shape == "pair" and self.chance(0.6):
                    self.gate_on(scope, self.pick(*PAIRS, *PAIR_ROTATIONS), names)
                else:
                    self.gate_on(scope, self.pick(*PLAIN, *ROTATIONS, *ROTATIONS, "u"), [names[0]])
            self.write(f"return {', '.join(sorted(names))}")
            self.helpers.append(Helper(name, shape, (("a", "qk.Float"),)))
        elif shape == "ancilla":
            self.define(
                name,
                "@qk.qkernel(clean_ancillas=True)",
                ["x: qk.Qubit", "y: qk.Qubit", "a: qk.Float"],
                "tuple[qk.Qubit, qk.Qubit]",
            )
            self.write(f"z = qk.qubit({self.pick('', chr(34) + 'z' + chr(34))})")
            self.write("x, z = qk.cx(x, z)")
            self.write(f"z, y = qk.{self.pick('crx', 'cry', 'cp')}(z, y, {self.number(Scope('', '2', floats=['a']))})")
            self.write("x, z = qk.cx(x, z)")
            self.write("return x, y")
            self.helpers.append(Helper(name, "pair", (("a", "qk.Float"),)))
        elif shape == "recursion":
            self.define(name, "@qk.qkernel", ["q: qk.Vector[qk.Qubit]", "depth: qk.UInt", "a: qk.Float"], "qk.Vector[qk.Qubit]")
            self.write("if depth > 0:")
            self.indent = 2
            self.block(Scope("q", "len(q)", integers=["depth"], floats=["a"], depth=2), 2)
            self.write(f"q = {name}(q, depth - 1, {self.pick('a / 2', 'a + 0.1', '-a')})")
            self.helpers.append(Helper(name, "register", (("depth", "qk.UInt"), ("a", "qk.Float"))))
            self.indent = 1
            self.write("return q")
        else:
            parameters = [("a", "qk.Float"), ("m", "qk.UInt"), ("v", "qk.Vector[qk.Float]")]
            self.define(
                name,
                "@qk.qkernel",
                ["q: qk.Vector[qk.Qubit]", *(f"{entry}: {kind}" for entry, kind in parameters)],
                "qk.Vector[qk.Qubit]",
            )
            size = self.pick("len(q)", "q.shape[0]", "size")
            if size == "size":
                self.write("size = q.shape[0]")
            self.block(Scope("q", size, integers=["m"], floats=["a"], vector="v", depth=1, loops=1), 3)
            self.write("return q")
            self.helpers.append(Helper(name, "register", tuple(parameters)))
        self.indent = 0

    def kernel(self) -> None:
        """The unitary kernel `k`."""
        self.define("k", "@qk.qkernel", [f"q: {REGISTER}", *ARGUMENTS], REGISTER)
        scope = Scope("q", "n", floats=["a", "b"], vector="v")
        for _ in range(self.random.randint(1, 4)):
            self.statement(scope)
        self.write("return q")
        self.indent = 0

    def main(self) -> None:
        """The entry of a unitary program."""
        self.define("main", "@qk.qkernel", [*ARGUMENTS, "observable: qk.Observable"], "qk.Float")
        self.lines += PREPARE
        if self.chance(0.3):
            self.write("z = qk.h(qk.qubit())")
            self.write("if n > 0:")
            self.write("    z, q[n - 1] = qk.cx(z, q[n - 1])")
        self.write(f"q = k(q, {CALL})")
        self.write("return qk.expval(q, observable)")
        self.indent = 0

    may_wait = False

    def measuring(self) -> None:
        """The entry of a program that measures; n is 2 or more."""
        self.lines += ["", ""]
        start = len(self.lines)
        self.indent = 1
        self.lines += PREPARE
        self.write("parity = qk.measure(qk.ry(qk.qubit(), 1.1))")
        self.write("count = 0")
        result = self.pick("bits", "bits", "bits", "parts", "loop", "fixed", "value", "probabilities")
        self.may_wait = result not in ("value", "probabilities")
        scope = Scope("q", "n", least=2, floats=["a", "b"], vector="v", depth=0, loops=1)
        for _ in range(self.random.randint(2, 4)):
            self.statement(scope)
        self.lines[start:start] = [
            "@qk.qkernel",
            f"def main({', '.join([*ARGUMENTS, 'observable: qk.Observable'])}) -> {self.returned(scope, result)}:",
        ]
        self.indent = 0

    def returned(self, scope: Scope, result: str) -> str:
        """Write the end of a measuring kernel; what it returns."""
        match result:
            case "value":
                self.write("return qk.expval(q, observable)")
                return "qk.Float"
            case "probabilities":
                self.write("return qk.probabilities(q[:2])")
                return "qk.Vector[qk.Float]"
            case "fixed":
                self.write(f"number = qk.measure(qk.cast(q, qk.QFixed, int_bits={self.random.randrange(3)}))")
                self.write("return number, parity")
                return "tuple[qk.Float, qk.Bit]"
            case "loop":
                self.write("bits = qk.bit_array(n)")
                self.write("for i in qk.range(n):")
                self.write("    bits[i] = qk.measure(q[i])")
                self.write("    parity = parity ^ bits[i]")
                self.write("return bits, parity, count")
                return "tuple[qk.Vector[qk.Bit], qk.Bit, qk.UInt]"
            case "parts":
                self.write("first, rest = qk.measure(q[0]), qk.measure(q[1:])")
                self.write(f"return {self.bit(replace(scope, bits=[*scope.bits, 'first']))}, rest, count")
                return "tuple[qk.Bit, qk.Vector[qk.Bit], qk.UInt]"
        self.write("bits = qk.measure(q)")
        if self.chance(0.3):
            self.write(f"return bits[0] {self.pick('^', '&', '|')} bits[{self.pick('1', 'n - 1', '-1')}]")
            return "qk.Bit"
        if self.chance(0.3):
            self.write("return bits")
            return "qk.Vector[qk.Bit]"
        self.write(f"return bits[1], {self.bit(scope)}, count + {self.random.randrange(2)}")
        return "tuple[qk.Bit, qk.Bit, qk.UInt]"


REGISTER = "qk.Vector[qk.Qubit]"
ARGUMENTS = [
    "n: qk.UInt", "a: qk.Float", "b: qk.Float", "v: qk.Vector[qk.Float]",
    "d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]", "e: qk.Dict[qk.UInt, qk.Float]",
]  # fmt: skip
CALL = "n, a, b, v, d, e"
PREPARE = [
    "    q = qk.qubit_array(n)",
    "    for i in qk.range(n):",
    "        q[i] = qk.ry(q[i], 0.4 + 0.3 * i)",
    "        q[i] = qk.rz(q[i], 0.2 - 0.5 * i)",
]
INVERSE = "\n\n@qk.qkernel\ndef undone({}, observable: qk.Observable) -> qk.Float:\n{}\n    q = k(q, {})\n    q = qk.inverse(k)(q, {})\n    return qk.expval(q, observable)\n"
CONTROLLED = "\n\n@qk.qkernel\ndef controlled({}, observable: qk.Observable) -> qk.Float:\n    c = qk.ry(qk.qubit(), 0.9)\n{}\n    c, q = qk.control(k)(c, q, {})\n    return qk.expval(q, observable)\n"


def values(random: Random, least: int = 0, most: int = 4) -> dict[str, Any]:
    """Values for the arguments of `main`."""
    n = random.randint(least, most)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    observable = qko.Hamiltonian(n)
    observable.constant = 0.25
    for _ in range(2):
        word = [qko.PauliOperator(random.choice(list(qko.Pauli)[:3]), k) for k in range(n) if random.random() < 0.6]
        if word:
            observable.add_term(tuple(word), round(random.uniform(-1, 1), 3))
    return {
        "n": n,
        "a": round(random.uniform(-3, 3), 3),
        "b": round(random.uniform(-3, 3), 3),
        "v": [round(random.uniform(-3, 3), 3) for _ in range(n + 1)],
        "d": {pair: round(random.uniform(-2, 2), 3) for pair in random.sample(pairs, random.randint(0, min(3, len(pairs))))},
        "e": {k: round(random.uniform(-2, 2), 3) for k in random.sample(range(n), random.randint(0, n))},
        "observable": observable,
    }


def generate(seed: int) -> Program:
    """A unitary program: `main`, and `undone` and `controlled`, which run `k` and its inverse, and `k` with a control."""
    writer = Writer(Random(seed))
    writer.lines += MATRICES.splitlines()
    for _ in range(writer.random.randint(1, 3)):
        writer.helper()
    writer.kernel()
    writer.main()
    text = "\n".join(writer.lines) + "\n"
    arguments, prepare = ", ".join(ARGUMENTS), "\n".join(PREPARE)
    text += INVERSE.format(arguments, prepare, CALL, CALL) + CONTROLLED.format(arguments, prepare, CALL)
    return Program(seed, text, values(writer.random))


def generate_measuring(seed: int) -> Program:
    """A program that measures."""
    writer = Writer(Random(seed), measures=True)
    writer.lines += MATRICES.splitlines()
    writer.measures = False
    for _ in range(writer.random.randint(1, 2)):
        writer.helper()
    writer.measures = True
    writer.measuring()
    return Program(seed, "\n".join(writer.lines) + "\n", values(writer.random, 2, 3), measures=True)


seeds = st.integers(0, 2**32 - 1)
programs = seeds.map(generate)
measuring_programs = seeds.map(generate_measuring)
