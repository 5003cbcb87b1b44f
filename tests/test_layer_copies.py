"""Layers that go elsewhere: copies, pickles, state dictionaries, exported programs, other processes.

What comes out computes what went in, on the same engine, or it is refused by name; a sequence of shots goes on.
"""

from __future__ import annotations

import copy
import gc
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.primitives import StatevectorEstimator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import GradientError, TargetCapabilityError, TextFormError, ValidationError
from qkernel.nn import QLayer
from qkernel.nn.operators import name_of
from qkernel.nn.text import format_layer, parse_layer
from qkernel_backends.qiskit import QiskitEngine
from tests.test_layer_arguments import SECOND, driven
from tests.test_layer_extremes import branched, computed, distributed, expected, non_affine
from tests.test_nn import curved, hybrid_layer, outcomes, random_batch, read_and_doubled, read_directly, two_inputs

Copier = Callable[[QLayer], QLayer]


def pickled(layer: QLayer) -> QLayer:
    copied: QLayer = pickle.loads(pickle.dumps(layer))
    return copied


def saved(layer: QLayer) -> QLayer:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    copied: QLayer = torch.load(file, weights_only=False)
    return copied


copiers = pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved], ids=["deepcopy", "pickle", "torch.save"])


# Engines --------------------------------------------------------------------------------------------------------------


