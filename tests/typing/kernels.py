"""Kernels as users write them, to be checked by `mypy --strict` and `pyright`; nothing here runs."""

import math
from collections.abc import Callable

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib import cz_entangling_layer, ry_layer, rz_layer


@qk.qkernel
def variational_ansatz(
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
def bell() -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.h(qk.qubit()), qk.qubit("b")
    a, b = qk.cx(a, b)
    return qk.measure(a), qk.measure(b)


@qk.qkernel
def rotated(q: qk.Qubit, theta: qk.Float = 0.5) -> qk.Qubit:
    return qk.rz(qk.rx(q, theta), math.pi / 2)


@qk.qkernel
def caller(n: qk.UInt, flag: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[0] = rotated(q[0], 0.25)
    q[1] = rotated(q[1])
    q[1::2] = qk.h(q[1::2])
    if not flag:
        q[0] = qk.x(q[0])
    for i in range(len(q) - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    q[0], q[1] = qk.control(rotated)(q[0], q[1], 0.5)
    q = qk.inverse(cz_entangling_layer)(q)
    return qk.measure(q)


@qk.qkernel
def maxcut(n: qk.UInt, edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float], gamma: qk.Float) -> qk.Float:
    q = qk.h(qk.qubit_array(n))
    for (i, j), weight in qk.items(edges):
        q[i], q[j] = qk.rzz(q[i], q[j], gamma * weight)
    q = qk.rx(q, 2 * gamma)
    return qk.expval(q, 0.5 * (qko.Z(0) * qko.Z(1)) - 1)


@qk.qkernel
def repeat_until_zero() -> qk.Bit:
    q = qk.h(qk.qubit())
    q, bit = qk.project_z(q)
    while bit:
        q, bit = qk.project_z(qk.h(q))
    return qk.measure(q)


@qk.qkernel
def all_observables(theta: qk.Float, observables: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
    return qk.expval(qk.ry(qk.qubit(), theta), observables)


@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.inverse(u)(u(u(q)))


@qk.qkernel
def there_and_back(q: qk.Vector[qk.Qubit], u: Callable[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]) -> qk.Vector[qk.Qubit]:
    return qk.inverse(u)(u(q))


@qk.qkernel
def functions_as_kernels(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Bit]:
    def turned(r: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        return qk.rz(r, t)

    q = twice(turned, qk.qubit_array(n))
    q = twice(lambda r: qk.ry(r, t), q)
    q = twice(qk.h, twice(cz_entangling_layer, q))
    q = there_and_back(q, u=lambda r: qk.rx(r, t))
    q = there_and_back(there_and_back(q, qk.h), u=turned)
    q = qk.within_apply(turned, lambda r: cz_entangling_layer(r))(q)
    return qk.measure(q)


@qk.qkernel
def chosen_qubits(n: qk.UInt) -> qk.Vector[qk.Float]:
    q, flag = qk.qubit_array(n), qk.qubit()
    q[0], q[3], q[1] = cz_entangling_layer([q[0], q[3], q[1]])
    q[::-1], flag = cz_entangling_layer((q[::-1], flag))
    q[0], q[1] = qk.h([q[0], q[1]])
    q[0], [q[1], q[2]] = qk.control(cz_entangling_layer)(q[0], [q[1], q[2]])
    q[0], q[1] = qk.reset([q[0], q[1]])
    flag, first = qk.swap(flag, q[0])
    q[0] = first
    measured, rest = qk.measure((flag, q[1:]))
    if measured:
        q[0] = qk.x(q[0])
    return qk.probabilities([q[0]])


def plain_python(q: qk.Vector[qk.Qubit], angles: list[float]) -> qk.Vector[qk.Qubit]:
    for k, angle in enumerate(angles):
        q[k] = qk.ry(q[k], angle)
    return q


@qk.qkernel
def uses_plain_python(theta: qk.Float) -> qk.Float:
    q = plain_python(qk.qubit_array(2), [theta, 2 * theta])
    return qk.expval(q, qko.Z(0))


def named(kernel: qk.Kernel) -> str:
    return kernel.name


def main() -> None:
    cut: float = maxcut(3, {(0, 1): 1.0, (1, 2): 0.5}, 0.4)
    print(named(maxcut), named(twice), cut)
    value: float = variational_ansatz.run(4, 2, np.zeros(4), np.zeros(24), qko.Z(0))
    counts = bell.sample(shots=100, seed=1).most_common(1)
    called: float = uses_plain_python(0.5)
    estimate = variational_ansatz.estimate_resources(bindings={"n_qubits": 4})
    print(value, counts, called, estimate.gates.total, repr(maxcut), caller.ir)
