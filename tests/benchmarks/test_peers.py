"""Other simulators on the same workloads, as their users run them; each is checked before it is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.benchmarks.workloads import WORKLOADS, Step, Workload, check

Timed = Callable[..., None]


def torch_step(workload: Workload, function: Callable[[Any, Any], Any], dtype: torch.dtype) -> Step:
    inputs, weights, cotangent = (torch.tensor(array, dtype=dtype) for array in workload.data)
    inputs.requires_grad_()
    weights.requires_grad_()

    def step() -> tuple[Any, Any, Any]:
        inputs.grad = weights.grad = None
        values = function(inputs, weights).reshape(workload.batch, workload.qubits)
        (values * cotangent).sum().backward()
        return values.detach(), inputs.grad, weights.grad

    return step


def pennylane(workload: Workload, device: str, gradient: str) -> Step:
    qml = pytest.importorskip("pennylane")
    n = workload.qubits

    def ansatz(inputs: Any, weights: Any) -> Any:
        for i in range(n):
            qml.RY(inputs[..., i], wires=i)
        for layer in range(workload.layers):
            base = 3 * n * layer
            for k, gate in enumerate((qml.RZ, qml.RY, qml.RZ)):
                for i in range(n):
                    gate(weights[base + k * n + i], wires=i)
            for i in range(n - 1):
                qml.CZ(wires=[i, i + 1])
        return [qml.expval(qml.Z(i)) for i in range(n)]

    try:
        node = qml.QNode(ansatz, qml.device(device, wires=n), interface="torch", diff_method=gradient)
    except qml.DeviceError:
        pytest.skip(f"{device} is not installed")
    return torch_step(workload, lambda inputs, weights: torch.stack(list(node(inputs, weights)), -1), torch.float64)


def qulacs(workload: Workload) -> Step:
    module = pytest.importorskip("qulacs")
    n, (inputs, weights, cotangent) = workload.qubits, workload.data
    circuit, state = module.ParametricQuantumCircuit(n), module.QuantumState(n)
    for i in range(n):
        circuit.add_parametric_RY_gate(i, 0.0)
    for _ in range(workload.layers):
        for add in (circuit.add_parametric_RZ_gate, circuit.add_parametric_RY_gate, circuit.add_parametric_RZ_gate):
            for i in range(n):
                add(i, 0.0)
        for i in range(n - 1):
            circuit.add_CZ_gate(i, i + 1)
    single = []
    for i in range(n):
        single.append(module.Observable(n))
        single[i].add_operator(1.0, f"Z {i}")

    def step() -> tuple[Any, Any, Any]:
        values, slopes = np.empty((workload.batch, n)), np.empty((workload.batch, n + len(weights)))
        for b in range(workload.batch):
            for k, angle in enumerate([*inputs[b], *weights]):
                circuit.set_parameter(k, -angle)  # its rotations are exp(+i angle P / 2)
            state.set_zero_state()
            circuit.update_quantum_state(state)
            weighted = module.Observable(n)
            for i in range(n):
                values[b, i] = single[i].get_expectation_value(state)
                weighted.add_operator(cotangent[b, i], f"Z {i}")
            slopes[b] = -np.array(circuit.backprop(weighted))
        return values, slopes[:, :n], slopes[:, n:].sum(0)

    return step


def tensorcircuit(workload: Workload) -> Step:
    tc: Any = pytest.importorskip("tensorcircuit")
    jax: Any = pytest.importorskip("jax")
    backend = tc.set_backend("jax")
    tc.set_dtype("complex64")
    n = workload.qubits

    def one(inputs: Any, weights: Any) -> Any:
        circuit = tc.Circuit(n)
        for i in range(n):
            circuit.ry(i, theta=inputs[i])
        for layer in range(workload.layers):
            base = 3 * n * layer
            for k, gate in enumerate((circuit.rz, circuit.ry, circuit.rz)):
                for i in range(n):
                    gate(i, theta=weights[base + k * n + i])
            for i in range(n - 1):
                circuit.cz(i, i + 1)
        return backend.stack([backend.real(circuit.expectation_ps(z=[i])) for i in range(n)])

    many = backend.vmap(one, vectorized_argnums=0)
    arrays = [backend.convert_to_tensor(array.astype(np.float32)) for array in workload.data]

    def loss(inputs: Any, weights: Any) -> Any:
        values = many(inputs, weights)
        return backend.sum(values * arrays[2]), values

    compiled = backend.jit(backend.value_and_grad(loss, argnums=(0, 1), has_aux=True))

    def step() -> tuple[Any, Any, Any]:
        (_, values), (by_inputs, by_weights) = jax.block_until_ready(compiled(*arrays[:2]))
        return values, by_inputs, by_weights

    return step


def of_jax(workload: Workload, jax: Any, one: Callable[[Any, Any], Any]) -> Step:
    """Values and gradients of a function of one sample's inputs and the weights, compiled for the batch."""
    arrays = [jax.numpy.asarray(array.astype(np.float32)) for array in workload.data]

    def loss(inputs: Any, weights: Any) -> Any:
        values = jax.vmap(one, (0, None))(inputs, weights)
        return (values * arrays[2]).sum(), values

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))

    def step() -> tuple[Any, Any, Any]:
        (_, values), (by_inputs, by_weights) = jax.block_until_ready(compiled(*arrays[:2]))
        return values, by_inputs, by_weights

    return step


