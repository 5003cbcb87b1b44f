"""Fermions: encodings in qubits as functions of plain data, Givens rotations and FQAOA, coupled-cluster ansatzes.

An operator of fermions is a dictionary from products to coefficients; a product is a tuple of (mode, 1) for a creation and
(mode, 0) for an annihilation, the first acting last: {((1, 1), (0, 0)): t} is t a1+ a0. Angles are in radians.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.qaoa import ising_cost, phase_gadget

Product = tuple[tuple[int, int], ...]
Operator = Mapping[Product, complex]


def jordan_wigner(operator: Operator, num_modes: int) -> qko.Hamiltonian:
    """The operator on qubits of which qubit j holds the occupation of mode j.

    Raises ValueError for a mode that there is not, here and below. Source: Jordan, Wigner 1928 (Z. Phys. 47, 631).
    """
    return _encoded(operator, np.eye(num_modes, dtype=int))


def parity_encoding(operator: Operator, num_modes: int) -> qko.Hamiltonian:
    """The operator on qubits of which qubit j holds the parity of modes 0 to j.

    Source: Seeley, Richard, Love 2012 (arXiv:1208.5986).
    """
    return _encoded(operator, np.tri(num_modes, dtype=int))


def bravyi_kitaev(operator: Operator, num_modes: int) -> qko.Hamiltonian:
    """The operator on qubits that hold parities of 1, 2, 4, ... modes, so that log2(num_modes) letters do.

    Source: Bravyi, Kitaev 2002 (arXiv:quant-ph/0003137); Seeley, Richard, Love 2012 (arXiv:1208.5986).
    """
    matrix = np.ones((1, 1), dtype=int)
    while len(matrix) < num_modes:
        zero = np.zeros_like(matrix)
        matrix = np.block([[matrix, zero], [zero, matrix]])
        matrix[-1] = 1
    return _encoded(operator, matrix[:num_modes, :num_modes])


def _encoded(operator: Operator, matrix: Any) -> qko.Hamiltonian:
    """The operator where the qubits hold `matrix` times the occupations, modulo 2.

    An annihilation is the Majorana operator c_j = X on column j, Z on the parity of the modes before, behind a projection on
    occupied; a creation the same behind a projection on empty. Rows of the inverse have the occupations in terms of the qubits.
    """
    n = len(matrix)
    inverse = np.rint(np.linalg.inv(matrix)).astype(int) % 2 if n else matrix

    def product(letter: Callable[[int], qko.Hamiltonian], places: Any) -> qko.Hamiltonian:
        result = qko.Hamiltonian.identity(1.0)
        for place in np.flatnonzero(places).tolist():
            result = result * letter(place)
        return result

    def ladder(mode: int, creates: int) -> qko.Hamiltonian:
        if not 0 <= mode < n:
            raise ValueError(f"there is no mode {mode} among {n}")
        majorana = product(qko.X, matrix[:, mode]) * product(qko.Z, inverse[:mode].sum(0) % 2)
        sign = product(qko.Z, inverse[mode])
        return majorana * (0.5 + 0.5 * sign if creates else 0.5 - 0.5 * sign)

    total = qko.Hamiltonian()
    for word, coefficient in operator.items():
        term = qko.Hamiltonian.identity(coefficient)
        for mode, creates in word:
            term = term * ladder(mode, creates)
        total = total + term
    return total


def fermi_hubbard(
    num_sites: int, hopping: float, interaction: float, periodic: bool = False, width: int | None = None
) -> dict[Product, complex]:
    """The Fermi-Hubbard model: -hopping on neighbours of either spin, interaction on sites with both spins.

    Mode 2i is spin up on site i, 2i + 1 spin down. A chain, or with `width` a lattice of rows of that many sites.
    Source: Hubbard 1963 (Proc. R. Soc. A 276, 238).
    """
    columns = num_sites if width is None else width
    rows = num_sites // columns
    pairs = set()
    for row in range(rows):
        for column in range(columns):
            for other_row, other_column in ((row, column + 1), (row + 1, column)):
                inside = other_row < rows and other_column < columns
                if inside or periodic:
                    pairs.add((row * columns + column, other_row % rows * columns + other_column % columns))
    operator: dict[Product, complex] = {}
    for i, j in sorted(pair for pair in {(min(pair), max(pair)) for pair in pairs} if pair[0] != pair[1]):
        for spin in (0, 1):
            operator[((2 * i + spin, 1), (2 * j + spin, 0))] = -hopping
            operator[((2 * j + spin, 1), (2 * i + spin, 0))] = -hopping
    for i in range(num_sites):
        operator[((2 * i, 1), (2 * i, 0), (2 * i + 1, 1), (2 * i + 1, 0))] = interaction
    return operator


@qk.qkernel
def initial_occupations(q: qk.Vector[qk.Qubit], num_fermions: qk.UInt) -> qk.Vector[qk.Qubit]:
    """X on the first `num_fermions` qubits."""
    for i in qk.range(num_fermions):
        q[i] = qk.x(q[i])
    return q


@qk.qkernel
def givens_rotation(q: qk.Vector[qk.Qubit], i: qk.UInt, j: qk.UInt, theta: qk.Float) -> qk.Vector[qk.Qubit]:
    """|1 on i> becomes cos(theta) |1 on i> - sin(theta) |1 on j>, |1 on j> sin(theta) |1 on i> + cos(theta) |1 on j>.

    |00> and |11> stay. 2 CX and one CRY. Source: Arrazola et al. 2022 (arXiv:2106.13839).
    """
    q[j], q[i] = qk.within_apply(qk.cx, lambda b, a: qk.cry(a, b, -2 * theta)[::-1])(q[j], q[i])
    return q


@qk.qkernel
def givens_rotations(
    q: qk.Vector[qk.Qubit], givens_ij: qk.Matrix[qk.UInt], givens_theta: qk.Vector[qk.Float]
) -> qk.Vector[qk.Qubit]:
    """`givens_rotation` on qubits givens_ij[k, 0] and givens_ij[k, 1] by givens_theta[k], for every row k in turn."""
    for k in qk.range(givens_ij.shape[0]):
        q = givens_rotation(q, givens_ij[k, 0], givens_ij[k, 1], givens_theta[k])
    return q


@qk.qkernel
def hopping_gate(q: qk.Vector[qk.Qubit], i: qk.UInt, j: qk.UInt, beta: qk.Float, hopping: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i beta hopping / 2 (X(i) X(j) + Y(i) Y(j))): the hopping of neighbouring modes. One RXX and one RYY."""
    q[i], q[j] = qk.rxx(q[i], q[j], -beta * hopping)
    q[i], q[j] = qk.ryy(q[i], q[j], -beta * hopping)
    return q


