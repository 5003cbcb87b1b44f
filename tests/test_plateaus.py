"""Vanishing gradients: measured against what is known in closed form, and told apart by their cause."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError, ValidationError
from qkernel.nn import QLayer, gradient_variance, plots

QUBITS = (2, 4, 6)


@qk.qkernel
def layered(n: qk.UInt, x: qk.Vector[qk.Float], w: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    for layer in qk.range(w.shape[0]):
        for i in qk.range(n):
            q[i] = qk.rz(qk.ry(q[i], w[layer, i, 0] + x[i]), w[layer, i, 1])
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return q


def make(readout: Any, layers: int) -> Any:
    return lambda n: QLayer(layered, bindings={"n": n}, inputs={"x": n}, weights={"w": (layers, n, 2)}, readout=readout)


def test_a_global_readout_vanishes_as_the_formula_says() -> None:
    with pytest.warns(
        UserWarning, match=r"gradients vanish: .* at 2, .* at 4 qubits\); what is read out acts on 4 of 4"
    ) as told:
        found = gradient_variance(make("p0", 1), (2, 3, 4), samples=1500)
    assert told[0].filename == __file__
    # of prod cos(w/2)**2 by one w: E[sin(w)**2] / 4 times E[cos(w/2)**4] for each of the others
    np.testing.assert_allclose(found.variances, [(1 / 8) * (3 / 8) ** (n - 1) for n in (2, 3, 4)], rtol=0.3)
    assert found.factor == pytest.approx(3 / 8, abs=0.05)
    assert found.words == (2, 3, 4)
    assert "Cerezo" in found.cause
    assert "multiplied by 0.3" in str(found)


def test_a_local_readout_of_a_shallow_circuit_does_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradient_variance(make(qko.Z(0), 1), QUBITS, samples=200)
    np.testing.assert_allclose(found.variances, 1 / 2, rtol=0.25)
    assert not found.vanishes
    assert found.cause == ""
    assert "does not vanish" in str(found)


def test_a_deep_circuit_does_and_small_weights_help() -> None:
    with pytest.warns(UserWarning, match="it is the circuit"):
        found = gradient_variance(make(qko.Z(0), 24), QUBITS, samples=60)
    assert set(found.words) == {1}
    assert "McClean" in found.cause
    ours = gradient_variance(lambda n: make(qko.Z(0), 24)(n), QUBITS, samples=20, initial=lambda w: w.normal_(std=0.01))
    assert ours.factor > found.factor


def test_seeds_and_refusals() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    found = [gradient_variance(make(qko.Z(0), 1), (3, 2), samples=5, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    assert found[0] == found[1] != found[2]
    assert found[0].qubits == (2, 3)
    for qubits, samples in (((2, 2), 9), ((2, 3), 1)):
        with pytest.raises(ValidationError, match="two numbers of qubits and two samples"):
            gradient_variance(make(qko.Z(0), 1), qubits, samples)
    with pytest.raises(GradientError, match="a layer without weights"):
        gradient_variance(
            lambda n: QLayer(layered, bindings={"n": n, "w": np.ones((1, n, 2))}, inputs={"x": n}, readout="z"), QUBITS
        )


def test_the_figure() -> None:
    found, axes = gradient_variance(make(qko.Z(0), 1), QUBITS, samples=20), Figure().subplots()
    plots.gradient_variances(axes, found)
    measured, fitted = axes.get_lines()
    np.testing.assert_array_equal(measured.get_xydata(), np.transpose([found.qubits, found.variances]))
    heights = fitted.get_ydata()
    assert heights[1] / heights[0] == pytest.approx(found.factor**2)
    assert (axes.get_yscale(), axes.get_xlabel()) == ("log", "Qubits")
