"""Random kernels that keep Python data: tuples, records, lists, arrays, dictionaries, words, flags, objects, iterators.

The data is rebound and changed in place in loops, branches, functions and methods, and turns a qubit. Such a kernel either
does what Python does, or is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.strategies.programs import HEADER

AROUND = """\
@qk.struct
class Step:
    size: qk.Float
    count: qk.UInt


class Box:
    def __init__(self):
        self.value = 0.25

    def bump(self):
        self.value += 0.5
        return self.value

    def same(self, i, j):
        return 0.5 if i == j else 0.125

    def turned(self, q, i, j):
        if (i, 1) == (j, 1):
            q = qk.rx(q, self.value)
        return q


def note(v, k, x):
    v[k] = x


def noted(v, k, x):
    v[k] = x
    return v


def grown(xs, x):
    xs.append(x)
    return sum(xs)


def fresh(x, xs=(0.5,), *rest, scale=2.0):
    total = [*xs, x]
    total.append(scale)
    return sum(total) + len(rest)


"""
HEAD = "@qk.qkernel\ndef main(n: qk.UInt, m: qk.UInt, a: qk.Float, v: qk.Vector[qk.Float]) -> qk.Float:"
STARTS = {
    "p": "(0.25, a)", "r": "(1, (0.5, 2))", "s": "Step(size=0.5, count=1)", "xs": "[0.25, 0.5]", "arr": "np.array([0.25, 0.5])",
    "d": "{0: 0.25, 1: 0.5}", "w": "'x'", "flag": "None", "box": "Box()", "u": "v", "c": "v[:]", "t": "0.5", "k": "1",
    "it": "iter([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5])", "h": "1.0 * qko.Z(0)",
}  # fmt: skip
USES = {
    "p": ["p[0]", "p[1]"], "r": ["r[0] * 0.1", "r[1][0]", "r[1][1] * 0.1"], "s": ["s.size", "s.count * 0.1"],
    "xs": ["xs[0]", "sum(xs)", "len(xs) * 0.1"], "arr": ["arr[0]", "arr[1] * 2"], "d": ["d[0]", "len(d) * 0.1"],
    "w": ["len(w) * 0.1", "(0.25 if w == 'x' else 0.75)"], "flag": ["(0.25 if flag is None else 0.75)"],
    "box": ["box.value", "box.same(k, m)", "box.same(1, 1)"], "u": ["u[0]", "u[1]"], "c": ["c[0]"], "t": ["t"],
    "k": ["k * 0.1"], "it": [], "h": ["len(h.terms) * 0.1"],
}  # fmt: skip
CHANGES = {
    "p": ["p = (p[1], p[0])", "p = (p[0] + {}, p[1])", "p = ({}, {})", "p = p + ({},)", "p, t = (t, t), p[0]"],
    "r": ["r = (r[0] + 1, (r[1][0] * 0.5, r[0]))", "r = (r[0], ({}, r[1][1] + 0.5))"],
    "s": ["s = Step(size=s.size + {}, count=s.count + 1)", "s = Step(s.count * 0.1, s.count)"],
    "xs": ["xs = [xs[1], xs[0]]", "xs.append({})", "xs[0] = {}", "xs += [{}]", "xs = xs + [{}]", "xs.reverse()",
           "xs = [{}, {}]", "t = grown(xs, {})"],
    "arr": ["arr[0] = arr[0] + 0.5", "arr = arr + 0.5", "arr += 0.25", "arr[:] = arr[::-1].copy()", "arr = arr * {}"],
    "d": ["d[0] = {}", "d = {{0: {}, 1: 0.5}}", "d[2] = 0.5", "d.update({{0: 0.75}})"],
    "w": ["w = w + 'y'", "w = 'x' if w == 'y' else 'y'"],
    "flag": ["flag = True", "flag = None"],
    "box": ["t = box.bump()", "box.bump()", "box = Box()", "q = box.turned(q, k, 1)"],
    "u": ["u[0] = u[0] + {}", "u = v", "u = u[:]", "note(u, 0, {})", "u = noted(u, 1, {})", "put(0, {})"],
    "c": ["c[0] = {}", "c = v", "v[0] = {}", "v = noted(v, 0, {})"],
    "t": ["t = t + {}", "t = {}", "t += 0.5", "t = fresh({})", "t = fresh({}, (0.25,), 1, scale=t)"],
    "k": ["k = k + 1", "k = 2 * k", "k, t = 1, k * 0.1"],
    "it": ["t = next(it)"],
    "h": ["h = h + qko.X(0)"],
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A program's text and the values of its arguments."""

    source: str
    values: dict[str, Any]

    @property
    def script(self) -> str:
        """The text with its imports."""
        return HEADER + self.source


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = random.sample(sorted(STARTS), random.randint(1, 4))
        self.names += [name for name in ("t", "k", "u") if name not in self.names]
        self.lines = [HEAD, "    q = qk.rx(qk.qubit(), v[0] + v[1])"]
        self.lines += [f"    {name} = {STARTS[name]}" for name in sorted(self.names, key="tkpru".find)]
        self.lines += ["", "    def put(at, x):", "        u[at] = x", ""]
        self.loops = 0

    def number(self) -> str:
        uses = [use for name in self.names for use in USES[name]]
        return self.random.choice([*uses, *uses, "a", "0.375", "n * 0.1", "v[0]", *(["i1 * 0.1"] if self.loops else [])])

    def change(self) -> str:
        text = self.random.choice(CHANGES[self.random.choice(self.names)])
        return text.format(*(self.number() for _ in range(2)))

    def block(self, indent: str, depth: int) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, depth)

    def statement(self, indent: str, depth: int) -> None:
        kind = self.random.randrange(10 if depth < 2 else 6)
        inner = indent + "    "
        if kind < 2:
            self.lines.append(f"{indent}q = qk.{self.random.choice(['rx', 'ry'])}(q, {self.number()})")
        elif kind < 6:
            self.lines.append(indent + self.change())
        elif kind < 8:
            self.loops += 1
            bound = self.random.choice(["n", "m", "2", "n + 1"])
            over = f"qk.range({bound})" if self.random.random() < 0.85 else "[0, 1]"
            self.lines.append(f"{indent}for i{self.loops} in {over}:")
            self.block(inner, depth + 1)
            self.loops -= 1
        else:
            index = "i1" if self.loops else "1"
            tests = ["n > 1", "m == 1", "a > 0.5", "(n, m) == (2, 1)", f"({index}, k) == (m, 1)", "flag is None", "t > 0.6",
                     f"{index} in (m, 3)", f"n > 1 and {index} == m"]  # fmt: skip
            tests = [test for test in tests if test != "flag is None" or "flag" in self.names]
            self.lines.append(f"{indent}if {self.random.choice(tests)}:")
            self.block(inner, depth + 1)
            if self.random.random() < 0.5:
                self.lines.append(f"{indent}else:")
                self.block(inner, depth + 1)


def generate(seed: int) -> Kept:
    """A kernel `main`, with values for its arguments."""
    random = Random(seed)
    writer = _Writer(random)
    for _ in range(random.randint(2, 4)):
        writer.statement("    ", 0)
    for _ in range(2):
        writer.lines.append(f"    q = qk.rx(q, {writer.number()})")
    writer.lines.append("    return qk.expval(q, qko.Z(0) + 0.5 * qko.Y(0))")
    numbers = [round(random.uniform(-1, 1), 3) for _ in range(3)]
    values = {"n": random.randint(0, 3), "m": random.randint(0, 2), "a": numbers[0], "v": numbers[1:]}
    return Kept(AROUND + "\n".join(writer.lines) + "\n", values)


kept = st.integers(0, 2**32 - 1).map(generate)
