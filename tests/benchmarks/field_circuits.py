"""Circuits of the field that nobody tuned to: each as a kernel, and for other simulators as a plain list of gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib import amplitude_encoding, fermi_hubbard, jordan_wigner, strongly_entangling_layers, uccsd
from qkernel_stdlib.fermions import excitation_generator, excitations

Word = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Rotation:
    """exp(-i angle P / 2), the angle `factor` times weight `weight`, P a word of letters X, Y, Z on qubits."""

    word: Word
    weight: int
    factor: float = 1.0


@dataclass(frozen=True)
class Fixed:
    """One of h, x, cx and cz."""

    name: str
    qubits: tuple[int, ...]


@dataclass(frozen=True)
class FieldCircuit:
    """The value of an observable and its derivatives by all weights, from |0...0> or from `amplitudes`."""

    name: str
    num_qubits: int
    shape: int | tuple[int, ...]
    program: Any
    gates: list[Rotation | Fixed]
    observable: list[tuple[float, Word]]
    amplitudes: np.ndarray[Any, Any] | None = None

    @property
    def weights(self) -> np.ndarray[Any, Any]:
        return np.random.default_rng(self.num_qubits).uniform(-1, 1, self.shape)


def compiled(kernel: Any, bound: dict[str, Any], shape: int | tuple[int, ...]) -> Any:
    return kernel.compile(bound, ["w"], lengths={"w": shape})


def words_of(hamiltonian: qko.Hamiltonian) -> list[tuple[float, Word]]:
    terms = hamiltonian.terms.items()
    return [(float(np.real(value)), tuple((each.index, each.pauli.name) for each in word)) for word, value in terms]


def chain(num_qubits: int) -> qko.Hamiltonian:
    """Z of every qubit and ZZ of neighbours."""
    fields = [qko.Z(i) for i in range(num_qubits)]
    return sum([*fields, *(qko.Z(i) * qko.Z(i + 1) for i in range(num_qubits - 1))], qko.Hamiltonian.zero(num_qubits))


@qk.qkernel
def bricks(axes: qk.Matrix[qk.UInt], w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    depth, n = axes.shape
    q = qk.qubit_array(n)
    for layer in qk.range(depth):
        for i in qk.range(n):
            if axes[layer, i] == 0:
                q[i] = qk.rx(q[i], w[layer * n + i])
            elif axes[layer, i] == 1:
                q[i] = qk.ry(q[i], w[layer * n + i])
            else:
                q[i] = qk.rz(q[i], w[layer * n + i])
        for i in qk.range(layer % 2, n - 1, 2):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return qk.expval(q, h)


def brickwork(n: int = 12, depth: int = 8) -> FieldCircuit:
    """Rotations about axes drawn at random between bricks of CZ (McClean et al. 2018, Nat. Commun. 9, 4812)."""
    axes = np.random.default_rng(0).integers(0, 3, (depth, n))
    gates: list[Rotation | Fixed] = []
    for layer in range(depth):
        gates += [Rotation(((i, "XYZ"[axes[layer, i]]),), layer * n + i) for i in range(n)]
        gates += [Fixed("cz", (i, i + 1)) for i in range(layer % 2, n - 1, 2)]
    program = compiled(bricks, {"axes": axes, "h": chain(n)}, depth * n)
    return FieldCircuit("brickwork, 12 qubits x 8", n, depth * n, program, gates, words_of(chain(n)))


@qk.qkernel
def cut(p: qk.UInt, n: qk.UInt, edges: qk.Matrix[qk.UInt], w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    q = qk.h(qk.qubit_array(n))
    for layer in qk.range(p):
        for k in qk.range(edges.shape[0]):
            i, j = edges[k, 0], edges[k, 1]
            q[i], q[j] = qk.rzz(q[i], q[j], w[2 * layer])
        q = qk.rx(q, w[2 * layer + 1])
    return qk.expval(q, h)


def regular_graph(n: int, degree: int = 3) -> list[tuple[int, int]]:
    """A regular graph drawn by pairing stubs until none is a loop or stands twice (Bollobas 1980)."""
    random = np.random.default_rng(1)
    while True:
        pairs = random.permutation(np.repeat(np.arange(n), degree)).reshape(-1, 2)
        edges = {(int(min(pair)), int(max(pair))) for pair in pairs}
        if len(edges) == len(pairs) and all(i != j for i, j in edges):
            return sorted(edges)


def max_cut(n: int = 14, p: int = 4) -> FieldCircuit:
    """QAOA for the largest cut of a 3-regular graph (Farhi et al. 2014, arXiv:1411.4028)."""
    edges = regular_graph(n)
    gates: list[Rotation | Fixed] = [Fixed("h", (i,)) for i in range(n)]
    for layer in range(p):
        gates += [Rotation(((i, "Z"), (j, "Z")), 2 * layer) for i, j in edges]
        gates += [Rotation(((i, "X"),), 2 * layer + 1) for i in range(n)]
    h = sum((qko.Z(i) * qko.Z(j) for i, j in edges), qko.Hamiltonian.zero(n))
    program = compiled(cut, {"p": p, "n": n, "edges": edges, "h": h}, 2 * p)
    return FieldCircuit("QAOA, 3-regular graph, 14 qubits x 4", n, 2 * p, program, gates, words_of(h))


@qk.qkernel
def coupled_cluster(w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    return qk.expval(uccsd(qk.qubit_array(8), w, 4, 8), h)


def hydrogen_chain() -> FieldCircuit:
    """UCCSD of H4 in a minimal basis from its excitations; the observable is a Hubbard chain's (Romero et al. 2018)."""
    moves = list(enumerate(excitations(4, 8)))
    gates: list[Rotation | Fixed] = [Fixed("x", (i,)) for i in range(4)]
    for k, (source, target) in sorted(moves, key=lambda move: -len(move[1][0])):
        gates += [Rotation(word, k, 2 * value) for value, word in words_of(excitation_generator(source, target, 8))]
    h = jordan_wigner(fermi_hubbard(4, 1.0, 2.0), 8)
    h -= h.constant
    program = compiled(coupled_cluster, {"h": h}, len(moves))
    return FieldCircuit("UCCSD of H4, 8 qubits", 8, len(moves), program, gates, words_of(h))


