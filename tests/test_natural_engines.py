"""What may stand where an engine is wanted: a name, an engine, an executor, an object that an adapter takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import engine_names, load_engine, resolve_engine
from qkernel.errors import DependencyError, KernelTypeError, ShotsError, TargetCapabilityError, ValidationError
from qkernel.execution.executor import Executor
from qkernel.nn import QLayer
from qkernel_backends.qiskit import QiskitEngine, QiskitTranspiler
from qkernel_backends.reference import ReferenceEngine

EXACT = {
    "a name": lambda: "reference",
    "an engine": ReferenceEngine,
    "an engine of Qiskit": QiskitEngine,
    "an executor": lambda: Executor("native"),
    "an executor on a simulator": lambda: QiskitTranspiler().executor(AerSimulator()),
    "a simulator": AerSimulator,
    "an estimator": StatevectorEstimator,
    "an estimator on Aer": EstimatorV2,
}
SAMPLED = {
    "a device": lambda: GenericBackendV2(2, seed=1, noise_info=False),
    "a sampler on Aer": lambda: SamplerV2(seed=5),
    "a sampler": lambda: StatevectorSampler(seed=5),
}


@qk.qkernel
def turned(a: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), a), qko.Z(0))


@pytest.mark.parametrize("made", EXACT.values(), ids=EXACT)
def test_exact_engines_in_layers_and_executables(made: Callable[[], Any]) -> None:
    layer = QLayer(turned, inputs=["a"], engine=made())
    angles = torch.linspace(0, 3, 4, dtype=torch.float64, requires_grad=True)
    values = layer(angles)
    values.sum().backward()
    np.testing.assert_allclose(values.detach().numpy().ravel(), np.cos(angles.detach().numpy()), atol=1e-8)
    assert angles.grad is not None
    np.testing.assert_allclose(angles.grad.numpy(), -np.sin(angles.detach().numpy()), atol=1e-8)
    program = turned.compile(parameters=["a"], engine=made())
    value, gradient = program.value_and_grad(bindings={"a": 0.4})
    assert (value, gradient["a"]) == (pytest.approx(np.cos(0.4)), pytest.approx(-np.sin(0.4)))


@pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")
@pytest.mark.parametrize("made", SAMPLED.values(), ids=SAMPLED)
def test_engines_that_only_sample_take_shots(made: Callable[[], Any]) -> None:
    found = QLayer(turned, inputs=["a"], engine=made(), shots=4000)(torch.tensor([0.4, 2.0]))
    np.testing.assert_allclose(found.ravel(), np.cos([0.4, 2.0]), atol=0.1)
    with pytest.raises((TargetCapabilityError, ShotsError)) as caught:
        QLayer(turned, inputs=["a"], engine=made())(torch.tensor([0.4]))
    assert "shots" in str(caught.value)


def test_an_engine_is_taken_as_it_is() -> None:
    engine, simulator = QiskitEngine(), AerSimulator()
    assert resolve_engine(engine) is engine
    assert resolve_engine("native") is load_engine("native")
    assert resolve_engine(Executor(engine)) is engine
    adapted: Any = resolve_engine(simulator)
    assert adapted.backend is simulator


def test_an_executor_with_shots_is_no_engine() -> None:
    with pytest.raises(ValidationError, match=r"shots=100 and seed=1") as caught:
        QLayer(turned, inputs=["a"], engine=Executor("native", seed=1, shots=100))
    assert caught.value.help == "give them beside the engine: `engine=executor.engine, shots=100, seed=1`"


@pytest.mark.parametrize("given", [None, 3, object(), np.zeros(2), torch.zeros(2), {"engine": "native"}, qko.Z(0)])
def test_anything_else_is_refused_by_name(given: Any) -> None:
    for use in (resolve_engine, Executor, lambda engine: turned.compile(parameters=["a"], engine=engine)):
        with pytest.raises(KernelTypeError, match="is no engine") as caught:
            use(given)
        assert caught.value.help is not None
        assert all(f"`{name}`" in caught.value.help for name in engine_names())


@pytest.mark.parametrize("given", [ReferenceEngine, AerSimulator, QiskitEngine])
def test_a_class_is_to_be_called(given: type) -> None:
    with pytest.raises(KernelTypeError, match=f"the class `{given.__name__}` is no engine") as caught:
        resolve_engine(given)
    assert caught.value.help == f"make an object of it: `{given.__name__}(...)`"


def test_objects_of_qiskit_that_run_nothing() -> None:
    with pytest.raises(TargetCapabilityError, match="do not run on a `Target`") as caught:
        resolve_engine(AerSimulator().target)
    assert "BackendV2" in str(caught.value)
    with pytest.raises(DependencyError, match="no engine is called `aer_simulator`"):
        resolve_engine("aer_simulator")
