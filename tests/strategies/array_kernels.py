"""Random kernels whose counts rows, lengths of outcomes, keys of dictionaries and recursions decide."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

HEADER = """\
import qkernel as qk


@qk.qkernel
def layer(q: qk.Qubit, v: qk.Vector[qk.UInt]) -> qk.Qubit:
    for i in qk.range(len(v)):
        for _ in qk.range(v[i]):
            q = qk.x(q)
    return q


@qk.qkernel
def rows(q: qk.Qubit, m: qk.Matrix[qk.UInt]) -> qk.Qubit:
    for k in qk.range(m.shape[0]):
        q = layer(q, m[k])
    return q


@qk.qkernel
def first(m: qk.Matrix[qk.UInt]) -> qk.Vector[qk.UInt]:
    return m[0]


@qk.qkernel
def down(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = down(qk.t(q), n - 1)
    return q


@qk.qkernel
def kept(bits: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    return bits


@qk.qkernel
def main(n: qk.UInt, m: qk.Matrix[qk.UInt], t: qk.Tensor[qk.UInt], d: qk.Dict[qk.Vector[qk.UInt], qk.UInt]) -> qk.Bit:
    q = qk.qubit()
    bits = qk.measure(qk.h(qk.qubit_array(n)))
    same = kept(bits)
    count = n
"""


@dataclass(frozen=True)
class ArrayKernel:
    """The text of a kernel `main`, and values for its arguments; whether it has a closed form."""

    source: str
    values: dict[str, Any]
    is_closed: bool


def array_kernel(seed: int, n: int) -> ArrayKernel:
    """A kernel for a seed, at size `n`."""
    random = Random(seed)
    lengths = ["len(bits)", "len(same)", "len(bits[1:])", "n", "m.shape[0]", "m.shape[1]", "len(m[0])", "len(d)", "t.shape[2]"]
    statements = [
        lambda: "q = rows(q, m)",
        lambda: "q = rows(q, t[0])",
        lambda: f"q = layer(q, {random.choice(['m[0]', 't[0][0]', 't[0, 0]', 'first(m)', 'm[0][1:]', 'first(t[0])'])})",
        lambda: f"q = qk.inverse(layer)(q, {random.choice(['m[0]', 'first(m)'])})",
        lambda: f"for _ in qk.range({whole(random, lengths)}):\n        q = qk.{random.choice('hsy')}(q)",
        lambda: f"if {whole(random, lengths)} > {random.randrange(4)}:\n        q = qk.z(q)",
        lambda: f"for i in qk.range({whole(random, lengths)}):\n        count = count + {random.choice(lengths)} - i",
        lambda: "for _ in qk.range(count % 5):\n        q = qk.sx(q)",
        lambda: "for key, w in qk.items(d):\n        for _ in qk.range(len(key) - 1 + w):\n            q = qk.s(q)",
        lambda: "for key, w in qk.items(d):\n        if len(key) > 1:\n            q = layer(q, key)",
        lambda: f"q = down(q, {whole(random, lengths)})",
    ]
    chosen = [random.choice(statements)() for _ in range(random.randint(2, 5))]
    body = "".join(f"    {statement}\n" for statement in chosen)
    values = {
        "n": n,
        "m": [[random.randrange(3) for _ in range(1 + n)] for _ in range(random.randint(1, 3))],
        "t": [[[random.randrange(3) for _ in range(1 + n)] for _ in range(2)]],
        "d": {tuple(range(k)): random.randrange(3) for k in random.sample(range(1, 4), random.randrange(4))},
    }
    return ArrayKernel(HEADER + body + "    return qk.measure(q)\n", values, "down" not in body)


def whole(random: Random, lengths: list[str]) -> str:
    """Arithmetic on lengths that stays small, and from 0 on."""
    left, right = random.choice(lengths), random.choice(lengths)
    return random.choice(
        [left, f"max({left} - {right}, 0)", f"min({left}, {right})", f"({left} + {right}) // 2", f"({left} * {right}) % 4",
         f"abs({left} - {right})"]
    )  # fmt: skip
