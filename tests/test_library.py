"""Every example of the library: against numpy on every engine, under modifiers, counted, drawn, written and differentiated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
import qkernel_stdlib
from qkernel.engine import load_engine
from qkernel.ir.types import is_quantum
from qkernel_stdlib.examples import EXAMPLES, NETWORKS, Example
from tests.strategies import openqasm
from tests.wrapped import controlled, read_out, sized, undone

Array = np.ndarray[Any, Any]

every_example = pytest.mark.parametrize("example", [*EXAMPLES, *NETWORKS], ids=lambda example: example.name)


def returns_qubits(example: Example) -> bool:
    return all(is_quantum(type) for type in example.kernel.output_types)


def done(example: Example, n: int, engine: str) -> Any:
    """What an engine says of the kernel at size n: its matrix, or what it returns."""
    if not returns_qubits(example):
        return example.kernel.run(engine=engine, **example.at(n))
    matrix = example.kernel.unitary(engine=engine, **example.at(n))
    return matrix[: matrix.shape[1]] if example.leading else matrix


def expected(example: Example, n: int) -> Any:
    """What numpy says; of kernels that are held to matrices elsewhere, what the reference engine says."""
    return example.expected(**example.at(n)) if example.expected is not None else done(example, n, "reference")


@every_example
def test_is_what_numpy_says_on_every_engine(example: Example) -> None:
    small = [(n, "native") for n in example.sizes if n < example.size]
    for n, engine in [*small, *((example.size, engine) for engine in ("reference", "native", "torch", "qiskit"))]:
        np.testing.assert_allclose(done(example, n, engine), expected(example, n), atol=1e-9, err_msg=f"size {n} on {engine}")


@every_example
def test_is_controlled_and_undone(example: Example) -> None:
    kernel, values = example.kernel, example.at(example.size)
    if not returns_qubits(example):
        return
    matrix = expected(example, example.size)
    under_control = controlled(kernel).unitary(**values)
    np.testing.assert_allclose(under_control[1::2, 1::2][: len(matrix)], matrix, atol=1e-9)
    np.testing.assert_allclose(under_control[1::2, ::2], 0, atol=1e-9)
    np.testing.assert_allclose(under_control[::2, 1::2], 0, atol=1e-9)
    unchanged = under_control[::2, ::2]
    if len(unchanged) == unchanged.shape[1]:
        np.testing.assert_allclose(unchanged, np.eye(len(matrix)), atol=1e-9)
        if "inverse" not in kernel.forms:  # such a one may measure, where it is 0 that it takes back
            np.testing.assert_allclose(undone(kernel).unitary(**values), np.eye(len(matrix)), atol=1e-9)
    else:  # qubits of its own stay in 0, wherever they are returned
        np.testing.assert_allclose(np.sort(abs(unchanged), 0)[:-1], 0, atol=1e-9)
        np.testing.assert_allclose(abs(unchanged).sum(0), 1, atol=1e-9)


@every_example
def test_counts_what_it_says_and_what_it_lowers_to(example: Example) -> None:
    for n in example.sizes:
        example.kernel.verify_resources(**example.at(n))
    if example.counts is None:
        return
    for n in (*example.sizes, *((40, 1000) if example.grows else ())):
        values = example.shape(n)
        found = example.kernel.estimate_resources(bindings=values)
        for field, count in example.counts(**values).items():
            assert counted(found, field) == count, f"{field} at size {n}"


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.under_control], ids=lambda example: example.name)
def test_costs_what_it_says_under_a_control(example: Example) -> None:
    kernel = controlled(example.kernel)
    for n in example.sizes:
        if n > 0:
            kernel.verify_resources(**example.at(n))
            found = kernel.estimate_resources(bindings=example.shape(n))
            assert example.under_control is not None
            for field, count in example.under_control(**example.shape(n)).items():
                assert counted(found, field) == count, f"{field} at size {n} under a control"


def counted(found: qk.ResourceEstimate, field: str) -> Any:
    """A field of the estimate, or how often the gate of that name stands in it."""
    for owner in (found, found.gates):
        if hasattr(owner, field):
            return getattr(owner, field)
    return found.gates.by_name.get(field, 0)


@every_example
def test_is_drawn_read_back_and_clean(example: Example) -> None:
    kernel, values = example.kernel, example.at(example.size)
    for output in ("text", "svg", "html"):
        assert kernel.draw(output=output)
        assert kernel.draw(output=output, fold_loops=False, inline=True, bindings=values)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    kernel.check(**values)


@pytest.mark.parametrize("example", [each for each in (*EXAMPLES, *NETWORKS) if each.values], ids=lambda example: example.name)
def test_is_differentiated(example: Example) -> None:
    if returns_qubits(example):
        total = qko.X(0) + 0.5 * qko.Y(0) - 0.25 * qko.Z(0)
        kernel, values = read_out(example.kernel), {"observable": total, **sized(example.kernel, example.at(example.size))}
    else:
        kernel, values = example.kernel, example.at(example.size)
    derivatives = kernel.jacobian(wrt=list(example.values), **values)
    for name, value in example.values.items():
        given = np.asarray(value, float)
        for index in np.ndindex(given.shape):
            step = np.zeros(given.shape)
            step[index] = 1e-5
            above, below = (np.asarray(kernel.run(**{**values, name: given + side * step})) for side in (1, -1))
            np.testing.assert_allclose(np.asarray(derivatives[name])[(..., *index)], (above - below) / 2e-5, atol=1e-8)


@pytest.mark.parametrize("example", NETWORKS, ids=lambda example: example.name)
def test_networks_read_back_from_openqasm(example: Example) -> None:
    fixed = {name: example.values[name] for name in example.without_formula}
    still_open = [name for name in example.values if name not in fixed]
    circuit = example.kernel.compile({**example.bindings, **fixed}, still_open, lengths=example.lengths).circuit
    theta = np.random.default_rng(7).uniform(-np.pi, np.pi, circuit.angles.num_columns)
    state = load_engine("reference").prepare(circuit).state(theta[None])[0]
    np.testing.assert_allclose(openqasm.state(circuit, theta), state, atol=1e-9)


def test_every_name_of_the_library_has_an_example_and_is_no_topic() -> None:
    assert not {path.stem for path in Path(qkernel_stdlib.__file__).parent.glob("*.py")} & set(qkernel_stdlib.__all__)
    shown = [getattr(qkernel_stdlib, name) for example in EXAMPLES for name in (example.of or example.name, *example.shows)]
    assert [name for name in qkernel_stdlib.__all__ if not any(getattr(qkernel_stdlib, name) is each for each in shown)] == []
