# %% [markdown]
# # Quantum layers that learn functions of bits
#
# Three exercises, from one weight to a hybrid network: a qubit learns NOT, four qubits learn the parity of their bits, and a
# network with a quantum layer in its middle learns the majority vote of some of ten bits.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer epochs and seeds.

# %%
import math
import os
import statistics
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
from rich.progress import track
from sklearn.linear_model import LogisticRegression

import qkernel as qk
from qkernel.nn import QLayer, datasets
from qkernel.nn.transforms import bits_to_angles
from qkernel_stdlib import dense_angle_encoding

torch.set_num_threads(1)

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## NOT, with one weight
#
# The data set has two items: an angle that prepares the bit, 0 or pi, and the probability of 0 that is wanted. Names tell what
# is an input and what a weight. `readout="p0"` reads the probability that all qubits are 0.


# %%
@qk.qkernel
def turned(input_0: qk.Float, weight_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.rx(qk.qubit(), input_0), weight_0))


print(turned.draw(output="text"))

# %% [markdown]
# With the mean absolute error, plain gradient descent and a step of 1 the weight goes from w to w + sin(w) / 2. It ends at pi,
# where the circuit is a NOT.


# %%
def learn_not(start: float, epochs: int) -> list[float]:
    """The weight after each epoch."""
    layer = QLayer(turned, readout="p0").double()
    with torch.no_grad():
        layer.weight_0.fill_(start)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    weights = []
    for _ in range(epochs):
        for angles, wanted in datasets.NOT.loader():
            optimizer.zero_grad()
            nn.L1Loss()(layer(angles.double()[:, 0]).flatten(), wanted.double()).backward()
            optimizer.step()
        weights.append(layer.weight_0.item())
    return weights


paths = {start: learn_not(start, 16) for start in (0.1, 0.5, 0.9)}
near = learn_not(3.0, 5)
expected = 3.0
for weight in near:
    expected += math.sin(expected) / 2
    assert math.isclose(weight, expected, abs_tol=1e-6)  # the angles are float32
print("from 3.0:", " ".join(f"{weight:.4f}" for weight in near))
for start, weights in paths.items():
    reached = next(k for k, weight in enumerate(weights, 1) if abs(weight - math.pi) < 0.01)
    print(f"from {start}: within 0.01 of pi after {reached} epochs")

# %% [markdown]
# ## Parity, with one weight for each bit
#
# `XOR(n)` has all strings of n bits and their parities. The product of all Z is 1 for an even number of ones and -1 for an odd
# one, so that the layer has only to learn to leave its qubits alone.


