"""Exact depths in closed form: textbook circuits, and random regular ones, against walking the lowered circuit."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from estimate_kernels import adder, ghz
from hypothesis import given, settings
from hypothesis import strategies as st

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import QKernelError
from qkernel.estimate import EstimateQuality, estimate
from qkernel.estimate.depth import DEPTHS, exact_depths
from qkernel.estimate.forms import power
from qkernel.estimate.inequalities import Inequalities, Undecided
from qkernel.estimate.leaves import t_spans
from qkernel.estimate.quantity import quantity, symbol
from qkernel.estimate.substitution import substitute
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Size, apply
from qkernel.ir.module import Module
from qkernel.ir.ops import Adjoint, Alloc, Block, Call, Control, For, Function, Gate, If, Modifier, Parameter, Power, Range
from qkernel.ir.places import Place, whole
from qkernel.ir.types import FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType
from qkernel.ir.walk import walk
from qkernel.lower import lower
from qkernel_stdlib.examples.networks import hybrid_ansatz


@qk.qkernel
def fourier(n: qk.UInt) -> qk.Vector[qk.Bit]:
    """A triangle, and exchanges that close in on the middle."""
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
        for j in qk.range(i + 1, n):
            q[j], q[i] = qk.cp(q[j], q[i], math.pi / 2 ** (j - i))
    for i in qk.range(n // 2):
        q[i], q[n - 1 - i] = qk.swap(q[i], q[n - 1 - i])
    return qk.measure(q)


@qk.qkernel
def ring(n: qk.UInt, layers: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n + 2)
    for _ in qk.range(layers):
        q = qk.rx(q, angle)
        for i in qk.range(n + 2):
            q[i], q[(i + 1) % (n + 2)] = qk.cx(q[i], q[(i + 1) % (n + 2)])
    return qk.measure(q)


@qk.qkernel
def bricks(n: qk.UInt, layers: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    """Even pairs, then odd ones."""
    q = qk.qubit_array(n)
    for _ in qk.range(layers):
        for first in range(2):
            for i in qk.range(first, n - 1, 2):
                q[i], q[i + 1] = qk.rzz(q[i], q[i + 1], angle)
        q = qk.rx(q, angle)
    return qk.measure(q)


@qk.qkernel
def chain(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    """A Trotter step of the transverse-field Ising chain."""
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = qk.rzz(q[i], q[i + 1], angle)
    return qk.rx(q, angle)


@qk.qkernel
def trotter(n: qk.UInt, steps: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for _ in qk.range(steps):
        q = chain(q, angle)
    return qk.measure(q)


@qk.qkernel
def echo(n: qk.UInt, steps: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    """There and back, then under a control."""
    q = qk.qubit_array(n)
    c = qk.qubit()
    q = qk.inverse(chain)(chain(q, angle), angle)
    c, q = qk.control(chain, power=steps)(c, q, angle)
    qk.measure(c)
    return qk.measure(q)


@qk.qkernel
def star(n: qk.UInt) -> qk.Vector[qk.Bit]:
    """One qubit and all others, in turn."""
    q = qk.qubit_array(n)
    middle = qk.t(qk.h(qk.qubit()))
    for i in qk.range(n):
        middle, q[i] = qk.cx(middle, q[i])
        if i > 1:
            q[i] = qk.t(q[i])
    qk.measure(middle)
    return qk.measure(q)


@qk.qkernel
def doubled(q: qk.Vector[qk.Qubit], m: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A tree: twice as many qubits after each stage."""
    for k in qk.range(m):
        for i in qk.range(2**k):
            q[i], q[i + 2**k] = qk.cx(q[i], q[i + 2**k])
    return q


@qk.qkernel
def trees(m: qk.UInt, layers: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2**m)
    for _ in qk.range(layers):
        q = qk.rx(doubled(q, m), angle)
    return qk.measure(q)


