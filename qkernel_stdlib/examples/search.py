"""Examples of amplitude amplification, of oracles and of search."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.amplification import (
    amplitude_amplification,
    amplitude_estimation,
    fixed_point_amplification,
    grover_operator,
    reflection_about_zero,
)
from qkernel_stdlib.controlled_gates import mcz
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import column, diagonal, fourier, permutation
from qkernel_stdlib.oracles import (
    bit_oracle,
    formula_oracle,
    hidden_period_oracle,
    parity_oracle,
    phase_oracle,
    quadratic_form,
)
from qkernel_stdlib.search import (
    bernstein_vazirani,
    deutsch_jozsa,
    diffusion,
    grover_iteration_count,
    grover_search,
    simon,
)

TABLE = [1, 0, 0, 1, 1, 1, 0, 1]


@qk.qkernel
def turned(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """RY(0.6) on each qubit."""
    return qk.ry(q, 0.6)


operator = grover_operator(turned, mcz)


@qk.qkernel
def amplified(n: qk.UInt, iterations: qk.UInt, angle: qk.Float = 0.6) -> qk.Float:
    """The probability of all ones after amplification, from RY(angle) on each qubit."""
    q = amplitude_amplification(qk.qubit_array(n), lambda q: qk.ry(q, angle), mcz, iterations)
    chance: qk.Float = qk.probabilities(q)[2**n - 1]
    return chance


@qk.qkernel
def amplified_further(n: qk.UInt, iterations: qk.UInt, delta: qk.Float) -> qk.Float:
    """The same, with a fixed point."""
    q = fixed_point_amplification(qk.qubit_array(n), turned, mcz, iterations, delta)
    chance: qk.Float = qk.probabilities(q)[2**n - 1]
    return chance


@qk.qkernel
def estimated(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Float]:
    """How the m counting qubits are distributed."""
    counting, _ = amplitude_estimation(qk.qubit_array(m), qk.qubit_array(n), turned, mcz)
    return qk.probabilities(counting)


@qk.qkernel
def marked(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """The signs of a truth table."""
    return phase_oracle(q, TABLE)


@qk.qkernel
def noted(q: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """The values of a truth table."""
    return bit_oracle(q, target, TABLE)


@qk.qkernel
def marked_by_formula(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """The signs of a formula."""
    return formula_oracle(q, "a & ~(b ^ c)")


@qk.qkernel
def valued(
    n: qk.UInt,
    m: qk.UInt,
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """All values of a form at once."""
    return quadratic_form(qk.h(qk.qubit_array(n)), qk.qubit_array(m), quad, linear, 1.0)


@qk.qkernel
def searched(n: qk.UInt) -> qk.Float:
    """The probability of all ones after a search for them."""
    chance: qk.Float = qk.probabilities(grover_search(qk.qubit_array(n), mcz, grover_iteration_count(n)))[2**n - 1]
    return chance


@qk.qkernel
def hidden_number(n: qk.UInt, bits: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    """The bits that the oracle hides."""
    return qk.measure(bernstein_vazirani(qk.qubit_array(n), lambda q: parity_oracle(q, bits)))


@qk.qkernel
def balanced(n: qk.UInt, bits: qk.Vector[qk.Bit]) -> qk.Float:
    """The probability of all zeros, for a parity: balanced but where no bit is chosen."""
    chance: qk.Float = qk.probabilities(deutsch_jozsa(qk.qubit_array(n), lambda q: parity_oracle(q, bits)))[0]
    return chance


@qk.qkernel
def orthogonal(n: qk.UInt, period: qk.Vector[qk.Bit]) -> qk.Vector[qk.Float]:
    """Probabilities of the numbers that are orthogonal to a period."""
    q, _ = simon(qk.qubit_array(n), qk.qubit_array(n), lambda q, copy: hidden_period_oracle(q, copy, period))
    return qk.probabilities(q)


def _bits(n: int) -> list[bool]:
    return [k % 3 != 1 for k in range(n)]


def _number(bits: Any) -> int:
    return sum(2**i for i, bit in enumerate(bits) if bit)


def _good(n: int) -> float:
    """The probability of all ones in `turned`."""
    return float(math.sin(0.3) ** (2 * n))


def _operator(q: int) -> Array:
    state = np.array([1.0])
    for _ in range(q):
        state = np.kron([math.cos(0.3), math.sin(0.3)], state)
    result: Array = (2 * np.outer(state, state) - np.eye(2**q)) @ diagonal(2**q, lambda k: -1 if k == 2**q - 1 else 1)
    return result


def _amplified(n: int, iterations: int, angle: float) -> float:
    return math.sin((2 * iterations + 1) * math.asin(math.sin(angle / 2) ** n)) ** 2


def _chebyshev(order: float, x: float) -> float:
    return math.cosh(order * math.acosh(x)) if x >= 1 else math.cos(order * math.acos(x))


def _amplified_further(n: int, iterations: int, delta: float) -> float:
    length = 2 * iterations + 1
    edge = _chebyshev(1 / length, 1 / delta)
    return 1 - (delta * _chebyshev(length, edge * math.sqrt(1 - _good(n)))) ** 2


def _estimated(n: int, m: int) -> Array:
    angle = math.asin(math.sqrt(_good(n)))
    waves = [fourier(m).conj().T @ np.exp(2j * side * angle * np.arange(2**m)) / 2 ** (m / 2) for side in (1, -1)]
    result: Array = (abs(waves[0]) ** 2 + abs(waves[1]) ** 2) / 2
    return result


def _valued(n: int, m: int, quad: Any, linear: Any) -> Array:
    state = np.zeros(2 ** (n + m))
    for x in range(2**n):
        bits = [x >> i & 1 for i in range(n)]
        form = 1 + sum(weight * bits[i] * bits[j] for (i, j), weight in quad.items())
        form += sum(weight * bits[i] for i, weight in linear.items())
        state[x + 2**n * (int(form) % 2**m)] = 1
    return column(state)


def _signs(table: Any) -> Array:
    return diagonal(len(table), lambda k: (-1) ** table[k])


def _period_written(q: int, copy: int, period: Any) -> Array:
    """Where the first qubit of the period is 1, the copy is changed by the period."""
    s = _number(period)
    lowest = s & -s
    return permutation(4**q, lambda k: k ^ ((k % 2**q ^ (s if k & lowest else 0)) << q))


def _orthogonal(n: int, period: Any) -> Array:
    s = _number(period)
    even = [(k & s).bit_count() % 2 == 0 for k in range(2**n)]
    return np.array(even) / sum(even)


EXAMPLES = (
    Example(
        reflection_about_zero,
        lambda n: {"q": n},
        3,
        sizes=range(1, 7),
        expected=lambda q: diagonal(2**q, lambda k: -1 if k else 1),
        counts=lambda q: {"x": 2 * q, "total": 2 * q + 1},
    ),
    Example(operator, lambda n: {"q": n}, 3, sizes=range(1, 6), expected=_operator, of="grover_operator"),
    Example(
        amplified,
        lambda n: {"n": n, "iterations": 2 * n},
        3,
        lambda n: {"angle": 0.6},
        sizes=range(1, 6),
        expected=_amplified,
        counts=lambda n, iterations: {"ry": n * (2 * iterations + 1)},
        of="amplitude_amplification",
        code="""print([round(amplified(2, iterations), 3) for iterations in range(10)])
