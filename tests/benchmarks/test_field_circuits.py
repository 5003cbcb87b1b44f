"""Value and gradient of circuits of the field beside other simulators, as their users write them; checked before timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.field_circuits import FIELD_CIRCUITS, FieldCircuit, Rotation, Word, heisenberg

Timed = Callable[..., None]
Step = Callable[[], tuple[Any, Any]]
TABLE = "Circuits of the field: value and gradient"


def ours(circuit: FieldCircuit) -> Step:
    def step() -> tuple[Any, Any]:
        value, gradients = circuit.program.value_and_grad(w=circuit.weights)
        return value, gradients["w"]

    return step


def ours_in_single(circuit: FieldCircuit) -> Step:
    from qkernel.engine import load_engine

    prepared: Any = load_engine("native").prepare(circuit.program.circuit, np.dtype("complex64"))
    entry = prepared.split((), tuple(range(circuit.weights.size)))
    arrays = np.empty((1, 0), np.float32), circuit.weights.astype(np.float32).ravel(), np.ones((1, 1), np.float32)

    def step() -> tuple[Any, Any]:
        values, _, gradient = entry.vjp(*arrays)
        return values[0, 0], gradient

    return step


def lightning(circuit: FieldCircuit) -> Step:
    qml: Any = pytest.importorskip("pennylane")
    named = {"h": qml.Hadamard, "x": qml.X, "cx": qml.CNOT, "cz": qml.CZ}
    single = {"X": qml.RX, "Y": qml.RY, "Z": qml.RZ}
    double = {"XX": qml.IsingXX, "YY": qml.IsingYY, "ZZ": qml.IsingZZ}
    letters = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
    words = [qml.prod(*(letters[letter](i) for i, letter in word)) for _, word in circuit.observable]
    observable = qml.Hamiltonian([value for value, _ in circuit.observable], words)

    def program(weights: Any) -> Any:
        if circuit.amplitudes is not None:  # its first wire is the most significant
            qml.StatePrep(circuit.amplitudes, wires=range(circuit.num_qubits)[::-1])
        for gate in circuit.gates:
            if not isinstance(gate, Rotation):
                named[gate.name](wires=gate.qubits)
                continue
            wires, text = [i for i, _ in gate.word], "".join(letter for _, letter in gate.word)
            angle = gate.factor * weights[gate.weight]
            if text in single or text in double:
                ({**single, **double})[text](angle, wires=wires)
            else:
                qml.PauliRot(angle, text, wires=wires)
        return qml.expval(observable)

    try:
        device = qml.device("lightning.qubit", wires=circuit.num_qubits)
    except qml.DeviceError:
        pytest.skip("lightning.qubit is not installed")
    node = qml.QNode(program, device, diff_method="adjoint")
    slope = qml.grad(node)
    weights = qml.numpy.array(circuit.weights.ravel(), requires_grad=True)

    def step() -> tuple[Any, Any]:
        gradient = slope(weights)
        return slope.forward, gradient

    return step


def qulacs(circuit: FieldCircuit) -> Step:
    module: Any = pytest.importorskip("qulacs")
    n, numbers = circuit.num_qubits, {"X": 1, "Y": 2, "Z": 3}
    made, state, observable = module.ParametricQuantumCircuit(n), module.QuantumState(n), module.Observable(n)
    single = {"X": made.add_parametric_RX_gate, "Y": made.add_parametric_RY_gate, "Z": made.add_parametric_RZ_gate}
    named = {"h": made.add_H_gate, "x": made.add_X_gate, "cx": made.add_CNOT_gate, "cz": made.add_CZ_gate}
    turns = [gate for gate in circuit.gates if isinstance(gate, Rotation)]
    if circuit.amplitudes is not None:  # its way back begins at zeros only: a reflection takes these to the amplitudes
        across = circuit.amplitudes - np.eye(1, 2**n)[0]
        reflection = np.eye(2**n) - 2 * np.outer(across, across) / (across @ across)
        made.add_dense_matrix_gate(list(range(n)), reflection)
    for gate in circuit.gates:
        if not isinstance(gate, Rotation):
            named[gate.name](*gate.qubits)
        elif len(gate.word) == 1:
            ((i, letter),) = gate.word
            single[letter](i, 0.0)
        else:
            qubits, letters = zip(*gate.word, strict=True)
            made.add_parametric_multi_Pauli_rotation_gate(list(qubits), [numbers[letter] for letter in letters], 0.0)
    for value, word in circuit.observable:
        observable.add_operator(value, " ".join(f"{letter} {i}" for i, letter in word))
    weights, places = circuit.weights.ravel(), [gate.weight for gate in turns]
    factors = np.array([gate.factor for gate in turns])

    def step() -> tuple[Any, Any]:
        for k, angle in enumerate(factors * weights[places]):
            made.set_parameter(k, -angle)  # its rotations are exp(+i angle P / 2)
        state.set_zero_state()
        made.update_quantum_state(state)
        gradient = np.zeros(weights.size)
        np.add.at(gradient, places, -factors * np.array(made.backprop(observable)))
        return observable.get_expectation_value(state), gradient

    return step


def jax_by_hand(circuit: FieldCircuit) -> Step:
    """Each word as a permutation and phases of the amplitudes, compiled with its way back."""
    jax: Any = pytest.importorskip("jax")
    jnp, size = jax.numpy, 2**circuit.num_qubits
    index = np.arange(size)

    def acting(word: Word) -> tuple[Any, Any]:
        flips, phases = index.copy(), np.ones(size, np.complex64)
        for i, letter in word:
            bit = index >> i & 1
            flips ^= (letter in "XY") << i
            phases = phases * {"X": 1.0, "Y": 1j * (2.0 * bit - 1), "Z": 1 - 2.0 * bit}[letter]
        return flips, phases.astype(np.complex64)

    def fixed(name: str, state: Any, qubits: tuple[int, ...]) -> Any:
        first, last = (index >> qubits[0] & 1), (index >> qubits[-1] & 1)
        if name == "cz":
            return state * (1.0 - 2.0 * (first & last)).astype(np.float32)
        flipped = state[index ^ (1 << qubits[-1])]
        if name == "h":
            return (flipped + (1.0 - 2.0 * last).astype(np.float32) * state) / np.float32(np.sqrt(2))
        return flipped if name == "x" else jnp.where(first == 1, flipped, state)

    def value(weights: Any) -> Any:
        state = jnp.zeros(size, jnp.complex64).at[0].set(1)
        if circuit.amplitudes is not None:
            state = jnp.asarray(circuit.amplitudes, jnp.complex64)
        for gate in circuit.gates:
            if isinstance(gate, Rotation):
                flips, phases = acting(gate.word)
                half = gate.factor * weights[gate.weight] / 2
                state = jnp.cos(half) * state - 1j * jnp.sin(half) * phases * state[flips]
            else:
                state = fixed(gate.name, state, gate.qubits)
        total = 0.0
        for coefficient, word in circuit.observable:
            flips, phases = acting(word)
            total += coefficient * jnp.vdot(state, phases * state[flips]).real
        return total

    compiled, weights = jax.jit(jax.value_and_grad(value)), jnp.asarray(circuit.weights.ravel(), jnp.float32)

    def step() -> tuple[Any, Any]:
        found, gradient = jax.block_until_ready(compiled(weights))
        return found, gradient

    return step


CANDIDATES = {
    "qkernel": ours,
    "qkernel, complex64": ours_in_single,
    "PennyLane lightning": lightning,
    "Qulacs": qulacs,
    "JAX by hand, complex64": jax_by_hand,
}


@pytest.mark.parametrize("name", list(CANDIDATES))
@pytest.mark.parametrize("make", FIELD_CIRCUITS, ids=lambda make: make.__name__)
def test_circuits_of_the_field(timed: Timed, benchmark: Any, make: Callable[[], FieldCircuit], name: str) -> None:
    if make is heisenberg and "JAX" in name:
        pytest.skip("JAX would take minutes to compile its 336 gates")
    circuit = make()
    known_value, known = ours(circuit)()
    began = time.perf_counter()
    step = CANDIDATES[name](circuit)
    value, gradient = step()
    first = 1e3 * (time.perf_counter() - began)
    tolerance = 1e-4 if "complex64" in name else 1e-8
    assert abs(value - known_value) < 10 * tolerance
    np.testing.assert_allclose(np.ravel(gradient), np.ravel(known), rtol=0, atol=10 * tolerance)
    timed(step, TABLE, circuit.name, name)
    benchmark.extra_info["first"] = first
