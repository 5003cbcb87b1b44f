"""Mitigation helps on noisy machines, does no harm on others, and says how far to trust it.

Estimates are compared within 5.5 standard errors, which is exceeded once in 26 million; there are about 40 of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Delay
from qiskit.circuit.library import RZGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import LocalNoisePass, coherent_unitary_error
from qiskit_aer.noise import NoiseModel as AerModel
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qkernel as qk
import qkernel.observable as qko
from qkernel import mitigation, noise
from qkernel.errors import ExecutionError, ShotsError, TargetCapabilityError, ValidationError
from qkernel.mitigation.circuits import folded, twirled
from qkernel_backends.native import NativeEngine
from qkernel_backends.qiskit import QiskitEngine, decoupled

SPREAD = 5.5
IDEAL = NativeEngine(noise=noise.NoiseModel())


@qk.qkernel
def chain(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(n)
    q = qk.ry(q, angle)
    for _ in qk.range(2):
        for k in qk.range(n - 1):
            q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
        q = qk.rx(q, angle * 0.3)
    return qk.expval(q, [qko.Z(0) * qko.Z(1), qko.Z(0) * qko.X(1), 0.5 * qko.Z(2) + 1.0])


EXACT = chain.run(3, 0.7)
MANILA = noise.from_backend(FakeManilaV2())


@pytest.mark.parametrize("fit", ["linear", "richardson", "exponential"])
def test_extrapolation_helps_on_a_fake_machine_and_does_no_harm_without_noise(fit: str) -> None:
    gates_alone = noise.NoiseModel(MANILA.rules, (), MANILA.basis)
    engine = NativeEngine(noise=gates_alone)
    noisy = chain.run(3, 0.7, engine=engine)
    found = mitigation.estimate(chain, 3, 0.7, engine=engine, folds=(1, 3, 5), fit=fit)
    assert np.abs(found.value - EXACT).sum() < np.abs(noisy - EXACT).sum() / 3
    assert not found.standard_error.any()
    assert found.metadata["scales"] == (1.0, 3.0, 5.0)
    without = mitigation.estimate(chain, 3, 0.7, engine=IDEAL, folds=(1, 3, 5), fit=fit)
    assert without.value == pytest.approx(EXACT, abs=1e-11)


def test_the_standard_error_of_an_extrapolation_is_that_of_its_spread() -> None:
    engine = NativeEngine(noise=noise.depolarizing(0.01, gates="cx"))
    options: dict[str, Any] = {"engine": engine, "shots": 400, "folds": (1, 3)}
    found = [mitigation.estimate(chain, 3, 0.7, seed=seed, **options) for seed in range(60)]
    spread = np.std([each.value for each in found], axis=0, ddof=1)
    told = np.mean([each.standard_error for each in found], axis=0)
    # of 60 values a standard deviation is known to 1 / sqrt(2 * 59) = 9 %
    assert np.abs(spread / told - 1).max() < SPREAD * 0.092
    exact = mitigation.estimate(chain, 3, 0.7, engine=engine, folds=(1, 3)).value
    assert np.abs(np.mean([each.value for each in found], axis=0) - exact).max() < SPREAD * told.max() / np.sqrt(60)


@qk.qkernel
def repeated(pairs: qk.UInt) -> qk.Float:
    q = qk.qubit_array(2)
    q = qk.h(q)
    for _ in qk.range(2 * pairs):
        q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(q, qko.X(0) * qko.X(1) + qko.X(1) + qko.X(0))


def test_twirling_keeps_coherent_errors_from_adding_up() -> None:
    angle = 0.06
    turning = noise.kraus([np.diag(np.exp(-0.5j * angle * np.array([1, -1, -1, 1])))], gates="cx")
    engine, exact = NativeEngine(noise=turning), repeated.run(10)
    noisy = repeated.run(10, engine=engine)
    found = mitigation.estimate(repeated, 10, engine=engine, twirls=40, seed=3)
    assert abs(found.value - exact) + SPREAD * found.standard_error < abs(noisy - exact) / 2
    more = mitigation.estimate(repeated, 10, engine=engine, twirls=40, seed=3, folds=(1, 3), fit="exponential")
    assert abs(more.value - exact) < SPREAD * more.standard_error
    without = mitigation.estimate(repeated, 10, engine=IDEAL, twirls=3, seed=3)
    assert without.value == pytest.approx(exact, abs=1e-11)
    assert without.standard_error < 1e-11


@pytest.mark.parametrize("seed", [None, 4])
def test_folded_and_twirled_circuits_do_what_the_circuit_does(seed: int | None) -> None:
    circuit = chain.compile({"n": 3}).circuit
    made, scale = folded(circuit, 2.4)
    assert scale == pytest.approx(2.4, abs=0.2)
    theta = np.array([[0.3], [1.2]])
    angles = circuit.angles.evaluate(theta)
    expected = IDEAL.prepare(circuit).expect(theta)
    assert IDEAL.prepare(made).expect(angles) == pytest.approx(expected, abs=1e-12)
    twirl = twirled(made, seed)
    assert twirl.size > made.size
    assert IDEAL.prepare(twirl).expect(made.angles.evaluate(angles)) == pytest.approx(expected, abs=1e-12)


def test_folds_reach_the_machine() -> None:
    backend = FakeManilaV2()
    circuit = chain.compile({"n": 3}).circuit
    engine = QiskitEngine(backend, optimization_level=3)
    angles = circuit.angles.evaluate(np.array([[0.7]]))
    counts = [engine.prepare(folded(circuit, scale)[0])._translated.count_ops()["cx"] for scale in (1, 3)]
    assert counts[1] >= 3 * counts[0] > 0
    assert angles.shape == (1, circuit.angles.num_slots)


READ = noise.NoiseModel((), MANILA.readouts) | noise.readout(0.08, 0.03, on=1)


def test_corrected_bits_help_and_do_no_harm() -> None:
    engine = NativeEngine(noise=READ)
    calibration = mitigation.calibrate(engine, 3, shots=40_000, seed=1)
    assert calibration.zero_as_one[1] == pytest.approx(0.08, abs=SPREAD * np.sqrt(0.08 * 0.92 / 40_000))
    options: dict[str, Any] = {"shots": 20_000, "seed": 5}
    noisy = chain.run(3, 0.7, engine=engine, **options)
    found = mitigation.estimate(chain, 3, 0.7, engine=engine, calibration=calibration, **options)
    assert (np.abs(found.value - EXACT) < SPREAD * found.standard_error).all()
    assert np.abs(found.value - EXACT)[0] < np.abs(noisy - EXACT)[0] / 3
    ideal = mitigation.calibrate(IDEAL, 3, shots=100, seed=1)
    plain = chain.run(3, 0.7, engine=IDEAL, **options)
    same = mitigation.estimate(chain, 3, 0.7, engine=IDEAL, calibration=ideal, **options)
    assert (np.abs(same.value - EXACT) < SPREAD * same.standard_error).all()
    assert np.abs(plain - EXACT).max() < 0.1


def test_the_standard_error_of_corrected_bits_is_that_of_their_spread() -> None:
    engine = NativeEngine(noise=READ)
    found = []
    for seed in range(60):
        calibration = mitigation.calibrate(engine, 3, shots=300, seed=1000 + 2 * seed)
        found.append(mitigation.estimate(chain, 3, 0.7, engine=engine, calibration=calibration, shots=800, seed=seed))
    spread = np.std([each.value for each in found], axis=0, ddof=1)
    told = np.mean([each.standard_error for each in found], axis=0)
    assert np.abs(spread / told - 1).max() < SPREAD * 0.092


@qk.qkernel
def ghz(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[0] = qk.h(q[0])
    for k in qk.range(n - 1):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    return qk.measure(q)


def test_samples_become_quasi_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = NativeEngine(noise=READ | noise.readout(0.04, 0.1, on=[5, 6]))
    calibration = mitigation.calibrate(engine, 7, shots=40_000, seed=1)
    result = ghz.sample(7, shots=20_000, seed=2, engine=engine)
    quasi = calibration.quasi_probabilities(result)
    zeros, ones = (0,) * 7, (1,) * 7
    assert sum(quasi.values) == pytest.approx(1)
    assert quasi[zeros] + quasi[ones] == pytest.approx(1, abs=0.02)
    assert result.counts[zeros] + result.counts[ones] < 0.8 * 20_000
    mean, error = quasi.mean(lambda bits: (-1.0) ** sum(bits[:2]))
    assert abs(mean - 1) < SPREAD * max(error, 1e-3)
    assert sum(quasi.probabilities().values()) == pytest.approx(1)
    assert min(quasi.probabilities().values()) >= 0
    monkeypatch.setattr("qkernel.mitigation.readout._DIRECT", 1)
    iterated = calibration.quasi_probabilities(result)
    assert iterated.values == pytest.approx(quasi.values, abs=1e-8)


@qk.qkernel
def waiting() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q[0] = qk.h(q[0])
    q = qk.barrier(q)
    for _ in qk.range(20):
        q[1] = qk.x(q[1])
        q[1] = qk.barrier(q[1])
    q = qk.barrier(q)
    q[0] = qk.h(q[0])
    return qk.measure(q)


def drifting(radians_per_second: float) -> AerSimulator:
    """A fake machine whose qubits turn about Z while they wait."""
    backend = GenericBackendV2(2, noise_info=True, seed=1)
    model = AerModel(["cx", "id", "rz", "sx", "x"])

    def drift(operation: Delay, qubits: Any) -> Any:
        seconds = operation.duration * (backend.dt if operation.unit == "dt" else 1.0)
        return coherent_unitary_error(Operator(RZGate(radians_per_second * seconds)))

    model._custom_noise_passes.append(LocalNoisePass(drift, op_types=Delay))
    return AerSimulator.from_backend(backend, noise_model=model)


def test_decoupling_turns_drifts_back_and_does_no_harm() -> None:
    def ones(simulator: AerSimulator, passes: Any) -> float:
        engine = QiskitEngine(simulator, pass_manager=passes)
        bits = waiting.sample(shots=2000, seed=3, engine=engine)
        return sum(count for value, count in bits if value[0]) / 2000

    simulator, still = drifting(2e6), drifting(0.0)
    passes = decoupled(simulator, initial_layout=[0, 1])
    waits = generate_preset_pass_manager(1, backend=simulator, initial_layout=[0, 1], scheduling_method="alap")
    assert ones(simulator, waits) > 0.2
    assert ones(simulator, passes) < 0.01
    assert ones(still, passes) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mitigation.estimate(chain, 3, 0.7, folds=(1, 3), fit="cubic"), ValidationError, "no fit `cubic`"),
        (lambda: mitigation.estimate(chain, 3, 0.7, folds=(1,)), ValidationError, "two folds or more"),
        (lambda: mitigation.estimate(chain, 3, 0.7, folds=(0.5, 1)), ValidationError, "1 or more, not 0.5"),
        (lambda: mitigation.estimate(chain, 3, 0.7, twirls=1), ValidationError, "0 for none, or 2 or more"),
        (lambda: mitigation.estimate(ghz, 3), ExecutionError, "returns nothing that is estimated"),
        (lambda: mitigation.estimate(chain, 3, 0.0, folds=(1, 3), fit="exponential"), ExecutionError, "has one sign"),
        (lambda: mitigation.calibrate("native", 0), ValidationError, "0 qubits to calibrate"),
        (lambda: decoupled(FakeManilaV2(), "XYZ"), ValidationError, "no sequence `XYZ`"),
        (lambda: decoupled(FakeManilaV2(), "XY4"), TargetCapabilityError, "has no `y` of a known duration"),
        (
            lambda: mitigation.estimate(chain, 3, 0.7, calibration=mitigation.calibrate("native", 3, shots=10)),
            ShotsError,
            "none without shots",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
