"""Estimates from shots: what they cost, that they are unbiased, and that their errors are what they are said to be.

Means are tested by z-scores over many estimates, with one budget of false alarms for the whole file: 1e-6, dealt out evenly
over all z-scores that are looked at (`BOUND`). Seeds are fixed, so that what passes once passes always; the budget says how
surprising a failure was when a seed was first drawn.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError, ShotsError, TargetCapabilityError, ValidationError
from qkernel.execution.bases import measured_circuits
from qkernel.nn import QLayer
from qkernel.observable.groups import diagonalised
from qkernel_backends.qiskit import QiskitEngine
from qkernel_backends.reference import ReferenceEngine

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")

H = qko.Hamiltonian.from_string("0.5*Z0*Z1 + 0.2*X0*X1 + 0.3*Y0*Y1 + 0.1*X0*Z1 - 0.2*Z0*X2 + 0.7*Z2 + 0.25")
VALUES = {"a": 0.7, "b": [0.4, 1.2, -0.5]}
EXAMINED = 200
"""Z-scores in this file, at most."""
BOUND = NormalDist().inv_cdf(1 - 1e-6 / (2 * EXAMINED))


@qk.qkernel
def turned(a: qk.Float, b: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(3), b)
    q[0], q[1] = qk.crx(q[0], q[1], a)
    q[1], q[2] = qk.cx(q[1], q[2])
    return qk.expval(qk.rx(q, 0.5 * a), H)


@qk.qkernel
def computed(a: qk.Float, b: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(3), b)
    q[0], q[1] = qk.crx(q[0], q[1], a)
    z = qk.expval(q, [qko.Z(0), qko.X(1) * qko.X(0)])
    return z[0] * z[1] + a


def alarms(found: Any, exact: Any, errors: Any | None = None) -> Any:
    """Z-scores beyond the bound of the means of estimates, shape (estimates, numbers), with their own spread or `errors`."""
    found = np.asarray(found, float).reshape(len(found), -1)
    spread = found.std(0, ddof=1) / np.sqrt(len(found)) if errors is None else np.asarray(errors)
    scores = (found.mean(0) - np.ravel(exact)) / np.maximum(spread, 1e-12)
    return scores[np.abs(scores) > BOUND]


def batch(repeats: int) -> dict[str, Any]:
    return {name: np.broadcast_to(value, (repeats, *np.shape(value))) for name, value in VALUES.items()}


PLANS = [
    qk.ShotPlan(40, allocation, grouping)
    for allocation in ("equal", "coefficients", "variance")
    for grouping in ("qubit_wise", "commuting")
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_plans_are_unbiased_and_tell_their_errors(plan: qk.ShotPlan) -> None:
    program, repeats = turned.compile(lengths={"b": 3}), 4000
    found = program.run_with_errors(**batch(repeats), shots=plan, seed=7)
    exact = program.run(**VALUES)
    assert not alarms(found.value, exact).size
    # the spread of the estimates, and the mean of their squared errors, are two estimates of one variance
    squares = found.standard_error**2 - (found.value - exact) ** 2
    assert not alarms(squares, 0.0).size
    shots = [group["shots"] for group in found.metadata["groups"]]
    bases = measured_circuits(program.circuit, plan.grouping)
    ahead = 4 * len(bases) if plan.allocation == "variance" else 0
    assert sum(shots) + ahead == 40 * len(bases)
    assert len(bases) == {"qubit_wise": 4, "commuting": 3}[plan.grouping]


def test_dealing_shots_out_and_measuring_together_lessens_errors() -> None:
    program = turned.compile(lengths={"b": 3})
    plain, *others = (
        np.mean(program.run_with_errors(**batch(200), shots=plan, seed=1).standard_error)
        for plan in (400, qk.ShotPlan(400, "coefficients"), qk.ShotPlan(400, "variance"))
    )
    assert all(other < 0.95 * plain for other in others)


@pytest.mark.parametrize("engine", ["native", "aer", "sampler"])
def test_estimates_of_engines_have_no_alarms(engine: str) -> None:
    chosen: Any = {"native": "native", "aer": QiskitEngine(), "sampler": SamplerV2(seed=3)}[engine]
    seed = None if engine == "sampler" else 5
    program = turned.compile(lengths={"b": 3})
    repeats = 20 if engine == "sampler" else 300
    found = program.run_with_errors(**batch(repeats), shots=50, seed=seed, engine=chosen)
    assert not alarms(found.value, program.run(**VALUES)).size
    assert len(found.metadata["jobs"]) == (0 if engine == "native" else 1)


@pytest.mark.parametrize("kernel", [turned, computed], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("shots", [None, 20])
@pytest.mark.parametrize("gradient", [qk.RandomShift(), qk.RandomShift(3), qk.SimultaneousShift(2), "shift"], ids=str)
def test_gradients_at_random_are_unbiased(kernel: Any, gradient: Any, shots: int | None) -> None:
    if kernel is computed and shots is not None:
        kernel = turned  # a product of estimates of one sample is biased itself
    program = kernel.compile(lengths={"b": 3})
    exact = program.grad(**VALUES)
    found = program.grad(**batch(3000), gradient=gradient, shots=shots, seed=11)
    for name, expected in exact.items():
        assert not alarms(found[name], expected).size


def test_spsa_is_off_by_the_square_of_its_step() -> None:
    program = turned.compile(lengths={"b": 3})
    exact = program.grad(**VALUES)["a"]
    mean = {step: float(np.mean(program.grad(**batch(6000), gradient=qk.SPSA(step), seed=2)["a"])) for step in (0.02, 0.8)}
    assert abs(mean[0.02] - exact) < 0.05
    assert abs(mean[0.8] - exact) > 3 * abs(mean[0.02] - exact)


def test_a_seed_fixes_directions_and_a_call_without_one_has_others() -> None:
    program = turned.compile(lengths={"b": 3}, gradient="spsa")
    first, again, other = (program.grad(**VALUES, seed=seed)["a"] for seed in (3, 3, 4))
    assert first == again
    assert {first, other, *(program.grad(**VALUES)["a"] for _ in range(8))} != {first}


def test_a_layer_draws_directions_as_torch_has_them() -> None:
    import torch

    def trained(**options: Any) -> list[Any]:
        torch.manual_seed(1)
        layer = QLayer(turned, inputs=[], weights={"a": 0.7, "b": np.array(VALUES["b"])}, **options)
        steps = []
        for _ in range(2):
            layer.zero_grad()
            layer().sum().backward()
            steps.append(torch.cat([part.grad.ravel() for part in layer.parameters() if part.grad is not None]))
        return steps

    for options in ({"gradient": "random_shift"}, {"gradient": qk.SPSA(0.1, 3), "seed": 4}, {"gradient": "spsa", "shots": 50}):
        once, twice = trained(**options), trained(**options)
        assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))
        assert not torch.equal(once[0], once[1])


class Counting(AerSimulator):  # type: ignore[misc]
    """Notes how many circuits, or rows of them, each job has, and with how many shots."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.jobs: list[tuple[int, Any]] = []

    def run(self, circuits: Any, parameter_binds: Any = None, **options: Any) -> Any:
        rows = [len(next(iter(entry.values()), [0])) for entry in parameter_binds or [{}] * len(circuits)]
        jobs.append((sum(rows), options.get("shots")))
        return super().run(circuits, parameter_binds=parameter_binds, **options)


