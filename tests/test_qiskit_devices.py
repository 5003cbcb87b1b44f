"""Backends and simulators of all kinds: what they can do is right, what they cannot is said in an error of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorSampler
from qiskit.providers import BackendV2, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error, pauli_error
from qiskit_aer.primitives import EstimatorV2, SamplerV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ExecutionError, MemoryRefusedError, QKernelError, TargetCapabilityError, ValidationError
from qkernel.execution.bases import measured_circuits
from qkernel.execution.executor import Executor
from qkernel_backends.qiskit import QiskitEngine, QiskitTranspiler

TRANSPILER = QiskitTranspiler()

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")


def sampled(kernel: Any, backend: Any, shots: int = 50, seed: int | None = None) -> Any:
    return TRANSPILER.transpile(kernel).sample(TRANSPILER.executor(backend, seed=seed), shots=shots).result().results


def run(kernel: Any, backend: Any, shots: int | None = None, **values: Any) -> Any:
    return TRANSPILER.transpile(kernel).run(TRANSPILER.executor(backend, shots=shots), bindings=values).result()


@qk.qkernel
def triangle() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[0] = qk.x(q[0])
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    q[0], q[2] = qk.cx(q[0], q[2])
    return qk.measure(q)


@qk.qkernel
def magic() -> qk.Bit:
    return qk.measure(qk.h(qk.t(qk.h(qk.qubit()))))


@qk.qkernel
def quarter_turns(angle: qk.Float) -> qk.Float:
    q = qk.rx(qk.h(qk.qubit_array(3)), angle)
    q[0], q[1] = qk.control(qk.y)(q[0], q[1])
    q[2] = qk.p(qk.ry(q[2], angle), angle)
    return qk.expval(q, qko.Y(2) * qko.Z(0) + 0.5 * qko.X(0) * qko.X(1) + qko.Z(2))


@qk.qkernel
def chances(angle: qk.Float) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.rx(qk.qubit_array(2), angle))


class Small(BackendV2):  # type: ignore[misc]
    """A device of three connected qubits, which does what `answer` does with a job on a simulator."""

    max_circuits = None

    def __init__(self, *gates: str, answer: Callable[[Any], Any] = lambda job: job) -> None:
        super().__init__(name="small")
        self.answer = answer
        self._target = Target(num_qubits=3)
        for name in (*gates, "measure"):
            self._target.add_instruction(get_standard_gate_name_mapping()[name])

    @property
    def target(self) -> Target:
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        return self.answer(AerSimulator().run(run_input, **options))


# what does not fit


@pytest.mark.parametrize(
    "made",
    [lambda device: device, lambda device: BackendSamplerV2(backend=device), AerSimulator.from_backend],
    ids=["device", "sampler", "simulator"],
)
def test_a_device_that_is_too_narrow(made: Callable[[Any], Any]) -> None:
    with pytest.raises(TargetCapabilityError, match=r"`triangle` needs 3 qubits, and `.*generic_backend_2q.*` has 2"):
        sampled(triangle, made(GenericBackendV2(2, noise_info=False)))


def test_an_estimator_that_is_too_narrow() -> None:
    estimator = BackendEstimatorV2(backend=GenericBackendV2(2, noise_info=False))
    with pytest.raises(TargetCapabilityError, match="`quarter_turns` needs 3 qubits"):
        run(quarter_turns, estimator, angle=0.3)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (GenericBackendV2(4, coupling_map=CouplingMap([[0, 1], [2, 3]]), noise_info=False), "joins more qubits by gates than"),
        (AerSimulator(coupling_map=[[0, 1], [2, 3]]), "joins more qubits by gates than"),
        (AerSimulator(coupling_map=[[0, 1]]), "needs 3 qubits, and `aer_simulator` has 2"),
        (AerSimulator(basis_gates=["x"]), "cannot make `cx`"),
        (AerSimulator(noise_model=NoiseModel(["x"])), "cannot make `cx`"),
        (Small("x"), "cannot make `cx`"),
        (Small(), "cannot make `cx`, `x`"),
    ],
)
def test_qubits_that_cannot_meet_and_gates_that_cannot_be_made(backend: Any, words: str) -> None:
    with pytest.raises(TargetCapabilityError, match=words) as caught:
        sampled(triangle, backend)
    assert (caught.value.span is not None) == ("cannot make" in words)


def test_a_device_with_few_gates_runs_what_it_can() -> None:
    assert sampled(triangle, Small("x", "cx")) == [((1, 1, 0), 50)]
    with pytest.raises(TargetCapabilityError, match="`small` cannot make `t` of `magic` of its own gates"):
        sampled(magic, Small("h", "cx"))


@qk.qkernel
def branching() -> qk.Bit:
    flag, target = qk.measure(qk.x(qk.qubit())), qk.qubit()
    if flag:
        target = qk.x(target)
    return qk.measure(target)


@qk.qkernel
def joined() -> qk.Bit:
    flag, other = qk.measure(qk.x(qk.qubit())), qk.measure(qk.qubit())
    if flag:
        other = not other
    return other


@qk.qkernel
def counted() -> qk.UInt:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    count = 0
    while bit:
        q, bit = qk.project_z(qk.h(q))
        count = count + 1
    return count


@pytest.mark.parametrize(
    ("kernel", "lacking"), [(branching, "if_else"), (joined, "if_else"), (counted, "while_loop")], ids=["if", "join", "while"]
)
def test_a_device_without_control_flow(kernel: Any, lacking: str) -> None:
    for backend in (GenericBackendV2(5, noise_info=False), BackendSamplerV2(backend=Small("x", "cx"))):
        with pytest.raises(TargetCapabilityError, match=f"has no `{lacking}`") as caught:
            sampled(kernel, backend)
        assert caught.value.span is not None


@pytest.mark.parametrize("kernel", [joined, counted], ids=["join", "while"])
def test_a_device_with_control_flow_that_stores_nothing(kernel: Any) -> None:
    """Aer, on which this device runs, fails or even aborts the process."""
    for noisy in (False, True):
        with pytest.raises(TargetCapabilityError, match="has no `store`"):
            sampled(kernel, GenericBackendV2(5, seed=1, control_flow=True, noise_info=noisy))


def test_a_device_with_control_flow_branches() -> None:
    assert sampled(branching, GenericBackendV2(5, control_flow=True, noise_info=False)) == [(1, 50)]


def test_control_flow_on_a_sampler_that_has_none() -> None:
    with pytest.raises(
        ExecutionError, match="Qiskit could not run `branching`: StatevectorSampler cannot handle ControlFlowOp"
    ):
        sampled(branching, StatevectorSampler())


# options for the transpiler


def test_the_transpilers_options_are_the_engines() -> None:
    seen = []

    class Watched(Small):
        def run(self, run_input: list[QuantumCircuit], **options: Any) -> Any:
            seen.extend(run_input)
            return super().run(run_input, **options)

    device = Watched("x", "cx", "h", "rz")
    device._target = Target.from_configuration(["x", "cx", "h", "rz", "measure"], 3, CouplingMap.from_line(3))

    @qk.qkernel
    def there_and_back() -> tuple[qk.Bit, qk.Bit]:
        a, b = qk.x(qk.qubit()), qk.qubit()
        for _ in qk.range(4):
            a, b = qk.cx(a, b)
        return qk.measure(a), qk.measure(b)

    for engine in (
        QiskitEngine(device, optimization_level=0, initial_layout=[2, 1]),
        QiskitEngine(BackendSamplerV2(backend=device), optimization_level=3, initial_layout=[0, 1]),
    ):
        assert there_and_back.sample(engine=engine, shots=5).counts == {(1, 0): 5}
    plain, optimised = seen
    assert plain.count_ops()["cx"] == 4
    assert plain.layout.initial_index_layout()[:2] == [2, 1]
    assert "cx" not in optimised.count_ops()
    assert optimised.layout.initial_index_layout()[:2] == [0, 1]


@pytest.mark.parametrize("backend", [None, AerSimulator(), EstimatorV2(), StatevectorSampler()])
def test_options_that_would_have_no_effect_are_refused(backend: Any) -> None:
    for option in ({"optimization_level": 2}, {"initial_layout": [0]}, {"seed_transpiler": 1}):
        with pytest.raises(ValidationError, match=f"`{next(iter(option))}` is for devices"):
            QiskitEngine(backend, **option)


@pytest.mark.parametrize("level", [-1, 4, 1.5, "3", True])
def test_levels_that_the_transpiler_does_not_have(level: Any) -> None:
    with pytest.raises(ValidationError, match="`optimization_level` is 0, 1, 2 or 3"):
        QiskitEngine(GenericBackendV2(2, noise_info=False), optimization_level=level)


@pytest.mark.parametrize("seed", [-1, 1.5, "3", True])
def test_seeds_that_the_transpiler_does_not_take(seed: Any) -> None:
    with pytest.raises(ValidationError, match="`seed_transpiler` is a whole number of at least 0"):
        QiskitEngine(GenericBackendV2(2, noise_info=False), seed_transpiler=seed)


@pytest.mark.parametrize(
    ("layout", "words"),
    [([0, 5], "5, and the qubits of `.*` are 0 to 2"), ([0, -1], "-1"), ([1.0], "1.0"), ([1, 0, 1], "qubit 1 of `.*` twice")],
)
def test_layouts_that_the_device_does_not_have(layout: list[Any], words: str) -> None:
    with pytest.raises(ValidationError, match=f"`initial_layout` has {words}"):
        QiskitEngine(GenericBackendV2(3, noise_info=False), initial_layout=layout)


# methods of Aer


@pytest.mark.parametrize(
    "method", ["automatic", "statevector", "density_matrix", "matrix_product_state", "stabilizer", "extended_stabilizer"]
)
def test_methods_of_aer_agree(method: str) -> None:
    simulator = AerSimulator(method=method)
    assert sampled(triangle, simulator) == [((1, 1, 0), 50)]
    if method == "extended_stabilizer":
        return
    angles = np.array([0.0, 0.5, 1.0, 1.5]) * np.pi
    np.testing.assert_allclose(run(quarter_turns, simulator, angle=angles), quarter_turns.run(angle=angles), atol=1e-9)
    assert sampled(branching, simulator) == [(1, 50)]


@pytest.mark.parametrize(
    ("method", "kernel", "values"),
    [
        ("stabilizer", magic, {}),
        ("stabilizer", quarter_turns, {"angle": 0.3}),
        ("stabilizer", chances, {"angle": 0.3}),
        ("unitary", magic, {}),
        ("unitary", chances, {"angle": 0.1}),
        ("superop", quarter_turns, {"angle": 0.0}),
    ],
)
def test_what_a_method_of_aer_lacks(method: str, kernel: Any, values: dict[str, float]) -> None:
    """Aer says it in a failed result, which its primitives do not look at."""
    simulator, options = AerSimulator(method=method), {"backend_options": {"method": method}}
    if values:
        backends = [simulator] if kernel is chances else [simulator, EstimatorV2(options=options)]
    else:
        backends = [SamplerV2(options=options), BackendSamplerV2(backend=simulator), simulator]
    use = run if values else sampled
    for backend in backends:
        with pytest.raises(ExecutionError, match=f"the backend `aer_simulator_{method}` failed: ERROR: .*invalid") as caught:
            use(kernel, backend, **values)
        assert caught.value.help is not None
        assert "method" in caught.value.help


@pytest.mark.parametrize(
    ("method", "lacking"),
    [
        ("extended_stabilizer", {"expectation", "probabilities", "state"}),
        ("stabilizer", {"state"}),
        ("density_matrix", {"state"}),
    ],
)
def test_what_a_method_of_aer_lacks_is_said_before_it_runs(method: str, lacking: set[str]) -> None:
    """And what it has, it has."""
    circuit = TRANSPILER.transpile(quarter_turns).circuit
    for engine in (QiskitEngine(method=method), QiskitEngine(AerSimulator(method=method))):
        assert {"sampling", "expectation", "probabilities", "state"} - engine.features == lacking
        with pytest.raises(TargetCapabilityError):
            engine.prepare(circuit).state(np.zeros((1, 1)))
        if "expectation" in lacking:
            with pytest.raises(TargetCapabilityError, match="give `shots` to estimate"):
                quarter_turns.run(angle=0.0, engine=engine)
        else:
            assert quarter_turns.run(angle=0.0, engine=engine) == pytest.approx(quarter_turns.run(angle=0.0))
        assert triangle.sample(engine=engine, shots=5).counts == {(1, 1, 0): 5}


@pytest.mark.parametrize(
    ("backend", "options", "words"),
    [
        (None, {"method": "stabiliser"}, "no method `stabiliser` .did you mean `stabilizer`"),
        (GenericBackendV2(2, noise_info=False), {"method": "stabilizer"}, "`method` is for Aer's simulators"),
        (EstimatorV2(), {"noise": NoiseModel()}, "`noise` is for Aer's simulators"),
        (None, {"noise": 0.01}, "`noise` is a noise model, not a float"),
    ],
)
def test_methods_and_noise_that_cannot_be(backend: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        QiskitEngine(backend, **options)


def test_noise_of_an_engine_is_that_of_its_simulator() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["rx", "ry", "p", "h"])
    by_option, by_simulator = QiskitEngine(noise=model), QiskitEngine(AerSimulator(noise_model=model))
    for engine in (by_option, by_simulator):
        assert "expectation" not in engine.features
    samples = [quarter_turns.run(angle=0.3, shots=500, seed=3, engine=engine) for engine in (by_option, by_simulator)]
    assert samples[0] == samples[1]


def test_values_and_gradients_under_noise_are_exact_on_density_matrices() -> None:
    """A depolarised qubit keeps 1 - p of each Pauli, here after each of its three gates."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["rx", "ry"])
    engine = QiskitEngine(noise=model, method="density_matrix")

    @qk.qkernel
    def turned(angle: qk.Float) -> qk.Float:
        return qk.expval(qk.ry(qk.ry(qk.rx(qk.qubit(), 0.0), angle), angle), qko.Z(0))

    value, gradient = turned.value_and_grad(angle=0.4, engine=engine)
    assert value == pytest.approx(0.9**3 * np.cos(0.8), abs=1e-12)
    assert gradient["angle"] == pytest.approx(-2 * 0.9**3 * np.sin(0.8), abs=1e-12)

    @qk.qkernel
    def behind(angle: qk.Float) -> qk.Float:
        q = qk.ry(qk.qubit_array(2), angle)
        if qk.measure(q[0]):
            q[1] = qk.x(q[1])
        return qk.expval(q[1], qko.Z(0))

    with pytest.raises(TargetCapabilityError, match="a simulator with noise has no exact values behind that"):
        behind.run(angle=0.4, engine=engine)