@qk.qkernel
def mixer_layer(q: qk.Vector[qk.Qubit], beta: qk.Float, hopping: qk.Float, num_qubits: qk.UInt) -> qk.Vector[qk.Qubit]:
    """`hopping_gate` on neighbours (0, 1), (2, 3), ..., then (1, 2), ..., then on the ends, of the first `num_qubits` > 1.

    2 num_qubits gates. Source: Yoshioka, Sasada, Nakano, Fujii 2023 (arXiv:2301.10756).
    """
    last = num_qubits - 1
    for start in (0, 1):
        for i in qk.range(start, last, 2):
            q = hopping_gate(q, i, i + 1, beta, hopping)
    return hopping_gate(q, 0, last, beta, hopping)


@qk.qkernel
def cost_layer(
    q: qk.Vector[qk.Qubit],
    gamma: qk.Float,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
) -> qk.Vector[qk.Qubit]:
    """exp(-i gamma C), C the sum of quad[i, j] Z(i) Z(j) and linear[i] Z(i): `ising_cost` by twice the angle."""
    return ising_cost(quad, linear, q, 2 * gamma)


@qk.qkernel
def fqaoa_layers(
    q: qk.Vector[qk.Qubit],
    betas: qk.Vector[qk.Float],
    gammas: qk.Vector[qk.Float],
    p: qk.UInt,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    hopping: qk.Float,
    num_qubits: qk.UInt,
) -> qk.Vector[qk.Qubit]:
    """p times `cost_layer` by gammas[l] and `mixer_layer` by betas[l]; keeps the number of ones."""
    for layer in qk.range(p):
        q = mixer_layer(cost_layer(q, gammas[layer], linear, quad), betas[layer], hopping, num_qubits)
    return q


