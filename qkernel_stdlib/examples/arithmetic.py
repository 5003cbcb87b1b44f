"""Examples of arithmetic and of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qkernel as qk
from qkernel_stdlib.arithmetic import (
    add,
    add_modulo,
    controlled_add,
    decrement_by,
    equal_const,
    increment,
    increment_by,
    less_than,
    less_than_const,
    measured_add,
    modular_decrement,
    modular_increment,
    multiply,
    ripple_carry_add,
    subtract,
)
from qkernel_stdlib.carry_lookahead import carry_lookahead_add
from qkernel_stdlib.encodings import basis_state
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import permutation
from qkernel_stdlib.tables import controlled_lookup, lookup, lookup_by_controls, lookup_xor, measured_lookup


@qk.qkernel
def summed(n: qk.UInt, x: qk.Vector[qk.Bit], y: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    """The bits of a sum."""
    _, total = measured_add(basis_state(qk.qubit_array(n), x), basis_state(qk.qubit_array(n), y))
    return qk.measure(total)


@qk.qkernel
def summed_modulo(n: qk.UInt, x: qk.Vector[qk.Bit], y: qk.Vector[qk.Bit], modulus: qk.UInt) -> qk.Vector[qk.Bit]:
    """The bits of a sum modulo a number."""
    _, total = add_modulo(basis_state(qk.qubit_array(n), x), basis_state(qk.qubit_array(n), y), modulus)
    return qk.measure(total)


@qk.qkernel
def found_entry(address: qk.Vector[qk.Bit], width: qk.UInt, table: qk.Vector[qk.UInt]) -> qk.Vector[qk.Bit]:
    """The bits of an entry."""
    n = address.shape[0]
    _, entry = measured_lookup(basis_state(qk.qubit_array(n), address), qk.qubit_array(width), table)
    return qk.measure(entry)


@qk.qkernel
def long_sum(n: qk.UInt, x: qk.Vector[qk.Bit], y: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    """The bits of a sum, the last carry included."""
    a, b = basis_state(qk.qubit_array(n), x), basis_state(qk.qubit_array(n), y)
    _, _, total = carry_lookahead_add(a, b, qk.qubit_array(n + 1))
    return qk.measure(total)


def registers(image: Callable[..., Sequence[int]], *lengths: int) -> Array:
    """The matrix of a map of numbers in registers of these lengths, the first the least significant."""

    def mapped(state: int) -> int:
        values, total, shift = [], 0, 0
        for length in lengths:
            values.append(state >> shift & 2**length - 1)
            shift += length
        for length, value in zip(reversed(lengths), reversed(image(*values)), strict=True):
            total = total << length | value % 2**length
        return total

    return permutation(2 ** sum(lengths), mapped)


def _one(n: int) -> Mapping[str, Any]:
    return {"q": n}


def _pair(n: int) -> Mapping[str, Any]:
    return {"a": n, "b": n}


def _with_constant(n: int) -> Mapping[str, Any]:
    return {"q": n, "constant": 2 * (2**n // 3)}


def _bits(number: int, n: int) -> list[int]:
    return [number >> i & 1 for i in range(n)]


def _number(bits: Any) -> int:
    return sum(2**i for i, bit in enumerate(bits) if bit)


def _lookahead_counts(n: int) -> dict[str, int]:
    ones, levels = n.bit_count(), n.bit_length() - 1
    return {"toffoli": 5 * n - 3 * ones - 3 * levels - 1, "qubits": 3 * n + 1 + n - ones - levels}


def _summed(n: int, x: Any, y: Any) -> list[int]:
    number = sum(2**i * (int(a) + int(b)) for i, (a, b) in enumerate(zip(x, y, strict=True)))
    return _bits(number, n)


def _carried(left: int, right: int) -> Array:
    def added(a: int, b: int, carry: int, overflow: int) -> tuple[int, ...]:
        total = a + b + carry
        return a, total, carry, overflow ^ total >> left

    return registers(added, left, right, 1, 1)


def _multiplied(a: int, b: int, product: int) -> Array:
    """The columns in which the product starts at 0 are what it is made for; the others add modulo what stands there."""

    def added(x: int, y: int, z: int) -> tuple[int, ...]:
        for i in range(a):
            if x >> i & 1:
                low = z >> i & 2 ** (b + 1) - 1
                z = z - (low << i) + ((low + y) % 2 ** (b + 1) << i)
        return x, y, z

    return registers(added, a, b, product)


def _table(n: int) -> list[int]:
    return [(5 * k + 3) % 7 for k in range(2**n - (n > 1))]


def _looked_up(table: Sequence[int], address: int, target: int) -> Array:
    return registers(lambda k, value: (k, value ^ (table[k] if k < len(table) else 0)), address, target)


def _table_counts(nodes: int, table: Sequence[int]) -> dict[str, int]:
    return {"multi_qubit": 2 * nodes, "two_qubit": nodes + sum(entry.bit_count() for entry in table)}


EXAMPLES = (
    Example(
        modular_increment,
        _one,
        3,
        expected=lambda q: registers(lambda k: (k + 1,), q),
        counts=lambda q: {"total": q, "qubits": q},
    ),
    Example(modular_decrement, _one, 3, expected=lambda q: registers(lambda k: (k - 1,), q), counts=lambda q: {"total": q}),
    Example(
        increment,
        _one,
        4,
        expected=lambda q: registers(lambda k: (k + 1,), q),
        counts=lambda q: {"toffoli": 2 * max(0, q - 2), "cx": max(0, q - 1), "qubits": q + max(0, q - 2)},
        under_control=lambda q: {"toffoli": 2 * max(0, q - 1), "cx": q, "x": 2},
    ),
    Example(
        add,
        _pair,
        3,
        sizes=range(5),
        expected=lambda a, b: registers(lambda x, y: (x, x + y), a, b),
        counts=lambda a, b: {"toffoli": 2 * max(0, a - 1), "cx": 5 * a - 6 if a > 1 else a, "qubits": 2 * a},
        under_control=lambda a, b: {"toffoli": max(0, 3 * a - 2)},
        code="print(add.estimate_resources({'a': 2048, 'b': 2048}).gates.toffoli)",
    ),
    Example(subtract, _pair, 2, sizes=range(4), expected=lambda a, b: registers(lambda x, y: (x, y - x), a, b)),
    Example(
        controlled_add,
        _pair,
        3,
        sizes=range(5),
        expected=lambda a, b: registers(lambda c, x, y: (c, x, y + c * x), 1, a, b),
        counts=lambda a, b: {"toffoli": max(0, 3 * a - 2), "cx": 4 * a - 6 if a > 1 else 0, "qubits": 2 * a + 1},
    ),
    Example(
        ripple_carry_add,
        lambda n: {"left": n, "right": n},
        3,
        sizes=range(5),
        expected=_carried,
        counts=lambda left, right: {"toffoli": 2 * left, "cx": 4 * left + 1, "qubits": 2 * left + 2},
        under_control=lambda left, right: {"toffoli": 3 * left + 1, "cx": 4 * left},
    ),
    Example(
        summed,
        lambda n: {"n": n, "x": _bits(11, n), "y": _bits(6, n)},
        3,
        sizes=range(5),
        expected=_summed,
        counts=lambda n, x, y: {"t_gates": 4 * max(0, n - 1), "resets": max(0, n - 1)},
        of="measured_add",
        code="print(summed.sample(n=4, x=[1, 1, 0, 1], y=[0, 1, 1, 0], shots=100).results)",
    ),
    Example(
        increment_by,
        _with_constant,
        3,
        sizes=range(5),
        expected=lambda q, constant: registers(lambda k: (k + constant,), q),
        counts=lambda q, constant: {"toffoli": 2 * max(0, q - 2), "qubits": q + max(0, q - 1)},
        under_control=lambda q, constant: {"toffoli": 2 * max(0, q - 1), "qubits": 2 * q + 1},
        grows=False,
    ),
    Example(
        decrement_by,
        _with_constant,
        2,
        sizes=range(4),
        expected=lambda q, constant: registers(lambda k: (k - constant,), q),
        counts=lambda q, constant: {"toffoli": 2 * max(0, q - 2)},
        grows=False,
    ),
    Example(
        long_sum,
        lambda n: {"n": n, "x": _bits(11, n), "y": _bits(6, n)},
        3,
        sizes=range(6),
        expected=lambda n, x, y: _bits(_number(x) + _number(y), n + 1),
        counts=lambda n, x, y: _lookahead_counts(n) if n else {"toffoli": 0},
        grows=False,
        of="carry_lookahead_add",
        code="""for n in (8, 64, 512):
    counted = carry_lookahead_add.estimate_resources({"a": n, "b": n, "total": n + 1})
    print(n, counted.gates.toffoli, counted.depth, add.estimate_resources({"a": n, "b": n}).depth)""",
    ),
    Example(
        summed_modulo,
        lambda n: {"n": n, "x": _bits(2**n // 2, n), "y": _bits(2**n - 3, n), "modulus": 2**n - 1},
        3,
        sizes=range(2, 5),
        expected=lambda n, x, y, modulus: _bits((_number(x) + _number(y)) % modulus, n),
        counts=lambda n, x, y, modulus: {"toffoli": 12 * n - 14, "qubits": 3 * n + 1},
        grows=False,
        of="add_modulo",
        code="print(summed_modulo.sample(n=4, x=[1, 0, 0, 1], y=[0, 0, 1, 1], modulus=13, shots=10).results)",
    ),
    Example(
        less_than,
        _pair,
        2,
        sizes=range(5),
        expected=lambda a, b: registers(lambda x, y, flag: (x, y, flag ^ (x < y)), a, b, 1),
        counts=lambda a, b: {"toffoli": max(0, 2 * a - 1)},
    ),
    Example(
        less_than_const,
        _with_constant,
        3,
        sizes=range(5),
        expected=lambda q, constant: registers(lambda k, flag: (k, flag ^ (k < constant)), q, 1),
        counts=lambda q, constant: {"multi_qubit": 2 * (q - 1) if constant else 0},
        under_control=lambda q, constant: {"multi_qubit": 2 * q - 1 if constant else 0},
        grows=False,
    ),
    Example(
        equal_const,
        _with_constant,
        3,
        expected=lambda q, constant: registers(lambda k, flag: (k, flag ^ (k == constant)), q, 1),
        counts=lambda q, constant: {"total": 1},
    ),
    Example(
        multiply,
        lambda n: {"a": n, "b": (n + 1) // 2, "product": n + (n + 1) // 2},
        2,
        sizes=range(4),
        expected=_multiplied,
        counts=lambda a, b, product: {"toffoli": 4 * a * b, "qubits": a + b + product + (b + 1 if b else 0)},
        under_control=lambda a, b, product: {"toffoli": a * (5 * b + 1)},
    ),
    Example(
        lookup_by_controls,
        lambda n: {"address": n, "target": 3, "table": _table(n)},
        2,
        sizes=range(4),
        expected=lambda address, target, table: _looked_up(table, address, target),
        counts=lambda address, target, table: {"total": sum(entry.bit_count() for entry in table)},
        grows=False,
    ),
    Example(
        lookup,
        lambda n: {"address": n, "target": 3, "table": [(5 * k + 3) % 7 for k in range(2**n)]},
        3,
        sizes=range(5),
        expected=lambda address, target, table: _looked_up(table, address, target),
        counts=lambda address, target, table: {"toffoli": 2 * max(0, 2**address - 2)},
        under_control=lambda address, target, table: {"toffoli": 2 * (2**address - 1)},
        grows=False,
    ),
    Example(
        found_entry,
        lambda n: {"address": _bits(2**n - 2, n), "width": 3, "table": [(5 * k + 3) % 7 for k in range(2**n)]},
        3,
        sizes=range(1, 4),
        expected=lambda address, width, table: _bits(table[_number(address)], width),
        counts=lambda address, width, table: {"t_gates": 4 * (len(table) - 2)},
        grows=False,
        of="measured_lookup",
    ),
    Example(
        controlled_lookup,
        lambda n: {"address": n, "target": 3, "table": _table(n)},
        2,
        sizes=range(4),
        expected=lambda address, target, table: registers(
            lambda c, k, value: (c, k, value ^ (c * table[k] if k < len(table) else 0)), 1, address, target
        ),
        grows=False,
    ),
    Example(
        lookup_xor,
        lambda n: {"address": n, "target": 3, "scale": 3, "modulus": 7},
        2,
        sizes=range(4),
        expected=lambda address, target, scale, modulus: _looked_up(
            [scale * k % modulus for k in range(2**address)], address, target
        ),
        grows=False,
    ),
)