def test_an_engine_reads_the_options_of_its_simulator_when_it_is_made() -> None:
    simulator = AerSimulator()
    program = triangle.compile(engine=simulator)
    flips = NoiseModel()
    flips.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), ["x"])
    simulator.set_options(noise_model=flips)
    assert program.sample(shots=5).counts == {(1, 1, 0): 5}
    assert program.sample(shots=5, engine=simulator).counts == {(0, 0, 0): 5}


def test_a_simulator_that_does_not_start() -> None:
    with pytest.raises(ExecutionError, match='Qiskit could not run `magic`: Simulation device "GPU" is not supported'):
        sampled(magic, AerSimulator(device="GPU"))


@pytest.mark.parametrize("backend", [AerSimulator(), SamplerV2(), GenericBackendV2(2, noise_info=False)])
def test_more_shots_than_memory_holds(backend: Any) -> None:
    with pytest.raises(MemoryRefusedError, match="1000000000000 shots need"):
        sampled(magic, backend, shots=10**12)


# failed results


def failing(job: Any) -> Any:
    result = job.result()
    result.success, result.status = False, "the fridge is warm"
    result.results = []
    return Answered(result)


def failing_in_part(job: Any) -> Any:
    result = job.result()
    result.status = "PARTIAL COMPLETED"
    result.results[-1].success, result.results[-1].status = False, "ran out of time"
    return Answered(result)