def jax_by_hand(workload: Workload) -> Step:
    """The ansatz written for this one circuit: a product state, diagonals as phases, real rotations of half the qubits."""
    jax: Any = pytest.importorskip("jax")
    n, jnp = workload.qubits, jax.numpy
    bits = np.arange(2**n)[None] >> np.arange(n)[:, None] & 1
    signs = jnp.asarray(1.0 - 2.0 * bits, jnp.float32)
    chain = jnp.asarray((-1.0) ** (bits[:-1] & bits[1:]).sum(0), jnp.float32)

    def rotations(angles: Any) -> Any:
        matrix = jnp.ones((1, 1), jnp.float32)
        for angle in angles:
            cosine, sine = jnp.cos(angle / 2), jnp.sin(angle / 2)
            matrix = jnp.kron(jnp.stack([jnp.stack([cosine, -sine]), jnp.stack([sine, cosine])]), matrix)
        return matrix

    def one(inputs: Any, weights: Any) -> Any:
        state = jnp.ones(1, jnp.float32)
        for i in range(n):
            state = jnp.kron(jnp.stack([jnp.cos(inputs[i] / 2), jnp.sin(inputs[i] / 2)]), state)
        for layer in range(workload.layers):
            first, middle, last = weights[3 * n * layer : 3 * n * (layer + 1)].reshape(3, n)
            state = state * jnp.exp(-0.5j * (first @ signs))
            low, high = rotations(middle[: n // 2]), rotations(middle[n // 2 :])
            state = (high @ state.reshape(len(high), len(low)) @ low.T).reshape(-1)
            state = state * jnp.exp(-0.5j * (last @ signs)) * chain
        return signs @ (state.real**2 + state.imag**2)

    return of_jax(workload, jax, one)


def qujax(workload: Workload) -> Step:
    jax: Any = pytest.importorskip("jax")
    module: Any = pytest.importorskip("qujax")
    n = workload.qubits
    gates, qubits, parameters = ["Ry"] * n, [[i] for i in range(n)], [[i] for i in range(n)]
    for layer in range(workload.layers):
        base = n + 3 * n * layer
        gates += ["Rz"] * n + ["Ry"] * n + ["Rz"] * n + ["CZ"] * (n - 1)
        qubits += [[i] for _ in range(3) for i in range(n)] + [[i, i + 1] for i in range(n - 1)]
        parameters += [[base + k] for k in range(3 * n)] + [[] for _ in range(n - 1)]
    state = module.get_params_to_statetensor_func(gates, qubits, parameters)
    values = [module.get_statetensor_to_expectation_func([["Z"]], [[i]], [1.0]) for i in range(n)]

    def one(inputs: Any, weights: Any) -> Any:
        found = state(jax.numpy.concatenate([inputs, weights]) / np.pi)  # its angles are in half turns
        return jax.numpy.stack([value(found) for value in values])

    return of_jax(workload, jax, one)


def qiskit_machine_learning(workload: Workload) -> Step:
    connectors: Any = pytest.importorskip("qiskit_machine_learning.connectors")
    networks: Any = pytest.importorskip("qiskit_machine_learning.neural_networks")
    from qiskit.quantum_info import SparsePauliOp

    from tests.benchmarks.test_compile import by_hand

    n = workload.qubits
    circuit = by_hand(n, workload.layers)
    network = networks.EstimatorQNN(
        circuit=circuit,
        observables=[SparsePauliOp.from_sparse_list([("Z", [i], 1.0)], num_qubits=n) for i in range(n)],
        input_params=[p for p in circuit.parameters if p.name.startswith("inputs")],
        weight_params=[p for p in circuit.parameters if p.name.startswith("weights")],
        input_gradients=True,
    )
    inputs, weights, cotangent = (torch.tensor(array) for array in workload.data)
    layer = connectors.TorchConnector(network, initial_weights=weights.numpy()).double()
    with torch.no_grad():
        layer.weight.copy_(weights)
    inputs.requires_grad_()

    def step() -> tuple[Any, Any, Any]:
        inputs.grad = layer.weight.grad = None
        values = layer(inputs)
        (values * cotangent).sum().backward()
        return values.detach(), inputs.grad, layer.weight.grad

    return step


# For each peer the workloads that it finishes in a few seconds, its own compilation included.
PEERS: dict[str, tuple[Callable[[Workload], Step], list[str]]] = {
    "PennyLane default.qubit": (
        lambda workload: pennylane(workload, "default.qubit", "backprop"), ["W1b4", "W1b32", "W1b256", "W2", "W3", "W4", "W5"]
    ),
    "PennyLane lightning": (
        lambda workload: pennylane(workload, "lightning.qubit", "adjoint"), ["W1b4", "W1b32", "W1b256", "W2", "W3", "W4", "W5"]
    ),
    "Qulacs": (qulacs, ["W1b4", "W1b32", "W1b256", "W2", "W3", "W4", "W5"]),
    "TensorCircuit-NG (JAX)": (tensorcircuit, ["W1b4", "W1b32", "W1b256", "W2"]),
    "JAX by hand": (jax_by_hand, ["W1b4", "W1b32", "W1b256", "W2"]),
    "qujax (JAX)": (qujax, ["W1b4", "W1b32", "W1b256", "W2"]),
    "Qiskit Machine Learning": (qiskit_machine_learning, ["W1b4"]),
}  # fmt: skip


@pytest.mark.parametrize("peer", list(PEERS))
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_peers(timed: Timed, benchmark: Any, workload: Workload, peer: str) -> None:
    make, reach = PEERS[peer]
    if workload.name not in reach:
        pytest.skip(f"{peer} would take minutes at {workload.name}")
    began = time.perf_counter()
    step = make(workload)
    found = step()
    first = 1e3 * (time.perf_counter() - began)
    check(workload, found, 1e-4 if "JAX" in peer else 1e-5)
    timed(step, "Peers: forward and gradient", workload.name, peer)
    benchmark.extra_info["first"] = first
