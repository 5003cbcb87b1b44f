"""The statements of random programs."""

from __future__ import annotations

from tests.strategies.drawn_values import Helper, Scope, Values

PLAIN = ["h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "id"]
ROTATIONS = ["p", "rx", "ry", "rz"]
PAIRS = ["cx", "cy", "cz", "ch", "swap", "iswap", "ecr"]
PAIR_ROTATIONS = ["cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx"]
TRIPLES = ["ccx", "ccz", "cswap"]
OBSERVABLES = {
    1: ["qko.Z(0)", "0.5 * qko.X(0)", "qko.Y(0) + 0.3"],
    2: ["qko.Z(0) * qko.Z(1)", "0.7 * qko.X(0) * qko.Y(1) - 0.2 * qko.Z(1)", "qko.X(0) + 0.4 * qko.Z(0) * qko.X(1)"],
    3: ["qko.X(0) * qko.Y(1) * qko.Z(2) + 0.1", "0.3 * qko.Z(2) - qko.Z(0) * qko.Y(2)"],
}


class Unitary(Values):
    """Draws statements that are unitary, or decided before the circuit runs."""

    may_wait = False

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
            self.chosen,
            self.halves,
            self.call,
            self.modified,
            self.modified,
        ]
        simple += [self.assign, self.evolve, self.spins, self.matrix, self.choose, self.steps, self.applied, self.conjugate]
        nested = [self.loop, self.loop, self.branch, self.view, self.carry]
        if self.measures:
            simple += [self.project, self.project, self.set_bit, self.helped, self.turn, self.marked]
            nested += [self.runtime_branch] * 3 + [self.repeat, self.feed]
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

    def chosen(self, scope: Scope) -> None:
        """A gate, a helper or a modified one on a list of qubits and views."""
        scope = self.guarded(scope, 2)
        name = scope.register
        first, second = (f"{name}[{index}]" for index in self.distinct(scope, 2))
        targets = self.pick(f"[{first}, {second}]", f"[{name}[1:], {name}[0]]", f"[{name}[1::-1], {name}[2:]]")
        usable = [helper for helper in self.usable(scope) if helper.shape == "register"]
        if usable and self.chance(0.6):
            helper = self.random.choice(usable)
            operation = self.pick(helper.name, helper.name, f"qk.inverse({helper.name})")
            self.write(f"{targets} = {operation}({', '.join([targets, *self.arguments(scope, helper)])})")
        elif self.chance(0.3):
            self.write(f"{first}, [{second}] = qk.control(qk.ry)({first}, [{second}], {self.number(scope)})")
        else:
            self.gate_on(scope, self.pick(*PLAIN, *ROTATIONS, "u"), [targets])

    def halves(self, scope: Scope) -> None:
        """A gate on two views in pairs."""
        name, size = scope.register, scope.size
        views = self.pick(
            (f"{name}[: {size} // 2]", f"{name}[{size} - {size} // 2 :]"),
            (f"{name}[: {size} - {size} % 2 : 2]", f"{name}[1::2]"),
            (f"{name}[{size} // 2 : 2 * ({size} // 2)]", f"{name}[: {size} // 2]"),
        )
        self.gate_on(scope, self.pick(*PAIRS, *PAIR_ROTATIONS, "cu"), [*views])

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

    def spins(self, scope: Scope) -> None:
        """Evolution under Paulis whose qubits are computed; no two words are equal, and no coefficient is 0."""
        scope = self.guarded(scope, 2)
        name, size, first, second = scope.register, scope.size, *self.random.sample("XYZ", 2)
        weight = self.pick("0.3", "-0.7", *(f"(abs({value}) + 0.5)" for value in scope.floats))
        if self.chance(0.5):
            i, j = self.distinct(scope, 2)
            word = f"{weight} * qko.{first}({i}) * qko.{second}({j})"
            self.write(f"{name} = qk.pauli_evolve({name}, {word}, {self.number(scope, 1)})")
            return
        total, index = self.fresh("h"), self.fresh("i")
        self.write(f"{total} = {self.pick('qko.Hamiltonian()', f'{weight} * qko.Y({size} - 1)')}")
        self.write(f"for {index} in qk.range({size} - 1):")
        self.write(f"    {total} = {total} - {weight} * qko.{first}({index}) * qko.{second}({index} + 1)")
        if self.chance(0.5):
            self.write(f"    {total} = {total} + 0.2 * qko.Z({size} - 1 - {index})")
            self.write(f"{total} = {total} + {size}")
        self.write(f"{name} = qk.pauli_evolve({name}, {total}, {self.number(scope, 1)})")

    def applied(self, scope: Scope) -> None:
        """A kernel that is given a helper, a gate or a function."""
        if self.chance(0.3):
            usable = [helper for helper in self.usable(scope) if helper.shape == "register"]
            helper = self.random.choice(usable) if usable else None
            step = f"{helper.name}({', '.join(['r', *self.arguments(scope, helper)])})" if helper else "qk.ry(r, 0.3)"
            name = scope.register
            self.write(f"{name} = repeated(lambda r: {step}, {name}, abs({self.integer(scope, 1)}))")
            return
        scope = self.guarded(scope, 1)
        place = f"{scope.register}[{self.distinct(scope, 1)[0]}]"
        usable = [helper.name for helper in self.helpers if helper.shape == "qubit" and helper.parameters]
        step = self.pick(*usable, *(f"qk.{name}" for name in ROTATIONS), "lambda x, t: qk.rz(qk.h(x), t)")
        self.write(f"{place} = applied({step}, {place}, {self.number(scope, 1)})")

    def conjugate(self, scope: Scope) -> None:
        """An operation between another and its inverse, some times under modifiers."""
        count = self.pick(1, 2)
        chosen = [helper for helper in self.usable(scope) if helper.shape == ("pair" if count == 2 else "qubit")]
        gates = PAIRS if count == 2 else PLAIN
        operations = []
        for _ in range(2):
            helper = self.random.choice(chosen) if chosen and self.chance(0.5) else None
            taken = "r, s" if count == 2 else "r"
            step = f"{helper.name}({', '.join([taken, *self.arguments(scope, helper)])})" if helper else ""
            operations.append(f"lambda {taken}: {step}" if helper else f"qk.{self.random.choice(gates)}")
        operation = f"qk.within_apply({', '.join(operations)})"
        controls = self.pick(0, 0, 1)
        operation = f"qk.control({operation})" if controls else self.pick(operation, f"qk.inverse({operation})")
        scope = self.guarded(scope, count + controls)
        targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, count + controls))
        self.write(f"{targets} = {operation}({targets})")

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
        if shape != "pair" and self.chance(0.25):
            operation, rest = f"(lambda r: {operation}({', '.join(['r', *rest])}))", []
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
        indent = self.indent
        scope = scope.inside(depth=scope.depth)
        integer, number = self.fresh("t"), self.fresh("s")
        if self.chance(0.1):
            self.write(f"{integer} = abs({self.integer(scope, 1)}) % 6")
            self.write(f"while {self.pick(f'{integer} > 0', f'not {integer} == 0')}:")
            self.indent += 1
            scope.integers.append(integer)
            self.one(scope.inside())
            self.indent = indent + 1
            self.write(f"{integer} = {integer} // 2")
            return
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
                bounds = f"{self.integer(scope, 1)}, {self.integer(scope, 1)}, {self.pick('1', '2', '-1', '-2')}"
                self.write(f"for {name} in {word}({bounds}):")
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


