"""Examples of arithmetic under the names of Qamomile: every kernel once, and once where a qubit is 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qkernel as qk
from qkernel_stdlib.encodings import basis_state
from qkernel_stdlib.examples.example import Example
from qkernel_stdlib.peer_arithmetic import (
    add_const,
    controlled_add_const,
    controlled_modular_add,
    controlled_modular_add_const,
    controlled_modular_add_const_modulus,
    modular_add,
    modular_add_const,
)


@qk.qkernel(clean_ancillas=True)
def increased(x: qk.Vector[qk.Bit], value: qk.UInt) -> qk.Vector[qk.Bit]:
    """x + 2 value, below 2**n, so that the overflow stays 0."""
    control, overflow = qk.x(qk.qubit()), qk.qubit()
    target, overflow = add_const(basis_state(qk.qubit_array(x.shape[0]), x), overflow, value)
    control, target, overflow = controlled_add_const(control, target, overflow, value)
    control = qk.x(control)
    return qk.measure(target)


@qk.qkernel(clean_ancillas=True)
def increased_modulo(x: qk.Vector[qk.Bit], addend: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Bit]:
    """x + 2 addend modulo a number."""
    control, overflow, flag = qk.x(qk.qubit()), qk.qubit(), qk.qubit()
    target = basis_state(qk.qubit_array(x.shape[0]), x)
    target, overflow, flag = modular_add_const(target, overflow, flag, addend, modulus)
    control, target, overflow, flag = controlled_modular_add_const(control, target, overflow, flag, addend, modulus)
    control = qk.x(control)
    return qk.measure(target)


@qk.qkernel(clean_ancillas=True)
def summed_by_registers(x: qk.Vector[qk.Bit], y: qk.Vector[qk.Bit], modulus: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    """2x + y modulo the number in a register."""
    n = x.shape[0]
    addend, target = basis_state(qk.qubit_array(n), x), basis_state(qk.qubit_array(n), y)
    number, control = basis_state(qk.qubit_array(n), modulus), qk.x(qk.qubit())
    carry, overflow, flag = qk.qubit(), qk.qubit(), qk.qubit()
    addend, number, target, carry, overflow, flag = modular_add(addend, number, target, carry, overflow, flag)
    control, addend, number, target, carry, overflow, flag = controlled_modular_add(
        control, addend, number, target, carry, overflow, flag
    )
    addend, number, control = basis_state(addend, x), basis_state(number, modulus), qk.x(control)
    return qk.measure(target)


@qk.qkernel(clean_ancillas=True)
def summed_where(x: qk.Vector[qk.Bit], y: qk.Vector[qk.Bit], modulus: qk.UInt) -> qk.Vector[qk.Bit]:
    """x + y modulo a number, where a qubit is 1, and once more where it is 0."""
    n = x.shape[0]
    addend, target = basis_state(qk.qubit_array(n), x), basis_state(qk.qubit_array(n), y)
    control, carry, overflow, flag = qk.x(qk.qubit()), qk.qubit(), qk.qubit(), qk.qubit()
    for _ in qk.range(2):
        control, addend, target, carry, overflow, flag = controlled_modular_add_const_modulus(
            control, addend, target, carry, overflow, flag, modulus
        )
        control = qk.x(control)
    addend, control = basis_state(addend, x), qk.x(control)
    return qk.measure(target)


def _bits(number: int, n: int) -> list[int]:
    return [number >> i & 1 for i in range(n)]


def _number(bits: Any) -> int:
    return sum(2**i for i, bit in enumerate(bits) if bit)


def _two(n: int) -> Mapping[str, Any]:
    return {"x": _bits(2**n - 2, n), "y": _bits(2 ** (n - 1), n)}


EXAMPLES = (
    Example(
        increased,
        lambda n: {"x": _bits(2 ** (n - 1) - 1, n), "value": 2 ** (n - 2)},
        3,
        sizes=(2, 3),
        expected=lambda x, value: _bits(_number(x) + 2 * value, len(x)),
        counts=lambda x, value: {"toffoli": 4 * len(x) - 2},
        grows=False,
        of="add_const",
        shows=("controlled_add_const",),
    ),
    Example(
        increased_modulo,
        lambda n: {"x": _bits(2**n - 2, n), "addend": 2 ** (n - 1), "modulus": 2**n - 1},
        2,
        sizes=(2, 3),
        expected=lambda x, addend, modulus: _bits((_number(x) + 2 * addend) % modulus, len(x)),
        counts=lambda x, addend, modulus: {"qubits": len(x) + 3},
        grows=False,
        of="modular_add_const",
        shows=("controlled_modular_add_const",),
    ),
    Example(
        summed_by_registers,
        lambda n: {**_two(n), "modulus": _bits(2**n - 1, n)},
        2,
        sizes=(2, 3),
        expected=lambda x, y, modulus: _bits((2 * _number(x) + _number(y)) % _number(modulus), len(x)),
        counts=lambda x, y, modulus: {"toffoli": 11 * len(x) + 1 + 14 * len(x) + 4, "qubits": 3 * len(x) + 4},
        grows=False,
        of="modular_add",
        shows=("controlled_modular_add",),
    ),
    Example(
        summed_where,
        lambda n: {**_two(n), "modulus": 2**n - 1},
        2,
        sizes=(2, 3),
        expected=lambda x, y, modulus: _bits((_number(x) + _number(y)) % modulus, len(x)),
        counts=lambda x, y, modulus: {"toffoli": 2 * (13 * len(x) + 1)},
        grows=False,
        of="controlled_modular_add_const_modulus",
    ),
)