def raising(job: Any) -> Any:
    raise KeyError("no such session")


class Answered:
    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self) -> Any:
        return self._result


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failing, "the backend `small` failed: the fridge is warm"),
        (failing_in_part, "the backend `small` failed: ran out of time"),
        (raising, "Qiskit could not run `.*`: .*no such session"),
    ],
)
def test_a_backend_that_fails_is_quoted(answer: Callable[[Any], Any], words: str) -> None:
    device = Small("x", "cx", "h", "t", "rx", "ry", "p", "cy", "sdg", answer=answer)
    for backend in (device, BackendSamplerV2(backend=device)):
        with pytest.raises(ExecutionError, match=words):
            sampled(triangle, backend)
        with pytest.raises(ExecutionError, match=words):
            run(quarter_turns, backend, shots=10, angle=[0.1, 0.2])
    estimator = BackendEstimatorV2(backend=device)
    with pytest.raises(ExecutionError, match=words):
        run(quarter_turns, estimator, angle=0.1)
    with pytest.raises(ExecutionError, match=words):
        TRANSPILER.transpile(quarter_turns).value_and_grad(angle=0.1, engine=estimator)


class PanicException(BaseException):
    """As Qiskit's Rust code raises, which no `except Exception` catches."""


def test_a_panic_is_a_failure_and_an_interrupt_is_none() -> None:
    def panicking(job: Any) -> Any:
        raise PanicException("no entry found for key")

    def interrupted(job: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(ExecutionError, match="Qiskit could not run `triangle`: no entry found for key"):
        sampled(triangle, Small("x", "cx", answer=panicking))
    with pytest.raises(KeyboardInterrupt):
        sampled(triangle, Small("x", "cx", answer=interrupted))


def test_a_backend_takes_circuits_in_the_portions_that_it_asks_for() -> None:
    sizes = []

    class Portioned(Small):
        max_circuits = 2

        def run(self, run_input: list[QuantumCircuit], **options: Any) -> Any:
            sizes.append(len(run_input))
            return super().run(run_input, **options)

    found = run(quarter_turns, Portioned("x", "cx", "h", "rx", "ry", "p", "cy", "sdg"), shots=10, angle=[0.1, 0.2, 0.3])
    assert found.shape == (3,)
    assert max(sizes) == 2
    assert sum(sizes) == 3 * len(measured_circuits(quarter_turns.compile().circuit))


# what Aer gets wrong unless it is told not to


@qk.qkernel
def rebound() -> qk.Bit:
    z, y = qk.qubit(), qk.qubit()
    if qk.measure(qk.h(qk.qubit())):
        y = qk.x(y)
    z, bit = qk.project_x(z)
    z, bit = qk.project_x(z)
    return bit


@pytest.mark.parametrize(
    "made",
    [
        AerSimulator,
        lambda: AerSimulator(method="density_matrix"),
        SamplerV2,
        lambda: SamplerV2(options={"backend_options": {"method": "statevector"}}),
        lambda: BackendSamplerV2(backend=AerSimulator()),
        lambda: AerSimulator(coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]]),
        lambda: AerSimulator.from_backend(GenericBackendV2(5, seed=1, control_flow=True)),
        lambda: AerSimulator.from_backend(  # too wide to keep all qubits
            GenericBackendV2(60, coupling_map=CouplingMap.from_line(60), seed=1, control_flow=True)
        ),
        lambda: GenericBackendV2(60, seed=1, control_flow=True, noise_info=False),
    ],
)
def test_branches_on_qubits_that_no_result_depends_on(made: Callable[[], Any]) -> None:
    """Aer drops such qubits, and then does not find them: `unordered_map::at`."""
    backend = made()
    counts = dict(sampled(rebound, backend, 400))
    assert sum(counts.values()) == 400
    assert abs(counts[0] - 200) < 5 * 10
    if isinstance(backend, AerSimulator):
        assert backend.options.fusion_enable  # what ran was a copy


