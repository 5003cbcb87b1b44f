"""Networks in numpy and as torch modules: rows Q1 to Q21 of qiskit-machine-learning's first tutorial, with its numbers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    KernelTypeError,
    ObservableError,
    ShotsError,
    TargetCapabilityError,
    UnknownBindingError,
    ValidationError,
)
from qkernel.nn import EstimatorQNN, SamplerQNN, TorchConnector
from qkernel_backends.qiskit import QiskitEngine

DRAWN = np.random.default_rng(42)
X, W, X2, W2 = (DRAWN.random(count) for count in (1, 1, 2, 4))  # in the tutorial's order
INPUT, WEIGHT = Parameter("input1"), Parameter("weight1")
INPUTS, WEIGHTS = ParameterVector("input", 2), ParameterVector("weight", 4)
Y, Z = SparsePauliOp("Y"), SparsePauliOp("Z")
DEVICE = GenericBackendV2(5, seed=1)
PASSES = generate_preset_pass_manager(optimization_level=1, backend=DEVICE, seed_transpiler=1)

VALUE, BY_WEIGHT, BY_INPUT = 0.2970093987, 0.6327276672, 0.3038852038
PROBABILITIES = [0.0182652732, 0.2573565366, 0.5267981027, 0.1975800874]
BY_WEIGHTS = [
    [0.00606238, -0.1124595, -0.06856156, -0.09809236],
    [0.21167414, -0.09069775, 0.06856156, -0.22549618],
    [-0.48846674, 0.32499215, -0.32262178, 0.09809236],
    [0.27073021, -0.12183491, 0.32262178, 0.22549618],
]
BY_INPUTS = [[-0.05844702, -0.10621091], [0.38798796, -0.19544083], [-0.34561132, 0.09459601], [0.01607038, 0.20705573]]


def first_circuit() -> QuantumCircuit:
    """Q1."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.ry(INPUT, 0)
    circuit.rx(WEIGHT, 0)
    return circuit


def second_circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    for qubit in (0, 1):
        circuit.ry(INPUTS[qubit], qubit)
    circuit.cx(0, 1)
    for start in (0, 2):
        for qubit in (0, 1):
            circuit.ry(WEIGHTS[start + qubit], qubit)
        if not start:
            circuit.cx(0, 1)
    return circuit


@qk.qkernel
def first_kernel(x: qk.Float, w: qk.Float) -> qk.Qubit:
    return qk.rx(qk.ry(qk.h(qk.qubit()), x), w)


