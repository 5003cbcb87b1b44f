"""Noise: the channels by their definitions, on density matrices by numpy; trajectories; Aer's models; what is refused.

Samples are held to exact probabilities by chi-squared tests, each of which fails of itself once in 10 million.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from scipy.stats import chi2
from shifts import shift_vjp

import qkernel as qk
import qkernel.observable as qko
from qkernel import noise
from qkernel.errors import KernelTypeError, ShotsError, TargetCapabilityError, ValidationError
from qkernel.execution.gradient import open_slots
from qkernel.gates import pauli_matrix
from qkernel.lower.circuit import Circuit, bit
from qkernel.noise import NoiseModel
from qkernel.observable import Hamiltonian, X, Y, Z
from qkernel_backends.density import program
from qkernel_backends.native import NativeEngine
from qkernel_backends.native.trajectories import Trajectories

FALSE_ALARM = 1e-7
NO_ANGLES = np.zeros((1, 0))
MODEL = (
    noise.depolarizing(0.02)
    | noise.amplitude_damping(0.07, excited=0.2, gates=["cx", "ry"])
    | noise.pauli({"XI": 0.05, "ZY": 0.03}, gates="cx", on=[(0, 1), (2, 0)])
    | noise.thermal_relaxation(50.0, 60.0, 4.0, gates="ccx")
    | noise.crosstalk(0.3, between=(0, 2), gates=["cx", "rzz"])
    | noise.kraus([dense_x := np.array([[np.cos(0.1), -1j * np.sin(0.1)], [-1j * np.sin(0.1), np.cos(0.1)]])], gates="h")
)


def random_circuit(seed: int, num_qubits: int = 3, measured: bool = False) -> Circuit:
    """Gates of one, two and three qubits and more, with angles that share parameters."""
    generator = np.random.default_rng(seed)
    builder = CircuitBuilder(num_qubits, num_qubits if measured else 0)
    theta = builder.parameter("theta", 4)
    for _ in range(14):
        name = str(generator.choice(["h", "ry", "rx", "u", "cx", "rzz", "crx", "ccx", "swap", "cu"]))
        width = {"h": 1, "ry": 1, "rx": 1, "u": 1, "ccx": 3}.get(name, 2)
        angles = {"ry": 1, "rx": 1, "u": 3, "rzz": 1, "crx": 1, "cu": 4}.get(name, 0)
        qubits = [int(qubit) for qubit in generator.permutation(num_qubits)[:width]]
        builder.gate(
            name, *qubits, angles=tuple(theta[int(generator.integers(4))] * generator.normal() + 0.3 for _ in range(angles))
        )
    builder.pauli("XZY", theta[0] * 0.7, 2, 0, 1)
    for qubit in range(num_qubits if measured else 0):
        builder.measure(qubit, qubit)
    if measured:
        return builder.circuit()
    observables = (X(0) * Y(1) * 0.4 + Z(1) - 0.7 * Y(2) * Z(0) + 1.5, Z(0) * X(2) + 0.3 * Y(1), Hamiltonian.identity(2.5))
    return builder.circuit(observables=observables, probabilities=((2, 0), tuple(range(num_qubits))))


def by_definition(circuit: Circuit, model: NoiseModel, theta: Any) -> Any:
    """The density matrix of one sample: each gate, and the sum over Kraus operators of each channel."""
    size = 1 << circuit.num_qubits
    rho = np.zeros((size, size), complex)
    rho[0, 0] = 1
    angles = circuit.angles.evaluate(theta)
    for instruction in circuit.instructions():
        gate = dense_on(instruction.kind.matrix(*(angles[slot] for slot in instruction.slots)), instruction.qubits, size)
        rho = gate @ rho @ gate.conj().T
        for channel, qubits in model.behind(noise.name_of(instruction.kind), instruction.qubits):
            operators = [dense_on(matrix, qubits, size) for matrix in channel.kraus]
            rho = sum(operator @ rho @ operator.conj().T for operator in operators)
    return rho


def dense_of(observable: Hamiltonian, size: int) -> Any:
    """The matrix of an observable."""
    result = observable.constant * np.eye(size, dtype=complex)
    for operators, coefficient in observable.terms.items():
        product = np.eye(size, dtype=complex)
        for operator in operators:
            product = dense_on(pauli_matrix(operator.pauli.value), (operator.index,), size) @ product
        result += coefficient * product
    return result


def dense_on(matrix: Any, qubits: tuple[int, ...], size: int) -> Any:
    """A matrix on some qubits as one on all."""
    result = np.zeros((size, size), complex)
    mask = sum(1 << qubit for qubit in qubits)
    for column in range(size):
        inside = sum((column >> qubit & 1) << k for k, qubit in enumerate(qubits))
        for row in range(len(matrix)):
            place = sum((row >> k & 1) << qubit for k, qubit in enumerate(qubits))
            result[column & ~mask | place, column] += matrix[row, inside]
    return result


def expected(circuit: Circuit, model: NoiseModel, theta: Any) -> tuple[Any, Any]:
    """Expectation values, and the probabilities of the qubits (2, 0)."""
    values, shares = [], []
    assert circuit.num_qubits == 3
    for row in theta:
        rho = by_definition(circuit, model, row)
        matrices = [dense_of(part.observable, len(rho)) for part in circuit.expectations]
        values.append([np.trace(matrix @ rho).real for matrix in matrices])
        diagonal = np.diag(rho).real.reshape((2,) * circuit.num_qubits)
        shares.append(diagonal.sum(1).T.reshape(-1))  # axis 0 is qubit 2, which comes first
    return np.array(values), np.array(shares)


def fits(counts: Any, probabilities: Any) -> bool:
    """Whether counts are those of a sample of these probabilities."""
    counts, expected = np.asarray(counts, float), np.asarray(probabilities) * np.sum(counts)
    likely = expected > 5
    counts = np.append(counts[likely], counts[~likely].sum())
    expected = np.append(expected[likely], expected[~likely].sum())
    kept = expected > 0
    statistic = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    return bool(statistic < chi2.isf(FALSE_ALARM, max(1, kept.sum() - 1))) and not counts[~kept].any()


def counted(bits: Any) -> Any:
    numbers = (bits.astype(int) << np.arange(bits.shape[-1])).sum(-1)
    return np.bincount(numbers, minlength=1 << bits.shape[-1])


@pytest.mark.parametrize("seed", range(6))
def test_values_probabilities_and_gradients_are_those_of_the_definitions(seed: int) -> None:
    circuit = random_circuit(seed)
    generator = np.random.default_rng(seed)
    theta, cotangent = generator.uniform(-3, 3, (3, 4)), generator.normal(size=(3, 3))
    prepared = NativeEngine(noise=MODEL).prepare(circuit)
    values, shares = expected(circuit, MODEL, theta)
    assert prepared.expect(theta) == pytest.approx(values, abs=1e-12)
    assert prepared.probabilities(theta)[0] == pytest.approx(shares, abs=1e-12)
    found, gradient = prepared.expect_vjp(theta, cotangent)
    assert found == pytest.approx(values, abs=1e-12)
    _, shifted = shift_vjp(NativeEngine(noise=MODEL).prepare(open_slots(circuit)), circuit, theta, cotangent)
    assert gradient == pytest.approx(shifted, abs=1e-10)


def with_resets(layers: int) -> Circuit:
    """What cannot be undone, again and again."""
    builder = CircuitBuilder(3, 1)
    theta = builder.parameter("theta", layers)
    for k in range(layers):
        builder.gate("ry", k % 3, angles=(theta[k],)).gate("cx", k % 3, (k + 1) % 3).reset((k + 2) % 3)
        builder.gate("rx", (k + 2) % 3, angles=(theta[k] * 0.5,)).measure(k % 3, 0)
    return builder.circuit(observables=(Z(0) + Z(1) * Z(2), Y(0) * X(1)))


@pytest.mark.parametrize("room", [1 << 32, 0], ids=["all states kept", "states made anew"])
def test_gradients_through_what_cannot_be_undone(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MOST_BYTES", room)
    model = noise.depolarizing(0.3) | noise.amplitude_damping(0.9, gates="cx")
    circuit = with_resets(12)
    theta, cotangent = np.random.default_rng(0).uniform(-3, 3, (2, 12)), np.array([[1.0, -0.5], [0.3, 2.0]])
    engine = NativeEngine(noise=model)
    prepared = engine.prepare(circuit)
    assert len(prepared._memories.program.kept) > 8  # type: ignore[attr-defined]
    values, gradient = prepared.expect_vjp(theta, cotangent)
    assert values == pytest.approx(prepared.expect(theta), abs=1e-13)
    _, shifted = shift_vjp(engine.prepare(open_slots(circuit)), circuit, theta, cotangent)
    assert gradient == pytest.approx(shifted, abs=1e-11)


def test_several_threads_and_large_states_give_what_one_small_call_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = random_circuit(3, 6)
    theta, cotangent = np.random.default_rng(1).uniform(-3, 3, (3, 4)), np.ones((3, 3))
    engine = NativeEngine(noise=noise.depolarizing(0.05) | noise.amplitude_damping(0.1))
    whole = engine.prepare(circuit).expect_vjp(theta, cotangent)
    monkeypatch.setattr(program, "_WHOLE", 1)
    monkeypatch.setattr(program, "_WORTH_THREADS", 1)
    monkeypatch.setenv("QKERNEL_NUM_THREADS", "3")
    shared = engine.prepare(circuit).expect_vjp(theta, cotangent)
    assert all(first == pytest.approx(second, abs=1e-12) for first, second in zip(whole, shared, strict=True))


def branching(measured: bool) -> Circuit:
    """A bit, read wrongly at times, decides on a gate."""
    builder = CircuitBuilder(3, 4)
    theta = builder.parameter("theta")
    builder.gate("h", 0).gate("cx", 0, 1).gate("ry", 2, angles=(theta,)).measure(0, 0).gate("h", 0).reset(2).gate("cx", 1, 2)
    builder.branch(bit(0), lambda then: then.gate("x", 1), lambda other: other.gate("ry", 1, angles=(theta * 2.0,)))
    for qubit in range(3 if measured else 0):
        builder.measure(qubit, qubit + 1)
    return builder.circuit() if measured else builder.circuit(observables=(Z(1),), probabilities=((0, 1, 2),))


READ_WRONGLY = MODEL | noise.readout(0.1, 0.25) | noise.readout(0.0, 0.02, on=1) | noise.dephasing(0.1, gates="measure")


def test_trajectories_of_measured_branches_follow_the_exact_probabilities() -> None:
    engine, theta = NativeEngine(noise=READ_WRONGLY), np.array([[0.7]])
    prepared = engine.prepare(branching(False))
    (exact,) = prepared.probabilities(theta)
    bits = engine.prepare(branching(True)).sample(theta, 20_000, 5)
    assert fits(counted(bits[0, :, 1:]), exact[0])
    values, gradient = prepared.expect_vjp(theta, np.ones((1, 1)))
    around = [prepared.expect(theta + step)[0, 0] for step in (-1e-5, 1e-5)]
    assert gradient[0, 0] == pytest.approx((around[1] - around[0]) / 2e-5, abs=1e-9)
    assert values == pytest.approx(prepared.expect(theta), abs=1e-12)


def test_trajectories_and_density_matrices_agree() -> None:
    measured, theta = random_circuit(2, measured=True), np.full((1, 4), 0.4)
    (_, exact) = NativeEngine(noise=READ_WRONGLY).prepare(random_circuit(2)).probabilities(theta)
    for prepared in (
        Trajectories(measured, np.dtype(complex), READ_WRONGLY),
        NativeEngine(noise=READ_WRONGLY).prepare(measured),
    ):
        assert fits(counted(prepared.sample(theta, 20_000, 3)[0]), exact[0])


@qk.qkernel
def ghz(n: qk.UInt, angle: qk.Float) -> qk.Float:
    q = qk.qubit_array(n)
    q[0] = qk.h(q[0])
    for k in qk.range(n - 1):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    q[n - 1] = qk.rx(q[n - 1], angle)
    return qk.expval(q, qko.Z(0) * qko.Z(n - 1))


FADES = noise.depolarizing(0.02, gates="cx") | noise.readout(0.03, 0.06)


def test_beyond_twelve_qubits_values_come_from_trajectories_with_their_errors() -> None:
    engine = NativeEngine(noise=FADES)
    with pytest.raises(ShotsError, match="14 qubits, and with noise values are exact up to 12"):
        ghz.run(14, 0.3, engine=engine)
    found = ghz.run_with_errors(14, 0.3, engine=engine, shots=2000, seed=4)
    # each cx has Z Z behind it fade by 1 - p, and reading out is affine: (1 - a - b) Z + (b - a) on each of two qubits
    kept, constant = 1 - 0.03 - 0.06, 0.06 - 0.03
    exact = kept**2 * np.cos(0.3) * (1 - 0.02) ** 13 + constant**2  # a single Z has mean 0
    assert abs(found.value - exact) < 5.4 * found.standard_error  # one false alarm in 15 million
    assert found.standard_error == pytest.approx(np.sqrt((1 - exact**2) / 2000), rel=0.1)


def test_estimates_tend_to_the_exact_values_with_errors_of_reading_out() -> None:
    engine = NativeEngine(noise=FADES)
    exact = ghz.run(5, 0.3, engine=engine)
    found = ghz.run_with_errors(5, 0.3, engine=engine, shots=20_000, seed=4)
    assert abs(found.value - exact) < 5.4 * found.standard_error


def test_kernels_are_differentiated_and_layers_train_through_noise() -> None:
    import torch

    from qkernel.nn import QLayer

    engine = NativeEngine(noise=FADES)
    value, slopes = ghz.value_and_grad(4, 0.3, engine=engine)
    other = ghz.value_and_grad(4, 0.3 + 1e-5, engine=engine)[0]
    assert slopes["angle"] == pytest.approx((other - value) / 1e-5, abs=1e-4)
    layer = QLayer(ghz, {"n": 4}, inputs=(), weights=["angle"], engine=engine)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    losses = []
    for _ in range(15):
        loss = layer().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.1


def test_models_are_values() -> None:
    assert pickle.loads(pickle.dumps(MODEL)) == MODEL
    assert hash(MODEL) == hash(pickle.loads(pickle.dumps(MODEL)))
    assert (NoiseModel() | MODEL) == MODEL
    assert str(noise.depolarizing(0.01, gates="cx", on=(0, 1)) | noise.readout(0.02)) == (
        "depolarizing(0.01) behind cx on (0, 1); readout(0.02, 0.02)"
    )
    engine = NativeEngine(noise=MODEL)
    assert pickle.loads(pickle.dumps(engine)) == engine != NativeEngine()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: noise.depolarizing(1.2), "`probability` is between 0 and 1, not 1.2"),
        (lambda: noise.amplitude_damping(float("nan")), "`gamma` is between 0 and 1"),
        (lambda: noise.depolarizing(0.1, gates="cnot"), r"no gate `cnot` to have noise \(did you mean `cx`\?\)"),
        (lambda: noise.kraus([np.eye(2), np.eye(2)]), "do not preserve the trace"),
        (lambda: noise.kraus([np.eye(3)]), "no square matrices on the same qubits"),
        (lambda: noise.pauli({"XX": 0.1, "Z": 0.1}), "no Pauli words of one length"),
        (lambda: noise.pauli({"X": 0.7, "Z": 0.7}), "what the probabilities leave"),
        (lambda: noise.thermal_relaxation(10, 30, 1), "t2 is 2 t1 at most|no relaxation with t1 = 10, t2 = 30"),
        (lambda: noise.crosstalk(0.1, (1, 1)), "between two qubits"),
        (lambda: noise.readout(-0.1), "`zero_as_one` is between 0 and 1"),
        (lambda: noise.depolarizing("0.1"), "`probability` is between 0 and 1, not '0.1'"),
        (lambda: noise.depolarizing(0.1, on="q"), "`on` names qubits by their numbers, not 'q'"),
        (lambda: noise.readout(0.1, on=["0"]), "`on` names qubits by their numbers"),
        (lambda: noise.depolarizing(0.1, gates=3), "no gate `3` to have noise"),
        (lambda: noise.kraus(["K"]), "no square matrices on the same qubits"),
        (lambda: noise.kraus(3), "no square matrices on the same qubits"),
        (lambda: NoiseModel() | 3, "unsupported operand"),
    ],
)
def test_bad_models_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises((ValidationError, TypeError), match=message):
        make()


def test_what_a_model_cannot_do_is_refused() -> None:
    wide = noise.kraus([np.eye(4)], gates="ccx")
    with pytest.raises(ValidationError, match="`kraus` is for gates of 2 qubits, and `ccx` has 3"):
        NativeEngine(noise=wide).prepare(random_circuit(0)).expect(np.zeros((1, 4)))
    builder = CircuitBuilder(5).gate("x", 0, 1, 2, 3, 4, controls=4).circuit(observables=(Z(0),))
    with pytest.raises(
        TargetCapabilityError, match="depolarizing noise is for gates of 3 qubits at most, and `mcx` here has 5"
    ):
        NativeEngine(noise=noise.depolarizing(0.1)).prepare(builder).expect(NO_ANGLES)
    turning = noise.kraus([dense_x], gates="measure")
    with pytest.raises(TargetCapabilityError, match="turns the qubit"):
        ghz.run(3, 0.2, engine=NativeEngine(noise=turning))
    with pytest.raises(KernelTypeError, match=r"`noise` is a noise model of `qkernel\.noise`, not a float"):
        NativeEngine(noise=0.1)  # type: ignore[arg-type]
    with pytest.raises(TargetCapabilityError, match="does not do state"):
        ghz.compile({"n": 2}).statevector(angle=0.1, engine=NativeEngine(noise=MODEL))