# empty things


@qk.qkernel
def uniform(n: qk.UInt) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.h(qk.qubit_array(n)))


@pytest.mark.parametrize("backend", [AerSimulator(), AerSimulator(method="matrix_product_state")])
def test_probabilities_of_no_qubits(backend: Any) -> None:
    for shots in (None, 10):
        found = TRANSPILER.transpile(uniform, {"n": 0}).run(TRANSPILER.executor(backend, shots=shots)).result()
        np.testing.assert_array_equal(found, [1.0])


@qk.qkernel
def some_of_no_qubits(angle: qk.Float) -> tuple[qk.Vector[qk.Float], qk.Vector[qk.Float]]:
    return qk.probabilities(qk.qubit_array(0)), qk.probabilities(qk.rx(qk.qubit_array(2), angle))


def test_probabilities_of_some_qubits_beside_those_of_none() -> None:
    for angle in (0.3, [0.3, 0.4]):
        for ours, theirs in zip(run(some_of_no_qubits, AerSimulator(), angle=angle), some_of_no_qubits.run(angle), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("kernel", [quarter_turns, chances, magic, some_of_no_qubits])
def test_batches_of_no_samples(kernel: Any) -> None:
    circuit = TRANSPILER.transpile(kernel).circuit
    theta = np.zeros((0, circuit.angles.num_columns))
    for backend in (None, AerSimulator(), EstimatorV2(), SamplerV2(), GenericBackendV2(3, noise_info=False)):
        prepared = QiskitEngine(backend).prepare(circuit)
        if "sampling" in prepared.engine.features:
            assert prepared.sample(theta, 5, None).shape == (0, 5, circuit.num_bits)
        if "expectation" in prepared.engine.features:
            assert prepared.expect(theta).shape == (0, len(circuit.expectations))
        if "probabilities" in prepared.engine.features:
            shapes = [part.shape for part in prepared.probabilities(theta)]
            assert shapes == [(0, 1 << len(qubits)) for qubits in circuit.probabilities]
        if "state" in prepared.engine.features and circuit.is_unitary:
            assert prepared.state(theta).shape == (0, 1 << circuit.num_qubits)


# seeds


@pytest.mark.parametrize("seed", [0, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 2**64 + 1, 10**40, np.uint64(2**63)])
@pytest.mark.parametrize("name", ["native", "reference", "torch", "qiskit"])
def test_any_whole_number_from_zero_on_is_a_seed(name: str, seed: Any) -> None:
    def once(seed: Any) -> Any:
        return TRANSPILER.transpile(magic).sample(Executor(name, seed=seed), shots=200).result().results

    def values(seed: Any) -> Any:
        return TRANSPILER.transpile(chances).run(Executor(name, seed=seed, shots=200), angle=[0.4, 0.9]).result()

    assert once(seed) == once(int(seed))
    assert (values(seed) == values(int(seed))).all()
    assert len({str(values(int(seed) + k)) for k in range(3)}) > 1


def test_large_seeds_on_devices() -> None:
    for seed in (2**63, 10**30):
        first, again = (sampled(magic, GenericBackendV2(2, noise_info=False), 100, seed) for _ in range(2))
        assert first == again


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", np.float64(2), np.True_, [1]])
def test_anything_else_is_no_seed(seed: Any) -> None:
    with pytest.raises(QKernelError, match="`seed` is a whole number of at least 0"):
        TRANSPILER.executor(AerSimulator(), seed=seed)
    with pytest.raises(QKernelError, match="`seed` is a whole number of at least 0"):
        magic.sample(shots=5, seed=seed)
