"""Examples of quantum approximate optimisation and of fermions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import angles, evolved, permutation, word
from qkernel_stdlib.fermions import (
    cost_layer,
    excitations,
    fqaoa_layers,
    fqaoa_state,
    givens_rotation,
    givens_rotations,
    hopping_gate,
    hubo_cost_layer,
    hubo_fqaoa_layers,
    hubo_fqaoa_state,
    initial_occupations,
    k_up_ccgsd,
    mixer_layer,
    pair_excitations,
    uccsd,
)
from qkernel_stdlib.qaoa import (
    grover_mixer,
    hubo_ising_cost,
    hubo_qaoa_layers,
    hubo_qaoa_state,
    ising_cost,
    phase_gadget,
    qaoa_layers,
    qaoa_state,
    x_mixer,
    xy_mixer,
)


@qk.qkernel
def coupled(q: qk.Vector[qk.Qubit], weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """UCCSD of two electrons in four modes."""
    return uccsd(q, weights, 2, 4)


@qk.qkernel
def paired(q: qk.Vector[qk.Qubit], weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    """2-UpCCGSD of two electrons in four modes."""
    return k_up_ccgsd(q, weights, 2, 4, k=2)


def _quad(n: int) -> dict[tuple[int, int], float]:
    return {(i, (i + 1) % n): 0.4 + i for i in range(n)} if n > 2 else {(0, 1): 0.5} if n == 2 else {}


def _linear(n: int) -> dict[int, float]:
    return {i: 0.3 - i for i in range(0, n, 2)}


def _higher(n: int) -> dict[tuple[int, ...], float]:
    return {(0, 1, 2): 0.6} if n > 2 else {}


def _spins(n: int) -> Mapping[str, Any]:
    return {"quad": _quad(n), "linear": _linear(n), "q": n}


def _cost(n: int, *sums: Mapping[Any, float]) -> Array:
    """The diagonal matrix of spins with these coefficients."""
    total: Array = np.zeros((2**n, 2**n))
    for terms in sums:
        for places, weight in terms.items():
            total = total + weight * word(dict.fromkeys(places if isinstance(places, tuple) else (places,), "Z"), n)
    return total


def _field(n: int) -> Array:
    return sum((word({i: "X"}, n) for i in range(n)), np.zeros((2**n, 2**n)))


def _layers(n: int, cost: Array, mixer: Callable[[float], Array], gammas: Any, betas: Any, scale: float = 0.5) -> Array:
    matrix: Array = np.eye(2**n)
    for gamma, beta in zip(gammas, betas, strict=True):
        matrix = mixer(beta) @ evolved(cost, scale * gamma) @ matrix
    return matrix


def _qaoa(n: int, gammas: Any, betas: Any, *sums: Mapping[Any, float]) -> Array:
    return _layers(n, _cost(n, *sums), lambda beta: evolved(_field(n), beta), gammas, betas)


def _plus(n: int) -> Array:
    return np.full((2**n, 1), 2 ** (-n / 2))


def _exchanged(n: int, i: int, j: int) -> Array:
    """(XX + YY) / 2."""
    return (word({i: "X", j: "X"}, n) + word({i: "Y", j: "Y"}, n)).real / 2


def _ring(n: int, angle: float) -> Array:
    """exp(-i angle (XX + YY) / 2) on even, on odd pairs, on the last and the first."""
    matrix: Array = np.eye(2**n)
    pairs = [*((i, i + 1) for start in (0, 1) for i in range(start, n - 1, 2)), *([(n - 1, 0)] if n > 2 else [])]
    for i, j in pairs:
        matrix = evolved(_exchanged(n, i, j), angle) @ matrix
    return matrix


def _mixed(n: int, angle: float) -> Array:
    """The mixer of FQAOA, which takes the last pair at two qubits too."""
    return evolved(_exchanged(n, 0, n - 1), angle) @ _ring(n, angle) if n == 2 else _ring(n, angle)


def _givens(n: int, i: int, j: int, theta: float) -> Array:
    matrix: Array = np.eye(2**n)
    for k in range(2**n):
        if k >> i & 1 and not k >> j & 1:
            other = k ^ 2**i ^ 2**j
            matrix[k, k] = matrix[other, other] = math.cos(theta)
            matrix[other, k], matrix[k, other] = -math.sin(theta), math.sin(theta)
    return matrix


def _fermions(n: int) -> Mapping[str, Any]:
    return {
        "p": 2,
        "quad": _quad(n),
        "linear": _linear(n),
        "num_qubits": n,
        "num_fermions": n // 2,
        "givens_ij": [[i, i + 1] for i in range(n - 1)],
        "hopping": 0.7,
    }


def _occupied(n: int, count: int) -> Array:
    return permutation(2**n, lambda k: k ^ (2**count - 1))


def _fqaoa(n: int, quad: Any, linear: Any, gammas: Any, betas: Any, hopping: float) -> Array:
    return _layers(n, _cost(n, quad, linear), lambda beta: _mixed(n, -beta * hopping), gammas, betas, scale=1.0)


def _turned(n: int, count: int, givens_ij: Any, givens_theta: Any) -> Array:
    """Occupied modes after Givens rotations, as a column."""
    state = _occupied(n, count)[:, :1]
    for (i, j), theta in zip(givens_ij, givens_theta, strict=True):
        state = _givens(n, i, j, theta) @ state
    return state


def _hubo(n: int, quad: Any, linear: Any, higher: Any, gamma: float) -> Array:
    return evolved(_cost(n, quad, linear) + _cost(n, higher) / 2, gamma)


def _annihilation(n: int, mode: int) -> Array:
    """The matrix of a fermion's annihilation, from its definition on occupations."""
    matrix: Array = np.zeros((2**n, 2**n))
    for k in range(2**n):
        if k >> mode & 1:
            matrix[k ^ 2**mode, k] = (-1) ** (k & 2**mode - 1).bit_count()
    return matrix


