"""Random kernels, written as users write them.

`generate(seed)` draws a program: helper kernels, a unitary kernel `k`, and `main`, which prepares a state that no qubit
is special in, calls `k` and reads out an observable. `generate_measuring(seed)` draws a `main` that measures. Every
index is in range and no qubit is used twice at the sizes that the program comes with; a draw that is not of use says so
when it runs (`eager.TooLarge`, `eager.Invalid`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import strategies as st

import qkernel.observable as qko
from tests.strategies.drawn_helpers import Helpers
from tests.strategies.drawn_values import Scope

HEADER = "import math\n\nimport numpy as np\n\nimport qkernel as qk\nimport qkernel.observable as qko\n\n"
MATRICES = """\
TURN = np.array([[0.6, -0.8j], [-0.8j, 0.6]])
SHIFT = np.array([[0, 0, 0, 1j], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])


@qk.qkernel
def slope(a: qk.Float, m: qk.UInt) -> qk.Float:
    t = a
    for i in qk.range(m):
        t = t * 0.5 + 0.1 * i
    return t


@qk.qkernel
def ends(q: qk.Vector[qk.Qubit], m: qk.UInt) -> tuple[qk.Qubit, qk.Qubit]:
    q[m] = qk.t(q[m])
    return q[0], q[m]


@qk.qkernel
def crossed(q: qk.Vector[qk.Qubit], m: qk.UInt) -> tuple[qk.Qubit, qk.Qubit]:
    q[0] = qk.t(q[0])
    return q[m], q[0]


@qk.qkernel
def applied(u: qk.Kernel[[qk.Qubit, qk.Float], qk.Qubit], x: qk.Qubit, a: qk.Float) -> qk.Qubit:
    return qk.s(u(x, a))


@qk.qkernel
def repeated(
    u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit], m: qk.UInt
) -> qk.Vector[qk.Qubit]:
    for i in qk.range(m % 3):
        q = u(qk.inverse(u)(q)) if i % 2 == 1 else u(q)
    return q


@qk.qkernel
def asked(x: qk.Qubit) -> qk.Qubit:
    return qk.s(qk.h(x))
"""
FEEDBACK = """

@qk.qkernel
def look(x: qk.Qubit, a: qk.Float) -> tuple[qk.Qubit, qk.Bit]:
    x = qk.ry(x, a)
    x, seen = qk.project_z(x)
    if seen:
        x = qk.rx(x, a)
    return x, seen


@qk.qkernel
def read(x: qk.QFixed) -> qk.Float:
    return qk.measure(x)


@qk.qkernel
def same(x: qk.QFixed) -> qk.QFixed:
    return x


@qk.qkernel
def read_again(x: qk.QFixed) -> qk.Float:
    return read(same(x)) * 2


@qk.qkernel
def mend(x: qk.Qubit, wrong: qk.Bit, a: qk.Float) -> qk.Qubit:
    if wrong:
        x = qk.rz(qk.x(x), a)
    else:
        x = qk.s(x)
    return x


@qk.qkernel
def both(x: qk.Qubit, y: qk.Qubit, z: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return qk.ccx(x, y, z)


@both.inverse
@qk.qkernel
def neither(x: qk.Qubit, y: qk.Qubit, z: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    z, seen = qk.measure_reset(qk.h(z))
    if seen:
        x, y = qk.cz(x, y)
    return x, y, z


@qk.qkernel(clean_ancillas=True)
def marked(x: qk.Qubit, y: qk.Qubit, a: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    x, y, z = qk.within_apply(both, lambda x, y, z: (x, y, qk.p(z, a)))(x, y, qk.qubit())
    return x, y


@qk.qkernel
def finish(q: qk.Vector[qk.Qubit], flip: qk.Bit) -> qk.Vector[qk.Bit]:
    bits = qk.bit_array(len(q))
    for i in qk.range(len(q)):
        bits[i] = qk.measure(q[i]) ^ flip
    return bits
"""


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


class Writer(Helpers):
    """Draws a program and writes its text."""

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
        if self.chance(0.3):
            self.write(f"x, y = {self.pick('ends', 'crossed')}(qk.ry(qk.qubit_array(2), 0.7), 1)")
            self.write(self.pick("x = qk.rx(x, a)", "y = qk.rx(y, a)"))
            self.write("if n > 0:")
            self.write("    y, q[0] = qk.crx(y, q[0], b)")
        self.loaded()
        self.write(f"q = k(q, {CALL})")
        self.write("return qk.expval(q, observable)")
        self.indent = 0

    def loaded(self) -> None:
        """Two more qubits in a state by its amplitudes, where the program draws that."""
        if self.chance(0.2):
            imaginary = self.pick("", ", imaginary=[b, 0.2, 0.7, a]", ", imaginary=[b, 0.2]")
            self.write(f"p = qk.prepare(qk.qubit_array(2), [0.5, a, v[0], -0.3]{imaginary})")
            self.write("if n > 0:")
            self.write("    p[1], q[0] = qk.crx(p[1], q[0], a)")

    def measuring(self) -> None:
        """The entry of a program that measures; n is 2 or more."""
        self.lines += ["", ""]
        start = len(self.lines)
        self.indent = 1
        self.lines += PREPARE
        self.write("parity = qk.measure(qk.ry(qk.qubit(), 1.1))")
        self.write("count = 0")
        self.loaded()
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
                number = f"qk.cast(q, qk.QFixed, int_bits={self.random.randrange(3)})"
                self.write(f"number = {self.pick('qk.measure', 'read', 'read_again')}({number})")
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
        self.write(self.pick("bits = qk.measure(q)", f"bits = finish(q, {self.bit(scope)})"))
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
UNDONE = """

@qk.qkernel
def undone({arguments}, observable: qk.Observable) -> qk.Float:
{prepare}
    q = k(q, {call})
    q = qk.inverse(k)(q, {call})
    return qk.expval(q, observable)
"""
CONTROLLED = """

@qk.qkernel
def controlled({arguments}, observable: qk.Observable) -> qk.Float:
    c = qk.ry(qk.qubit(), 0.9)
{prepare}
    c, q = qk.control(k)(c, q, {call})
    return qk.expval(q, observable)
"""


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
    parts = {"arguments": ", ".join(ARGUMENTS), "prepare": "\n".join(PREPARE), "call": CALL}
    text += UNDONE.format(**parts) + CONTROLLED.format(**parts)
    return Program(seed, text, values(writer.random))


def generate_measuring(seed: int) -> Program:
    """A program that measures."""
    writer = Writer(Random(seed), measures=True)
    writer.lines += MATRICES.splitlines()
    writer.measures = False
    for _ in range(writer.random.randint(1, 2)):
        writer.helper()
    writer.measures = True
    writer.lines += FEEDBACK.rstrip().splitlines()
    writer.measuring()
    return Program(seed, "\n".join(writer.lines) + "\n", values(writer.random, 2, 3), measures=True)


seeds = st.integers(0, 2**32 - 1)
programs = seeds.map(generate)
measuring_programs = seeds.map(generate_measuring)