@qk.qkernel
def entangled(a: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    q[0] = qk.rx(q[0], a)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(q, qko.Z(1))


def noisy() -> AerSimulator:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx"])
    return AerSimulator(noise_model=model)


class Unpicklable:
    """The reference engine, with something that cannot leave its process."""

    name, features = "held", load_engine("reference").features

    def __init__(self) -> None:
        self.prepare = lambda circuit, dtype=np.complex128: load_engine("reference").prepare(circuit, dtype)


@copiers
@pytest.mark.parametrize("backend", [EstimatorV2.from_backend(noisy()), StatevectorEstimator()], ids=["Aer", "Qiskit"])
def test_a_layer_keeps_its_backend(backend: Any, copied: Copier) -> None:
    for engine in (backend, QiskitEngine(backend)):
        layer = QLayer(entangled, inputs=["a"], engine=engine)
        inputs = torch.tensor([0.2, 1.0], dtype=torch.float64)
        torch.testing.assert_close(copied(layer)(inputs), layer(inputs), rtol=0, atol=1e-3)
    ideal = inputs.cos().unsqueeze(-1)
    assert torch.allclose(layer(inputs), ideal, rtol=0, atol=1e-3) == isinstance(backend, StatevectorEstimator)


@copiers
def test_a_layer_with_shots_keeps_its_backend(copied: Copier) -> None:
    inputs = torch.tensor([0.0], dtype=torch.float64)
    for engine in (noisy(), SamplerV2.from_backend(noisy())):
        layer = QLayer(entangled, inputs=["a"], engine=engine, shots=4000)
        assert float(layer(inputs)) < 0.8
        assert float(copied(layer)(inputs)) < 0.8, "noise takes the value 1 of the ideal circuit to 0.7"


def test_an_engine_that_cannot_be_pickled_is_named() -> None:
    for options in ({}, {"shots": 10}):
        layer = QLayer(entangled, inputs=["a"], engine=Unpicklable(), **options)
        with pytest.raises(TargetCapabilityError, match=r"`held.*` cannot be pickled") as caught:
            pickle.dumps(layer)
        assert "state_dict" in str(caught.value)
        assert copy.deepcopy(layer)(torch.tensor([0.2])).shape == (1, 1), "a copy in this process stays on it"


# Sequences of shots ---------------------------------------------------------------------------------------------------


def seeded(**options: Any) -> QLayer:
    torch.manual_seed(0)
    return hybrid_layer(3, 1, **{"shots": 50, "seed": 7, **options})


def steps(layer: nn.Module, count: int) -> list[Tensor]:
    """Values and gradients of some steps of training, as one row each."""
    inputs, found = random_batch(2, 3).float(), []
    for _ in range(count):
        values = layer(inputs)
        layer.zero_grad()
        values.sum().backward()
        found.append(torch.cat([values.detach().flatten(), *(p.grad.flatten() for p in layer.parameters())]))
    return found


def same(found: list[Tensor], known: list[Tensor]) -> bool:
    return len(found) == len(known) and all(map(torch.equal, found, known))


@copiers
def test_a_copy_goes_on_in_a_sequence_of_its_own(copied: Copier) -> None:
    whole = steps(seeded(), 6)
    layer = seeded()
    assert same(steps(layer, 2), whole[:2])
    other = copied(layer)
    assert same(steps(other, 3), whole[2:5])
    assert same(steps(layer, 4), whole[2:]), "the copy has not moved it"
    assert same(steps(other, 1), whole[5:])


def test_an_averaged_model_does_not_disturb_the_original() -> None:
    whole = steps(seeded(), 3)
    layer = seeded()
    averaged = AveragedModel(layer)
    found = []
    for _ in range(3):
        found += steps(layer, 1)
        averaged.update_parameters(layer)
        averaged(random_batch(2, 3).float())
    assert same(found, whole)


def test_a_state_dictionary_holds_the_place_in_the_sequence() -> None:
    whole = steps(nn.Sequential(seeded()), 6)
    network = nn.Sequential(seeded())
    first = steps(network, 3)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    resumed = nn.Sequential(seeded())
    assert str(resumed.load_state_dict(torch.load(file, weights_only=True))) == "<All keys matched successfully>"
    assert same(first + steps(resumed, 3), whole)
    state = network.state_dict()
    assert list(state) == ["0.weights", "0._extra_state"]
    assert (state["0._extra_state"].dtype, state["0._extra_state"].shape) == (torch.int64, ())
    assert not list(network.buffers())


def test_dictionaries_with_and_without_a_place_load_into_each_other() -> None:
    exact, unseeded, layer = hybrid_layer(3, 1), seeded(seed=None), seeded()
    assert list(exact.state_dict()) == list(unseeded.state_dict()) == ["weights"]
    steps(layer, 2)
    for other in (exact, unseeded, seeded()):
        assert str(other.load_state_dict(layer.state_dict(), strict=True)) == "<All keys matched successfully>"
        assert torch.equal(other.weights, layer.weights)
    before = copy.deepcopy(layer)
    assert str(layer.load_state_dict(exact.state_dict(), strict=True)) == "<All keys matched successfully>"
    assert same(steps(layer, 1), steps(before, 1)), "a dictionary of before there was a place leaves it"
    with pytest.raises(RuntimeError, match=r"Missing key.*weights"):
        layer.load_state_dict({"_extra_state": torch.tensor(3)})
    with pytest.raises(RuntimeError, match=r"Unexpected key.*other"):
        layer.load_state_dict({**layer.state_dict(), "other": torch.tensor(3)})


@pytest.mark.parametrize("place", [-1, 0.5, "3", None, torch.tensor(-2), torch.tensor(float("nan"))], ids=str)
def test_what_is_no_place_in_a_sequence_is_refused(place: Any) -> None:
    layer = seeded()
    with pytest.raises(ValidationError, match="whole number from 0 on"):
        layer.load_state_dict({**layer.state_dict(), "_extra_state": place})


# Layers as text -------------------------------------------------------------------------------------------------------


@qk.qkernel
def with_everything(
    n: qk.UInt,
    flag: qk.Bit,
    pairs: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    table: qk.Matrix[qk.Float],
    none: qk.Matrix[qk.Float],
    terms: qk.Vector[qk.Observable],
    x: qk.Vector[qk.Float],
    shift: qk.Float = 0.1,
) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.ry(q[i], x[i] * table[0, i] + shift)
    for (i, j), weight in qk.items(pairs):
        q[i], q[j] = qk.rzz(q[i], q[j], weight)
    if flag:
        q[0] = qk.h(q[0])
    return qk.expval(q, terms)


def everything(**options: Any) -> QLayer:
    values = {
        "n": 3,
        "flag": True,
        "pairs": {(0, 1): 0.1 + 0.2, (2, 0): -1e-17},
        "table": np.arange(6.0).reshape(2, 3) / 7,
        "none": np.zeros((0, 3)),
        "terms": [qko.Hamiltonian(num_qubits=3) + 0.1 * qko.Z(0) * qko.X(2) - 1 / 3, qko.Y(1)],
    }
    return QLayer(with_everything, values, inputs={"x": 3}, **options)


LAYERS: dict[str, tuple[Callable[..., QLayer], tuple[tuple[int, ...], ...]]] = {
    "expectation values": (lambda **o: QLayer(expected, inputs={"x": 2}, weights={"w": 2}, **o), ((4, 2),)),
    "probabilities": (lambda **o: QLayer(distributed, inputs={"x": 2}, weights={"w": 2}, **o), ((4, 2),)),
    "computed": (lambda **o: QLayer(computed, inputs={"x": 2}, weights={"w": 2}, **o), ((4, 2),)),
    "non-affine": (lambda **o: QLayer(non_affine, inputs={"x": 2}, weights={"w": 2}, **o), ((4, 2),)),
    "branched": (lambda **o: QLayer(branched, inputs={"x": 2}, weights={"w": 2}, **o), ((4, 2),)),
    "observables in a list": (lambda **o: hybrid_layer(3, 1, **o), ((4, 3),)),
    "outcomes": (lambda **o: QLayer(outcomes, inputs=["angles"], **o), ((4, 2),)),
    "length asked for": (lambda **o: QLayer(curved, inputs={"features": 2}, weights=["scale"], **o), ((4, 2),)),
    "several of each": (lambda **o: QLayer(two_inputs, inputs=["features", "angle"], weights=["bias", "gains"], **o),
                        ((4, 2), (4,))),
    "read directly": (lambda **o: QLayer(read_directly, {"observable": [qko.Z(0), qko.X(1)]}, inputs=["x"], **o), ((4, 3),)),
    "read and used": (lambda **o: QLayer(read_and_doubled, {"observable": [qko.Z(0), qko.X(1)]}, inputs=["x"], **o), ((4, 3),)),
    "records": (lambda **o: QLayer(driven, {"second": SECOND}, inputs=["first"], **o), ((4,), (4, 2))),
    "every kind of value": (everything, ((4, 3),)),
}  # fmt: skip


def given(shapes: tuple[tuple[int, ...], ...]) -> tuple[Tensor, ...]:
    return tuple(random_batch(*shape, seed=k).abs() for k, shape in enumerate(shapes))


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_is_read_back_from_its_text(case: str) -> None:
    make, _ = LAYERS[case]
    layer = make()
    wiring = layer._wiring
    recipe, program = parse_layer(format_layer(wiring.recipe, "native", "adjoint"))
    assert recipe.circuit == wiring.program.circuit
    assert (program.engine.name, program.method) == (wiring.program.engine.name, "adjoint")
    assert name_of(wiring.number) == format_layer(wiring.recipe, "native", wiring.program.method)


@pytest.mark.parametrize("case", LAYERS)
def test_an_exported_program_computes_the_same_without_its_layer(case: str) -> None:
    make, shapes = LAYERS[case]
    for engine in ("native", "torch", "reference"):
        layer = make(engine=engine).double()
        inputs = given(shapes)
        known = layer(*inputs).detach()
        file = io.BytesIO()
        torch.export.save(torch.export.export(layer, inputs), file)
        del layer
        gc.collect()
        file.seek(0)
        found = torch.export.load(file).module()(*inputs)
        torch.testing.assert_close(found, known, rtol=0, atol=0)


def test_an_exported_program_in_another_process(tmp_path: Path) -> None:
    layer, inputs = hybrid_layer(3, 1).double(), random_batch(4, 3)
    batch = torch.export.Dim("batch", min=2, max=64)
    torch.export.save(torch.export.export(layer, (inputs,), dynamic_shapes=(({0: batch},),)), tmp_path / "layer.pt2")
    script = """
import sys, torch, qkernel.nn
from tests.test_nn import hybrid_layer, random_batch
others = [hybrid_layer(3, 1, gradient="shift") for _ in range(3)]  # of the same shapes
network = torch.export.load(sys.argv[1]).module()
for batch in (4, 7):
    inputs = random_batch(batch, 3).requires_grad_()
    values = network(inputs)
    print(values.sum().item(), *torch.autograd.grad(values.square().sum(), inputs)[0].flatten().tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "layer.pt2")], check=True, capture_output=True, text=True, timeout=300
    )
    for line, batch in zip(done.stdout.splitlines(), (4, 7), strict=True):
        inputs = random_batch(batch, 3).requires_grad_()
        values = layer(inputs)
        known = [values.sum().item(), *torch.autograd.grad(values.square().sum(), inputs)[0].flatten().tolist()]
        torch.testing.assert_close([float(number) for number in line.split()], known)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "options",
    [{"shots": 10}, {"shots": 10, "seed": 1}, {"engine": noisy(), "shots": 5}, {"engine": Unpicklable()}],
    ids=["shots", "seed", "noise", "own engine"],
)
def test_what_a_graph_cannot_hold_is_not_exported_and_is_compiled(options: dict[str, Any], strict: bool) -> None:
    torch._dynamo.reset()
    layer, inputs = QLayer(entangled, inputs=["a"], **options), torch.zeros(3)
    with pytest.raises(Exception, match="cannot be exported: a graph holds no backend and no shots"):
        torch.export.export(layer, (inputs,), strict=strict)
    assert torch.compile(layer, backend="aot_eager")(inputs).shape == (3, 1)


def test_a_graph_that_only_its_process_could_compute_says_so() -> None:
    layer, inputs = seeded(), random_batch(4, 3).float()
    graph = make_fx(layer)(inputs)
    assert graph(inputs).shape == (4, 3)
    del layer
    gc.collect()
    with pytest.raises(GradientError, match="not in this process any more"):
        graph(inputs)


def test_two_layers_in_one_compiled_function_stay_apart() -> None:
    torch._dynamo.reset()
    layers, inputs = (
        [QLayer(kernel, inputs=["x"], weights=["w"]) for kernel in (expected, computed)],
        random_batch(4, 2).float(),
    )
    compiled = torch.compile(lambda layer, x: layer(x), backend="aot_eager")
    for layer in (*layers, *layers):
        torch.testing.assert_close(compiled(layer, inputs), layer(inputs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("change", [
    lambda text: text[:-1], lambda text: "3", lambda text: "{}", lambda text: text.replace("layer 2", "layer 3"),
    lambda text: text.replace("kernel ", "kernel kernel "), lambda text: text.replace('"open"', '"opened"'),
    lambda text: json.dumps({**json.loads(text), "fixed": {"n_qubits": {"what": 1}}}),
    lambda text: json.dumps({**json.loads(text), "fixed": 3}),
])  # fmt: skip
def test_texts_that_are_no_layers_are_refused(change: Callable[[str], str]) -> None:
    layer = hybrid_layer(3, 1)
    text = change(format_layer(layer._wiring.recipe, "native", "adjoint"))
    with pytest.raises(TextFormError):
        torch.ops.qkernel.evaluate(text, [random_batch(2, 3), layer.weights.double()])


# Other processes ------------------------------------------------------------------------------------------------------


class Encoded(Dataset[Tensor]):
    """A data set that a layer encodes."""

    def __init__(self, layer: QLayer, rows: Tensor) -> None:
        self.layer, self.rows = layer, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            values: Tensor = self.layer(self.rows[index])
        return values


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_of_a_data_loader(method: str) -> None:
    layer, rows = hybrid_layer(3, 1), random_batch(6, 3).float()
    loader = DataLoader(Encoded(layer, rows), batch_size=2, num_workers=2, multiprocessing_context=method)
    torch.testing.assert_close(torch.cat(list(loader)), layer(rows).detach(), rtol=0, atol=1e-6)