jobs: list[tuple[int, Any]] = []


def test_a_step_of_training_is_one_job() -> None:
    import torch

    evaluations, bases = 1 + 4 + 3 * 2 + 3 * 2, 4
    for shots, rows in ((None, 2 * evaluations), (100, 2 * evaluations * bases)):
        layer = QLayer(turned, inputs=["b"], weights=["a"], engine=QiskitEngine(Counting()), shots=shots)
        jobs.clear()
        inputs = torch.tensor([VALUES["b"], VALUES["b"]], requires_grad=True)
        layer(inputs).sum().backward()
        assert jobs == [(rows, shots)]
        assert inputs.grad is not None
    jobs.clear()
    turned.compile(lengths={"b": 3}).value_and_grad(**VALUES, engine=Counting(), shots=100)
    assert jobs == [(evaluations * bases, 100)]
    jobs.clear()
    turned.run(**VALUES, engine=Counting(), shots=qk.ShotPlan(100, "coefficients"))
    assert len(jobs) == 4  # a backend takes one number of shots for all circuits of a job


def test_a_backend_that_takes_few_shots_gets_them_in_parts() -> None:
    sizes = []

    class Short(GenericBackendV2):  # type: ignore[misc]
        max_shots = 400

        def run(self, run_input: Any, **options: Any) -> Any:
            sizes.append(options["shots"])
            return super().run(run_input, **options)

    backend = Short(3, seed=1, noise_info=False)
    found = turned.run_with_errors(**VALUES, engine=backend, shots=1000, seed=3)
    assert max(sizes) <= 400
    assert {group["shots"] for group in found.metadata["groups"]} == {1000}
    assert abs(found.value - turned.run(**VALUES)) < BOUND * found.standard_error


@pytest.mark.parametrize("count", range(6))
def test_clifford_gates_make_commuting_terms_diagonal(count: int) -> None:
    generator, letters = np.random.default_rng(count), "IXYZ"
    words = {"".join(letters[k] for k in generator.integers(0, 4, 4)) for _ in range(24)} - {"IIII"}
    every = qko.Hamiltonian.from_list([(word, 1.0) for word in sorted(words)])
    groups = every.commuting_groups()
    assert sum(map(len, groups)) == len(every)
    assert len(groups) < len(every.qubit_wise_commuting_groups())
    for group in groups:
        terms = tuple(group.terms)
        for gates, wanted in [(found.gates, found.terms) for found in [diagonalised(terms)]]:
            matrix = np.eye(16, dtype=complex)
            for name, qubits in gates:
                matrix = _embedded(name, qubits, 4) @ matrix
            for operators, (sign, qubits) in zip(terms, wanted, strict=True):
                product = qko.Hamiltonian.product(operators) + qko.Hamiltonian(4)
                z = qko.Hamiltonian.product([qko.PauliOperator(qko.Pauli.Z, q) for q in qubits], sign) + qko.Hamiltonian(4)
                turned_term = matrix @ product.to_numpy() @ matrix.conj().T
                np.testing.assert_allclose(turned_term, z.to_numpy(), atol=1e-12)


