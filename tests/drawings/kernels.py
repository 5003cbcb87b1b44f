"""Kernels whose drawings are tested: together they use every construct that a drawing shows."""

from __future__ import annotations

import math

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib import cz_entangling_layer, ry_layer, rz_layer, superposition_vector


@qk.qkernel
def ansatz(
    n_qubits: qk.UInt,
    n_layers: qk.UInt,
    inputs: qk.Vector[qk.Float],
    weights: qk.Vector[qk.Float],
    hamiltonian: qk.Observable,
) -> qk.Float:
    q = qk.qubit_array(n_qubits, name="q")
    for i in qk.range(n_qubits):
        q[i] = qk.ry(q[i], inputs[i])
    for layer_idx in qk.range(n_layers):
        base = layer_idx * n_qubits * 3
        q = rz_layer(q, weights, base)
        q = ry_layer(q, weights, base + n_qubits)
        q = rz_layer(q, weights, base + n_qubits * 2)
        q = cz_entangling_layer(q)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def ghz(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    q[0] = qk.h(q[0])
    for k in qk.range(n - 1):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    return qk.measure(q)


@qk.qkernel
def teleport(theta: qk.Float) -> qk.Bit:
    alice, carrier, bob = qk.qubit("alice"), qk.qubit("carrier"), qk.qubit("bob")
    alice = qk.ry(alice, theta)
    carrier = qk.h(carrier)
    carrier, bob = qk.cx(carrier, bob)
    alice, carrier = qk.cx(alice, carrier)
    alice = qk.h(alice)
    x = qk.measure(carrier)
    z = qk.measure(alice)
    if x:
        bob = qk.x(bob)
    if z:
        bob = qk.z(bob)
    else:
        bob = qk.s(bob)
    return qk.measure(bob)


@qk.qkernel
def until_zero() -> qk.Bit:
    data, ancilla = qk.qubit("data"), qk.qubit("ancilla")
    ancilla = qk.h(ancilla)
    ancilla, data = qk.cx(ancilla, data)
    ancilla, flag = qk.project_z(ancilla)
    while flag:
        ancilla = qk.reset(ancilla)
        ancilla = qk.h(ancilla)
        ancilla, data = qk.cx(ancilla, data)
        ancilla, flag = qk.project_z(ancilla)
    return qk.measure(data)


@qk.qkernel
def qaoa(
    n: qk.UInt,
    p: qk.UInt,
    edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
    cost: qk.Observable,
) -> qk.Float:
    q = superposition_vector(n)
    for layer in qk.range(p):
        for (i, j), weight in qk.items(edges):
            q[i], q[j] = qk.rzz(q[i], q[j], gammas[layer] * weight)
        q = qk.rx(q, 2 * betas[layer])
    return qk.expval(q, cost)


@qk.composite_gate(name="bell pair")
@qk.qkernel
def bell(first: qk.Qubit, second: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    first = qk.h(first)
    first, second = qk.cx(first, second)
    return first, second


marked = qk.Oracle(name="marked", num_qubits=2)


@qk.qkernel
def every_gate(t: qk.Float, hamiltonian: qk.Observable) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(4, name="q")
    q[0] = qk.t(q[0])
    q[1] = qk.sdg(q[1])
    q[2] = qk.sx(q[2])
    q = qk.barrier(q)
    q[0], q[2] = qk.swap(q[0], q[2])
    q[3], q[0], q[1] = qk.ccx(q[3], q[0], q[1])
    q[1], q[3] = qk.cz(q[1], q[3])
    q[1], q[3] = qk.cp(q[1], q[3], math.pi / 4)
    q[0], q[2] = qk.rzz(q[0], q[2], t)
    q[0], q[1] = qk.control(qk.ry, control_value=0)(q[0], q[1], 3 * math.pi / 8)
    q[3], q[1] = bell(q[3], q[1])
    q[1], q[2] = qk.inverse(bell)(q[1], q[2])
    q[0], q[1] = marked(q[0], q[1])
    q[0] = qk.reset(q[0])
    q = qk.pauli_evolve(q, hamiltonian, t)
    return qk.probabilities(q)


@qk.qkernel
def slices(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    flag = qk.qubit("flag")
    q[::2] = qk.h(q[::2])
    q[1:] = qk.rx(q[1:], angle)
    flag, q[1] = qk.cx(flag, q[1])
    for i in qk.range(1, n, 2):
        q[i] = qk.p(q[i], angle / 2)
    return qk.measure(q)


@qk.qkernel
def sign(q: qk.Qubit, negative: qk.Bit) -> qk.Qubit:
    if negative:
        q = qk.x(q)
    return q


@qk.qkernel
def branches(negative: qk.Bit, n: qk.UInt) -> qk.Bit:
    q = qk.qubit("q")
    q = sign(q, negative)
    total = 0
    for k in qk.range(n):
        total = total + k
        q = qk.rz(q, 0.1 * total)
    return qk.measure(q)


@qk.qkernel
def two_observables(observables: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2, name="q")
    return qk.expval(q, observables)


@qk.qkernel
def pair(a: qk.Qubit, b: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    a = qk.rx(a, t)
    a, b = qk.cx(a, b)
    return a, b


@qk.qkernel
def controlled(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Bit]:
    c = qk.qubit_array(2, name="c")
    a, b = qk.qubit("a"), qk.qubit("b")
    w = qk.qubit_array(n, name="w")
    c[0], c[1], a, b = qk.control(pair, num_controls=2, control_value=1)(c[0], c[1], a, b, t)
    w, a = qk.control(qk.x, num_controls=n)(w, a)
    a, b = qk.global_phase(pair, t)(a, b, t)
    a, b = qk.inverse(pair)(a, b, t)
    return qk.measure(w)


@qk.qkernel
def phase_estimation(n: qk.UInt, theta: qk.Float) -> qk.Vector[qk.Bit]:
    c = qk.h(qk.qubit_array(n, name="c"))
    t = qk.x(qk.qubit("t"))
    for k in qk.range(n):
        c[k], t = qk.control(qk.p, power=2**k)(c[k], t, theta)
    for j in qk.range(n // 2):
        c[j], c[n - j - 1] = qk.swap(c[j], c[n - j - 1])
    for j in qk.range(n - 1, -1, -1):
        for m in qk.range(n - 1, j, -1):
            c[m], c[j] = qk.cp(c[m], c[j], -math.pi / 2 ** (m - j))
        c[j] = qk.h(c[j])
    return qk.measure(c)


@qk.qkernel
def syndromes(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n, name="q")
    ancilla = qk.qubit("ancilla")
    for k in qk.range(n - 1):
        q[k], ancilla = qk.cx(q[k], ancilla)
        q[k + 1], ancilla = qk.cx(q[k + 1], ancilla)
        ancilla, odd = qk.project_z(ancilla)
        if odd:
            q[k + 1] = qk.x(q[k + 1])
        else:
            q[k], q[k + 1] = qk.cz(q[k], q[k + 1])
        ancilla = qk.reset(ancilla)
    return qk.measure(q)


SMALL = {"n_qubits": 4, "n_layers": 2, "hamiltonian": qko.Z(0)}
TRIANGLE = {(0, 1): 1.0, (1, 2): 0.5, (0, 2): 2.0}
