"""States that have names: each prepared on a register fresh from allocation.

n is the length of the register, qubit 0 the least significant; angles are in radians. Gate counts are those of the gates as
written. `state_of_function` and `sparse_state` take functions and Python data, so they are called in kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import qkernel as qk


@qk.qkernel
def ghz_state(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """(|0...0> + |1...1>) / sqrt(2): one H and n - 1 CX. Source: Greenberger, Horne, Zeilinger 1989 (arXiv:0712.0921)."""
    if q.shape[0] > 0:
        q[0] = qk.h(q[0])
    for i in qk.range(q.shape[0] - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return q


@qk.qkernel
def w_state(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """The equal sum of all basis states with a single 1: one X, n - 1 CRY and n - 1 CX.

    Source: Dur, Vidal, Cirac 2000 (arXiv:quant-ph/0005115).
    """
    n = q.shape[0]
    if n > 0:
        q[0] = qk.x(q[0])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cry(q[i], q[i + 1], 2 * math.acos(math.sqrt(1 / (n - i))))
        q[i + 1], q[i] = qk.cx(q[i + 1], q[i])
    return q


@qk.qkernel
def dicke_state(q: qk.Vector[qk.Qubit], weight: qk.UInt) -> qk.Vector[qk.Qubit]:
    """The equal sum of all basis states with `weight` k ones, 0 <= k <= n.

    k X; for k > 0 k n - k (k + 1)/2 rotations, n - 1 of them CRY and the others RY under two controls, and twice as many CX.
    Source: Bartschi, Eidenbenz 2019 (arXiv:1904.07358).
    """
    n = q.shape[0]
    for i in qk.range(weight):
        q[n - 1 - i] = qk.x(q[n - 1 - i])
    for m in qk.range(n, 1, -1):
        for i in qk.range(1, min(weight, m - 1) + 1):
            angle = 2 * math.acos(math.sqrt(i / m))
            if i == 1:
                q[m - 2], q[m - 1] = qk.within_apply(qk.cx, lambda a, b: qk.cry(b, a, angle)[::-1])(q[m - 2], q[m - 1])
            else:
                q[m - 1 - i], q[m - 1], q[m - i] = qk.within_apply(
                    lambda a, b, c: (*qk.cx(a, b), c), lambda a, b, c: qk.control(qk.ry, num_controls=2)(c, b, a, angle)[::-1]
                )(q[m - 1 - i], q[m - 1], q[m - i])
    return q


@qk.qkernel
def uniform_state(q: qk.Vector[qk.Qubit], count: qk.UInt) -> qk.Vector[qk.Qubit]:
    """The equal sum of |0>, ..., |count - 1>, 0 < count <= 2**n: at most 4 log2(count) gates.

    For each 1 in count's binary digits but the last an X, a rotation under the digit before it, and controlled H down to the
    next 1. Source: Shukla, Vedula 2024 (arXiv:2306.11747).
    """
    last = 0
    rest = count
    found = False
    for i in qk.range(q.shape[0] + 1):
        if (count >> i) & 1 == 1:
            if not found:
                q[:i] = qk.h(q[:i])
            else:
                angle = -2 * math.acos(math.sqrt(2**last / rest))
                q[i] = qk.x(q[i])
                if rest == count:
                    q[i] = qk.ry(q[i], angle)
                else:
                    q[last], q[i] = qk.control(qk.ry, control_value=0)(q[last], q[i], angle)
                for j in qk.range(last, i):
                    q[i], q[j] = qk.control(qk.h, control_value=0)(q[i], q[j])
                rest = rest - 2**last
            last, found = i, True
    return q


def state_of_function(q: qk.Vector[qk.Qubit], function: Callable[[qk.UInt], qk.Float]) -> qk.Vector[qk.Qubit]:
    """The state whose amplitude at k is function(k), normalised: what `amplitude_encoding` does, and costs, with these numbers.

    Differentiable by what the function depends on.
    """
    amplitudes = qk.float_array(2 ** q.shape[0])
    for k in qk.range(2 ** q.shape[0]):
        amplitudes[k] = function(k)
    return qk.prepare(q, amplitudes)


@qk.qkernel
def gaussian_state(q: qk.Vector[qk.Qubit], mean: qk.Float, deviation: qk.Float) -> qk.Vector[qk.Qubit]:
    """Probabilities in proportion to exp(-(k - mean)**2 / (2 deviation**2)), k = 0, ..., 2**n - 1; real amplitudes.

    `state_of_function` with its cost: 2**n - 1 RY and 2**n - 2 CX for n > 0. Differentiable by both arguments.
    """
    return state_of_function(q, lambda k: math.exp(-(((k - mean) / deviation) ** 2) / 4))


def sparse_state(q: qk.Vector[qk.Qubit], amplitudes: Mapping[int, float]) -> qk.Vector[qk.Qubit]:
    """The state with these real amplitudes by basis state, normalised, and 0 elsewhere.

    For each basis state with k ones one RY under k controls and 2k CX, with one clean qubit. Raises ValueError where all
    amplitudes are 0. Source: de Veras, da Silva, da Silva 2022 (arXiv:2108.10182).
    """
    rest = sum(value**2 for value in amplitudes.values())
    if not rest:
        raise ValueError("all amplitudes are 0, so that there is no state to prepare")
    flag = qk.x(qk.qubit("flag"))
    for state, value in sorted(amplitudes.items(), key=lambda entry: (entry[0].bit_count(), entry[0])):
        ones = [i for i in range(state.bit_length()) if state >> i & 1]
        for i in ones:
            flag, q[i] = qk.cx(flag, q[i])
        angle = -2 * math.asin(max(-1.0, min(1.0, value / math.sqrt(rest)))) if rest > 0 else 0.0
        if ones:
            controls, flag = qk.control(qk.ry, num_controls=len(ones))([q[i] for i in ones], flag, angle)
            for i, control in zip(ones, controls, strict=True):
                q[i] = control
        else:
            flag = qk.ry(flag, angle)
        for i in ones:
            flag, q[i] = qk.cx(flag, q[i])
        rest = rest - value**2
    return q