class Statements(Unitary):
    """Draws statements that measure, too."""

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

    def turn(self, scope: Scope) -> None:
        """Rotations by angles that add up measured bits."""
        if scope.depth:
            self.runtime_branch(scope)
            return
        bits = self.fresh("ms")
        self.write(f"{bits} = qk.measure(qk.ry(qk.qubit_array(2), 0.9))")
        scope = self.guarded(scope, 2)
        angle = self.pick(
            f"{self.number(scope, 1)} * {bits}[0] - {bits}[1] / 2",
            f"({bits}[1] + {self.number(scope, 1)}) * {self.number(scope, 0)}",
            f"math.pi * sum({bits}[k] / 2**k for k in range(2))",
        )
        count = self.pick(1, 2)
        name = self.pick(*(ROTATIONS if count == 1 else ["rxx", "ryy", "rzz"]))
        targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, count))
        self.write(f"{targets} = qk.{name}({targets}, {angle})")

    def marked(self, scope: Scope) -> None:
        """A phase where two qubits are 1, by a third that a measurement takes back; under control too."""
        scope = self.guarded(scope, 3)
        controls = self.pick(0, 1)
        targets = ", ".join(f"{scope.register}[{index}]" for index in self.distinct(scope, 2 + controls))
        self.write(f"{targets} = {'qk.control(marked)' if controls else 'marked'}({targets}, {self.number(scope, 1)})")

    def helped(self, scope: Scope) -> None:
        """Measured by a helper, or corrected by one that is told a bit."""
        scope_in = self.guarded(scope, 1)
        place = f"{scope.register}[{self.distinct(scope_in, 1)[0]}]"
        if self.chance(0.5):
            self.write(f"{place} = mend({place}, {self.bit(scope)}, {self.number(scope, 1)})")
            return
        bit = self.fresh("b")
        self.write(f"{place}, {bit} = look({place}, {self.number(scope, 1)})")
        self.write(f"parity = parity {self.pick('^', '|')} {bit}")

    def feed(self, scope: Scope) -> None:
        """Other qubits measured at once, and what follows from each bit."""
        if scope.depth:
            self.runtime_branch(scope)
            return
        bits = self.fresh("ms")
        self.write(f"{bits} = qk.measure(qk.ry(qk.qubit_array(2), {self.pick('0.9', 'v[0:2]')}))")
        name = self.fresh("i")
        self.write(f"for {name} in qk.range(2):")
        self.write(f"    if {bits}[{name}]{self.pick('', ' & parity', f' == {bits}[0]', f' and not {bits}[1]')}:")
        self.indent += 2
        self.block(scope.inside(carried=[], loops=scope.loops + 1, integers=[*scope.integers, name]), 2)
        self.indent -= 2
        self.write(f"parity = parity ^ {bits}[{self.pick('0', '1', '-1')}]")

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
        if self.chance(0.5):
            self.write(f"count = {self.pick('count + 1', 'count - (2 if parity else 0)')}")
        self.write(f"{qubit} = qk.ry({qubit}, 2.6)")
        self.write(f"{qubit}, {flag} = qk.project_z({qubit})")
        self.indent -= 1
        scope.bits.append(flag)
        return None
