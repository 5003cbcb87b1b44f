"""Ansatzes: trainable circuits on a register.

Every one takes the register first, then data and weights, then its options; n is the length of the register, and angles are
in radians. Gate counts are those of the gates as written. `two_local` takes gates as options, so it is a function to
call in kernels; the others are kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import qkernel as qk
from qkernel_stdlib.layers import cz_entangling_layer


@qk.qkernel
def strongly_entangling_layers(q: qk.Vector[qk.Qubit], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Layers of RZ, RY and RZ on every qubit, then a ring of CX that reaches further from layer to layer.

    `weights` has the shape (layers, n, 3), the angles of a qubit in the order of its gates. In layer l, from 0 on, qubit i
    controls qubit (i + r) mod n with r = l mod (n - 1) + 1; one qubit alone has no CX. For n > 1 layers * 4n gates,
    layers * n of them CX. Source: Schuld, Bocharov, Svore, Wiebe 2018 (arXiv:1804.00633), with PennyLane's choice of r.
    """
    n = q.shape[0]
    for layer in qk.range(weights.shape[0]):
        for i in qk.range(n):
            q[i] = qk.rz(qk.ry(qk.rz(q[i], weights[layer, i, 0]), weights[layer, i, 1]), weights[layer, i, 2])
        if n > 1:
            for i in qk.range(n):
                j = (i + layer % (n - 1) + 1) % n
                q[i], q[j] = qk.cx(q[i], q[j])
    return q


