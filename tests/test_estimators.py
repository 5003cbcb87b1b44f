"""Quantum layers as scikit-learn's estimators: its own checks, and what rows B5 and B8 ask for."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, make_moons
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

import qkernel as qk
import qkernel.nn
import qkernel.observable as qko
from qkernel.errors import DependencyError, KernelTypeError, ValidationError
from qkernel.nn import OneVsRest, QLayer, QNNClassifier, QNNRegressor
from qkernel.nn.estimators import default_layer

MOONS = make_moons(120, noise=0.1, random_state=0)


@pytest.fixture(autouse=True)
def _on_one_thread() -> Any:
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


@qk.qkernel
def angles(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(2)
    for layer in qk.range(w.shape[0]):
        for i in qk.range(2):
            q[i] = qk.rz(qk.ry(q[i], x[i] + w[layer, i]), w[layer, i])
        q[0], q[1] = qk.cx(q[0], q[1])
    return q


def layer(readout: Any) -> QLayer:
    torch.manual_seed(0)
    return QLayer(angles, inputs={"x": 2}, weights={"w": (3, 2)}, readout=readout, scale=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [QNNClassifier, QNNRegressor, OneVsRest])
def test_scikit_learn_s_own_checks(kind: Any) -> None:
    quick = kind(epochs=20, batch_size=64, learning_rate=0.05)
    results = check_estimator(quick, on_fail=None, on_skip=None)
    assert {entry["check_name"]: entry["exception"] for entry in results if entry["status"] == "failed"} == {}
    assert len([entry for entry in results if entry["status"] == "passed"]) > 45


@pytest.mark.parametrize("kind", [QNNClassifier, OneVsRest])
@pytest.mark.parametrize(
    "made", [None, lambda n, k: nn.Linear(n, k), lambda n, k: default_layer(n, k)], ids=["", "linear", "own"]
)
def test_b8_classes_of_any_number(kind: Any, made: Any) -> None:
    samples, classes = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[classes]
    model = make_pipeline(StandardScaler(), kind(layer=made, random_state=0, epochs=40)).fit(samples, names)
    assert model.score(samples, names) > 0.9
    found = model.predict_proba(samples)
    np.testing.assert_allclose(found.sum(1), 1)
    assert list(model.classes_[found.argmax(1)]) == list(model.predict(samples))
    assert model[-1].loss_curve_[-1] < model[-1].loss_curve_[0]


def test_b8_one_layer_for_each_class() -> None:
    samples, classes = load_iris(return_X_y=True)
    model = OneVsRest(layer=lambda n, k: nn.Linear(n, k), random_state=0, epochs=1).fit(samples, classes)
    assert [part.out_features for part in model.module_.layers] == [1, 1, 1]
    assert len({tuple(part.weight.flatten().tolist()) for part in model.module_.layers}) == 3


def test_a_module_that_is_ready() -> None:
    samples, classes = MOONS
    ready = layer([qko.Z(0), qko.Z(1)])
    before = ready.w.detach().clone()
    model = QNNClassifier(layer=ready, epochs=60, learning_rate=0.1, random_state=0).fit(samples, classes)
    assert model.score(samples, classes) > 0.85
    torch.testing.assert_close(ready.w.detach(), before, rtol=0, atol=0)
    assert model.n_features_in_ == ready.in_features == 2
    again = clone(model).fit(samples, classes)
    np.testing.assert_array_equal(again.predict_proba(samples), model.predict_proba(samples))
    with pytest.raises(ValueError, match="X has 3 features, but QNNClassifier is expecting 2 features as input"):
        model.fit(np.ones((4, 3)), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="X has 3 features, but QNNRegressor is expecting 2 features as input"):
        QNNRegressor(layer=layer(qko.Z(0))).fit(np.ones((4, 3)), [0.0, 1.0, 0.0, 1.0])
    with pytest.raises(ValidationError, match=r"gives the shape \(1, 2\), and \(1, 3\) is expected"):
        model.fit(samples, np.arange(len(samples)) % 3)


@pytest.mark.parametrize("kind", [QNNClassifier, OneVsRest])
def test_one_output_tells_two_classes_apart(kind: Any) -> None:
    samples, classes = MOONS
    model = kind(layer=layer(qko.Z(0) * qko.Z(1)), epochs=60, learning_rate=0.1, random_state=0).fit(samples, classes)
    assert model.score(samples, classes) > 0.8
    assert ((model.decision_function(samples) > 0) == model.predict(samples)).all()


def test_a_regressor_finds_a_sine() -> None:
    x = np.linspace(-2, 2, 80)[:, None]
    y = 40 + 10 * np.sin(2 * x[:, 0])
    model = QNNRegressor(random_state=0, epochs=150).fit(x, y)
    assert model.score(x, y) > 0.95
    assert cross_val_score(clone(model).set_params(epochs=40), x[::-1], y[::-1], cv=2).shape == (2,)


def test_the_seed_is_the_estimator_s_own() -> None:
    samples, classes = MOONS
    torch.manual_seed(7)
    first = QNNClassifier(epochs=2, random_state=3).fit(samples, classes)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(3), drawn)
    assert QNNClassifier(epochs=2, random_state=3).fit(samples, classes).loss_curve_ == first.loss_curve_
    assert QNNClassifier(epochs=2, random_state=4).fit(samples, classes).loss_curve_ != first.loss_curve_


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "`epochs`"),
        ({"batch_size": 1.5}, "`batch_size`"),
        ({"learning_rate": 0.0}, "`learning_rate`"),
        ({"learning_rate": "0.1"}, "`learning_rate`"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_options_out_of_range(wrong: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        QNNClassifier(**wrong).fit(*MOONS)
    with pytest.raises(KernelTypeError, match="`layer` makes a torch module, and for 2 features and 2 outputs it made 3"):
        QNNClassifier(layer=lambda n, k: 3).fit(*MOONS)


def test_without_scikit_learn_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qkernel.nn.estimators")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(DependencyError, match="`QNNClassifier` needs a package that is not installed") as caught:
        _ = qkernel.nn.QNNClassifier
    assert "qkernel[data]" in str(caught.value)
    exec("from qkernel.nn import *", {})  # which takes what there is
    assert "QNNClassifier" in dir(qkernel.nn)
    with pytest.raises(AttributeError, match="no attribute 'QNNCluster'"):
        _ = qkernel.nn.QNNCluster