# %%
@qk.qkernel
def parity(input_bits: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.rx(qk.qubit_array(4), input_bits)
    return qk.rx(q, weight)


torch.manual_seed(0)
strings = datasets.XOR(4, transform=bits_to_angles)
angles = torch.stack([bits for bits, _ in strings])
labels = torch.tensor([label for _, label in strings])
layer = QLayer(parity, readout="ZZZZ", initial="angles", post_process=lambda value: (1 - value) / 2)
optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
parity_losses = []
for _ in range(20 if docs_test_mode else 80):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(layer(angles).flatten(), labels.float())
    loss.backward()
    optimizer.step()
    parity_losses.append(loss.item())
right = (layer(angles).flatten().round() == labels).float().mean().item()
print(f"parity of 4 bits: loss {parity_losses[0]:.3f} -> {parity_losses[-1]:.4f}, {right:.0%} of 16 strings right")

# %% [markdown]
# ## A majority vote, with a quantum layer in the middle
#
# Of ten bits six have a vote, and the network does not know which. Linear layers bring ten numbers down to four angles and two
# expectation values down to one answer; between them two qubits hold two angles each.

# %%
VOTERS = [1, 3, 4, 6, 7, 9]
N_TRAIN, N_TEST = 340, 512
EPOCHS = 5 if docs_test_mode else 30
SEEDS = range(1 if docs_test_mode else 5)


@qk.qkernel
def two_qubits(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = dense_angle_encoding(qk.qubit_array(2), input_vec)
    q = qk.ry(q, weight[:2])
    q[0], q[1] = qk.rzz(q[0], q[1], weight[2])
    return qk.ry(q, weight[3:])


print(two_qubits.draw(output="text", inline=True))

rows = np.random.default_rng(0).permutation(1024)
bits = torch.tensor(rows[:, None] >> np.arange(10) & 1, dtype=torch.float32)
votes = (bits[:, VOTERS].sum(1, keepdim=True) > len(VOTERS) / 2).float()
X_train, y_train, X_test, y_test = bits[:N_TRAIN], votes[:N_TRAIN], bits[-N_TEST:], votes[-N_TEST:]


class Angles(nn.Module):
    """Numbers between -1 and 1 as angles between -pi and pi."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return math.pi * x


def hybrid() -> nn.Module:
    return nn.Sequential(
        nn.Linear(10, 4),
        nn.Tanh(),
        Angles(),
        QLayer(two_qubits, inputs={"input_vec": 4}, weights={"weight": 5}, readout="z"),
        nn.Linear(2, 1),
        nn.ReLU(),
    )


def classical() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 4), nn.Tanh(), nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 1), nn.ReLU())


def train(make: Callable[[], nn.Module], seed: int) -> list[float]:
    """The accuracy on the test strings after each epoch."""
    torch.manual_seed(seed)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    accuracies = []
    for _ in range(EPOCHS):
        for batch in torch.randperm(N_TRAIN).split(64):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(X_train[batch]), y_train[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracies.append(((model(X_test) > 0.5) == (y_test > 0.5)).float().mean().item())
    return accuracies


curves = {}
for name, make in (("with a quantum layer", hybrid), ("Linear + Tanh instead", classical)):
    curves[name] = [train(make, seed) for seed in track(SEEDS, description=name, transient=True)]
    finals = [accuracies[-1] for accuracies in curves[name]]
    weights = sum(parameter.numel() for parameter in make().parameters())
    shown = ", ".join(f"{accuracy:.1%}" for accuracy in finals)
    print(f"{name:<21} {weights} weights: {shown}; median {statistics.median(finals):.1%}")

linear = LogisticRegression().fit(X_train.numpy(), y_train.numpy().ravel())
linear_accuracy = float(linear.score(X_test.numpy(), y_test.numpy().ravel()))
print(f"logistic regression   11 weights: {linear_accuracy:.1%}")

# %% [markdown]
# ## What came out

# %%
fig, axes = plt.subplots(1, 3, figsize=(14, 3.8), layout="constrained")
for start, weights in paths.items():
    axes[0].plot(range(len(weights) + 1), [start, *weights], "o-", ms=3, label=f"from {start}")
axes[0].axhline(math.pi, color="gray", lw=0.8, ls="--")
axes[0].set(title="NOT: the weight goes to π", xlabel="Epoch", ylabel="Weight (radians)")
axes[0].legend(fontsize=8)
axes[1].plot(range(1, len(parity_losses) + 1), parity_losses, color="C3")
axes[1].set(title="Parity of four bits", xlabel="Epoch", ylabel="Mean squared error", yscale="log")
for color, (name, found) in zip(("C0", "C1"), curves.items(), strict=True):
    for k, accuracies in enumerate(found):
        axes[2].plot(range(1, EPOCHS + 1), accuracies, color=color, alpha=0.7, lw=1.2, label=name if k == 0 else None)
axes[2].axhline(linear_accuracy, color="gray", lw=0.8, ls="--", label="Logistic regression")
axes[2].set(title="Majority of six of ten bits", xlabel="Epoch", ylabel="Test accuracy")
axes[2].legend(fontsize=8)
fig.savefig(FIGURES / "bits_and_majority.png", dpi=150)
print(f"Figure: {FIGURES / 'bits_and_majority.png'}")

# %% [markdown]
# ## Does the quantum layer help?
#
# NOT and parity are there to show how a circuit is trained; nobody needs a computer for them. In the vote the quantum layer
# learns faster than the classical one in its place, by the same plain gradient descent. But a majority is a linear question:
# logistic regression, which has no layer in the middle at all, answers it too.