@qk.qkernel
def second_kernel(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(2):
        q[i] = qk.ry(q[i], x[i])
    for layer in qk.range(2):
        q[0], q[1] = qk.cx(q[0], q[1])
        for i in qk.range(2):
            q[i] = qk.ry(q[i], w[layer, i])
    return q


def estimator(kind: str = "circuit", **settings: Any) -> EstimatorQNN:
    if kind == "kernel":
        return EstimatorQNN(circuit=first_kernel, input_params="x", weight_params=["w"], **{"observables": Y, **settings})
    chosen = {"circuit": first_circuit(), "observables": Y, "input_params": [INPUT], "weight_params": [WEIGHT]}
    return EstimatorQNN(**{**chosen, **settings})


def sampler(kind: str = "circuit", **settings: Any) -> SamplerQNN:
    if kind == "kernel":
        shapes: dict[str, Any] = {"input_params": ["x"], "weight_params": {"w": (2, 2)}, "bindings": {"q": 2}}
        return SamplerQNN(circuit=second_kernel, **shapes, **settings)
    return SamplerQNN(circuit=second_circuit(), **{"input_params": INPUTS, "weight_params": WEIGHTS, **settings})


def parity(index: int) -> int:
    return index.bit_count() % 2


KINDS = pytest.mark.parametrize("kind", ["circuit", "kernel"])


def test_q2_the_draws() -> None:
    np.testing.assert_allclose([*X, *W, *X2], [0.77395605, 0.43887844, 0.85859792, 0.69736803], atol=5e-9)
    np.testing.assert_allclose(W2, [0.09417735, 0.97562235, 0.7611397, 0.78606431], atol=5e-9)


@KINDS
def test_q3_the_network_tells_what_it_is(kind: str) -> None:
    network = estimator(kind)
    assert (network.num_inputs, network.num_weights) == (1, 1)
    for part in ("EstimatorQNN", "1 qubit,", "1 input,", "1 weight,", "observables Y0", "output shape (1,)", "inputs off"):
        assert part in repr(network)
    for part in ("SamplerQNN", "2 inputs", "4 weights", "interpreted by parity", "output shape (2,)"):
        assert part in repr(sampler(kind, interpret=parity, output_shape=2))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_q4_z_on_every_qubit_is_the_default(n: int) -> None:
    circuit, angles = QuantumCircuit(n), ParameterVector("a", n)
    for qubit, angle in enumerate(angles):
        circuit.rx(angle, qubit)
    network = EstimatorQNN(circuit=circuit, weight_params=angles)
    assert [str(observable) for observable in network.observables] == ["*".join(f"Z{k}" for k in range(n))]
    values = np.linspace(0.3, 1.1, n)
    np.testing.assert_allclose(network.forward(None, values), [[np.prod(np.cos(values))]], atol=1e-12)


@KINDS
def test_q1_q5_q6_q7_q8_one_observable(kind: str) -> None:
    network = estimator(kind)
    found = network.forward(X, W)
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(VALUE, abs=5e-11)
    twice = network.forward([X, X], W)
    assert twice.shape == (2, 1)
    assert twice[0] == twice[1]
    by_input, by_weight = network.backward(X, W)
    assert by_input is None
    assert by_weight.shape == (1, 1, 1)
    assert by_weight[0, 0, 0] == pytest.approx(BY_WEIGHT, abs=5e-11)
    network.input_gradients = True
    for each in (network, estimator(kind, input_gradients=True)):
        by_input, by_weight = each.backward(X, W)
        assert by_input.shape == (1, 1, 1)
        np.testing.assert_allclose([by_input[0, 0, 0], by_weight[0, 0, 0]], [BY_INPUT, BY_WEIGHT], atol=5e-11)


@KINDS
def test_q9_several_observables(kind: str) -> None:
    network = estimator(kind, observables=[Y, qko.Z(0)], input_gradients=True)
    np.testing.assert_allclose(network.forward(X, W), [[VALUE, -BY_WEIGHT]], atol=5e-11)
    by_input, by_weight = network.backward([X, X], W)
    np.testing.assert_allclose(by_weight, [[[BY_WEIGHT], [VALUE]]] * 2, atol=5e-11)
    np.testing.assert_allclose(by_input, [[[BY_INPUT], [-0.6473753927]]] * 2, atol=5e-11)


def test_q10_names() -> None:
    wanted = [f"input[{k}]" for k in range(2)] + [f"weight[{k}]" for k in range(4)]
    assert list(sampler().executable.parameter_names) == wanted


@KINDS
def test_q11_q12_q13_q14_probabilities_by_index(kind: str) -> None:
    network = sampler(kind, input_gradients=True)
    found = network.forward(X2, W2)
    assert found.shape == (1, 4)
    np.testing.assert_allclose(found[0], PROBABILITIES, atol=5e-11)
    twice = network.forward([X2, X2], W2)
    assert twice.shape == (2, 4)
    np.testing.assert_array_equal(twice[0], twice[1])
    by_inputs, by_weights = network.backward(X2, W2)
    np.testing.assert_allclose(by_weights, [BY_WEIGHTS], atol=5e-9)
    np.testing.assert_allclose(by_inputs, [BY_INPUTS], atol=5e-9)
    np.testing.assert_allclose(by_weights.sum(1), 0, atol=1e-15)


def test_q15_interpret_needs_an_output_shape() -> None:
    with pytest.raises(EntrypointValidationError, match="`interpret` is given without `output_shape`"):
        sampler(interpret=parity)
    with pytest.raises(BindingShapeError, match=r"`interpret` gives `2` for 2, and `output_shape` is \(2,\)"):
        sampler(interpret=lambda index: index, output_shape=2)
    with pytest.raises(BindingShapeError, match=r"`interpret` gives `0\.5` for 0"):
        sampler(interpret=lambda index: 0.5, output_shape=2)
    with pytest.raises(BindingShapeError, match=r"`output_shape` is \(3,\), and 2 qubits have 4 outcomes"):
        sampler(output_shape=3)
    for shape in (0, -1, True, (2, 0), 2.0):
        with pytest.raises(BindingShapeError, match="`output_shape` is a whole number from 1 on"):
            sampler(interpret=parity, output_shape=shape)
    with pytest.raises(KernelTypeError, match="`interpret` is a function of an index, not `2`"):
        sampler(interpret=2, output_shape=2)
    assert sampler(interpret=parity, output_shape=np.int64(2)).output_shape == (2,)


@KINDS
def test_q16_parity(kind: str) -> None:
    network = sampler(kind, interpret=parity, output_shape=2, input_gradients=True)
    np.testing.assert_allclose(network.forward(X2, W2), [[0.21584536, 0.78415464]], atol=5e-9)
    by_inputs, by_weights = network.backward(X2, W2)
    row = np.array([0.27679259, -0.2342944, 0.25406022, 0.12740382])
    np.testing.assert_allclose(by_weights, [[row, -row]], atol=5e-9)
    row = np.array([-0.04237664, 0.10084482])
    np.testing.assert_allclose(by_inputs, [[row, -row]], atol=5e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_q17_shapes(n: int) -> None:
    circuit, angles = QuantumCircuit(n), ParameterVector("a", n)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    plain = SamplerQNN(circuit=circuit, weight_params=angles)
    values = np.linspace(0.3, 1.9, n)
    found = plain.forward(None, values)
    assert found.shape == (1, 2**n)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert plain.backward(None, values)[1].shape == (1, 2**n, n)
    tabled = SamplerQNN(
        circuit=circuit, weight_params=angles, interpret=lambda k: (k % 2, k.bit_count()), output_shape=(2, n + 1)
    )
    assert tabled.backward(None, values)[1].shape == (1, 2, n + 1, n)
    expected = np.zeros((2, n + 1))
    for k, probability in enumerate(found[0]):
        expected[k % 2, k.bit_count()] += probability
    np.testing.assert_allclose(tabled.forward(None, values), [expected], atol=1e-12)
    module = TorchConnector(tabled, values)
    np.testing.assert_allclose(module().detach(), expected, atol=1e-6)


def test_q18_networks_keep_no_weights() -> None:
    network = estimator()
    before = network.forward(X, W)
    assert network.forward(X, W + 1)[0, 0] != before[0, 0]
    np.testing.assert_array_equal(network.forward(X, W), before)


@pytest.mark.parametrize(
    ("primitive", "passes", "tolerance"),
    [
        (StatevectorEstimator(), None, 1e-9),
        (StatevectorEstimator(), PASSES, 1e-9),
        (EstimatorV2(), None, 1e-9),
        (AerSimulator(), None, 1e-9),
        ("reference", None, 1e-9),
        (BackendEstimatorV2(backend=DEVICE, options={"seed_simulator": 7}), None, 0.1),
        (BackendEstimatorV2(backend=DEVICE, options={"seed_simulator": 7}), PASSES, 0.1),
    ],
    ids=["statevector", "statevector, passes", "Aer", "simulator", "engine", "device", "device, passes"],
)
def test_q19_estimators(primitive: Any, passes: Any, tolerance: float) -> None:
    network = estimator(estimator=primitive, pass_manager=passes, input_gradients=True)
    np.testing.assert_allclose(network.forward([X, X], W), [[VALUE]] * 2, atol=tolerance)
    by_input, by_weight = network.backward(X, W)
    np.testing.assert_allclose([by_input[0, 0, 0], by_weight[0, 0, 0]], [BY_INPUT, BY_WEIGHT], atol=tolerance)


@pytest.mark.parametrize(
    ("primitive", "passes"),
    [
        (StatevectorSampler(seed=1, default_shots=4096), None),
        (SamplerV2(seed=1, default_shots=4096), None),
        (BackendSamplerV2(backend=DEVICE, options={"seed_simulator": 7, "default_shots": 4096}), PASSES),
    ],
    ids=["statevector", "Aer", "device, passes"],
)
def test_q19_samplers(primitive: Any, passes: Any) -> None:
    network = sampler(sampler=primitive, pass_manager=passes)
    found = network.forward(X2, W2)
    np.testing.assert_allclose(found * 4096, np.round(found * 4096), atol=1e-9)
    np.testing.assert_allclose(found, [PROBABILITIES], atol=0.05)
    np.testing.assert_allclose(network.backward(X2, W2)[1], [BY_WEIGHTS], atol=0.05)


@pytest.mark.parametrize("make", [estimator, sampler])
def test_shots_without_a_primitive(make: Any) -> None:
    inputs, weights = (X, W) if make is estimator else (X2, W2)
    exact, drawn = make(), make(shots=20_000, seed=3)
    found = drawn.forward(inputs, weights)
    np.testing.assert_allclose(found, exact.forward(inputs, weights), atol=0.03)
    assert (found != exact.forward(inputs, weights)).all()
    np.testing.assert_array_equal(found, make(shots=20_000, seed=3).forward(inputs, weights))
    np.testing.assert_allclose(drawn.backward(inputs, weights)[1], exact.backward(inputs, weights)[1], atol=0.03)
    module = TorchConnector(drawn, initial_weights=weights)
    outputs = module(torch.tensor(inputs)).detach().numpy().reshape(found.shape)
    np.testing.assert_allclose(outputs, found, atol=0.03)
    assert (abs(outputs - exact.forward(inputs, weights)) > 1e-6).all()
    with pytest.raises(ShotsError):
        make(shots=0)


def test_q19_the_pass_manager_is_what_prepares_the_circuit() -> None:
    seen = []

    class Passes:
        def run(self, circuit: QuantumCircuit) -> QuantumCircuit:
            seen.append(circuit)
            return PASSES.run(circuit)

    estimator(estimator=StatevectorEstimator(), pass_manager=Passes()).forward(X, W)
    assert seen
    with pytest.raises(ValidationError, match="no estimator is given"):
        estimator(pass_manager=PASSES)
    with pytest.raises(ValidationError, match="the engine `native` has no use for a pass manager"):
        estimator(estimator="native", pass_manager=PASSES)
    with pytest.raises(ValidationError, match="`optimization_level` and `pass_manager` are both given"):
        QiskitEngine(BackendEstimatorV2(backend=DEVICE), optimization_level=1, pass_manager=PASSES)
    with pytest.raises(ValidationError, match="a pass manager has a method `run`, and `3` has none"):
        QiskitEngine(StatevectorEstimator(), pass_manager=3)
    with pytest.raises(ValidationError, match="this engine has neither"):
        estimator(estimator=AerSimulator(), pass_manager=PASSES)


@KINDS
def test_q20_networks_draw(kind: str) -> None:
    network = sampler(kind)
    values = {"lengths": {"input": 2, "weight": 4}}
    assert network.kernel.to_circuit(**values).count_ops()["cx"] == 2
    assert network.kernel.draw(output="text", inline=True).count("RY") >= 2
    figure = network.kernel.draw(output="mpl", inline=True)
    assert figure.axes


@KINDS
def test_q21_modules_have_input_gradients_wherever_they_are_asked(kind: str) -> None:
    network = estimator(kind, observables=[Y, Z])
    assert not network.input_gradients
    module = TorchConnector(network, torch.tensor(W))
    x = torch.tensor(np.array([X, X]), requires_grad=True)
    outputs = module(x)
    np.testing.assert_allclose(outputs.detach(), network.forward([X, X], W), atol=1e-12)
    outputs[:, 0].sum().backward()
    np.testing.assert_allclose(x.grad, [[BY_INPUT]] * 2, atol=5e-10)
    assert module.weight.grad.item() == pytest.approx(2 * BY_WEIGHT, abs=5e-10)


def test_modules_begin_uniform_or_as_they_are_told() -> None:
    network = sampler(interpret=parity, output_shape=2)
    torch.manual_seed(0)
    module = TorchConnector(network)
    torch.manual_seed(0)
    np.testing.assert_array_equal(module.weight.detach(), torch.rand(4) * 2 - 1)
    assert module.weight.dtype == torch.float32
    again = TorchConnector(network, W2)
    again.load_state_dict(module.state_dict())
    x = torch.rand(3, 5, 2)
    np.testing.assert_array_equal(again(x).detach(), module(x).detach())
    assert again(x).shape == (3, 5, 2)
    module = TorchConnector(sampler(sparse=True), W2)
    assert module(x).is_sparse
    module(x).to_dense().square().sum().backward()
    assert module.weight.grad.abs().min() > 0


@KINDS
def test_networks_and_their_modules_are_copied_and_pickled(kind: str) -> None:
    network = sampler(kind, interpret=lambda index: index % 2, output_shape=2, input_gradients=True)
    module = TorchConnector(network, W2)
    x = torch.rand(3, 2)
    for copied in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert repr(copied) == repr(network)
        np.testing.assert_array_equal(copied.forward(X2, W2), network.forward(X2, W2))
        np.testing.assert_array_equal(copied.backward(X2, W2)[0], network.backward(X2, W2)[0])
    for again in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(again(x), module(x))
        assert again.weight is not module.weight


def test_sparse_results() -> None:
    found, dense = sampler(sparse=True), sampler()
    assert found.forward(X2, W2).is_sparse
    np.testing.assert_array_equal(found.forward(X2, W2).to_dense(), dense.forward(X2, W2))
    np.testing.assert_array_equal(found.backward(X2, W2)[1].to_dense(), dense.backward(X2, W2)[1])


def test_batch_axes() -> None:
    network, samples = sampler(input_gradients=True), np.random.default_rng(0).random((3, 2, 2))
    assert network.forward(samples, W2).shape == (3, 2, 4)
    assert [part.shape for part in network.backward(samples, W2)] == [(3, 2, 4, 2), (3, 2, 4, 4)]
    assert network.forward(samples[:0], W2).shape == (0, 2, 4)


def test_measurements_at_the_end_say_which_qubit_is_which_bit() -> None:
    plain, measured, crossed = second_circuit(), second_circuit(), second_circuit()
    measured.measure_all()
    crossed.add_register(QuantumRegister(1, "beside"))
    crossed.add_bits([*QuantumCircuit(0, 2).clbits])
    crossed.measure([0, 1], [1, 0])
    found = [
        SamplerQNN(circuit=circuit, input_params=INPUTS, weight_params=WEIGHTS).forward(X2, W2)[0]
        for circuit in (plain, measured, crossed)
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-15)
    np.testing.assert_allclose(found[2], found[0][[0, 2, 1, 3]], atol=1e-12)
    within = QuantumCircuit(1, 1)
    within.measure(0, 0)
    within.h(0)
    unread = QuantumCircuit(2, 2)
    unread.measure(0, 0)
    for circuit in (within, unread):
        with pytest.raises(TargetCapabilityError, match="has bits beside those that one measurement at its end writes"):
            SamplerQNN(circuit=circuit)


def test_parameters_may_share_a_vector_and_come_in_any_order() -> None:
    angles, last = ParameterVector("t", 3), Parameter("weight")
    circuit = QuantumCircuit(QuantumRegister(1, "input"), QuantumRegister(1, "b"), global_phase=0.3)
    circuit.rx(2 * angles[2] + angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.rx(last, 1)
    network = EstimatorQNN(
        circuit=circuit,
        observables=[qko.Z(0), SparsePauliOp("ZI")],
        input_params=[last, angles[0]],
        weight_params=[angles[2], angles[1]],
    )
    x, w = [0.7, 0.2], [0.4, 1.1]
    np.testing.assert_allclose(network.forward(x, w), [[np.cos(2 * 0.4 + 0.2), np.cos(1.1) * np.cos(0.7)]], atol=1e-12)


def test_a_device_is_no_estimator_and_an_estimator_no_sampler() -> None:
    with pytest.raises(TargetCapabilityError, match="stands where an estimator is wanted: it does not do expectation"):
        estimator(estimator=DEVICE)
    with pytest.raises(TargetCapabilityError, match="stands where a sampler is wanted: it does not do sampling"):
        sampler(sampler=StatevectorEstimator())


def test_numbers_for_which_a_network_has_no_parameters_are_refused() -> None:
    untrained = estimator(input_params=[INPUT, WEIGHT], weight_params=None)
    np.testing.assert_allclose(untrained.forward([*X, *W], []), [[VALUE]], atol=1e-9)
    with pytest.raises(BindingShapeError, match="the network has no weights, and for these 2 numbers are given"):
        untrained.forward([*X, *W], [0.1, 0.2])
    trained = estimator(weight_params=[INPUT, WEIGHT], input_params=None)
    with pytest.raises(BindingShapeError, match="the network has no inputs, and for these 1 number is given"):
        trained.backward(torch.ones(1), [*X, *W])


def test_no_samples_have_gradients_of_their_shapes() -> None:
    network = sampler(input_gradients=True)
    assert network.forward(np.zeros((0, 2)), W2).shape == (0, 4)
    assert [part.shape for part in network.backward(np.zeros((0, 2)), W2)] == [(0, 4, 2), (0, 4, 4)]


def test_parameters_by_their_names() -> None:
    named = sampler(input_params=["input[0]", "input[1]"], weight_params=[entry.name for entry in WEIGHTS])
    np.testing.assert_array_equal(named.forward(X2, W2), sampler().forward(X2, W2))
    with pytest.raises(UnknownBindingError, match="has a parameter `input1`, but not the one of this name that is given"):
        estimator(input_params=[Parameter("input1")])
    with pytest.raises(UnknownBindingError, match=r"has no parameter `input2` .did you mean `input1`"):
        estimator(input_params="input2")


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(BindingShapeError, match=r"`input_data` holds 2 numbers for each sample, and the shape is \(3,\)"):
        sampler().forward([0.1, 0.2, 0.3], W2)
    with pytest.raises(BindingShapeError, match="`weights` holds 4 numbers, and none are given"):
        sampler().forward(X2)
    with pytest.raises(BindingShapeError, match="is an array of numbers"):
        sampler().forward(["a", "b"], W2)
    with pytest.raises(BindingShapeError, match=r"`weights` has the shape \(2, 4\)"):
        sampler().forward(X2, [W2, W2])
    with pytest.raises(UnknownBindingError, match="has no parameter `c`"):
        estimator(input_params=[Parameter("c")])
    with pytest.raises(EntrypointValidationError, match=r"the parameter `weight1` of `.*` has no value"):
        estimator(weight_params=None)
    with pytest.raises(ConflictingBindingError, match="`input1` is named twice"):
        estimator(weight_params=[INPUT, WEIGHT])
    with pytest.raises(ObservableError, match="not `3`"):
        estimator(observables=[Y, 3])
    with pytest.raises(ObservableError, match="not an empty list"):
        estimator(observables=[])
    with pytest.raises(ObservableError, match=r"`X0[*]Z2` acts on 3 qubits, and `.*` hands back 1"):
        estimator(observables=["Z", "ZIX"])
    with pytest.raises(ObservableError, match=r"an observable has complex coefficients: 1j[*]Y0"):
        estimator(observables=1j * Y)
    with pytest.raises(BindingShapeError, match=r"`initial_weights` holds 4 numbers, and the shape is \(3,\)"):
        TorchConnector(sampler(), [0.1, 0.2, 0.3])
    with pytest.raises(BindingShapeError, match="`initial_weights` is an array of numbers"):
        TorchConnector(sampler(), "zeros")
    with pytest.raises(KernelTypeError, match="a circuit is a kernel or a `QuantumCircuit`"):
        EstimatorQNN(circuit=3)
    with pytest.raises(KernelTypeError, match="an `EstimatorQNN` or a `SamplerQNN` is wanted"):
        TorchConnector(first_kernel)


def test_what_does_not_fit_a_kernel_is_named() -> None:
    def network(**settings: Any) -> SamplerQNN:
        chosen: dict[str, Any] = {"input_params": ["x"], "weight_params": {"w": (2, 2)}, "bindings": {"q": 2}}
        return SamplerQNN(circuit=second_kernel, **{**chosen, **settings})

    assert network().num_qubits == 2
    with pytest.raises(EntrypointValidationError, match="`q` of `second_kernel` has no length"):
        network(bindings={})
    with pytest.raises(EntrypointValidationError, match="`x` of `second_kernel` has no value"):
        network(input_params=None)
    with pytest.raises(EntrypointValidationError, match="the shape of `w` is not known"):
        network(weight_params=["w"])
    with pytest.raises(UnknownBindingError, match="has no argument `v`"):
        network(weight_params=["v"])
    with pytest.raises(ConflictingBindingError, match="`x` stands both in `input_params` and in `weight_params`"):
        network(weight_params={"w": (2, 2), "x": 2})
    with pytest.raises(BindingTypeError, match=r"`q` is a Vector\[Qubit\], and inputs and weights are Floats"):
        network(input_params=["x", "q"], bindings={})

    @qk.qkernel
    def value(x: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), x), qko.Z(0))

    with pytest.raises(KernelTypeError, match="`value` gives back no qubits alone"):
        EstimatorQNN(circuit=value, input_params=["x"])


def test_interpretation_of_many_outcomes_stays_quick() -> None:
    circuit, angles = QuantumCircuit(10), ParameterVector("a", 10)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    network = SamplerQNN(circuit=circuit, weight_params=angles, interpret=parity, output_shape=2)
    values = np.linspace(0.1, 1.0, 10)
    even = (1 + np.prod(np.cos(values))) / 2
    np.testing.assert_allclose(network.forward(None, values), [[even, 1 - even]], atol=1e-12)