@qk.qkernel
def halves(m: qk.UInt, times: qk.UInt) -> qk.Vector[qk.Bit]:
    """A tree of views of three qubits, then of six, behind T gates, some times."""
    q = qk.qubit_array(3 * 2**m)
    for _ in qk.range(times):
        half = 3
        q[:half] = qk.t(q[:half])
        for _ in qk.range(m):
            q[:half], q[half : 2 * half] = qk.cx(q[:half], q[half : 2 * half])
            half = 2 * half
    return qk.measure(q)


@qk.qkernel
def climbed(m: qk.UInt) -> qk.Vector[qk.Bit]:
    """A tree under a control, whose levels rise along it."""
    q, c = qk.qubit_array(2**m), qk.qubit()
    c, q = qk.control(doubled)(c, q, m)
    qk.measure(c)
    return qk.measure(q)


@qk.qkernel
def beside(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
    """Two registers that have nothing to do with each other."""
    a = qk.qubit_array(n)
    b = qk.qubit_array(m)
    for i in qk.range(n - 1):
        a[n - 2 - i], a[n - 1 - i] = qk.cz(a[n - 2 - i], a[n - 1 - i])
    b = qk.t(qk.h(qk.t(b)))
    qk.measure(a)
    return qk.measure(b)


@qk.qkernel
def last(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
    """There is no such circuit for n = 0, but for m = 0."""
    q = qk.qubit_array(n)
    for _ in qk.range(m):
        q[n - 1] = qk.x(q[n - 1])
    return qk.measure(q)


FORMS = {
    last: "[n >= 1]*(m + 1)",
    ghz: "n + 2",
    hybrid_ansatz: "[n_layers >= 1]*[n_qubits >= 3]*(5*n_layers + n_qubits - 2) + [n_qubits == 1]*(3*n_layers + 1)"
    " + [n_qubits == 2]*(4*n_layers + 1) + [n_layers == 0]*[n_qubits >= 3]",
    fourier: "[n >= 2]*(2*n + 1) + 2*[n == 1]",
    adder: "5*n + 3",
    ring: "layers*(n + 3) + 1",
    bricks: "[n == 1]*(layers + 1) + [n == 2]*(2*layers + 1) + [n >= 3]*(3*layers + 1)",
    trotter: "[n >= 3]*[steps >= 1]*(n + 3*steps - 2) + [n == 1]*(steps + 1) + [n == 2]*(2*steps + 1) + [n >= 3]*[steps == 0]",
    echo: "Max(0, n*(2*steps + 2) + 1 - steps)*[n >= 1] + [n == 0]",
    star: "[n >= 3]*(n + 4) + 3*[n == 0] + 4*[n == 1] + 5*[n == 2]",
    trees: "layers*(m + 1) + 1",
    halves: "times*(m + 1) + 1",
    climbed: "2**m",
    beside: "n*[m == 0] + [m >= 1]*(Max(0, n - 4) + 4)",
}
SIZES = {
    hybrid_ansatz: (20, 10),
    ring: (20, 10),
    bricks: (20, 10),
    trotter: (20, 10),
    echo: (20, 10),
    beside: (15, 14),
    last: (10, 8),
}
SIZES |= {trees: (7, 8), halves: (5, 10), climbed: (10,)}


@pytest.mark.parametrize("kernel", FORMS, ids=lambda kernel: kernel.name)
def test_the_closed_form_is_the_depth(kernel: Any) -> None:
    free = kernel.estimate_resources()
    assert str(free.depth) == FORMS[kernel]
    names = list(free.parameters) or ["n"]
    limits = SIZES.get(kernel, (60,))
    checked = 0
    for sizes in itertools.product(*map(range, limits)):
        at = {name: quantity(size) for name, size in zip(names, sizes, strict=True)}
        try:
            walked = exact_depths(lowered(kernel, at).without_releases, t_spans(kernel.ir))
        except QKernelError:
            continue
        for depth in DEPTHS:
            form, is_exact = free.depths.of(depth)
            assert is_exact, depth
            assert substitute(form, at) == walked[depth], (depth, at)
        checked += 1
    assert checked >= min(50, math.prod(limits))
    assert free.quality["depth"] == EstimateQuality.EXACT


def lowered(kernel: Any, at: dict[str, Any]) -> Any:
    parameters = kernel.ir.entry.parameters
    values: dict[str, Any] = {entry.name: qko.Hamiltonian() for entry in parameters if entry.type == OBSERVABLE}
    values |= {name: int(size) for name, size in at.items()}
    return lower(kernel.ir, values, [entry.name for entry in parameters if entry.type.element == FLOAT])


def test_large_sizes_take_no_longer() -> None:
    assert hybrid_ansatz.estimate_resources(n_qubits=1000, n_layers=10).depth == 1048
    huge = hybrid_ansatz.estimate_resources(n_qubits=10**9, n_layers=10**6)
    assert (huge.depth, huge.quality["depth"]) == (10**9 + 5 * 10**6 - 2, EstimateQuality.EXACT)
    assert ring.estimate_resources(n=10**9, layers=10**9).depth == 10**9 * (10**9 + 3) + 1


def test_what_is_not_regular_has_an_upper_bound() -> None:
    @qk.qkernel
    def quarters(n: qk.UInt) -> qk.Vector[qk.Bit]:
        """Qubit i**2 in iteration i."""
        q = qk.qubit_array(n * n + 1)
        for i in qk.range(n):
            q[i * i], q[i * i + 1] = qk.cx(q[i * i], q[i * i + 1])
        return qk.measure(q)

    free = quarters.estimate_resources()
    assert (str(free.depth), free.quality["depth"]) == ("n + 1", EstimateQuality.UPPER_BOUND)
    bound = quarters.estimate_resources(n=5)
    assert (bound.depth, bound.quality["depth"]) == (3, EstimateQuality.EXACT)


def test_what_follows_from_inequalities() -> None:
    n, m = symbol("n"), symbol("m")
    known = Inequalities([n - 2 * m - 1, 2 * m - n + 1])  # n = 2 m + 1
    assert known.equal(n, 2 * m + 1)
    assert known.imply(n - 1)
    assert not known.imply(n - 2)
    assert Inequalities([3 * n - 1, 5 - 3 * n]).equal(n, quantity(1))  # whole numbers between 1/3 and 5/3
    assert Inequalities([n - m - 1, m - n]).are_impossible
    with pytest.raises(Undecided):
        Inequalities([n - m]).decide(n - 1)


def test_what_follows_for_powers_of_two() -> None:
    n, m = symbol("n"), symbol("m")
    high, low = power(quantity(2), n), power(quantity(2), m)
    known = Inequalities([n - m - 2])
    assert known.imply(high - 4 * low)
    assert known.imply(high - low - 3)
    assert not known.imply(high - 5 * low)
    assert not Inequalities().imply(high - low)
    with pytest.raises(Undecided) as error:
        Inequalities().decide(high - 6 * low + 4 * low)
    assert error.value.form == n - m - 1


N, M = Name("n", UINT), Name("m", UINT)
REGISTERS = {"q": N, "r": N + 1, "w": apply("**", Const(2), M) * 3, "a": ONE}


@st.composite
def qubits(draw: st.DrawFn, indices: tuple[str, ...]) -> Place:
    register = draw(st.sampled_from(["q", "q", "q", "r", "a"]))
    shift = draw(st.integers(0, 2))
    places: list[Expr] = [ZERO, N - 1, Const(2)]
    for name in indices:
        index = Name(name, UINT)
        places += [index + shift, index + shift, N - 1 - index, index * 2 + shift]
    return Place("a") if register == "a" else Place(register, draw(st.sampled_from(places)))


@st.composite
def gates(draw: st.DrawFn, indices: tuple[str, ...]) -> Gate:
    places = draw(st.lists(qubits(indices), min_size=1, max_size=3, unique=True))
    names = {1: ["h", "t", "x"], 2: ["cx", "cz"], 3: ["ccx"]}[len(places)]
    return Gate(draw(st.sampled_from(names)), tuple(places))


@st.composite
def domains(draw: st.DrawFn, indices: tuple[str, ...]) -> Range:
    found = [Range(ZERO, M, ONE), Range(ZERO, N, ONE), Range(ZERO, N - 1, ONE), Range(ONE, N - 1, ONE)]
    found += [Range(N - 2, Const(-1), Const(-1)), Range(ZERO, apply("//", N, Const(2)), ONE), Range(ZERO, N - 1, Const(2))]
    for name in indices:
        index = Name(name, UINT)
        found += [Range(index + 1, N, ONE), Range(ZERO, index, ONE), Range(ZERO, N - 1 - index, ONE)]
    return draw(st.sampled_from(found))


@st.composite
def trees_of_pairs(draw: st.DrawFn) -> For:
    """Pairs of qubits at distances that double, at times with more gates on them."""
    stage, index = Name("s", UINT), Name("t", UINT)
    distance = apply("**", Const(2), stage) * draw(st.sampled_from([1, 1, 3]))
    pair = Place("w", index), Place("w", index + distance)
    more = draw(st.sampled_from([(), (), (Gate("t", pair[:1]),), (Gate("h", pair[1:]),), (Gate("cz", (pair[0], Place("a"))),)]))
    return For(("s",), Range(ZERO, M, ONE), (For(("t",), Range(ZERO, distance, ONE), (Gate("cx", pair), *more)),))


@st.composite
def blocks(draw: st.DrawFn, indices: tuple[str, ...] = (), depth: int = 2) -> Block:
    ops: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(["gate", "for", "for", "wide", "if", "call", "tree"] if depth else ["gate", "if"])):
            case "gate":
                ops.append(draw(gates(indices)))
            case "wide":
                both = (whole("q"), whole("r"))
                ops.append(draw(st.sampled_from([Gate("h", both[:1]), Gate("t", both[1:]), Gate("barrier", both)])))
            case "if":
                index = Name(draw(st.sampled_from(indices)), UINT) if indices else M
                conditions = [
                    apply(">", index, ZERO),
                    apply("<", index, N - 2),
                    apply("==", index, ONE),
                    apply(">", N, Const(3)),
                ]
                ops.append(If(draw(st.sampled_from(conditions)), (draw(gates(indices)),), (draw(gates(indices)),)))
            case "tree":
                ops.append(draw(trees_of_pairs()))
            case "call":
                chosen: list[tuple[Modifier, ...]] = [(), (Adjoint(),), (Control((Place("a"),)),), (Power(M),)]
                ops.append(Call("inner", (whole("q"),), (None,), draw(st.sampled_from(chosen))))
            case "for":
                index_name = f"i{len(indices)}{len(ops)}"
                inside = draw(blocks((*indices, index_name), depth - 1))
                ops.append(For((index_name,), draw(domains(indices)), inside))
    return tuple(ops)


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """Loops over qubits whose indices are affine, with calls of a chain, branches and broadcasts in them."""
    index, last = Name("j", UINT), Size(Name("q", ArrayType(QUBIT))) - 1
    chain = Gate("cx", (Place("q", index), Place("q", index + 1)))
    inner = For(("j",), draw(st.sampled_from([Range(ZERO, last, ONE), Range(last - 1, Const(-1), Const(-1))])), (chain,))
    callee = Function("inner", (Parameter("q", ArrayType(QUBIT)),), (Gate("h", (whole("q"),)), inner), (whole("q"),))
    made = tuple(Alloc(name, size if name != "a" else None) for name, size in REGISTERS.items())
    entry = Function("random", (Parameter("n", UINT), Parameter("m", UINT)), (*made, *draw(blocks())))
    is_called = any(isinstance(op, Call) for op in walk(entry.body))
    return Module((entry, callee) if is_called else (entry,))


@settings(max_examples=12, deadline=None)
@given(modules())
def test_random_regular_kernels(module: Module) -> None:
    try:
        free = estimate(module)
    except QKernelError:
        return
    for n, m in itertools.product(range(8), (0, 1, 3)):
        try:
            walked = exact_depths(lower(module, {"n": n, "m": m}).without_releases, t_spans(module))
        except QKernelError:  # no such qubit, or one twice
            continue
        for depth in DEPTHS:
            form, is_exact = free.depths.of(depth)
            found = substitute(form, {"n": quantity(n), "m": quantity(m)})
            assert found == walked[depth] if is_exact else int(found) >= int(walked[depth]), (depth, n, m, str(form))
