# %% [markdown]
# # Networks of Qiskit circuits: EstimatorQNN and SamplerQNN
#
# Those who come from qiskit-machine-learning know two classes: one makes a network of expectation values, the other one of
# probabilities. Here they are with the same calls and shapes, over Qiskit circuits or over kernels, and at the end one of them
# is trained in PyTorch to tell two half-moons apart.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: 5 epochs.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from rich.progress import track
from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier

import qkernel as qk
from qkernel.nn import EstimatorQNN, SamplerQNN, TorchConnector
from qkernel_stdlib import angle_encoding

torch.set_num_threads(1)

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## EstimatorQNN
#
# One qubit, one input, one weight, and the expectation value of Y. The network has no state: inputs and weights come with each
# call, in numpy.

# %%
parameters = [Parameter("input1"), Parameter("weight1")]
one_qubit = QuantumCircuit(1, name="one_qubit")
one_qubit.h(0)
one_qubit.ry(parameters[0], 0)
one_qubit.rx(parameters[1], 0)

estimator_qnn = EstimatorQNN(
    circuit=one_qubit,
    observables=SparsePauliOp.from_list([("Y", 1)]),
    input_params=[parameters[0]],
    weight_params=[parameters[1]],
)
print(estimator_qnn)

rng = np.random.default_rng(42)
estimator_input, estimator_weights = rng.random(estimator_qnn.num_inputs), rng.random(estimator_qnn.num_weights)
value = estimator_qnn.forward(estimator_input, estimator_weights)
print("forward:", value, "shape", value.shape)
batch = estimator_qnn.forward([estimator_input, estimator_input], estimator_weights)
assert batch.shape == (2, 1)
assert np.array_equal(batch[0], batch[1])

input_gradient, weight_gradient = estimator_qnn.backward(estimator_input, estimator_weights)
print("backward:", input_gradient, weight_gradient)

# %% [markdown]
# Gradients by the inputs are off until they are asked for. Several observables give several values.

# %%
estimator_qnn.input_gradients = True
print("with inputs:", *estimator_qnn.backward(estimator_input, estimator_weights))

two_values = EstimatorQNN(
    circuit=one_qubit,
    observables=[SparsePauliOp("Y"), SparsePauliOp("Z")],
    input_params=[parameters[0]],
    weight_params=[parameters[1]],
)
print("Y and Z:", two_values.forward(estimator_input, estimator_weights))

# %% [markdown]
# Values are exact, and gradients come by the adjoint method. With a primitive of Qiskit both come from there, by parameter
# shift:

# %%
by_primitive = EstimatorQNN(
    circuit=one_qubit,
    observables=SparsePauliOp("Y"),
    input_params=[parameters[0]],
    weight_params=[parameters[1]],
    estimator=StatevectorEstimator(),
)
assert np.allclose(by_primitive.forward(estimator_input, estimator_weights), value)
assert np.allclose(by_primitive.backward(estimator_input, estimator_weights)[1], weight_gradient)
print("by Qiskit's StatevectorEstimator: the same")

# %% [markdown]
# ## SamplerQNN
#
# Two qubits; the outputs are the probabilities of the four outcomes, by their number, qubit 0 being the least significant bit.

# %%
inputs, weights = ParameterVector("input", 2), ParameterVector("weight", 4)
two_qubits = QuantumCircuit(2, name="two_qubits")
two_qubits.ry(inputs[0], 0)
two_qubits.ry(inputs[1], 1)
two_qubits.cx(0, 1)
two_qubits.ry(weights[0], 0)
two_qubits.ry(weights[1], 1)
two_qubits.cx(0, 1)
two_qubits.ry(weights[2], 0)
two_qubits.ry(weights[3], 1)

sampler_qnn = SamplerQNN(circuit=two_qubits, input_params=inputs, weight_params=weights)
print(sampler_qnn)
sampler_input, sampler_weights = rng.random(sampler_qnn.num_inputs), rng.random(sampler_qnn.num_weights)
print("forward:", sampler_qnn.forward(sampler_input, sampler_weights))
print("gradients by the weights:")
print(sampler_qnn.backward(sampler_input, sampler_weights)[1])

# %% [markdown]
# `interpret` says what an outcome means; with it goes the number of meanings.

