"""Aer's noise models: every error that a model has on an operation of the kernel takes effect, or the run is refused by name.

Errors here are Pauli X on all qubits of the operation, with certainty: a noisy circuit is then the ideal one with X gates
in it, which the reference engine computes exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error, pauli_error
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from test_qiskit import KINDS, described

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit, Kind
from qkernel_backends.qiskit import QiskitEngine, QiskitTranspiler, emit
from qkernel_backends.reference import ReferenceEngine

BASIS = ["id", "x", "rx", "ry", "rz", "sx", "cx"]
SHOTS = 4000
ROW = np.zeros((1, 0))
# fmt: off
KEPT = {
    "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "p", "rx", "ry", "rz", "u", "unitary",
    "cx", "cy", "cz", "cp", "crx", "cry", "crz", "cu", "csx", "ccx", "ccz", "mcx", "mcphase",
    "swap", "cswap", "ecr", "rxx", "ryy", "rzz", "rzx",
}
# fmt: on


def flipping(names: Iterable[str], width: int, basis: Iterable[str] = BASIS, on: list[int] | None = None) -> NoiseModel:
    """A model in which the operations `names` flip all their qubits."""
    model = NoiseModel(list(basis))
    error = pauli_error([("X" * width, 1.0)])
    if on is None:
        model.add_all_qubit_quantum_error(error, list(names))
    else:
        model.add_quantum_error(error, list(names), on)
    return model


def turned(kind: Kind, flips: bool, measured: bool) -> Circuit:
    """The instruction twice among rotations that are not of its kind, with the errors written out if `flips`."""
    width, angles = kind.num_qubits, (0.4, -1.3, 2.2, 0.7)[: kind.num_angles]
    builder = CircuitBuilder(width, width if measured else 0)
    around = ("rx" if kind.name == "ry" else "ry", "rx" if kind.name == "rz" else "rz")
    for turn in range(3):
        for qubit in range(width):
            for name in around:
                builder.gate(name, qubit, angles=(0.3 + 0.5 * turn - 0.4 * qubit,))
        if turn == 2:
            break
        builder._add(kind, tuple(range(width)), angles)
        for qubit in range(width if flips else 0):
            builder.gate("x", qubit)
    if not measured:
        return builder.circuit(probabilities=(tuple(range(width)),))
    for qubit in range(width):
        builder.measure(qubit, qubit)
    return builder.circuit()


def sampled(kernel: Any, backend: Any, **given: Any) -> Any:
    """The counts of five shots on a backend, for a batch a list of them."""
    transpiler = QiskitTranspiler()
    found = transpiler.transpile(kernel).sample(transpiler.executor(backend), shots=5, bindings=given).result()
    return [result.results for result in found] if isinstance(found, list) else found.results


def frequencies(bits: np.ndarray) -> np.ndarray:
    numbers = (bits.astype(int) << np.arange(bits.shape[-1])).sum(-1)
    return np.bincount(numbers, minlength=1 << bits.shape[-1]) / len(numbers)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.num_qubits and kind.name != "gphase"], ids=described)
def test_an_error_on_any_gate_takes_effect_or_is_refused(kind: Kind) -> None:
    circuit = turned(kind, flips=False, measured=True)
    names = [row.operation.name for row in emit(circuit).data]
    name = names[2 * kind.num_qubits]
    engine = QiskitEngine(AerSimulator(noise_model=flipping([name], kind.num_qubits)))
    if name not in KEPT:
        with pytest.raises(TargetCapabilityError, match="would be lost") as caught:
            engine.prepare(circuit).sample(ROW, 1, 1)
        assert f"`{name}`" in str(caught.value)
        return
    (expected,) = ReferenceEngine().prepare(turned(kind, flips=True, measured=False)).probabilities(ROW)
    found = frequencies(engine.prepare(circuit).sample(ROW, SHOTS, 1)[0])
    assert np.abs(found - expected[0]).max() < 5 * np.sqrt(0.25 / SHOTS)


@qk.qkernel
def several(angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q = qk.x(q)
    q[0], q[1], q[2], q[3] = qk.control(qk.x, num_controls=3)(q[0], q[1], q[2], q[3])
    q[0], q[1] = qk.cp(q[0], q[1], angle)
    q[0], q[1], q[2] = qk.control(qk.ry, num_controls=2)(q[0], q[1], q[2], angle)
    q[0] = qk.p(q[0], angle)
    q[2], q[3] = qk.swap(q[2], q[3])
    return qk.measure(q)


@pytest.mark.parametrize(
    ("name", "width", "own"),
    [("c3x", 4, "mcx"), ("mcry", 3, "ccry"), ("phase", 1, "p"), ("c1p", 2, "cp"), ("cccx", 4, "mcx")],
)
def test_an_error_under_a_name_that_aer_does_not_have_is_refused(name: str, width: int, own: str) -> None:
    simulator = AerSimulator(noise_model=flipping([name], width))
    with pytest.raises(TargetCapabilityError, match=f"errors on `{name}` in `several`, and Qiskit's name of it is `{own}`"):
        sampled(several, simulator, angle=0.3)


@qk.qkernel
def of_older_names() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q[0] = qk.u(q[0], 0.0, 0.3, 0.4)
    q[0], q[1] = qk.cp(q[0], q[1], 0.2)
    return qk.measure(q)


@pytest.mark.parametrize(("name", "width", "expected"), [("u3", 1, (1, 0)), ("cu1", 2, (1, 1))])
def test_an_error_under_a_name_that_aer_has_takes_effect(name: str, width: int, expected: tuple[int, ...]) -> None:
    simulator = AerSimulator(noise_model=flipping([name], width, ["id", "p", "u3", "cu1"]))
    assert sampled(of_older_names, simulator) == [(expected, 5)]


@qk.composite_gate(name="my_box")
@qk.qkernel
def boxed(q: qk.Qubit) -> qk.Qubit:
    return qk.h(q)


@qk.qkernel
def with_a_box() -> qk.Bit:
    return qk.measure(boxed(qk.qubit()))


def test_an_error_on_a_composite_gate_is_refused() -> None:
    simulator = AerSimulator(noise_model=flipping(["my_box"], 1))
    with pytest.raises(TargetCapabilityError, match="errors on `my_box` in `with_a_box`, which is a box of other gates"):
        sampled(with_a_box, simulator)


@qk.qkernel
def everything() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    a, b, c = qk.qubit(), qk.qubit(), qk.qubit()
    a = qk.reset(a)
    b = qk.id(b)
    return qk.measure(a), qk.measure(b), qk.measure(c)


@pytest.mark.parametrize(
    ("name", "expected"), [("reset", (1, 0, 0)), ("id", (0, 1, 0)), ("measure", (1, 1, 1)), ("x", (0, 0, 0))]
)
def test_errors_on_what_is_no_gate(name: str, expected: tuple[int, ...]) -> None:
    assert sampled(everything, AerSimulator(noise_model=flipping([name], 1))) == [(expected, 5)]


def test_readout_errors_are_kept_for_all_and_for_single_qubits() -> None:
    certain = ReadoutError([[0, 1], [1, 0]])
    everywhere, on_one = NoiseModel(), NoiseModel()
    everywhere.add_all_qubit_readout_error(certain)
    on_one.add_readout_error(certain, [1])
    for model, expected in ((everywhere, (1, 1, 1)), (on_one, (0, 1, 0))):
        assert sampled(everything, AerSimulator(noise_model=model)) == [(expected, 5)]


@qk.qkernel
def doubly_controlled() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0], q[1], q[2] = qk.ccx(q[0], q[1], q[2])
    q[1], q[2], q[3] = qk.ccx(q[1], q[2], q[3])
    return qk.measure(q)


def test_errors_on_some_qubits_stay_there() -> None:
    model = flipping(["ccx"], 3, on=[1, 2, 3])
    assert sampled(doubly_controlled, AerSimulator(noise_model=model)) == [((0, 1, 1, 1), 5)]


@qk.qkernel
def branching() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0] = qk.x(q[0])
    if qk.measure(q[0]):
        q[1], q[2], q[3] = qk.ccx(q[1], q[2], q[3])
    return qk.measure(q[1:])


def test_errors_take_effect_in_branches() -> None:
    assert sampled(branching, AerSimulator(noise_model=flipping(["ccx"], 3))) == [((1, 1, 1), 5)]
    with pytest.raises(TargetCapabilityError, match="errors on `ccx`"):
        sampled(branching, AerSimulator(noise_model=flipping(["ccx"], 3), method="stabilizer"))


@qk.qkernel
def batched(angle: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.x(qk.qubit_array(2))
    q[0], q[1] = qk.control(qk.rx)(q[0], q[1], angle)
    return qk.measure(q)


def test_a_batch_of_angles_of_noisy_gates() -> None:
    found = sampled(batched, AerSimulator(noise_model=flipping(["crx"], 2)), angle=[0.0, np.pi, 2 * np.pi, 3 * np.pi])
    assert found == [[((0, 0), 5)], [((0, 1), 5)], [((0, 0), 5)], [((0, 1), 5)]]


def test_errors_of_unknown_operations_do_no_harm() -> None:
    assert sampled(everything, AerSimulator(noise_model=flipping(["swap", "delay", "my_gate", "unitary", "mcx"], 2))) == [
        ((0, 0, 0), 5)
    ]


def test_a_simulator_of_a_device_keeps_its_noise() -> None:
    simulator = AerSimulator.from_backend(GenericBackendV2(4, noise_info=False, seed=1), noise_model=flipping(["cx"], 2))

    @qk.qkernel
    def entangled() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(4)
        q[0], q[1] = qk.cx(q[0], q[1])
        return qk.measure(q)

    assert sampled(entangled, simulator) == [((1, 1, 0, 0), 5)]
    with pytest.raises(TargetCapabilityError, match="`ccx`"):
        branching.compile(engine=AerSimulator(noise_model=flipping(["ccx"], 3), coupling_map=[[0, 1], [1, 2], [2, 3]])).sample(
            shots=5
        ).result()


@qk.qkernel
def flipped() -> qk.Float:
    q = qk.qubit_array(3)
    q[0], q[1], q[2] = qk.ccx(q[0], q[1], q[2])
    return qk.expval(q, qko.Z(2))


def on(backend: Any, kernel: Any, shots: int | None = None) -> Any:
    transpiler = QiskitTranspiler()
    return transpiler.transpile(kernel).run(transpiler.executor(backend, shots=shots)).result()


def test_noise_in_the_options_of_primitives() -> None:
    model = flipping(["ccx"], 3)
    estimators = (
        EstimatorV2(options={"backend_options": {"noise_model": model}}),
        EstimatorV2(options={"run_options": {"noise_model": model}}),
        EstimatorV2.from_backend(AerSimulator(noise_model=model)),
        BackendEstimatorV2(backend=AerSimulator(noise_model=model)),
    )
    for estimator in estimators:
        assert on(estimator, flipped) == pytest.approx(-1)
    samplers = (
        SamplerV2(options={"backend_options": {"noise_model": model}}),
        SamplerV2(options={"run_options": {"noise_model": model}}),
        SamplerV2.from_backend(AerSimulator(noise_model=model)),
        BackendSamplerV2(backend=AerSimulator(noise_model=model)),
        BackendSamplerV2(backend=AerSimulator(), options={"run_options": {"noise_model": model}}),
        AerSimulator(noise_model=model),
    )
    for sampler in samplers:
        assert on(sampler, flipped, shots=20) == pytest.approx(-1)


def test_noise_that_primitives_would_lose_is_refused() -> None:
    @qk.qkernel
    def exchanged() -> qk.Float:
        q = qk.qubit_array(2)
        q[0], q[1] = qk.iswap(q[0], q[1])
        return qk.expval(q, qko.Z(0))

    model = flipping(["iswap"], 2)
    for backend, shots in (
        (EstimatorV2(options={"run_options": {"noise_model": model}}), None),
        (BackendEstimatorV2(backend=AerSimulator(noise_model=model)), None),
        (SamplerV2(options={"backend_options": {"noise_model": model}}), 5),
    ):
        with pytest.raises(TargetCapabilityError, match="errors on `iswap` in `exchanged`"):
            on(backend, exchanged, shots)


@qk.qkernel
def measured_before() -> qk.Float:
    q = qk.x(qk.qubit())
    q, _ = qk.project_z(q)
    return qk.expval(q, qko.Z(0))


def test_measurements_are_not_deferred_on_noisy_estimators() -> None:
    """An error on `measure` would be lost, as there is no measurement any more."""
    model = flipping(["measure"], 1)
    for estimator in (
        EstimatorV2.from_backend(AerSimulator(noise_model=model)),
        BackendEstimatorV2(backend=AerSimulator(noise_model=model)),
    ):
        with pytest.raises(TargetCapabilityError, match="measures or resets qubits"):
            on(estimator, measured_before)
    assert on(EstimatorV2(), measured_before) == pytest.approx(-1)
    assert on(AerSimulator(noise_model=model), measured_before, shots=20) == pytest.approx(-1)  # flipped twice


def test_exact_values_are_refused_on_a_noisy_simulator() -> None:
    with pytest.raises(TargetCapabilityError, match="does not do expectation") as caught:
        on(AerSimulator(noise_model=flipping(["ccx"], 3)), flipped)
    assert "shots" in str(caught.value)


@qk.qkernel
def assigned() -> tuple[qk.Bit, qk.Bit]:
    seen, other = qk.measure(qk.h(qk.qubit())), qk.measure(qk.h(qk.qubit()))
    if seen:
        other = not other
    return seen, other


@pytest.mark.parametrize("error", [depolarizing_error(0.01, 1), amplitude_damping_error(0.01)], ids=["pauli", "kraus"])
def test_assigned_bits_are_refused_under_noise(error: Any) -> None:
    """Aer 0.18 leaves assignments out under errors that are no Pauli errors, without a word."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(error, ["h"])
    with pytest.raises(TargetCapabilityError, match="assigns bits or counts at run time, which Aer leaves out") as caught:
        sampled(assigned, AerSimulator(noise_model=model))
    assert caught.value.span is not None
