"""Estimates from counts that are drawn, beside those from single shots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.execution.bases import measured_circuits
from qkernel.execution.program import Program
from qkernel.execution.shots import Shots, estimate, standard_errors
from qkernel.tallies import Tally
from qkernel_backends.native import NativeEngine

NATIVE = NativeEngine()


@qk.qkernel
def read(t: qk.Vector[qk.Float]) -> tuple[qk.Vector[qk.Float], qk.Vector[qk.Float]]:
    q = qk.ry(qk.qubit_array(3), t)
    q[0], q[2] = qk.cx(q[0], q[2])
    other = qk.ry(qk.qubit_array(2), t[0])
    q[1], other[0] = qk.crx(q[1], other[0], t[1])
    h = qko.Z(0) * qko.Z(2) + 0.3 * qko.X(1) - 2.0 * qko.Z(0) + 0.25
    return qk.expval(q, [h, qko.Y(0)]), qk.probabilities(other)


CIRCUIT = read.compile(lengths={"t": 3}).circuit
THETA = np.array([[0.4, 1.1, -0.7], [2.0, 0.1, 0.6]])


def test_counts_say_what_their_shots_one_by_one_say() -> None:
    groups = measured_circuits(CIRCUIT)
    drawn = []
    for number, group in enumerate(groups):
        (probabilities,) = NATIVE.prepare(group.distribution).probabilities(THETA)
        drawn.append(Tally.drawn(list(group.bits.values()), group.circuit.num_bits, probabilities, 500, number))
        assert (drawn[-1].counts.sum(1) == 500).all()
    single = [
        Tally.of_shots(np.stack([np.repeat(tally.bits[0], row.astype(int), axis=0) for row in tally.counts])) for tally in drawn
    ]
    slopes = np.random.default_rng(3).normal(size=(2, 3, Program(CIRCUIT, NATIVE).outputs.num_readouts))
    np.testing.assert_allclose(estimate(CIRCUIT, groups, drawn, 2), estimate(CIRCUIT, groups, single, 2), atol=1e-12)
    np.testing.assert_allclose(
        standard_errors(CIRCUIT, groups, drawn, slopes), standard_errors(CIRCUIT, groups, single, slopes), atol=1e-12
    )


@pytest.mark.parametrize("count", [3, 8], ids=["single shots", "counts"])
def test_estimates_of_both_kinds_have_the_same_mean_and_spread(count: int) -> None:
    repeats, program = 4000, Program(CIRCUIT, NATIVE, shots=Shots(count, 5))
    kinds = program.estimates(THETA[:1]).tallies[-1].bits.shape[1]
    assert kinds == 4 if count >= 4 else kinds <= count
    found = program.readouts(np.repeat(THETA[:1], repeats, axis=0))
    exact = replace(program, shots=None, kept={}).readouts(THETA[:1])[0]
    assert (np.abs(found.mean(0) - exact) < 5 * found.std(0) / np.sqrt(repeats)).all()
    outcomes = exact[2:]
    np.testing.assert_allclose(found.std(0)[2:], np.sqrt(outcomes * (1 - outcomes) / count), rtol=0.1)
