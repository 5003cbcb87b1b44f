"""Small whole kernels that use each kernel of the library, with sizes and values: every generic check runs over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.layers import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)


@dataclass(frozen=True)
class Example:
    """A kernel without quantum arguments.

    `shape(n)` binds what shapes it, for n qubits; `values` are for what may stay open, at `size` qubits.
    """

    kernel: Any
    shape: Callable[[int], Mapping[str, Any]]
    size: int
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bindings(self) -> Mapping[str, Any]:
        """What shapes the kernel, at `size` qubits."""
        return self.shape(self.size)

    @property
    def name(self) -> str:
        return str(self.kernel.name)


@qk.qkernel
def superposition(n: qk.UInt, hamiltonian: qk.Observable) -> qk.Float:
    """The expectation value of `hamiltonian` in the uniform superposition."""
    return qk.expval(superposition_vector(n), hamiltonian)


@qk.qkernel
def rotations(n: qk.UInt, thetas: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """One layer of each rotation after the uniform superposition."""
    q = superposition_vector(n)
    q = rz_layer(q, thetas, 0)
    q = ry_layer(q, thetas, n)
    q = rx_layer(q, thetas, 2 * n)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def entangled(n: qk.UInt, thetas: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """Both entangling chains between layers of rotations."""
    q = qk.qubit_array(n, name="q")
    q = rx_layer(q, thetas)
    q = cx_entangling_layer(q)
    q = ry_layer(q, thetas, n)
    q = cz_entangling_layer(q)
    q = rx_layer(q, thetas, 2 * n)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def hybrid_ansatz(
    n_qubits: qk.UInt,
    n_layers: qk.UInt,
    inputs: qk.Vector[qk.Float],
    weights: qk.Vector[qk.Float],
    hamiltonian: qk.Observable,
) -> qk.Float:
    """The ansatz of the Fashion-MNIST tutorial: RY encoding, then layers of RZ, RY, RZ and a chain of CZ."""
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


def _read_out(n: int) -> Mapping[str, Any]:
    """n qubits, and an observable that no layer leaves unchanged: X, Y, Z and a product of neighbours."""
    total = qko.Hamiltonian()
    if n:
        total = qko.X(0) + 0.5 * qko.Y(n - 1) - 0.25 * qko.Z(n // 2)
    if n > 1:
        total = total + 0.125 * qko.Z(0) * qko.Z(n - 1)
    return {"n": n, "hamiltonian": total}


def _hybrid(n: int) -> Mapping[str, Any]:
    return {"n_qubits": n, "n_layers": n // 2, "hamiltonian": qko.Z(0) if n else qko.Hamiltonian()}


def _angles(count: int) -> list[float]:
    """`count` angles without a pattern in (-pi, pi): multiples of the golden angle."""
    return [(2.399963229728653 * (k + 1) + 3.141592653589793) % 6.283185307179586 - 3.141592653589793 for k in range(count)]


EXAMPLES = (
    Example(superposition, _read_out, 3),
    Example(rotations, _read_out, 3, {"thetas": _angles(9)}),
    Example(entangled, _read_out, 4, {"thetas": _angles(12)}),
    Example(hybrid_ansatz, _hybrid, 4, {"inputs": _angles(4), "weights": _angles(24)}),
)