def _moved(n: int, source: Any, target: Any, theta: float) -> Array:
    """exp(theta (T - T+))."""
    matrix: Array = np.eye(2**n)
    for mode in reversed(source):
        matrix = _annihilation(n, mode) @ matrix
    for mode in target:
        matrix = _annihilation(n, mode).T @ matrix
    return evolved(1j * (matrix - matrix.T), theta)


def _coupled(q: int, weights: Any) -> Array:
    matrix = _occupied(q, 2)
    moves = list(zip(excitations(2, q), weights, strict=True))
    for size in (2, 1):
        for (source, target), theta in moves:
            if len(source) == size:
                matrix = _moved(q, source, target, theta) @ matrix
    return matrix


def _paired(q: int, weights: Any) -> Array:
    matrix = _occupied(q, 2)
    for layer in weights:
        for (source, target), theta in zip(pair_excitations(q), layer, strict=True):
            matrix = _moved(q, source, target, theta) @ matrix
    return matrix


def _two_layers(n: int) -> Mapping[str, Any]:
    return {"gammas": angles(2), "betas": angles(2)}


EXAMPLES = (
    Example(
        phase_gadget,
        lambda n: {"q": n, "indices": list(range(n))},
        3,
        lambda n: {"angle": 0.7},
        sizes=range(1, 6),
        expected=lambda q, indices, angle: evolved(word(dict.fromkeys(range(q), "Z"), q), angle / 2),
        counts=lambda q, indices: {"cx": 2 * q - 2, "rz": 1},
    ),
    Example(
        ising_cost,
        _spins,
        3,
        lambda n: {"gamma": 0.7},
        sizes=range(5),
        expected=lambda quad, linear, q, gamma: evolved(_cost(q, quad, linear), gamma / 2),
        counts=lambda quad, linear, q: {"rzz": len(quad), "rz": len(linear)},
    ),
    Example(
        hubo_ising_cost,
        lambda n: {**_spins(n), "higher": _higher(n)},
        3,
        lambda n: {"gamma": 0.7},
        sizes=range(5),
        expected=lambda quad, linear, higher, q, gamma: evolved(_cost(q, quad, linear, higher), gamma / 2),
    ),
    Example(
        x_mixer,
        lambda n: {"q": n},
        2,
        lambda n: {"beta": 0.7},
        expected=lambda q, beta: evolved(_field(q), beta),
        counts=lambda q: {"total": q},
    ),
    Example(
        xy_mixer,
        lambda n: {"q": n},
        3,
        lambda n: {"beta": 0.7},
        expected=lambda q, beta: _ring(q, beta),
        counts=lambda q: {"total": 2 * q if q > 2 else 2 * max(0, q - 1)},
    ),
    Example(
        grover_mixer,
        lambda n: {"q": n},
        3,
        lambda n: {"beta": 0.7},
        sizes=range(1, 6),
        expected=lambda q, beta: evolved(np.full((2**q, 2**q), 2.0**-q), beta),
    ),
    Example(
        qaoa_layers,
        lambda n: {"p": 2, **_spins(n)},
        3,
        _two_layers,
        sizes=range(5),
        expected=lambda p, quad, linear, q, gammas, betas: _qaoa(q, gammas, betas, quad, linear),
        counts=lambda p, quad, linear, q: {"total": p * (len(quad) + len(linear) + q)},
    ),
    Example(
        qaoa_state,
        lambda n: {"p": 2, "quad": _quad(n), "linear": _linear(n), "n": n},
        3,
        _two_layers,
        sizes=range(5),
        expected=lambda p, quad, linear, n, gammas, betas: _qaoa(n, gammas, betas, quad, linear) @ _plus(n),
        counts=lambda p, quad, linear, n: {"total": p * (len(quad) + len(linear) + n) + n},
        code="""ring = {(0, 1): 1.0, (1, 2): 1.0, (2, 3): 1.0, (3, 0): 1.0}
state = qaoa_state.statevector(p=1, quad=ring, linear={}, n=4, gammas=[np.pi / 4], betas=[np.pi / 8])
print((abs(state[[0b0101, 0b1010]]) ** 2).round(3))""",
    ),
    Example(
        hubo_qaoa_layers,
        lambda n: {"p": 2, **_spins(n), "higher": _higher(n)},
        3,
        _two_layers,
        sizes=range(4),
        expected=lambda p, quad, linear, higher, q, gammas, betas: _qaoa(q, gammas, betas, quad, linear, higher),
    ),
    Example(
        hubo_qaoa_state,
        lambda n: {"p": 2, "quad": _quad(n), "linear": _linear(n), "higher": _higher(n), "n": n},
        3,
        _two_layers,
        sizes=range(4),
        expected=lambda p, quad, linear, higher, n, gammas, betas: _qaoa(n, gammas, betas, quad, linear, higher) @ _plus(n),
    ),
    Example(
        initial_occupations,
        lambda n: {"q": n, "num_fermions": n // 2},
        3,
        expected=lambda q, num_fermions: _occupied(q, num_fermions),
        counts=lambda q, num_fermions: {"x": num_fermions},
    ),
    Example(
        givens_rotation,
        lambda n: {"q": n, "i": 0, "j": n - 1},
        3,
        lambda n: {"theta": 0.7},
        sizes=range(2, 5),
        expected=lambda q, i, j, theta: _givens(q, i, j, theta),
        counts=lambda q, i, j: {"cx": 2, "cry": 1},
    ),
    Example(
        givens_rotations,
        lambda n: {"q": n, "givens_ij": [[0, 1], [1, 2]]},
        3,
        lambda n: {"givens_theta": [0.7, -0.4]},
        sizes=(3,),
        expected=lambda q, givens_ij, givens_theta: _givens(q, 1, 2, givens_theta[1]) @ _givens(q, 0, 1, givens_theta[0]),
    ),
    Example(
        hopping_gate,
        lambda n: {"q": n, "i": 0, "j": n - 1, "hopping": 0.6},
        3,
        lambda n: {"beta": 0.7},
        sizes=range(2, 5),
        expected=lambda q, i, j, beta, hopping: evolved(_exchanged(q, i, j), -beta * hopping),
    ),
    Example(
        mixer_layer,
        lambda n: {"q": n, "hopping": 0.6, "num_qubits": n},
        3,
        lambda n: {"beta": 0.7},
        sizes=range(2, 6),
        expected=lambda q, beta, hopping, num_qubits: _mixed(q, -beta * hopping),
        counts=lambda q, hopping, num_qubits: {"total": 2 * q},
    ),
    Example(
        cost_layer,
        _spins,
        3,
        lambda n: {"gamma": 0.7},
        sizes=range(4),
        expected=lambda quad, linear, q, gamma: evolved(_cost(q, quad, linear), gamma),
    ),
    Example(
        fqaoa_layers,
        lambda n: {"p": 2, **_spins(n), "hopping": 0.7, "num_qubits": n},
        3,
        _two_layers,
        sizes=range(2, 4),
        expected=lambda p, quad, linear, q, gammas, betas, hopping, num_qubits: _fqaoa(q, quad, linear, gammas, betas, hopping),
    ),
    Example(
        fqaoa_state,
        _fermions,
        3,
        lambda n: {**_two_layers(n), "givens_theta": angles(n - 1)},
        sizes=range(2, 4),
        expected=lambda p, quad, linear, num_qubits, num_fermions, givens_ij, givens_theta, hopping, gammas, betas: (
            _fqaoa(num_qubits, quad, linear, gammas, betas, hopping)
            @ _turned(num_qubits, num_fermions, givens_ij, givens_theta)
        ),
    ),
    Example(
        hubo_cost_layer,
        lambda n: {**_spins(n), "higher": _higher(n)},
        3,
        lambda n: {"gamma": 0.7},
        sizes=range(4),
        expected=lambda quad, linear, higher, q, gamma: _hubo(q, quad, linear, higher, gamma),
    ),
    Example(
        hubo_fqaoa_layers,
        lambda n: {"p": 1, **_spins(n), "higher": _higher(n), "hopping": 0.7, "num_qubits": n},
        3,
        lambda n: {"gammas": [0.7], "betas": [-0.4]},
        sizes=range(2, 4),
        expected=lambda p, quad, linear, higher, q, gammas, betas, hopping, num_qubits: (
            _mixed(q, -betas[0] * hopping) @ _hubo(q, quad, linear, higher, gammas[0])
        ),
    ),
    Example(
        hubo_fqaoa_state,
        lambda n: {**_fermions(n), "p": 1, "higher": _higher(n)},
        3,
        lambda n: {"gammas": [0.7], "betas": [-0.4], "givens_theta": angles(n - 1)},
        sizes=range(2, 4),
        expected=lambda p, quad, linear, higher, num_qubits, num_fermions, givens_ij, givens_theta, hopping, gammas, betas: (
            _mixed(num_qubits, -betas[0] * hopping)
            @ _hubo(num_qubits, quad, linear, higher, gammas[0])
            @ _turned(num_qubits, num_fermions, givens_ij, givens_theta)
        ),
    ),
    Example(
        coupled,
        lambda n: {"q": 4},
        4,
        lambda n: {"weights": angles(3)},
        sizes=(4,),
        expected=_coupled,
        counts=lambda q: {"rotation_gates": 2 * 2 + 8},
        of="uccsd",
        grows=False,
        code="""print(excitations(2, 4))
print(excitation_pool(2, 4)[0])
for encoding in (jordan_wigner, parity_encoding, bravyi_kitaev):
    print(encoding({((2, 1), (0, 0)): 1.0, ((0, 1), (2, 0)): 1.0}, 4))
print(fermi_hubbard(2, 1.0, 4.0))""",
        shows=(
            "excitations",
            "excitation_generator",
            "excitation_pool",
            "jordan_wigner",
            "parity_encoding",
            "bravyi_kitaev",
            "fermi_hubbard",
        ),
    ),
    Example(
        paired,
        lambda n: {"q": 4},
        4,
        lambda n: {"weights": np.reshape(angles(6), (2, 3))},
        sizes=(4,),
        expected=_paired,
        of="k_up_ccgsd",
        shows=("pair_excitations",),
    ),
)