# %%
parity_qnn = SamplerQNN(
    circuit=two_qubits,
    input_params=inputs,
    weight_params=weights,
    interpret=lambda index: index.bit_count() % 2,
    output_shape=2,
)
print("even and odd:", parity_qnn.forward(sampler_input, sampler_weights))

# %% [markdown]
# ## A network of a kernel, trained in PyTorch
#
# A kernel that hands back its qubits is a circuit too. This one writes two coordinates into two qubits, four times, with
# weights between; whether an even or an odd number of qubits is found in 1 says to which moon a point belongs.


# %%
@qk.qkernel
def moons(x: qk.Vector[qk.Float], weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(2)
    for layer in qk.range(4):
        q = angle_encoding(q, x)
        q = qk.rz(q, weights[4 * layer : 4 * layer + 2])
        q = qk.ry(q, weights[4 * layer + 2 : 4 * layer + 4])
        q[0], q[1] = qk.cx(q[0], q[1])
    return q


network = SamplerQNN(
    circuit=moons,
    input_params={"x": 2},
    weight_params={"weights": 16},
    interpret=lambda index: index.bit_count() % 2,
    output_shape=2,
)
print(network)

X, y = make_moons(200, noise=0.12, random_state=1)
X_train, y_train, X_test, y_test = (torch.tensor(part) for part in (X[:100], y[:100], X[100:], y[100:]))

torch.manual_seed(1)
module = TorchConnector(network, initial_weights=np.random.default_rng(1).uniform(-1, 1, 16))
optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
losses = []
for _ in track(range(5 if docs_test_mode else 100), description="training", transient=True):
    optimizer.zero_grad()
    loss = torch.nn.functional.nll_loss(module(X_train).clamp_min(1e-12).log(), y_train)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())


def accuracy(probabilities: torch.Tensor, labels: torch.Tensor) -> float:
    return (probabilities.argmax(1) == labels).float().mean().item()


with torch.no_grad():
    quantum_accuracy = accuracy(module(X_test), y_test)
classical = MLPClassifier((4,), activation="tanh", solver="lbfgs", max_iter=2000, random_state=1).fit(X_train, y_train)
classical_accuracy = classical.score(X_test, y_test)
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
print(f"test accuracy: {quantum_accuracy:.0%} with 16 weights; a classical network with 17 weights: {classical_accuracy:.0%}")

# %% [markdown]
# ## What came out

# %%
grid = np.stack(np.meshgrid(np.linspace(-1.6, 2.6, 80), np.linspace(-1.1, 1.6, 60)), axis=-1)
flat = grid.reshape(-1, 2)
with torch.no_grad():
    quantum_plane = module(torch.tensor(flat))[:, 1].numpy().reshape(grid.shape[:2])
classical_plane = classical.predict_proba(flat)[:, 1].reshape(grid.shape[:2])
fig, axes = plt.subplots(1, 3, figsize=(14, 3.9), layout="constrained")
axes[0].plot(range(1, len(losses) + 1), losses, color="C3")
axes[0].set(title="Training", xlabel="Epoch", ylabel="Negative log likelihood")
for panel, plane, title in (
    (axes[1], quantum_plane, f"SamplerQNN, 16 weights: {quantum_accuracy:.0%}"),
    (axes[2], classical_plane, f"Classical, 17 weights: {classical_accuracy:.0%}"),
):
    panel.contourf(grid[..., 0], grid[..., 1], plane, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.7)
    panel.contour(grid[..., 0], grid[..., 1], plane, levels=[0.5], colors="black", linewidths=1)
    panel.scatter(*X_test.numpy().T, c=y_test.numpy(), cmap="RdBu", edgecolors="black", s=25)
    panel.set(title=title, xticks=[], yticks=[])
fig.savefig(FIGURES / "estimator_and_sampler_networks.png", dpi=150)
print(f"Figure: {FIGURES / 'estimator_and_sampler_networks.png'}")

# %% [markdown]
# ## Does it help to be quantum?
#
# Not here: a classical network of the same size draws as good a line, and so would a support vector machine. Two qubits into
# which the data are written four times are a small model whose surface is a sum of a few waves, and that is all that the
# picture shows.