powers = [0, 1, 2, 4, 8]
hits = [round(1000 * amplified(2, power)) for power in powers]
print(maximum_likelihood_amplitude(powers, hits, 1000), amplified(2, 0))
chance = np.random.default_rng(1)
print(iterative_amplitude_estimation(lambda k, shots: chance.binomial(shots, amplified(2, k)), accuracy=0.001))""",
        shows=("maximum_likelihood_amplitude", "iterative_amplitude_estimation"),
    ),
    Example(
        amplified_further,
        lambda n: {"n": n, "iterations": 2 * n, "delta": 0.1},
        2,
        sizes=range(1, 5),
        expected=_amplified_further,
        grows=False,
        of="fixed_point_amplification",
        code="print([round(amplified_further(2, iterations, 0.1), 3) for iterations in range(0, 30, 3)])",
    ),
    Example(
        estimated,
        lambda n: {"n": n, "m": 3},
        2,
        sizes=range(1, 5),
        expected=_estimated,
        counts=lambda n, m: {"ry": n * (2 ** (m + 1) - 1)},
        of="amplitude_estimation",
        code="distribution = estimated(2, 6)\nprint(np.sin(np.pi * distribution.argmax() / 64) ** 2, amplified(2, 0))",
    ),
    Example(
        marked,
        lambda n: {"q": 3},
        3,
        sizes=(3,),
        expected=lambda q: _signs(TABLE),
        counts=lambda q: {"total": 4},
        of="phase_oracle",
    ),
    Example(
        noted,
        lambda n: {"q": 3},
        3,
        sizes=(3,),
        expected=lambda q: permutation(16, lambda k: k ^ 8 * TABLE[k % 8]),
        of="bit_oracle",
        code="print(normal_form([1, 0, 0, 1, 1, 1, 0, 1]))",
        shows=("normal_form",),
    ),
    Example(
        marked_by_formula,
        lambda n: {"q": 3},
        3,
        sizes=(3,),
        expected=lambda q: _signs([0, 1, 0, 0, 0, 0, 0, 1]),
        of="formula_oracle",
        code='print(truth_table("a & ~(b ^ c)"))',
        shows=("truth_table",),
    ),
    Example(
        valued,
        lambda n: {"n": n, "m": n, "quad": {(0, 1): -3.0} if n > 1 else {}, "linear": {0: 2.0} if n else {}},
        3,
        lambda n: {},
        sizes=range(5),
        expected=_valued,
        counts=lambda n, m, quad, linear: {
            "p": m,
            "cp": m * len(linear) + m * (m - 1) // 2,
            "ccp": m * len(quad),
            "h": n + 2 * m,
        },
        of="quadratic_form",
    ),
    Example(
        parity_oracle,
        lambda n: {"q": n, "bits": _bits(n)},
        3,
        expected=lambda q, bits: diagonal(2**q, lambda k: (-1) ** (k & _number(bits)).bit_count()),
    ),
    Example(
        hidden_period_oracle,
        lambda n: {"q": n, "copy": n, "period": _bits(n)},
        3,
        sizes=range(5),
        expected=_period_written,
        counts=lambda q, copy, period: {"total": q + sum(period)},
    ),
    Example(
        diffusion, lambda n: {"q": n}, 3, sizes=range(1, 7), expected=lambda q: np.full((2**q, 2**q), 2 / 2**q) - np.eye(2**q)
    ),
    Example(
        searched,
        lambda n: {"n": n},
        4,
        sizes=range(1, 6),
        expected=lambda n: math.sin((2 * grover_iteration_count(n) + 1) * math.asin(2 ** (-n / 2))) ** 2,
        of="grover_search",
        code="""print(searched(4), searched.estimate_resources({"n": 20}).gates.total)

