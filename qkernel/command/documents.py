"""Small computations from the documents that the project grew from, with the numbers that they print."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import pi

import numpy as np

import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def first_angle_then_weight(angle: qk.Float, weight: qk.Float) -> qk.Float:
    q = qk.rx(qk.rx(qk.qubit(), angle), weight)
    return (1 + qk.expval(q, qko.Z(0))) / 2


@qk.qkernel
def one_qubit_network(angle: qk.Float, weight: qk.Float) -> qk.Float:
    q = qk.rx(qk.ry(qk.h(qk.qubit()), angle), weight)
    return qk.expval(q, qko.Y(0))


@qk.qkernel
def turned_coin(theta: qk.Float) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.ry(qk.h(qk.qubit()), theta))


@qk.qkernel
def hybrid_ansatz(
    inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observables: qk.Vector[qk.Observable]
) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(4)
    q = qk.ry(q, inputs)
    for layer in qk.range(2):
        q = qk.rz(q, weights[12 * layer : 12 * layer + 4])
        q = qk.ry(q, weights[12 * layer + 4 : 12 * layer + 8])
        q = qk.rz(q, weights[12 * layer + 8 : 12 * layer + 12])
        for i in qk.range(3):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return qk.expval(q, observables)


@qk.qkernel
def amplitudes(features: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return qk.prepare(qk.qubit_array(2), features)


def _trained() -> Iterable[float]:
    """Three steps of learning NOT from its two states, by the mean absolute error at a learning rate of 1."""
    weight, seen = 3.0, []
    for _ in range(3):
        slopes = first_angle_then_weight.grad(np.array([0.0, pi]), weight, wrt="weight")["weight"]
        weight -= (slopes[0] - slopes[1]) / 2
        seen.append(weight)
    return seen


def _network() -> Iterable[float]:
    value, slopes = one_qubit_network.value_and_grad(0.7739560485559633, 0.4388784397520523)
    return value, slopes["weight"]


def _ansatz() -> Iterable[float]:
    draw = np.random.default_rng(42)
    inputs, weights = draw.uniform(-pi, pi, 4), draw.uniform(-pi, pi, 24)
    found: Iterable[float] = hybrid_ansatz.run(inputs, weights, [qko.Z(k) for k in range(4)])
    return found


def _amplitudes() -> Iterable[float]:
    found: Iterable[float] = amplitudes.statevector([1.0, 2.0, 3.0]).real
    return found


CHECKS: tuple[tuple[str, tuple[str, ...], Callable[[], Iterable[float]]], ...] = (
    ("a quantum layer learns NOT", ("3.0706", "3.1060", "3.1238"), _trained),
    ("a one-qubit network: value, gradient", ("0.2970093987", "0.6327276672"), _network),
    ("a coin turned by pi", ("0.5000", "0.5000"), lambda: turned_coin.run(pi)),
    ("the Fashion-MNIST ansatz", ("-0.70960489", "0.61071606", "0.43586927", "0.42650987"), _ansatz),
    ("three features as amplitudes", ("0.2672612", "0.5345225", "0.8017837", "0.0000000"), _amplitudes),
)
"""(document, the numbers that it prints, what computes them)"""
