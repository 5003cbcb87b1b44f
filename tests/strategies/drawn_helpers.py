"""The kernels that random programs call: on a qubit, on a pair or on a register; each may call those before it."""

from __future__ import annotations

from tests.strategies.drawn_statements import PAIR_ROTATIONS, PAIRS, PLAIN, ROTATIONS, Statements
from tests.strategies.drawn_values import Helper, Scope

ON_REGISTER = "q: qk.Vector[qk.Qubit]"
SHAPES = ("qubit", "pair", "register", "register", "ancilla", "ancillas", "recursion", "conjugated", "formed")


class Helpers(Statements):
    """Draws helpers, and what they act on with them."""

    def define(self, name: str, decorator: str, parameters: list[str], result: str) -> None:
        self.lines += ["", ""] if self.lines else []
        for line in decorator.split("\n"):
            self.write(line)
        self.write(f"def {name}({', '.join(parameters)}) -> {result}:")
        self.indent = 1

    def helper(self) -> None:
        """A kernel of some shape."""
        name, shape = self.fresh("f"), self.pick(*SHAPES)
        decorator = self.pick("@qk.qkernel", "@qk.qkernel", f'@qk.composite_gate(name="box_{name}")\n@qk.qkernel')
        if shape in ("qubit", "pair"):
            self.gates(name, shape, decorator)
        else:
            getattr(self, f"with_{shape}")(name)
        self.indent = 0

    def gates(self, name: str, shape: str, decorator: str) -> None:
        """A few gates on a qubit or a pair."""
        names = ["x"] if shape == "qubit" else ["x", "y"]
        default = " = 0.25" if self.chance(0.15) else ""
        parameters = [*(f"{entry}: qk.Qubit" for entry in names), f"a: qk.Float{default}"]
        self.define(name, decorator, parameters, "qk.Qubit" if shape == "qubit" else "tuple[qk.Qubit, qk.Qubit]")
        scope = Scope("", "2", floats=["a"])
        for _ in range(self.random.randint(1, 3)):
            self.random.shuffle(names)
            if shape == "pair" and self.chance(0.6):
                self.gate_on(scope, self.pick(*PAIRS, *PAIR_ROTATIONS), names)
            else:
                self.gate_on(scope, self.pick(*PLAIN, *ROTATIONS, *ROTATIONS, "u"), [names[0]])
        self.write(f"return {', '.join(sorted(names))}")
        self.helpers.append(Helper(name, shape, (("a", "qk.Float"),)))

    def with_register(self, name: str) -> None:
        """Any statements on a register."""
        parameters = [("a", "qk.Float"), ("m", "qk.UInt"), ("v", "qk.Vector[qk.Float]")]
        self.define(
            name, "@qk.qkernel", [ON_REGISTER, *(f"{entry}: {kind}" for entry, kind in parameters)], "qk.Vector[qk.Qubit]"
        )
        size = self.pick("len(q)", "q.shape[0]", "size")
        if size == "size":
            self.write("size = q.shape[0]")
        self.block(Scope("q", size, integers=["m"], floats=["a"], vector="v", depth=1, loops=1), 3)
        self.write("return q")
        self.helpers.append(Helper(name, "register", tuple(parameters)))

    def with_ancilla(self, name: str) -> None:
        """A pair that meets by a clean qubit between."""
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
        self.helpers.append(Helper(name, "pair", (("a", "qk.Float"),), cleans=True))

    def with_ancillas(self, name: str) -> None:
        """A register with clean workspace, of which a helper called on the way takes more."""
        parameters = [("a", "qk.Float"), ("m", "qk.UInt")]
        self.define(
            name,
            "@qk.qkernel(clean_ancillas=True)",
            [ON_REGISTER, *(f"{entry}: {kind}" for entry, kind in parameters)],
            "qk.Vector[qk.Qubit]",
        )
        inner = [helper.name for helper in self.helpers if helper.cleans]
        self.write("c = qk.qubit_array(m % 2 + 1)")
        self.write("if len(q) > 1:")
        self.write("    for i in qk.range(len(c)):")
        self.write("        q[0], c[i] = qk.cx(q[0], c[i])")
        self.write(f"        c[i], q[1] = qk.{self.pick('crx', 'cry', 'cp')}(c[i], q[1], a)")
        if inner:
            self.write(f"    q[0], q[1] = {self.pick(*inner)}(q[0], q[1], a)")
        self.write("    for i in qk.range(len(c)):")
        self.write("        q[0], c[i] = qk.cx(q[0], c[i])")
        self.write("return q")
        self.helpers.append(Helper(name, "register", tuple(parameters)))

    def with_recursion(self, name: str) -> None:
        """A kernel that calls itself."""
        self.define(name, "@qk.qkernel", [ON_REGISTER, "depth: qk.UInt", "a: qk.Float"], "qk.Vector[qk.Qubit]")
        self.write("if depth > 0:")
        self.indent = 2
        self.block(Scope("q", "len(q)", integers=["depth"], floats=["a"], depth=2), 2)
        self.write(f"q = {name}(q, depth - 1, {self.pick('a / 2', 'a + 0.1', '-a')})")
        self.helpers.append(Helper(name, "register", (("depth", "qk.UInt"), ("a", "qk.Float"))))
        self.indent = 1
        self.write("return q")

    def with_conjugated(self, name: str) -> None:
        """A pair between a setup, which may make a qubit, and its inverse."""
        pair, parameters = "tuple[qk.Qubit, qk.Qubit]", ["x: qk.Qubit", "y: qk.Qubit"]
        setup, between, makes = f"s{name}", f"b{name}", self.chance(0.5)
        formed = [helper.name for helper in self.helpers if helper.formed]
        scope = Scope("", "2", floats=["a"])
        self.define(setup, "@qk.qkernel", parameters, "tuple[qk.Qubit, qk.Qubit, qk.Qubit]" if makes else pair)
        if formed:
            self.write(f"x = {self.pick(*formed)}(x, 0.3)")
        self.gate_on(Scope("", "2"), self.pick("cx", "ch", "rxx", "ecr"), ["x", "y"])
        if makes:  # last, so that what stands between leaves x as the copy of it is
            self.write("z = qk.qubit()")
            self.write("x, z = qk.cx(x, z)")
        self.write("return x, y, z" if makes else "return x, y")
        self.indent = 0
        middle = [*parameters, *(["z: qk.Qubit"] if makes else []), "a: qk.Float"]
        self.define(between, "@qk.qkernel", middle, "tuple[qk.Qubit, qk.Qubit, qk.Qubit]" if makes else pair)
        if makes:
            self.gate_on(scope, self.pick("crx", "cry", "cp"), ["z", "y"])
        self.gate_on(scope, self.pick(*ROTATIONS), [self.pick("x", "y") if not makes else "y"])
        self.write("return x, y, z" if makes else "return x, y")
        self.indent = 0
        self.define(name, "@qk.qkernel", [*parameters, "a: qk.Float"], pair)
        self.write(f"x, y = qk.within_apply({setup}, {between})(x, y, a={self.number(scope, 1)})")
        self.write("return x, y")
        self.helpers.append(Helper(name, "pair", (("a", "qk.Float"),)))

    def with_formed(self, name: str) -> None:
        """A kernel that brings its inverse, its controlled form, or both, with gates that the generic ones do not have."""
        self.define(name, "@qk.qkernel", ["x: qk.Qubit", "a: qk.Float"], "qk.Qubit")
        axis = self.pick("x", "y", "z")
        self.write(f"return qk.r{axis}(qk.h(x), a)")
        self.indent = 0
        kinds = self.pick(("inverse",), ("control",), ("inverse", "control"), ("control", "inverse of control"))
        where = self.pick("c: qk.Qubit", "c: qk.Vector[qk.Qubit]")
        for kind in kinds:
            if kind == "inverse":
                self.define(f"i{name}", f"@{name}.inverse\n@qk.qkernel", ["x: qk.Qubit", "a: qk.Float"], "qk.Qubit")
                self.write(f"return qk.h(qk.r{axis}(qk.tdg(qk.t(x)), -a))")
            else:
                backwards = kind != "control"
                of = f"c{name}.inverse" if backwards else f"{name}.control"
                result = f"tuple[{where.removeprefix('c: ')}, qk.Qubit]"
                form = f"i{name}" if backwards else f"c{name}"
                self.define(form, f"@{of}\n@qk.qkernel", [where, "x: qk.Qubit", "a: qk.Float"], result)
                count = ", num_controls=len(c)" if "Vector" in where else ""
                turn = f"    c, x = qk.control(qk.r{axis}{count})(c, x, {'-a' if backwards else 'a'})"
                steps = [f"    c, x = qk.control(qk.h{count})(c, x)", turn, "    x = qk.s(qk.sdg(x))"]
                self.lines += steps[::-1] if backwards else steps
                self.write("return c, x")
            self.indent = 0
        self.helpers.append(Helper(name, "qubit", (("a", "qk.Float"),), formed=True))
