"""Quantum approximate optimisation: cost functions of spins, mixers, and the layers and states that they make.

`linear` and `quad` have the coefficients of Z(i) and Z(i) Z(j), `higher` those of longer products; the layers' angles are
in radians. n is the length of the register, |quad| the number of entries. Names and arguments are those of Qamomile.
"""

from __future__ import annotations

import qkernel as qk
from qkernel_stdlib.controlled_gates import mcp
from qkernel_stdlib.layers import superposition_vector


@qk.qkernel
def phase_gadget(q: qk.Vector[qk.Qubit], indices: qk.Vector[qk.UInt], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(-i angle / 2 Z...Z) on the k > 0 qubits at `indices`, which differ: 2k - 2 CX and one RZ, a CRZ under a control.

    Source: Cowtan et al. 2020 (arXiv:1906.01734).
    """
    last = indices[indices.shape[0] - 1]
    q = qk.within_apply(_parity, lambda q: _turned(q, last, angle))(q, indices)
    return q


@qk.qkernel
def _parity(q: qk.Vector[qk.Qubit], indices: qk.Vector[qk.UInt]) -> qk.Vector[qk.Qubit]:
    """The last of the qubits at `indices` takes the parity of all."""
    for k in qk.range(indices.shape[0] - 1):
        q[indices[k]], q[indices[k + 1]] = qk.cx(q[indices[k]], q[indices[k + 1]])
    return q


@qk.qkernel
def _turned(q: qk.Vector[qk.Qubit], place: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q[place] = qk.rz(q[place], angle)
    return q


@qk.qkernel
def ising_cost(
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    q: qk.Vector[qk.Qubit],
    gamma: qk.Float,
) -> qk.Vector[qk.Qubit]:
    """exp(-i gamma / 2 C), C the sum of quad[i, j] Z(i) Z(j) and linear[i] Z(i): |quad| RZZ and |linear| RZ.

    Source: Farhi, Goldstone, Gutmann 2014 (arXiv:1411.4028).
    """
    for (i, j), weight in qk.items(quad):
        q[i], q[j] = qk.rzz(q[i], q[j], weight * gamma)
    for i, weight in qk.items(linear):
        q[i] = qk.rz(q[i], weight * gamma)
    return q


@qk.qkernel
def hubo_ising_cost(
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
    q: qk.Vector[qk.Qubit],
    gamma: qk.Float,
) -> qk.Vector[qk.Qubit]:
    """`ising_cost` and exp(-i gamma / 2 higher[i, j, ...] Z(i) Z(j) ...), a `phase_gadget` each."""
    q = ising_cost(quad, linear, q, gamma)
    for indices, weight in qk.items(higher):
        q = phase_gadget(q, indices, weight * gamma)
    return q


@qk.qkernel
def x_mixer(q: qk.Vector[qk.Qubit], beta: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(-i beta B), B the sum of all X(i): n RX. Source: Farhi, Goldstone, Gutmann 2014 (arXiv:1411.4028)."""
    for i in qk.range(q.shape[0]):
        q[i] = qk.rx(q[i], 2 * beta)
    return q


@qk.qkernel
def xy_mixer(q: qk.Vector[qk.Qubit], beta: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(-i beta / 2 (XX + YY)) on neighbours, (0, 1), (2, 3), ..., then (1, 2), ..., then, for odd n > 2, on the last and 0.

    Keeps the number of ones. n RXX and n RYY for n > 2, n - 1 below; in a ring of even n the last pair is of the second pass.
    Source: Hadfield et al. 2019 (arXiv:1709.03489), section 4; Wang, Rubin, Dominy, Rieffel 2020 (arXiv:1904.09314).
    """
    n = q.shape[0]
    for start in (0, 1):
        for i in qk.range(start, n - 1, 2):
            q[i], q[i + 1] = qk.rxx(q[i], q[i + 1], beta)
            q[i], q[i + 1] = qk.ryy(q[i], q[i + 1], beta)
    if n > 2:
        q[n - 1], q[0] = qk.rxx(q[n - 1], q[0], beta)
        q[n - 1], q[0] = qk.ryy(q[n - 1], q[0], beta)
    return q


@qk.qkernel
def grover_mixer(q: qk.Vector[qk.Qubit], beta: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(-i beta |s><s|), s being the uniform superposition of n > 0 qubits: 2n H, 2n X and one P under n - 1 controls.

    Source: Bartschi, Eidenbenz 2020 (arXiv:2006.00354).
    """
    return qk.within_apply(lambda q: qk.x(qk.h(q)), lambda q: mcp(q, -beta))(q)


@qk.qkernel
def qaoa_layers(
    p: qk.UInt,
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    q: qk.Vector[qk.Qubit],
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """p times `ising_cost` by gammas[l] and `x_mixer` by betas[l]: p (|quad| + |linear| + n) rotations."""
    for layer in qk.range(p):
        q = x_mixer(ising_cost(quad, linear, q, gammas[layer]), betas[layer])
    return q


@qk.qkernel
def qaoa_state(
    p: qk.UInt,
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    n: qk.UInt,
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """`qaoa_layers` on the uniform superposition of a fresh register of n qubits: n H more.

    Source: Farhi, Goldstone, Gutmann 2014 (arXiv:1411.4028).
    """
    q = qaoa_layers(p, quad, linear, superposition_vector(n), gammas, betas)
    return q


@qk.qkernel
def hubo_qaoa_layers(
    p: qk.UInt,
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
    q: qk.Vector[qk.Qubit],
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """p times `hubo_ising_cost` by gammas[l] and `x_mixer` by betas[l]."""
    for layer in qk.range(p):
        q = x_mixer(hubo_ising_cost(quad, linear, higher, q, gammas[layer]), betas[layer])
    return q


@qk.qkernel
def hubo_qaoa_state(
    p: qk.UInt,
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
    n: qk.UInt,
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """`hubo_qaoa_layers` on the uniform superposition of a fresh register of n qubits: n H more."""
    q = hubo_qaoa_layers(p, quad, linear, higher, superposition_vector(n), gammas, betas)
    return q
