"""Examples of arithmetic in the phases of a Fourier transform."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.arithmetic_fourier import (
    add_const_to_phases,
    draper_add,
    draper_add_const,
    fourier_modular_add_const,
    fourier_phases,
    modular_add_const_to_phases,
    modular_multiply,
    modular_multiply_add,
    order_finding,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import column, diagonal, permutation


def holding(size: qk.UInt, value: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A register in the state |value>."""
    q = qk.qubit_array(size)
    for i in qk.range(size):
        if value // 2**i % 2 == 1:
            q[i] = qk.x(q[i])
    return q


@qk.qkernel
def sum_modulo(n: qk.UInt, value: qk.UInt, constant: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|value + constant modulo modulus>."""
    _, q = fourier_modular_add_const(qk.qubit_array(0), holding(n, value), constant, modulus)
    return q


@qk.qkernel
def sum_in_phases(n: qk.UInt, value: qk.UInt, constant: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """The same between two transforms, which no control reaches."""
    return qk.within_apply(fourier_phases, lambda q: modular_add_const_to_phases(qk.qubit_array(0), q, constant, modulus)[1])(
        holding(n, value)
    )


@qk.qkernel
def product_added(
    n: qk.UInt, value: qk.UInt, start: qk.UInt, factor: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """|start + factor * value modulo modulus>, value and a control beside it."""
    control, x, b = qk.x(qk.qubit_array(1)), holding(n, value), holding(n + 1, start)
    control, x, b = modular_multiply_add(control, x, b, factor, modulus)
    return b, x, control


@qk.qkernel
def product_modulo(
    n: qk.UInt, value: qk.UInt, factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """|factor * value modulo modulus>, and the control, which is 1."""
    control, x = modular_multiply(qk.x(qk.qubit_array(1)), holding(n, value), factor, inverse, modulus)
    return x, control


def _phase(state: int, by: int) -> complex:
    """Of `state` where every qubit i of it turns by `by` / 2**(i + 1)."""
    return cmath.exp(2j * math.pi * sum((state >> i & 1) * by / 2 ** (i + 1) for i in range(state.bit_length())))


def _transformed(q: int) -> Array:
    return np.array([[_phase(k, j) for j in range(2**q)] for k in range(2**q)]) / math.sqrt(2**q)


def _sum(n: int, value: int, constant: int, modulus: int) -> Array:
    return column(np.arange(2**n) == (value + constant) % modulus)


def _added(n: int, value: int, start: int, factor: int, modulus: int) -> Array:
    found = (start + factor * value) % modulus + 2 ** (n + 1) * (value + 2**n)
    return column(np.arange(2 ** (2 * n + 2)) == found)


def _product(n: int, value: int, factor: int, inverse: int, modulus: int) -> Array:
    return column(np.arange(2 ** (n + 1)) == factor * value % modulus + 2**n)


def _pair(n: int) -> Mapping[str, Any]:
    return {"a": n, "b": n}


def _modulus(n: int) -> Mapping[str, Any]:
    return {"n": n, "value": 2 ** (n - 1) - 2, "constant": 2 ** (n - 2), "modulus": 2 ** (n - 1) - 1}


def _factor(n: int) -> Mapping[str, Any]:
    modulus = 2**n - 1
    return {"n": n, "value": modulus - 1, "factor": 2, "modulus": modulus}


def _sum_counts(transforms: int, n: int) -> dict[str, int]:
    return {"qubits": n + 1, "h": transforms * n, "cx": 2, "cp": n + transforms * n * (n - 1) // 2}


EXAMPLES = (
    Example(
        fourier_phases,
        lambda n: {"q": n},
        3,
        expected=_transformed,
        counts=lambda q: {"h": q, "cp": q * (q - 1) // 2, "qubits": q},
    ),
    Example(
        add_const_to_phases,
        lambda n: {"q": n, "constant": 5},
        3,
        sizes=range(5),
        expected=lambda q, constant: diagonal(2**q, lambda k: _phase(k, constant)),
        counts=lambda q, constant: {"p": q, "total": q},
        grows=False,
    ),
    Example(
        draper_add_const,
        lambda n: {"q": n, "constant": 3},
        3,
        sizes=range(5),
        expected=lambda q, constant: permutation(2**q, lambda k: (k + constant) % 2**q),
        counts=lambda q, constant: {"h": 2 * q, "cp": q * (q - 1), "p": q, "qubits": q},
        under_control=lambda q, constant: {"h": 2 * q, "cp": q**2},
        grows=False,
    ),
    Example(
        draper_add,
        _pair,
        2,
        sizes=range(4),
        expected=lambda a, b: permutation(4**a, lambda k: k % 2**a + 2**a * ((k + k // 2**a) % 2**a)),
        counts=lambda a, b: {"h": 2 * b, "cp": b * (3 * b - 1) // 2, "qubits": 2 * a},
        under_control=lambda a, b: {"h": 2 * b, "cp": b * (b - 1), "multi_qubit": b * (b + 1) // 2},
    ),
    Example(
        sum_in_phases,
        _modulus,
        3,
        sizes=(3, 4),
        expected=_sum,
        counts=lambda n, **values: _sum_counts(6, n),
        grows=False,
        of="modular_add_const_to_phases",
    ),
    Example(
        sum_modulo,
        _modulus,
        3,
        sizes=(3, 4),
        expected=_sum,
        counts=lambda n, **values: _sum_counts(6, n),
        grows=False,
        of="fourier_modular_add_const",
    ),
    Example(
        product_added,
        lambda n: {**_factor(n), "start": 1},
        2,
        sizes=(2, 3),
        expected=_added,
        counts=lambda n, **values: {"qubits": 2 * n + 3},
        grows=False,
        of="modular_multiply_add",
        shows=("multiply_add_modulo",),
    ),
    Example(
        product_modulo,
        lambda n: {**_factor(n), "inverse": 2 ** (n - 1)},
        2,
        sizes=(2, 3),
        expected=_product,
        counts=lambda n, **values: {"qubits": 2 * n + 3},
        grows=False,
        of="modular_multiply",
        shows=("multiply_modulo",),
    ),
    Example(
        order_finding,
        lambda n: {"n": n, "base": 1, "inverse": 1, "modulus": 2**n},
        1,
        sizes=(1, 2),
        expected=lambda n, **values: np.zeros(2 * n),
        counts=lambda n, **values: {"qubits": 2 * n + 3},
        grows=False,
        code="""found = shor_order_finding(2, 15)
print(found.estimate_resources(n=2048).qubits, found.sample(shots=1, seed=1).results)""",
        shows=("shor_order_finding",),
    ),
)