@qk.qkernel
def fqaoa_state(
    p: qk.UInt,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    num_qubits: qk.UInt,
    num_fermions: qk.UInt,
    givens_ij: qk.Matrix[qk.UInt],
    givens_theta: qk.Vector[qk.Float],
    hopping: qk.Float,
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """`initial_occupations`, `givens_rotations` and `fqaoa_layers` on a fresh register of `num_qubits`.

    Source: Yoshioka, Sasada, Nakano, Fujii 2023 (arXiv:2301.10756).
    """
    q = initial_occupations(qk.qubit_array(num_qubits), num_fermions)
    q = givens_rotations(q, givens_ij, givens_theta)
    return fqaoa_layers(q, betas, gammas, p, linear, quad, hopping, num_qubits)


@qk.qkernel
def hubo_cost_layer(
    q: qk.Vector[qk.Qubit],
    gamma: qk.Float,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
) -> qk.Vector[qk.Qubit]:
    """`cost_layer` and exp(-i gamma / 2 higher[i, j, ...] Z(i) Z(j) ...), a `phase_gadget` each."""
    q = cost_layer(q, gamma, linear, quad)
    for indices, weight in qk.items(higher):
        q = phase_gadget(q, indices, weight * gamma)
    return q


@qk.qkernel
def hubo_fqaoa_layers(
    q: qk.Vector[qk.Qubit],
    betas: qk.Vector[qk.Float],
    gammas: qk.Vector[qk.Float],
    p: qk.UInt,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
    hopping: qk.Float,
    num_qubits: qk.UInt,
) -> qk.Vector[qk.Qubit]:
    """p times `hubo_cost_layer` by gammas[l] and `mixer_layer` by betas[l]."""
    for layer in qk.range(p):
        q = mixer_layer(hubo_cost_layer(q, gammas[layer], linear, quad, higher), betas[layer], hopping, num_qubits)
    return q


@qk.qkernel
def hubo_fqaoa_state(
    p: qk.UInt,
    linear: qk.Dict[qk.UInt, qk.Float],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    higher: qk.Dict[qk.Vector[qk.UInt], qk.Float],
    num_qubits: qk.UInt,
    num_fermions: qk.UInt,
    givens_ij: qk.Matrix[qk.UInt],
    givens_theta: qk.Vector[qk.Float],
    hopping: qk.Float,
    gammas: qk.Vector[qk.Float],
    betas: qk.Vector[qk.Float],
) -> qk.Vector[qk.Qubit]:
    """`initial_occupations`, `givens_rotations` and `hubo_fqaoa_layers` on a fresh register of `num_qubits`."""
    q = initial_occupations(qk.qubit_array(num_qubits), num_fermions)
    q = givens_rotations(q, givens_ij, givens_theta)
    return hubo_fqaoa_layers(q, betas, gammas, p, linear, quad, higher, hopping, num_qubits)


def excitations(num_electrons: int, num_modes: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Single and double excitations (from, to) out of the first `num_electrons` modes that keep the spin, singles first.

    Even modes are spin up, odd ones down.
    """
    filled, empty = range(num_electrons), range(num_electrons, num_modes)
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for size in (1, 2):
        for source in combinations(filled, size):
            for target in combinations(empty, size):
                if sum(mode % 2 for mode in source) == sum(mode % 2 for mode in target):
                    found.append((source, target))
    return found


def excitation_generator(source: Sequence[int], target: Sequence[int], num_modes: int) -> qko.Hamiltonian:
    """i (T - T+) by `jordan_wigner`, T moving fermions from `source` to `target`: exp(-i theta G) is exp(theta (T - T+)).

    2 words for a single excitation, 8 for a double one; they commute.
    """
    raised = tuple((mode, 1) for mode in reversed(target)) + tuple((mode, 0) for mode in source)
    lowered = tuple((mode, 1) for mode in reversed(source)) + tuple((mode, 0) for mode in target)
    return jordan_wigner({raised: 1j, lowered: -1j}, num_modes)


def excitation_pool(num_electrons: int, num_modes: int) -> list[qko.Hamiltonian]:
    """The generators of `excitations`, from which ADAPT-VQE picks. Source: Grimsley et al. 2019 (arXiv:1812.11173)."""
    return [excitation_generator(source, target, num_modes) for source, target in excitations(num_electrons, num_modes)]


def pair_excitations(num_modes: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Generalised excitations: singles of either spin between all orbitals, and doubles that move a pair of spins."""
    orbitals = list(combinations(range(num_modes // 2), 2))
    singles = [((2 * a + spin,), (2 * b + spin,)) for a, b in orbitals for spin in (0, 1)]
    return [*singles, *(((2 * a, 2 * a + 1), (2 * b, 2 * b + 1)) for a, b in orbitals)]


def uccsd(q: qk.Vector[qk.Qubit], weights: qk.Vector[qk.Float], num_electrons: int, num_modes: int) -> qk.Vector[qk.Qubit]:
    """The state of the first `num_electrons` modes, then exp(weights[k] (T - T+)) for every excitation, doubles first.

    `weights` has an angle for each of `excitations`, singles first. 2 Pauli rotations a single excitation, 8 a double one.
    Source: Peruzzo et al. 2014 (arXiv:1304.3061); Romero et al. 2018 (arXiv:1701.02691).
    """
    q = initial_occupations(q, num_electrons)
    moves = list(enumerate(excitations(num_electrons, num_modes)))
    for k, (source, target) in sorted(moves, key=lambda move: -len(move[1][0])):
        q = qk.pauli_evolve(q, excitation_generator(source, target, num_modes), weights[k])
    return q


def k_up_ccgsd(
    q: qk.Vector[qk.Qubit], weights: qk.Matrix[qk.Float], num_electrons: int, num_modes: int, k: int = 1
) -> qk.Vector[qk.Qubit]:
    """The state of the first `num_electrons` modes, then k times exp(weights[l, m] (T - T+)) for all `pair_excitations`.

    Source: Lee, Huggins, Head-Gordon, Whaley 2019 (arXiv:1810.02327).
    """
    q = initial_occupations(q, num_electrons)
    generators = [excitation_generator(source, target, num_modes) for source, target in pair_excitations(num_modes)]
    for layer in qk.range(k):
        for m, generator in enumerate(generators):
            q = qk.pauli_evolve(q, generator, weights[layer, m])
    return q