@qk.qkernel
def basic_entangler_layers(q: qk.Vector[qk.Qubit], weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Layers of RX on every qubit, then a ring of CX: qubit i controls qubit i + 1, the last one qubit 0.

    `weights` has the shape (layers, n). Two qubits have one CX, one has none. For n > 2 layers * 2n gates, layers * n of
    them CX. Source: PennyLane's template of that name; its ring is that of circuit 6 of Schuld et al. 2018 (arXiv:1804.00633).
    """
    n = q.shape[0]
    for layer in qk.range(weights.shape[0]):
        for i in qk.range(n):
            q[i] = qk.rx(q[i], weights[layer, i])
        for i in qk.range(n if n > 2 else n - 1):
            q[i], q[(i + 1) % n] = qk.cx(q[i], q[(i + 1) % n])
    return q


@qk.qkernel
def real_amplitudes(q: qk.Vector[qk.Qubit], weights: qk.Vector[qk.Float], reps: qk.UInt = 3) -> qk.Vector[qk.Qubit]:
    """Layers of RY on every qubit, with `reps` chains of CX between them; from 0 all amplitudes are real.

    `weights` has n (reps + 1) angles, layer by layer. A chain goes from the last pair of neighbours to the first, and the
    lower qubit controls. For n > 0 n (reps + 1) + (n - 1) reps gates. Source: Qiskit's circuit of that name.
    """
    return two_local(q, weights, (qk.ry,), qk.cx, "reverse_linear", reps)


@qk.qkernel
def efficient_su2(q: qk.Vector[qk.Qubit], weights: qk.Vector[qk.Float], reps: qk.UInt = 3) -> qk.Vector[qk.Qubit]:
    """Layers of RY on every qubit and RZ on every qubit, with `reps` chains of CX between them.

    `weights` has 2n (reps + 1) angles, layer by layer, those of RY first. A chain goes from the last pair of neighbours to the
    first, and the lower qubit controls. For n > 0 2n (reps + 1) + (n - 1) reps gates. Source: Qiskit's circuit of that name.
    """
    return two_local(q, weights, (qk.ry, qk.rz), qk.cx, "reverse_linear", reps)


def two_local(
    q: qk.Vector[qk.Qubit],
    weights: qk.Vector[qk.Float],
    rotations: Sequence[Callable[[Any, Any], Any]] = (qk.ry,),
    entangler: Callable[[Any, Any], Any] = qk.cz,
    entanglement: str = "full",
    reps: qk.UInt = 3,
) -> qk.Vector[qk.Qubit]:
    """Layers of `rotations`, each on every qubit, with `reps` layers of `entangler` between them.

    `weights` has n len(rotations) (reps + 1) angles: layer by layer, in it rotation by rotation, in that qubit by qubit.
    `entanglement` says which pairs (first, second) the entangler takes, in order: `full`: all i < j; `linear`: (i, i + 1);
    `reverse_linear`: those from the last on; `circular`: (n - 1, 0), where n > 2, before the linear ones.
    For n > 0 n len(rotations) (reps + 1) gates and (n - 1) reps entanglers where linear, n (n - 1)/2 reps where full.
    Raises ValueError for another word. Source: Kandala et al. 2017 (arXiv:1704.05018), with Qiskit's order.
    """
    if entanglement not in ("full", "linear", "reverse_linear", "circular"):
        raise ValueError(f"an entanglement is full, linear, reverse_linear or circular, but not {entanglement}")
    n = q.shape[0]
    for layer in qk.range(reps + 1):
        for k, rotation in enumerate(rotations):
            for i in qk.range(n):
                q[i] = rotation(q[i], weights[(layer * len(rotations) + k) * n + i])
        if layer < reps:
            q = _entangled(q, entangler, entanglement)
    return q


def _entangled(q: qk.Vector[qk.Qubit], entangler: Callable[[Any, Any], Any], entanglement: str) -> qk.Vector[qk.Qubit]:
    """One layer of `entangler`."""
    n = q.shape[0]
    if entanglement == "full":
        for i in qk.range(n):
            for j in qk.range(i + 1, n):
                q[i], q[j] = entangler(q[i], q[j])
    elif entanglement == "reverse_linear":
        for i in qk.range(n - 2, -1, -1):
            q[i], q[i + 1] = entangler(q[i], q[i + 1])
    else:
        if entanglement == "circular" and n > 2:
            q[n - 1], q[0] = entangler(q[n - 1], q[0])
        for i in qk.range(n - 1):
            q[i], q[i + 1] = entangler(q[i], q[i + 1])
    return q


@qk.qkernel
def hardware_efficient(q: qk.Vector[qk.Qubit], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Layers of RZ, RY and RZ on every qubit, then a chain of CZ between neighbours.

    `weights` has the shape (layers, n, 3), the angles of a qubit in the order of its gates. For n > 0 layers (4n - 1) gates,
    layers (n - 1) of them CZ. Source: Kandala et al. 2017 (arXiv:1704.05018), with a CZ where they let qubits drift.
    """
    for layer in qk.range(weights.shape[0]):
        for i in qk.range(q.shape[0]):
            q[i] = qk.rz(qk.ry(qk.rz(q[i], weights[layer, i, 0]), weights[layer, i, 1]), weights[layer, i, 2])
        q = cz_entangling_layer(q)
    return q


@qk.qkernel
def data_reuploading(
    q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float], biases: qk.Tensor[qk.Float]
) -> qk.Vector[qk.Qubit]:
    """Layers that each take all of the data: RZ, RY and RZ on every qubit, angle k being biases + weights * x[k].

    `x` has three numbers (0 where the data has fewer), `weights` and `biases` have the shape (layers, n, 3). Between layers
    stands a chain of CZ between neighbours. For n > 0 3n layers gates and (n - 1)(layers - 1) CZ.
    Source: Perez-Salinas et al. 2020 (arXiv:1907.02085).
    """
    for layer in qk.range(weights.shape[0]):
        if layer > 0:
            q = cz_entangling_layer(q)
        for i in qk.range(q.shape[0]):
            q[i] = qk.rz(q[i], biases[layer, i, 0] + weights[layer, i, 0] * x[0])
            q[i] = qk.ry(q[i], biases[layer, i, 1] + weights[layer, i, 1] * x[1])
            q[i] = qk.rz(q[i], biases[layer, i, 2] + weights[layer, i, 2] * x[2])
    return q


@qk.qkernel
def quanvolution(q: qk.Vector[qk.Qubit], patch: qk.Vector[qk.Float], weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    """The filter of a quanvolutional layer: RY(pi patch[i]) on qubit i, then `basic_entangler_layers`.

    `patch` has a pixel, from 0 to 1, for each qubit; `weights` has the shape (layers, n). n gates and those of the layers.
    Source: Henderson et al. 2020 (arXiv:1904.04767), with weights to train where they draw them at random.
    """
    for i in qk.range(q.shape[0]):
        q[i] = qk.ry(q[i], math.pi * patch[i])
    return basic_entangler_layers(q, weights)
