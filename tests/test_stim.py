"""Stim: codes by the hundred thousand shots, with noise too, held to exact probabilities; and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from repetition_codes import decoded, repetition
from scipy.stats import binom
from test_noise import counted, fits

import qkernel as qk
import qkernel.observable as qko
from qkernel import noise
from qkernel.errors import KernelTypeError, TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel_backends.native import NativeEngine
from qkernel_backends.stim import StimEngine


def test_a_hundred_thousand_shots_of_a_repetition_code() -> None:
    result = repetition.sample(d=11, rounds=11, shots=100_000, engine=StimEngine(), seed=1)
    ((data, syndrome),) = result.counts
    assert all(data)
    assert not any(syndrome)


def test_what_stim_refuses() -> None:
    @qk.qkernel
    def magic(angle: qk.Float) -> qk.Bit:
        q = qk.h(qk.qubit())
        q = qk.rz(q, angle)
        q = qk.t(q)
        return qk.measure(q)

    with pytest.raises(TargetCapabilityError, match=r"`rz` by 0\.3 is not Clifford") as caught:
        magic.sample(angle=0.3, engine=StimEngine())
    assert "q = qk.rz(q, angle)" in str(caught.value)
    with pytest.raises(TargetCapabilityError, match="`t` is not Clifford"):
        magic.sample(angle=np.pi / 2, engine=StimEngine())
    with pytest.raises(TargetCapabilityError, match="`rz` by an open angle is not Clifford"):
        magic.to_circuit(package="stim")

    @qk.qkernel
    def until() -> qk.Bit:
        q, bit = qk.project_z(qk.h(qk.qubit()))
        while bit:
            q, bit = qk.project_z(qk.h(q))
        return qk.measure(q)

    with pytest.raises(TargetCapabilityError, match="loops on measured bits"):
        until.sample(engine=StimEngine())


def test_what_stim_does_not_feed_forward() -> None:
    @qk.qkernel
    def corrected(both: qk.UInt) -> qk.Bit:
        q = qk.h(qk.qubit_array(3))
        target = q[2]
        first, second = qk.measure(q[0]), qk.measure(q[1])
        if both == 1:
            if first and second:
                target = qk.x(target)
        elif first:
            target = qk.s(target)
        return qk.measure(target)

    with pytest.raises(TargetCapabilityError, match="decides on `x` by more than a parity"):
        corrected.sample(both=1, engine=StimEngine())
    with pytest.raises(TargetCapabilityError, match="does `s` where measured bits say so"):
        corrected.sample(both=0, engine=StimEngine())


def test_a_thousand_qubits_in_stim() -> None:
    @qk.qkernel
    def chain(n: qk.UInt) -> qk.Float:
        q = qk.qubit_array(n)
        q[0] = qk.h(q[0])
        for k in qk.range(n - 1):
            q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
        return qk.expval(q, qko.Z(0) * qko.Z(n - 1) + qko.X(0))

    assert chain.run(n=1000, engine=StimEngine()) == 1.0
    assert chain.to_circuit(package="stim", n=5).num_qubits == 5


# Noise ------------------------------------------------------------------------------------------------------------------


MODEL = (
    noise.depolarizing(0.03)
    | noise.pauli({"XI": 0.05, "ZY": 0.03}, gates="cx", on=[(0, 1), (2, 0)])
    | noise.pauli({"XZY": 0.2, "IIX": 0.1}, gates="pauli")
    | noise.kraus([np.sqrt(0.9) * np.eye(2), np.sqrt(0.1) * np.diag([1j, -1j])], gates="h")  # Z, written with a phase
    | noise.dephasing(0.1, gates=["s", "measure"])
    | noise.pauli({"X": 0.07, "Y": 0.02}, gates=["reset", "measure"], on=[0, 2])
    | noise.crosstalk(np.pi, between=(0, 2), gates="cz")
    | noise.readout(0.04)
    | noise.readout(0.2, on=1)
)


def random_clifford(seed: int) -> Circuit:
    """Gates on three qubits, and measurements and resets between them; all of it is measured in the end."""
    generator = np.random.default_rng(seed)
    builder = CircuitBuilder(3, 4)
    for name in generator.choice(["h", "s", "x", "id", "cx", "cz", "swap", "ecr", "reset"], 20).tolist():
        qubits = generator.permutation(3)[: 2 if name in ("cx", "cz", "swap", "ecr") else 1].tolist()
        builder.reset(*qubits) if name == "reset" else builder.gate(name, *qubits)
    builder.measure(1, 3)
    builder.gate("h", 1).pauli("ZYX", np.pi / 2, 2, 0, 1).gate("cx", 2, 0).barrier(0, 1, 2)
    for qubit in range(3):
        builder.measure(qubit, qubit)
    return builder.circuit()


@pytest.mark.parametrize("seed", range(4))
def test_samples_with_noise_are_those_of_trajectories(seed: int) -> None:
    circuit, no_angles = random_clifford(seed), np.zeros((1, 0))
    ours = NativeEngine(noise=MODEL).prepare(circuit).sample(no_angles, 100_000, 1)[0]
    found = StimEngine(noise=MODEL).prepare(circuit).sample(no_angles, 20_000, 2)[0]
    assert fits(counted(found), counted(ours) / len(ours))


def test_a_noisy_repetition_code_and_its_decoder() -> None:
    """Each qubit flips before each of the rounds, and is misread in the end: a majority is wrong where six of eleven are."""
    flip, misread, rounds, shots = 0.03, 0.02, 11, 100_000
    model = noise.pauli({"X": flip}, gates="id") | noise.readout(misread)
    result = decoded.sample(d=11, rounds=rounds, shots=shots, engine=StimEngine(noise=model), seed=1)
    wrong = (1 - (1 - 2 * flip) ** rounds * (1 - 2 * misread)) / 2
    expected = binom.sf(5, 11, wrong)
    assert result.counts[1] / shots == pytest.approx(expected, abs=6 * np.sqrt(expected / shots))


def test_values_with_noise_are_estimated() -> None:
    @qk.qkernel
    def pair() -> qk.Float:
        q = qk.qubit_array(2)
        q[0] = qk.h(q[0])
        q[0], q[1] = qk.cx(q[0], q[1])
        return qk.expval(q, qko.Z(0) * qko.Z(1) - qko.X(0) * qko.X(1))

    model = noise.depolarizing(0.1, gates="cx") | noise.readout(0.05)
    engine, exact = StimEngine(noise=model), pair.run(engine=NativeEngine(noise=model))
    found = pair.run_with_errors(engine=engine, shots=20_000, seed=1)
    assert abs(found.value - exact) < 6 * found.standard_error
    with pytest.raises(TargetCapabilityError, match="`stim` does not do expectation"):
        pair.run(engine=engine)


def test_noise_that_stim_lacks() -> None:
    @qk.qkernel
    def sent() -> qk.Bit:
        q = qk.h(qk.qubit_array(2))
        first, target = qk.measure(q[0]), q[1]
        if first:
            target = qk.x(target)
        return qk.measure(target)

    for model, words in (
        (noise.amplitude_damping(0.1), r"the noise `amplitude_damping\(0\.1\)` of `h` is no mixture of Paulis"),
        (noise.readout(0.1, 0.2), r"0 is read as 1 with probability 0\.1 and 1 as 0 with 0\.2"),
        (noise.depolarizing(0.1, gates="x"), "`sent` does `x` where measured bits say so, and Stim has no noise"),
    ):
        with pytest.raises(TargetCapabilityError, match=words) as caught:
            sent.sample(engine=StimEngine(noise=model))
        assert "test_stim.py" in str(caught.value)
    assert sent.sample(engine=StimEngine(noise=noise.depolarizing(0.1, gates="h")), shots=10, seed=1).shots == 10
    with pytest.raises(KernelTypeError, match="`noise` is a noise model of"):
        StimEngine(noise=0.1)  # type: ignore[arg-type]