def _embedded(name: str, qubits: tuple[int, ...], width: int) -> Any:
    @qk.qkernel
    def one(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        if len(qubits) == 1:
            q[qubits[0]] = (qk.h if name == "h" else qk.sdg)(q[qubits[0]])
        else:
            q[qubits[0]], q[qubits[1]] = (qk.cx if name == "cx" else qk.cz)(q[qubits[0]], q[qubits[1]])
        return q

    return one.unitary(q=width)


class TestPrimitives:
    def test_errors_are_their_own(self) -> None:
        program = turned.compile(lengths={"b": 3})
        device = GenericBackendV2(3, seed=1, noise_info=False)
        found = program.run_with_errors(
            **VALUES, engine=BackendEstimatorV2(backend=device, options={"seed_simulator": 3}), shots=10_000
        )
        assert found.metadata["precision"] == pytest.approx(0.01)
        assert 0.003 < found.standard_error < 0.03
        assert abs(found.value - program.run(**VALUES)) < BOUND * found.standard_error
        assert len(found.metadata["jobs"]) == 1
        drawn = program.run_with_errors(**VALUES, engine=StatevectorEstimator(seed=1), shots=100)
        assert drawn.standard_error == pytest.approx(0.1)

    def test_computed_results_to_first_order(self) -> None:
        program = computed.compile(lengths={"b": 3})
        found = program.run_with_errors(**VALUES, engine=StatevectorEstimator(seed=1), shots=10_000)
        theta = np.array([[VALUES["a"], *VALUES["b"]]])
        z = ReferenceEngine().prepare(program.circuit).expect(theta)[0]
        assert found.standard_error == pytest.approx(0.01 * np.hypot(*z), rel=0.1)


def test_what_is_spent_is_told_before() -> None:
    machine = GenericBackendV2(3, seed=1)
    text = turned.explain(**VALUES, engine=machine, shots=1000, batch=4)
    assert "a value of 4 samples takes 16 circuits, 16,000 shots, about" in text
    assert "17 evaluations per sample" in text
    assert "4 samples take 272 circuits, 272,000 shots, about" in text
    for gradient, evaluations in (("spsa", 3), (qk.SPSA(directions=4), 9), ("random_shift", 5), ("simultaneous_shift", 3)):
        assert f"{evaluations} evaluations per sample" in turned.explain(**VALUES, gradient=gradient)
    assert "on the machine" not in turned.explain(**VALUES, shots=1000)
    plan = qk.ShotPlan(1000, "variance", "commuting")
    assert "3 circuits, 3,000 shots" in turned.explain(**VALUES, shots=plan)


def test_loops_on_measured_bits_have_values_alone() -> None:
    @qk.qkernel
    def tried(a: qk.Float) -> qk.Float:
        q = qk.qubit_array(2)
        bit = qk.measure(qk.h(qk.qubit()))
        while bit:
            bit = qk.measure(qk.h(qk.qubit()))
        return qk.expval(qk.rx(q, a), qko.Z(0))

    text = tried.explain(a=0.3, shots=100)
    assert "a value takes 1 circuit, 100 shots" in text
    assert "gradient" not in text


def test_bad_plans_and_rules_are_refused() -> None:
    for bad in (lambda: qk.ShotPlan(0), lambda: qk.ShotPlan(True), lambda: turned.run(**VALUES, shots=0)):
        with pytest.raises(ShotsError):
            bad()
    with pytest.raises(ValidationError, match=r"no allocation `variances` \(did you mean `variance`"):
        qk.ShotPlan(10, "variances")
    with pytest.raises(ValidationError, match="no grouping `general`"):
        qk.ShotPlan(10, grouping="general")
    for rule in (
        lambda: qk.SPSA(0.0),
        lambda: qk.SPSA(directions=0),
        lambda: qk.RandomShift(1.5),
        lambda: qk.SimultaneousShift(0),
    ):
        with pytest.raises(ValidationError):
            rule()
    with pytest.raises(GradientError, match="no gradient method `spa`"):
        turned.grad(**VALUES, gradient="spa")
    with pytest.raises(GradientError, match="no adjoint method"):
        turned.grad(**VALUES, gradient="adjoint", shots=10)
    with pytest.raises(TargetCapabilityError):
        turned.grad(**VALUES, gradient="spsa", engine=GenericBackendV2(3, seed=1))
