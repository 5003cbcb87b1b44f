"""Kernels whose counts are known, and kernels that use one construct each: every check of the estimates runs over them."""

from __future__ import annotations

import math

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib import cx_entangling_layer
from qkernel_stdlib.examples.networks import hybrid_ansatz


@qk.qkernel
def ghz(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n + 1)
    q[0] = qk.h(q[0])
    q = cx_entangling_layer(q)
    return qk.measure(q)


@qk.qkernel
def qft_of(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    n = q.shape[0]
    for i in qk.range(n):
        q[n - 1 - i] = qk.h(q[n - 1 - i])
        for j in qk.range(n - i - 1):
            q[j], q[n - 1 - i] = qk.cp(q[j], q[n - 1 - i], math.pi / 2 ** (n - 1 - i - j))
    for i in qk.range(n // 2):
        q[i], q[n - 1 - i] = qk.swap(q[i], q[n - 1 - i])
    return q


@qk.qkernel
def qft(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qft_of(qk.qubit_array(n)))


@qk.qkernel
def rotate(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    q = qk.h(q)
    q = qk.rz(q, angle)
    return qk.h(q)


@qk.qkernel
def phase_estimation(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    counting = qk.qubit_array(n)
    target = qk.qubit()
    counting = qk.h(counting)
    for k in qk.range(n):
        counting[k], target = qk.control(rotate, power=2**k)(counting[k], target, angle)
    counting = qk.inverse(qft_of)(counting)
    return qk.measure(counting)


@qk.qkernel
def qaoa(
    n: qk.UInt,
    p: qk.UInt,
    edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    angles: qk.Vector[qk.Float],
    cost: qk.Observable,
) -> qk.Float:
    q = qk.h(qk.qubit_array(n))
    for layer in qk.range(p):
        for (i, j), weight in qk.items(edges):
            q[i], q[j] = qk.rzz(q[i], q[j], angles[2 * layer] * weight)
        q = qk.rx(q, angles[2 * layer + 1])
    return qk.expval(q, cost)


@qk.qkernel
def evolve(q: qk.Vector[qk.Qubit], hamiltonian: qk.Observable, time: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.pauli_evolve(q, hamiltonian, time)


@qk.qkernel
def trotter(n: qk.UInt, steps: qk.UInt, hamiltonian: qk.Observable) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    control = qk.qubit()
    for _ in qk.range(steps):
        q = evolve(q, hamiltonian, 0.1)
    control, q = qk.control(evolve, power=steps)(control, q, hamiltonian, 0.2)
    qk.measure(control)
    return qk.measure(q)


@qk.qkernel
def loops(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    """Bounds that depend on outer loops, steps, negative steps, empty ranges."""
    q = qk.qubit()
    for i in qk.range(n):
        for j in qk.range(i):
            q = qk.x(q)
            for _ in qk.range(j, n - 1, 2):
                q = qk.y(q)
        for _ in qk.range(n - i - 2):
            q = qk.z(q)
        for _ in qk.range(m - 2 * i, i, -1):
            q = qk.s(q)
        for _ in qk.range(i % 3):
            q = qk.h(q)
    for i in qk.range(n - 2, 0, -2):
        for _ in qk.range(2**i - 3):
            q = qk.sdg(q)
        for _ in qk.range(max(i - m, 0) * min(i, m)):
            q = qk.t(q)
    for i in qk.range(m):
        for _ in qk.range((n + i) // 2 - abs(n - i)):
            q = qk.tdg(q)
        for _ in qk.range(n * (2 if i < 3 else i)):
            q = qk.sx(q)
    return qk.measure(q)


@qk.qkernel
def branches(n: qk.UInt, m: qk.UInt, flag: qk.Bit = True) -> qk.Bit:
    """Branches that binding decides."""
    q = qk.qubit()
    depth = 1
    if n > 3 and m != 2:
        q = qk.x(q)
        depth = n
    elif n == m:
        q = qk.y(q)
    else:
        depth = 2 * m
    for i in qk.range(depth):
        if i % 2 == 0:
            q = qk.h(q)
        if i == m:
            q = qk.s(q)
        if flag or 2 * i < n:
            q = qk.z(q)
    return qk.measure(q)


@qk.qkernel
def carried(n: qk.UInt) -> qk.Bit:
    """Sums and products."""
    q = qk.qubit()
    square, double = 0, 1
    for k in qk.range(n):
        square = square + 2 * k + 1
        double = 2 * double + k
        for _ in qk.range(square):
            q = qk.x(q)
        for _ in qk.range(double):
            q = qk.y(q)
    for _ in qk.range(square + double):
        q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def recurrent(n: qk.UInt) -> qk.Bit:
    """A recurrence that has no closed form here, beside one that has."""
    q = qk.qubit()
    square, first, second = 0, 0, 1
    for k in qk.range(n):
        square = square + 2 * k + 1
        first, second = second, first + second
        for _ in qk.range(first):
            q = qk.z(q)
    for _ in qk.range(square + second):
        q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def growing(q: qk.Qubit, width: qk.UInt, steps: qk.UInt) -> tuple[qk.Qubit, qk.UInt]:
    """A recurrence in a called kernel, which hands it on."""
    for _ in qk.range(steps):
        width = width * width % 11 + 1
        for _ in qk.range(width):
            q = qk.x(q)
    return q, width


@qk.qkernel
def recurrent_calls(n: qk.UInt) -> qk.Bit:
    """Recurrences in calls in loops: what goes on from one to the next, and what decides counts of the caller."""
    q = qk.qubit()
    width = 3
    for k in qk.range(n):
        q, width = growing(q, width + k, k)
        for _ in qk.range(width):
            q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def measured(n: qk.UInt) -> qk.Bit:
    """Branches and rounds that measurements decide."""
    q = qk.qubit()
    for k in qk.range(n):
        q, bit = qk.project_x(q)
        if bit:
            q = qk.t(q)
            q = qk.h(q)
        else:
            for _ in qk.range(k):
                q = qk.h(q)
        q = qk.reset(q)
    q, bit = qk.project_y(q)
    while bit:
        q = qk.sx(q)
        q, bit = qk.project_z(q)
    return qk.measure(q)


@qk.qkernel(clean_ancillas=True)
def with_ancilla(q: qk.Vector[qk.Qubit], rounds: qk.UInt) -> qk.Vector[qk.Qubit]:
    for _ in qk.range(rounds):
        helper = qk.qubit()
        q[0], helper = qk.cx(q[0], helper)
        q[0], helper = qk.cx(q[0], helper)
    return q


@qk.qkernel
def modified(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    """Controls of symbolic width, inverses, powers, ancillas."""
    controls = qk.qubit_array(n)
    q = qk.qubit_array(n + 1)
    controls, q[0] = qk.control(qk.x, num_controls=n)(controls, q[0])
    controls, q[0] = qk.control(rotate, num_controls=n)(controls, q[0], angle)
    controls, q = qk.control(qft_of, num_controls=n)(controls, q)
    q = qk.inverse(with_ancilla)(q, n)
    q = with_ancilla(q, 2)
    for i in qk.range(n):
        q[i] = qk.inverse(qk.s)(q[i])
        q[i], q[i + 1] = qk.control(qk.control(qk.t), power=i)(q[i], q[i + 1]) if False else qk.cx(q[i], q[i + 1])
    return qk.measure(q)


@qk.qkernel
def spiral(q: qk.Vector[qk.Qubit], depth: qk.UInt) -> qk.Vector[qk.Qubit]:
    if depth > 0:
        q[0] = qk.h(q[0])
        q = spiral(q, depth - 1)
        for k in qk.range(depth):
            q = spiral(q, k // 2)
    return q


@qk.qkernel
def recursive(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(spiral(qk.qubit_array(1), n))


@qk.qkernel
def constants(angle: qk.Float) -> qk.Bit:
    """Two Cliffords, two Ts, five other rotations."""
    q = qk.qubit()
    r = qk.qubit()
    q = qk.rz(q, math.pi / 2)
    q, r = qk.rzz(q, r, math.pi)
    q = qk.p(q, math.pi / 4)
    q, r = qk.rxx(q, r, -3 * math.pi / 4)
    q = qk.rx(q, 0.3)
    q = qk.ry(q, angle)
    q, r = qk.crz(q, r, math.pi / 2)
    q, r = qk.rzx(q, r, math.pi / 2)
    q = qk.u(q, 0.0, 0.0, math.pi)
    return qk.measure(q)


@qk.qkernel
def majority(a: qk.Qubit, b: qk.Qubit, c: qk.Qubit) -> qk.Tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    c, b = qk.cx(c, b)
    c, a = qk.cx(c, a)
    a, b, c = qk.ccx(a, b, c)
    return a, b, c


@qk.qkernel
def unmajority_add(a: qk.Qubit, b: qk.Qubit, c: qk.Qubit) -> qk.Tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    a, b, c = qk.ccx(a, b, c)
    c, a = qk.cx(c, a)
    a, b = qk.cx(a, b)
    return a, b, c


@qk.qkernel
def adder(n: qk.UInt) -> qk.Vector[qk.Bit]:
    """The ripple-carry adder of Cuccaro et al. (arXiv:quant-ph/0410184), in its plain form, for n >= 1 bits."""
    carry = qk.qubit()
    a = qk.qubit_array(n)
    b = qk.qubit_array(n)
    high = qk.qubit()
    carry, b[0], a[0] = majority(carry, b[0], a[0])
    for i in qk.range(1, n):
        a[i - 1], b[i], a[i] = majority(a[i - 1], b[i], a[i])
    a[n - 1], high = qk.cx(a[n - 1], high)
    for i in qk.range(n - 1, 0, -1):
        a[i - 1], b[i], a[i] = unmajority_add(a[i - 1], b[i], a[i])
    carry, b[0], a[0] = unmajority_add(carry, b[0], a[0])
    qk.measure(high)
    return qk.measure(b)


@qk.qkernel
def gidney_adder(n: qk.UInt, x: qk.UInt, y: qk.UInt) -> qk.Vector[qk.Bit]:
    """x + y modulo 2**n, for n >= 2: Gidney (arXiv:1709.06648), with n - 1 ANDs that measurements undo."""
    a = qk.qubit_array(n)
    b = qk.qubit_array(n)
    c = qk.qubit_array(n - 1)
    for i in qk.range(n):
        if (x // 2**i) % 2 == 1:
            a[i] = qk.x(a[i])
        if (y // 2**i) % 2 == 1:
            b[i] = qk.x(b[i])
    for i in qk.range(n - 1):
        if i > 0:
            c[i - 1], a[i] = qk.cx(c[i - 1], a[i])
            c[i - 1], b[i] = qk.cx(c[i - 1], b[i])
        a[i], b[i], c[i] = qk.ccx(a[i], b[i], c[i])
        if i > 0:
            c[i - 1], c[i] = qk.cx(c[i - 1], c[i])
    c[n - 2], b[n - 1] = qk.cx(c[n - 2], b[n - 1])
    a[n - 1], b[n - 1] = qk.cx(a[n - 1], b[n - 1])
    for i in qk.range(n - 2, -1, -1):
        if i > 0:
            c[i - 1], c[i] = qk.cx(c[i - 1], c[i])
        c[i] = qk.h(c[i])
        c[i], odd = qk.project_z(c[i])
        if odd:
            a[i], b[i] = qk.cz(a[i], b[i])
        if i > 0:
            c[i - 1], a[i] = qk.cx(c[i - 1], a[i])
        a[i], b[i] = qk.cx(a[i], b[i])
    return qk.measure(b)


@qk.qkernel(clean_ancillas=True)
def echo(q: qk.Qubit) -> qk.Qubit:
    helper = qk.qubit()
    q, helper = qk.cx(q, helper)
    q, helper = qk.cx(q, helper)
    return q


@qk.qkernel
def registers(n: qk.UInt, sizes: qk.Vector[qk.UInt]) -> qk.Bit:
    """Registers made in loops, powers, branches and rounds; bounds out of a vector and out of floating point."""
    q = qk.qubit()
    c = qk.qubit()
    for _ in range(n):
        q = echo(q)
    c, q = qk.control(echo, power=n)(c, q)
    bit = qk.measure(c)
    if bit:
        wide = qk.qubit_array(n + 1)
        wide[0], q = qk.cx(wide[0], q)
        qk.measure(wide)
    else:
        narrow = qk.qubit_array(2)
        narrow[0], q = qk.cx(narrow[0], q)
    for k in range(len(sizes)):
        for _ in range(sizes[k]):
            q = qk.x(q)
        if sizes[k] > 1:
            q = qk.h(q)
    for _ in range(qk.ceil(qk.log2(n + 1))):
        q = qk.y(q)
    for _ in range(qk.floor(math.pi / 4 * qk.sqrt(2.0**n))):
        q = qk.z(q)
    q, again = qk.project_z(q)
    while again:
        other = qk.qubit()
        q, other = qk.cx(q, other)
        q, again = qk.project_z(q)
    return qk.measure(q)


@qk.qkernel
def ladder(q: qk.Qubit, pairs: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.UInt], times: qk.UInt) -> qk.Qubit:
    total = 0
    for (i, j), weight in qk.items(pairs):
        for _ in range(j - i):
            q = qk.x(q)
        if weight > times:
            q = qk.h(q)
        total = total + 1
    for _ in range(total):
        q = qk.y(q)
    return q


@qk.qkernel
def pairwise(n: qk.UInt, pairs: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.UInt]) -> qk.Bit:
    """Costs that depend on the keys and values of a dictionary, in nested loops over it."""
    q = qk.qubit()
    for (i, j), weight in qk.items(pairs):
        q = ladder(q, pairs, i * weight)
        for _ in range(n - j):
            q = qk.z(q)
    return qk.measure(q)


ISING = qko.Z(0) * qko.Z(1) + 0.5 * qko.X(0) + qko.X(1) + qko.X(0) * qko.Y(1) + 0.25

SIZES = {
    hybrid_ansatz: [
        {"n_qubits": n, "n_layers": m, "hamiltonian": qko.Z(0) if n else qko.Hamiltonian(0)}
        for n in range(6)
        for m in (0, 1, 3)
    ],
    ghz: [{"n": n} for n in range(7)],
    qft: [{"n": n} for n in range(7)],
    phase_estimation: [{"n": n} for n in range(7)],
    qaoa: [
        {"n": 4, "p": p, "edges": {(k, k + 1): 1.0 for k in range(edges)}, "cost": ISING}
        for p in range(4)
        for edges in range(4)
    ],
    trotter: [{"n": n, "steps": steps, "hamiltonian": ISING} for n in (2, 3) for steps in range(4)],
    loops: [{"n": n, "m": m} for n in range(7) for m in range(7)],
    branches: [{"n": n, "m": m, "flag": flag} for n in range(7) for m in range(7) for flag in (False, True)],
    carried: [{"n": n} for n in range(7)],
    recurrent: [{"n": n} for n in range(7)],
    recurrent_calls: [{"n": n} for n in range(5)],
    measured: [{"n": n} for n in range(7)],
    modified: [{"n": n} for n in range(6)],
    recursive: [{"n": n} for n in range(7)],
    constants: [{}],
    pairwise: [{"n": n, "pairs": {(0, 2): 1, (1, 2): 0, (3, 7): 4}} for n in range(5)],
    adder: [{"n": n} for n in range(1, 7)],
    gidney_adder: [{"n": n, "x": 5, "y": 2**n - 1} for n in range(2, 7)],
    registers: [{"n": n, "sizes": [1, 2, n]} for n in range(7)],
}
"""Each kernel with the bindings at which its closed form is checked."""


@qk.qkernel
def beside_recurrence(n: qk.UInt) -> qk.Vector[qk.Bit]:
    """Recurrences in an iteration, which decide the counts of `t` and `x`; the others have closed forms."""
    q = qk.qubit_array(n + 2)
    for k in qk.range(n):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
        first, second = n, 1
        for _ in qk.range(3):
            q[k] = qk.h(q[k])
            first, second = second, first + second
        for _ in qk.range(first):
            q[k] = qk.x(q[k])
        width = k
        for _ in qk.range(k):
            width = width * width % 7 + 1
        for _ in qk.range(width):
            q[k] = qk.t(q[k])
        for _ in qk.range(2):
            q[k] = qk.s(q[k])
    return qk.measure(q)
