"""Counts that rows, lengths, keys and observables decide: the closed form, the bound estimate and the circuit agree."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def layer(q: qk.Vector[qk.Qubit], angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(len(angles)):
        q[i] = qk.ry(q[i], angles[i])
    return q


@qk.qkernel
def layers(weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(weights.shape[1])
    for k in qk.range(weights.shape[0]):
        q = layer(q, weights[k])
    return qk.measure(q)


@qk.qkernel
def both(q: qk.Vector[qk.Qubit], weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    for k in qk.range(weights.shape[0] - 1):
        q = layer(q, weights[k + 1])
    return layer(q, weights[0])


@qk.qkernel
def through_two_calls(tensor: qk.Tensor[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(tensor.shape[2])
    for k in qk.range(tensor.shape[0]):
        q = both(q, tensor[k])
        q = layer(q, tensor[k][0])
        q = qk.inverse(layer)(q, tensor[k, 0])
    return qk.measure(q)


@qk.qkernel
def row_of(weights: qk.Matrix[qk.Float], k: qk.UInt) -> qk.Vector[qk.Float]:
    return weights[k]


@qk.qkernel
def returned_row(weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Bit]:
    row = row_of(weights, 0)
    q = qk.qubit_array(len(row) + 1)
    q = layer(q, row)
    q[: len(row)] = qk.rz(q[: len(row)], row)
    q = layer(q, row[1:])
    q = layer(q, row_of(weights, 1)[: len(row) // 2])
    return qk.measure(q)


@qk.qkernel
def counted_rows(counts: qk.Matrix[qk.UInt]) -> qk.Bit:
    q = qk.qubit()
    for k in qk.range(counts.shape[0]):
        q = repeated(q, counts[k])
        for _ in qk.range(counts[k][0]):
            q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def repeated(q: qk.Qubit, counts: qk.Vector[qk.UInt]) -> qk.Qubit:
    for i in qk.range(len(counts)):
        for _ in qk.range(counts[i]):
            q = qk.x(q)
    return q


@qk.qkernel
def changed(counts: qk.Vector[qk.UInt]) -> qk.Bit:
    """A vector that a loop changes, whose elements and length decide counts."""
    q = qk.qubit()
    for i in qk.range(len(counts)):
        counts[i] = counts[i] + i
        for _ in qk.range(len(counts) - i):
            q = qk.s(q)
    for i in qk.range(len(counts)):
        for _ in qk.range(counts[i]):
            q = qk.x(q)
        if counts[i] > 2:
            q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def parity(bits: qk.Vector[qk.Bit]) -> tuple[qk.Bit, qk.Vector[qk.Bit]]:
    odd = qk.bit(0)
    for i in qk.range(len(bits) - 1):
        odd = odd ^ (bits[i] & bits[i + 1])
    return odd, bits


@qk.qkernel
def lengths_of_bits(n: qk.UInt) -> qk.Bit:
    bits = qk.measure(qk.h(qk.qubit_array(n)))
    odd, same = parity(bits)
    q = qk.qubit_array(2 * len(same) + 1)
    for i in qk.range((len(same) + 1) // 2, max(len(bits) - 1, 3), 2):
        q[0] = qk.x(q[0])
        if len(bits) % 2 == 0 and i > 1:
            q[0] = qk.h(q[0])
    for _ in qk.range(abs(len(bits[1:]) - 2)):
        q[0] = qk.y(q[0])
    for _ in qk.range(int(qk.ceil(len(bits) / 3))):
        q[0] = qk.z(q[0])
    if odd:
        q[0] = qk.x(q[0])
    return qk.measure(q[0])


@qk.qkernel
def lengths_of_values(n: qk.UInt) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(n)
    for _ in qk.range(3):
        q = qk.h(q)
    shares = qk.probabilities(q)
    r = qk.qubit_array(len(shares) // 2 + 1)
    for i in qk.range(len(shares) - 2 ** (n - 1)):
        r[i] = qk.x(r[i])
    return qk.probabilities(r)


@qk.qkernel
def keyed(pairs: qk.Dict[qk.Vector[qk.UInt], qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    for key, weight in qk.items(pairs):
        if len(key) > 1:
            q[key[0]], q[key[1]] = qk.rzz(q[key[0]], q[key[1]], weight)
        for i in qk.range(len(key)):
            q[key[i]] = qk.rz(q[key[i]], weight)
    return qk.measure(q)


@qk.qkernel
def keyed_by_one(weights: qk.Dict[qk.Tuple[qk.UInt], qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    for key, weight in qk.items(weights):
        for _ in qk.range(key[0]):
            q[key[0]] = qk.rz(q[key[0]], weight)
    return qk.measure(q)


@qk.qkernel
def evolve(q: qk.Vector[qk.Qubit], energy: qk.Observable) -> qk.Vector[qk.Qubit]:
    return qk.pauli_evolve(q, energy, 0.1)


@qk.qkernel
def grouped(groups: qk.Vector[qk.Observable], steps: qk.UInt) -> qk.Float:
    q, control = qk.qubit_array(3), qk.qubit()
    for _ in qk.range(steps):
        for g in qk.range(len(groups)):
            q = qk.pauli_evolve(q, groups[g], 0.3)
            q = qk.inverse(evolve)(q, groups[len(groups) - 1 - g])
            control, q = qk.control(evolve)(control, q, groups[g])
    return qk.expval(q, groups[0])


@qk.qkernel
def named_groups(groups: qk.Dict[qk.UInt, qk.Observable]) -> qk.Float:
    q = qk.qubit_array(3)
    for name, group in qk.items(groups):
        for _ in qk.range(name):
            q = qk.pauli_evolve(q, group, 0.3)
        q = evolve(q, groups[2])
    return qk.expval(q, groups[2])


WORDS = [qko.Z(0) * qko.Y(1) + 0.5 * qko.X(0) + 0.1, qko.X(0) * qko.X(1) + qko.Z(0) * qko.X(1) * qko.Y(2), qko.Z(2)]
CASES: list[tuple[Any, dict[str, Any]]] = [
    *((layers, {"weights": np.ones((k, n))}) for k in range(3) for n in range(3)),
    *((through_two_calls, {"tensor": np.ones((k, 1 + k, n))}) for k in range(3) for n in range(4)),
    *((returned_row, {"weights": np.ones((2, n))}) for n in range(1, 6)),
    *((counted_rows, {"counts": np.arange(k * n).reshape(k, n)}) for k in range(3) for n in range(1, 4)),
    *((changed, {"counts": [m, 0, 1][:n]}) for n in range(4) for m in range(4)),
    *((lengths_of_bits, {"n": n}) for n in range(7)),
    *((lengths_of_values, {"n": n}) for n in range(1, 4)),
    *((keyed, {"pairs": pairs}) for pairs in ({}, {(1,): 0.1}, {(0, 1): 0.3, (2,): 0.1}, {(0, 1): 0.3, (1, 2): 0.1})),
    *((keyed_by_one, {"weights": weights}) for weights in ({}, {(1,): 0.1}, {(3,): 0.1, (2,): 0.3})),
    *((grouped, {"groups": WORDS[:k], "steps": steps}) for k in range(1, 4) for steps in range(3)),
    *((named_groups, {"groups": {2: word, 1: WORDS[0]}}) for word in WORDS),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_closed_form_is_the_circuit(case: Any) -> None:
    kernel, values = case
    kernel.verify_resources(**values)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] is not changed], ids=lambda case: case[0].name)
def test_what_is_put_in_later_counts_the_same(case: Any) -> None:
    kernel, values = case
    bound = kernel.estimate_resources(bindings=values)
    for names in permutations(values):
        found = kernel.estimate_resources()
        for name in names:
            found = found.substitute(**{name: values[name]})
        assert found == bound


def test_a_row_has_the_length_of_its_axis() -> None:
    assert str(layers.estimate_resources().gates.total) == "|weights|*|weights|_1"
    assert str(lengths_of_bits.estimate_resources().qubits) == "3*n + 1"


def test_sums_over_observables_meet() -> None:
    @qk.qkernel
    def all_of(groups: qk.Vector[qk.Observable]) -> qk.Float:
        q = qk.qubit_array(3)
        for g in qk.range(len(groups)):
            q = qk.pauli_evolve(q, groups[g], 0.3)
        return qk.expval(q, groups[0])

    assert str(all_of.estimate_resources().gates.total) == "Sum(|groups[g]|, (g, 0, |groups| - 1))"
    assert "|groups[g]|" in str(all_of.estimate_resources())
