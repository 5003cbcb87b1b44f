"""Examples of addition and multiplication modulo N by ripple-carry adders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.arithmetic_modular import (
    modmul_const,
    ripple_modular_add_const,
    ripple_modular_multiply,
    windowed_modular_multiply,
    xor_const,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.fourier_arithmetic import holding
from qkernel_stdlib.examples.matrices import column, permutation


@qk.qkernel
def reduced_sum(n: qk.UInt, value: qk.UInt, constant: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|value + constant modulo modulus>."""
    _, q = ripple_modular_add_const(qk.qubit_array(0), holding(n, value), constant, modulus)
    return q


@qk.qkernel
def reduced_product(n: qk.UInt, value: qk.UInt, factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|factor * value modulo modulus>."""
    _, x = ripple_modular_multiply(qk.qubit_array(0), holding(n, value), factor, inverse, modulus)
    return x


@qk.qkernel
def windowed_product(n: qk.UInt, value: qk.UInt, factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|factor * value modulo modulus>, two qubits at once."""
    _, x = windowed_modular_multiply(qk.qubit_array(0), holding(n, value), factor, inverse, modulus, 2)
    return x


@qk.qkernel(clean_ancillas=True)
def multiplied(n: qk.UInt, value: qk.UInt, factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|factor**2 * value modulo modulus>, once where a qubit is 1 and once without control."""
    where, x = qk.x(qk.qubit()), holding(n, value)
    where, x = modmul_const(x, multiplier=factor, modulus=modulus, inverse_multiplier=inverse, control=where)
    where = qk.x(where)
    q: qk.Vector[qk.Qubit] = modmul_const(x, multiplier=factor, modulus=modulus, inverse_multiplier=inverse)
    return q


def _sum(n: int, value: int, constant: int, modulus: int) -> Array:
    return column(np.arange(2**n) == (value + constant) % modulus)


def _product(n: int, value: int, factor: int, inverse: int, modulus: int) -> Array:
    return column(np.arange(2**n) == factor * value % modulus)


def _windowed_toffoli(n: int) -> int:
    """Of two products by whole windows of two qubits, and one of one where n is odd."""
    return 2 * (n // 2 * (12 * n - 6) + n % 2 * (12 * n - 14))


def _factor(n: int) -> Mapping[str, Any]:
    return {"n": n, "value": 2**n - 2, "factor": 2, "inverse": 2 ** (n - 1), "modulus": 2**n - 1}


EXAMPLES = (
    Example(
        xor_const,
        lambda n: {"q": n, "constant": 5},
        3,
        sizes=range(5),
        expected=lambda q, constant: permutation(2**q, lambda k: k ^ constant % 2**q),
        counts=lambda q, constant: {"x": (constant % 2**q).bit_count(), "qubits": q},
        grows=False,
    ),
    Example(
        reduced_sum,
        lambda n: {"n": n, "value": 2**n - 2, "constant": 2 ** (n - 1), "modulus": 2**n - 1},
        2,
        sizes=(2, 3, 4),
        expected=_sum,
        counts=lambda n, **values: {"qubits": 2 * n + 3, "toffoli": 10 * n},
        grows=False,
        of="ripple_modular_add_const",
    ),
    Example(
        reduced_product,
        _factor,
        2,
        sizes=(2, 3),
        expected=_product,
        counts=lambda n, **values: {"qubits": 3 * n + 3, "toffoli": 20 * n**2},
        grows=False,
        of="ripple_modular_multiply",
    ),
    Example(
        windowed_product,
        _factor,
        2,
        sizes=(2, 3),
        expected=_product,
        counts=lambda n, **values: {"toffoli": _windowed_toffoli(n)},
        grows=False,
        of="windowed_modular_multiply",
        code="""for window in (1, 2, 4, 8):
    sizes = {"controls": 1, "x": 32, "factor": 3, "inverse": pow(3, -1, 2**32 - 5), "modulus": 2**32 - 5, "window": window}
    print(window, windowed_modular_multiply.estimate_resources(sizes).gates.toffoli)""",
        shows=("windowed_multiply_add",),
    ),
    Example(
        multiplied,
        _factor,
        2,
        sizes=(2, 3),
        expected=lambda n, factor, **values: _product(n, factor=factor**2, **values),
        grows=False,
        of="modmul_const",
    ),
)