values = [7, 3, 9, 1, 8, 6, 5, 4]


def measure(iterations, threshold):
    table = [int(value < threshold) for value in values]

    @qk.qkernel
    def oracle(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        return phase_oracle(q, table)

    @qk.qkernel
    def search() -> qk.Vector[qk.Bit]:
        return qk.measure(grover_search(qk.qubit_array(3), oracle, iterations))

    ((bits, _),) = search.sample(shots=1, seed=iterations)
    return sum(2**i for i, bit in enumerate(bits) if bit)


print(search_unknown(lambda iterations: measure(iterations, 2), lambda number: values[number] < 2, num_qubits=3))
print(minimum_search(measure, lambda number: values[number], num_qubits=3))""",
        shows=("grover_iteration_count", "search_unknown", "minimum_search"),
    ),
    Example(
        hidden_number,
        lambda n: {"n": n, "bits": _bits(n)},
        4,
        expected=lambda n, bits: bits,
        of="bernstein_vazirani",
        code="print(hidden_number.sample(n=4, bits=[1, 0, 1, 1], shots=100).results)",
    ),
    Example(
        balanced,
        lambda n: {"n": n, "bits": _bits(n)},
        3,
        expected=lambda n, bits: float(not any(bits)),
        of="deutsch_jozsa",
    ),
    Example(
        orthogonal,
        lambda n: {"n": n, "period": _bits(n)},
        3,
        sizes=range(1, 5),
        expected=_orthogonal,
        of="simon",
        code="print(orthogonal(3, [1, 0, 1]).round(3))\nprint(hidden_period([[0, 1, 0], [1, 0, 1]]))",
        shows=("hidden_period",),
    ),
)
