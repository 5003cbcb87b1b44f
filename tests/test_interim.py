"""While the machine code is being compiled another engine answers, and the native one takes over between two calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from qkernel_backends.native import NativeEngine, background, workspace
from qkernel_backends.native.interim import Interim

WEIGHTS = np.array([0.1, 0.7, -0.4, 1.3])


@qk.qkernel
def rotated(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.ry(qk.qubit_array(4), w)
    for i in qk.range(3):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.rx(q, w[0] * w[1])


@qk.qkernel
def valued(w: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(rotated(w), qko.Z(1) * qko.X(0) + qko.Y(3))


@qk.qkernel
def measured(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    return qk.measure(rotated(w))


@qk.qkernel
def fed_forward(w: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Vector[qk.Bit]]:
    q = rotated(w)
    q[0], bit = qk.measure_reset(q[0])
    if bit:
        q[1] = qk.rx(q[1], w[2])
    return qk.expval(q[1], qko.Z(0)), qk.measure(q[2:])


class Compiling:
    """A compilation that is over when a test says so."""

    is_over = False


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> Compiling:
    """Nothing is there to begin with: who needs the machine code before it is there fails."""
    found, machine_code = Compiling(), workspace.machine_code

    def only_then(real: np.dtype) -> object:
        assert found.is_over, "this waits for the machine code"
        return machine_code(real)

    monkeypatch.setattr("qkernel_backends.native.engine.compilation", lambda real: found)
    monkeypatch.setattr("qkernel_backends.native.workspace.machine_code", only_then)
    monkeypatch.setattr("qkernel_backends.native.engine.machine_code", only_then)
    return found


@pytest.mark.parametrize("with_torch", [True, False])
def test_answers_are_those_of_the_native_engine(
    compiling: Compiling, monkeypatch: pytest.MonkeyPatch, with_torch: bool
) -> None:
    if not with_torch:
        monkeypatch.delitem(sys.modules, "torch")
    circuits = [kernel.compile({}, ["w"], lengths={"w": 4}).circuit for kernel in (valued, measured, fed_forward)]
    prepared = [NativeEngine(waits=False).prepare(circuit) for circuit in circuits]
    assert all(isinstance(each, Interim) for each in prepared)
    theta = np.stack([WEIGHTS, WEIGHTS[::-1], 100 * WEIGHTS])
    cotangent = np.ones((3, 1))

    def found() -> list[np.ndarray]:
        valued, measured, fed_forward = prepared
        return [
            valued.expect(theta), *valued.expect_vjp(theta, cotangent), valued.state(theta),
            measured.sample(theta, 40, 3), fed_forward.expect(theta), *fed_forward.expect_vjp(theta, cotangent),
        ]  # fmt: skip

    before = found()
    with pytest.raises(AssertionError, match="waits"):
        prepared[2].sample(theta, 40, 3)
    assert prepared[2].sample(theta, 40, None).shape == (3, 40, circuits[2].num_bits)
    compiling.is_over = True
    for one, other in zip(before, found(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    native = NativeEngine().prepare(circuits[0])
    assert np.array_equal(prepared[0].expect(theta), native.expect(theta)), "from now on it is the native engine"


def test_what_takes_longer_than_compiling_waits(compiling: Compiling) -> None:
    circuit = valued.compile({}, ["w"], lengths={"w": 4}).circuit
    prepared = NativeEngine(waits=False).prepare(circuit)
    with pytest.raises(AssertionError, match="waits"):
        prepared.expect(np.zeros((1 << 19, 4)))
    with pytest.raises(AssertionError, match="waits"):
        NativeEngine().prepare(circuit)


def test_a_layer_trains_on_and_goes_over(compiling: Compiling) -> None:
    layer = QLayer(valued, inputs={"w": 4}, engine=NativeEngine(waits=False))
    rows = torch.tensor(np.stack([WEIGHTS, 2 * WEIGHTS]), requires_grad=True)

    def step() -> tuple[torch.Tensor, torch.Tensor]:
        values = layer(rows)
        (gradient,) = torch.autograd.grad(values.sum(), rows)
        return values.detach(), gradient

    before = step()
    compiling.is_over = True
    after = step()
    assert all(torch.allclose(one, other, atol=1e-10) for one, other in zip(before, after, strict=True))
    expected = QLayer(valued, inputs={"w": 4}, engine="native")(rows).detach()
    assert torch.equal(after[0], expected)


FIRST_VALUE = """
import qkernel as qk, qkernel.observable as qko
from qkernel_backends.native import background
@qk.qkernel
def cosine(a: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), a), qko.Z(0))
print(cosine(0.3))
import numpy
background.compilation(numpy.dtype(float))._process.kill()
"""


def test_an_empty_cache_is_no_reason_to_wait(tmp_path: Path) -> None:
    script = tmp_path / "first.py"
    script.write_text(FIRST_VALUE)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    environment["NUMBA_CPU_NAME"] = "generic"  # or what came with a wheel would do
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, check=True, capture_output=True, text=True, timeout=30
    )
    assert float(done.stdout) == pytest.approx(np.cos(0.3), abs=1e-15)
    assert "the native engine is being compiled for float64, once for this machine" in done.stderr


def test_a_compilation_that_fails_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_COMPILE", "raise SystemExit(1)")
    under_way = background.Compilation(np.dtype(float), tmp_path / "never.bin")
    under_way._process.wait(30)
    assert under_way.is_over
