"""What a forward run leaves for the gradient behind it: the same numbers, no second sweep, bounded memory."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch

import qkernel_backends.native.runner as native
import qkernel_backends.native.workspace as workspace
from qkernel_backends.native.layout import CONSTANTS, EXPECT, GRADIENT, KEEP, RESUME
from qkernel_backends.native.workspace import address
from tests.benchmarks.workloads import OTHERS, Workload, new_layer, split

SIZES = [(4, 2, 5), (4, 2, 70), (7, 3, 40), (11, 2, 9), (15, 1, 3), (18, 1, 1), (18, 1, 2)]


class Mark:
    """Anything that can be referred to weakly."""


def entry_and_data(qubits: int, layers: int, batch: int, dtype: str, kernel: Any = None) -> tuple[Any, list[Any]]:
    workload = Workload("", qubits, layers, batch, 0, 0, None)
    real = np.float32 if dtype == "complex64" else np.float64
    return split(workload, dtype, kernel), [array.astype(real) for array in workload.data]


def value(entry: Any, inputs: Any, weights: Any, mark: Any) -> Any:
    values = np.empty((len(inputs), entry.num_values), entry.real)
    entry.evaluate(len(inputs), address(inputs), address(weights), address(values), mark)
    return values


def vjp(entry: Any, inputs: Any, weights: Any, cotangent: Any, mark: Any) -> Any:
    """The gradients by inputs and by weights."""
    values, gradients = np.empty_like(cotangent), (np.empty_like(inputs), np.empty_like(weights))
    given = inputs, weights, cotangent, values, *gradients
    entry.differentiate(len(inputs), *(address(array) for array in given), mark)
    return gradients


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What calls of the machine do."""
    seen: list[int] = []
    machine_code = workspace.machine_code

    def recording(real: Any) -> Any:
        machine = machine_code(real)

        def run(*arguments: int) -> None:
            if arguments[7] != CONSTANTS:
                seen.append(arguments[7])
            machine(*arguments)

        return run

    monkeypatch.setenv("QKERNEL_NUM_THREADS", "1")
    monkeypatch.setattr(workspace, "machine_code", recording)
    return seen


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(("qubits", "layers", "batch"), SIZES)
def test_both_halves_give_what_one_gradient_gives(
    qubits: int, layers: int, batch: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QKERNEL_NUM_THREADS", "2")
    entry, (inputs, weights, cotangent) = entry_and_data(qubits, layers, batch, dtype)
    known, mark = entry.vjp(inputs, weights, cotangent), Mark()
    for _ in range(2):
        np.testing.assert_array_equal(value(entry, inputs, weights, mark), known[0])
        for _ in range(2):  # the second finds nothing, and begins anew
            for found, expected in zip(vjp(entry, inputs, weights, cotangent, mark), known[1:], strict=True):
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_samples_that_take_long_go_one_after_the_other(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine then gets one chunk of them at a time, and each has to find its own states again."""
    monkeypatch.setenv("QKERNEL_NUM_THREADS", threads)
    entry, (inputs, weights, cotangent) = entry_and_data(11, 2, 9, "complex128")
    known, mark = entry.vjp(inputs, weights, cotangent), Mark()
    monkeypatch.setattr(native, "INTERRUPTIBLE", 0.0)
    monkeypatch.setattr(native, "WORTH_THREADS", 0.0)
    slow, _ = entry_and_data(11, 2, 9, "complex128")
    np.testing.assert_array_equal(value(slow, inputs, weights, mark), known[0])
    for found, expected in zip(vjp(slow, inputs, weights, cotangent, mark), known[1:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", OTHERS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize(("qubits", "batch"), [(4, 70), (13, 9), (18, 1)])
def test_any_circuit_can_be_halved(kernel: Any, qubits: int, batch: int) -> None:
    entry, (inputs, weights, cotangent) = entry_and_data(qubits, 1, batch, "complex128", kernel)
    known, mark = entry.vjp(inputs, weights, cotangent), Mark()
    value(entry, inputs, weights, mark)
    for found, expected in zip(vjp(entry, inputs, weights, cotangent, mark), known[1:], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_calls_between_take_nothing_from_each_other(modes: list[int]) -> None:
    entry, (inputs, weights, cotangent) = entry_and_data(7, 2, 40, "complex128")
    marks = [Mark() for _ in range(5)]
    known = [entry.vjp(inputs + k, weights, cotangent) for k in range(5)]
    modes.clear()
    for k, mark in enumerate(marks):
        value(entry, inputs + k, weights, mark)
    entry.value(inputs - 1, weights)
    entry.vjp(inputs - 2, weights, cotangent)
    for k in (3, 0, 4, 1, 2):
        for found, expected in zip(vjp(entry, inputs + k, weights, cotangent, marks[k]), known[k][1:], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert modes.count(KEEP) == modes.count(RESUME) > 0
    assert modes.count(EXPECT) == modes.count(GRADIENT) > 0


@pytest.mark.parametrize(("qubits", "batch"), [(4, 4), (18, 1)])
def test_what_waits_is_bounded(qubits: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, (inputs, weights, cotangent) = entry_and_data(qubits, 1, batch, "complex64")
    runner = entry.runner(batch)
    monkeypatch.setattr(native, "KEPT_BYTES", 3 * runner.program.bytes + 100)
    marks = [Mark() for _ in range(8)]
    for k, mark in enumerate(marks):
        value(entry, inputs + k, weights, mark)
        assert len(runner.marked) + len(runner.free) <= 3
    for k, mark in enumerate(marks):
        for found, expected in zip(
            vjp(entry, inputs + k, weights, cotangent, mark), entry.vjp(inputs + k, weights, cotangent)[1:], strict=True
        ):
            np.testing.assert_array_equal(found, expected)


def test_more_than_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch, modes: list[int]) -> None:
    monkeypatch.setattr(native, "KEPT_BYTES", 1 << 10)
    entry, (inputs, weights, cotangent) = entry_and_data(9, 1, 40, "complex64")
    mark = Mark()
    value(entry, inputs, weights, mark)
    vjp(entry, inputs, weights, cotangent, mark)
    assert set(modes) & {KEEP, RESUME} == set()


def test_a_layer_sweeps_forward_once(modes: list[int]) -> None:
    layer, inputs = new_layer(4, 2), torch.rand(4, 4)
    values = layer(inputs)
    values.sum().backward(retain_graph=True)
    assert modes == [KEEP, RESUME]
    first = layer.weights.grad.clone()
    layer.weights.grad = None
    values.sum().backward()
    assert modes == [KEEP, RESUME, GRADIENT]
    torch.testing.assert_close(layer.weights.grad, first, rtol=0, atol=0)


def test_nothing_waits_without_a_graph(modes: list[int]) -> None:
    layer, inputs = new_layer(4, 2), torch.rand(4, 4)
    with torch.no_grad():
        layer(inputs)
    assert KEEP not in modes
    (call,) = layer._wiring.calls.values()
    runner = call._split.runner(4)
    values = layer(inputs)
    assert len(runner.marked) == 1
    del values
    gc.collect()
    runner.room()
    assert not runner.marked, "whoever looks for room finds what nothing waits for any more"


def test_weights_changed_between_are_refused_and_not_mixed() -> None:
    layer, inputs = new_layer(4, 2), torch.rand(4, 4)
    values = layer(inputs)
    with torch.no_grad():
        layer.weights.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()