@qk.qkernel
def spins(steps: qk.UInt, w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    n = w.shape[0] + 1
    q = qk.qubit_array(n)
    q[::2] = qk.x(q[::2])
    for _ in qk.range(steps):
        for start in qk.range(2):
            for i in qk.range(start, n - 1, 2):
                q[i], q[i + 1] = qk.rxx(q[i], q[i + 1], w[i])
                q[i], q[i + 1] = qk.ryy(q[i], q[i + 1], w[i])
                q[i], q[i + 1] = qk.rzz(q[i], q[i + 1], w[i])
    return qk.expval(q, h)


def heisenberg(n: int = 12, steps: int = 10) -> FieldCircuit:
    """Ten Trotter steps of a Heisenberg chain, by its couplings (Lloyd 1996, Science 273, 1073)."""
    gates: list[Rotation | Fixed] = [Fixed("x", (i,)) for i in range(0, n, 2)]
    for _ in range(steps):
        for start in range(2):
            for i in range(start, n - 1, 2):
                gates += [Rotation(((i, letter), (i + 1, letter)), i) for letter in "XYZ"]
    program = compiled(spins, {"steps": steps, "h": chain(n)}, n - 1)
    return FieldCircuit("Trotter steps of Heisenberg, 12 qubits x 10", n, n - 1, program, gates, words_of(chain(n)))


@qk.qkernel
def classifier(x: qk.Vector[qk.Float], w: qk.Tensor[qk.Float], h: qk.Observable) -> qk.Float:
    return qk.expval(strongly_entangling_layers(amplitude_encoding(qk.qubit_array(6), x), w), h)


def digits(layers: int = 4) -> FieldCircuit:
    """64 amplitudes, then strongly entangling layers (Schuld et al. 2020, Phys. Rev. A 101, 032308)."""
    x = np.random.default_rng(2).uniform(0, 1, 64)
    gates: list[Rotation | Fixed] = []
    for layer in range(layers):
        base = 18 * layer
        gates += [Rotation(((i, letter),), base + 3 * i + k) for i in range(6) for k, letter in enumerate("ZYZ")]
        gates += [Fixed("cx", (i, (i + layer % 5 + 1) % 6)) for i in range(6)]
    program = compiled(classifier, {"x": x, "h": chain(6)}, (layers, 6, 3))
    observable, amplitudes = words_of(chain(6)), x / np.linalg.norm(x)
    return FieldCircuit("amplitude encoding, 6 qubits x 4", 6, (layers, 6, 3), program, gates, observable, amplitudes)


FIELD_CIRCUITS: list[Callable[[], FieldCircuit]] = [brickwork, max_cut, hydrogen_chain, heisenberg, digits]
