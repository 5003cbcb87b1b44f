# %% [markdown]
# # One qubit, and the data again and again
#
# A circuit that takes a number x once as an angle can only make a sine of it. If it takes the number again in each of its
# layers, with trainable turns between, it makes a sum of waves: each layer adds one frequency (Perez-Salinas et al. 2020,
# Quantum 4, 226; Schuld, Sweke and Meyer 2021, Phys. Rev. A 103, 032430). This tutorial fits a curve with one qubit, shows its
# frequencies, and then has the same qubit tell the inside of a circle from its outside.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: fewer layers and steps.

# %%
import math
import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neural_network import MLPClassifier

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from qkernel_stdlib import data_reuploading

torch.set_num_threads(1)

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
STEPS = 20 if docs_test_mode else 400

# %% [markdown]
# ## The circuit
#
# A turn about any axis, which takes three weights; then in each layer a turn by x and another one. The loop goes over the
# rows of `weights`, so that the number of layers is that of the rows, less one.


# %%
@qk.qkernel
def curve(x: qk.Float, weights: qk.Matrix[qk.Float]) -> qk.Float:
    q = qk.u(qk.qubit(), weights[0, 0], weights[0, 1], weights[0, 2])
    for layer in qk.range(1, weights.shape[0]):
        q = qk.rx(q, x)
        q = qk.u(q, weights[layer, 0], weights[layer, 1], weights[layer, 2])
    return qk.expval(q, qko.Z(0))


print(curve.draw(output="text"))

# %% [markdown]
# ## Fit a curve
#
# The aim is a wave with steep sides. The layer takes a batch of x, and Adam does what it does with any layer. Outputs have an
# axis of their own, as those of `nn.Linear` have; `flatten` takes it off. Where a training ends depends on where it begins: the
# best of several starts counts.

# %%
grid = torch.linspace(-math.pi, math.pi, 101, dtype=torch.float64)[:-1]
wanted = 0.7 * torch.tanh(4 * torch.sin(grid)) + 0.2 * torch.cos(2 * grid)


def fit(layers: int, seed: int) -> tuple[float, QLayer]:
    """The loss of a circuit with so many layers after training, and the circuit."""
    torch.manual_seed(seed)
    model = QLayer(curve, inputs=["x"], weights={"weights": (layers + 1, 3)}, initial="angles").double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(grid).flatten(), wanted)
        loss.backward()
        optimizer.step()
    return loss.item(), model


DEPTHS = (1, 2, 3) if docs_test_mode else (1, 3, 8)
STARTS = 1 if docs_test_mode else 4
curves = {layers: min((fit(layers, seed) for seed in range(STARTS)), key=lambda found: found[0]) for layers in DEPTHS}

# %% [markdown]
# ## Beside it: a Fourier series
#
# With L layers the circuit is a series of the frequencies 0 to L, whose coefficients hang together in some way. The best series
# of these frequencies, all coefficients free, is a linear problem that a classical computer solves at once. No circuit of L
# layers can be better, and the transform of what it has learned has nothing above L.


# %%
def best_series(frequencies: int) -> np.ndarray:
    """The series up to that frequency that is nearest to what is wanted, on the grid."""
    waves = np.array([np.ones(100), *(f(k * grid.numpy()) for k in range(1, frequencies + 1) for f in (np.cos, np.sin))]).T
    return waves @ np.linalg.lstsq(waves, wanted.numpy(), rcond=None)[0]


def spectrum(values: np.ndarray) -> np.ndarray:
    """The size of each frequency from 0 on."""
    return np.abs(np.fft.rfft(values)) / len(values)


learned, series = {}, {}
for layers, (loss, model) in curves.items():
    with torch.no_grad():
        learned[layers] = model(grid).flatten().numpy()
    series[layers] = best_series(layers)
    least = np.mean((series[layers] - wanted.numpy()) ** 2)
    print(f"{layers} layers, {3 * layers + 3} weights: mean squared error {loss:.5f}, of the best series {least:.5f}")
    assert loss > least - 1e-12
    assert spectrum(learned[layers])[layers + 1 :].max() < 1e-12

# %% [markdown]
# ## A circle
#
# Two coordinates now, and a label: inside or outside. `data_reuploading` of the library takes up to three numbers in each layer
# as `weights * x + biases`, so that each layer chooses its own scale; one qubit, and nothing entangled.


# %%
@qk.qkernel
def one_qubit(x: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float], biases: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    return data_reuploading(qk.qubit_array(1), x, weights, biases)


rng = np.random.default_rng(0)
RADIUS = math.sqrt(2 / math.pi)  # half of the square lies inside
X_train, X_test = (torch.tensor(np.pad(rng.uniform(-1, 1, (count, 2)), ((0, 0), (0, 1)))) for count in (200, 1000))
y_train, y_test = ((X.square().sum(1) < RADIUS**2).double() for X in (X_train, X_test))


def classify(layers: int, seed: int) -> tuple[float, QLayer]:
    """The loss of a qubit whose probability of 0 shall be 1 inside and 0 outside, after training, and the qubit."""
    torch.manual_seed(seed)
    shape = (layers, 1, 3)
    model = QLayer(
        one_qubit, inputs={"x": 3}, weights={"weights": shape, "biases": shape}, readout="p0", initial="angles"
    ).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(X_train).flatten(), y_train)
        loss.backward()
        optimizer.step()
    return loss.item(), model


def accuracy(probabilities: Sequence[float] | torch.Tensor) -> float:
    """The part of the test points on the right side of a half."""
    return float(np.mean((np.asarray(probabilities) > 0.5) == (y_test.numpy() > 0.5)))


shown = {}
side = 60
x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
plane = np.stack([x.ravel(), y.ravel(), np.zeros(side * side)], 1)
for layers in DEPTHS[:1] + (2, 5) * (not docs_test_mode):
    _, model = min((classify(layers, seed) for seed in range(STARTS)), key=lambda found: found[0])
    with torch.no_grad():
        shown[f"{layers} layer{'s' * (layers > 1)}, {6 * layers} weights"] = (
            model(torch.tensor(plane)).flatten().numpy(),
            accuracy(model(X_test).flatten()),
        )
classical = MLPClassifier((7,), activation="tanh", solver="lbfgs", max_iter=5000, random_state=0)
classical.fit(X_train[:, :2].numpy(), y_train.numpy())
shown["Classical, 29 weights"] = (
    classical.predict_proba(plane[:, :2])[:, 1],
    accuracy(classical.predict_proba(X_test[:, :2].numpy())[:, 1]),
)
for name, (_, score) in shown.items():
    print(f"{name}: {score:.1%} of {len(y_test)} points")

# %% [markdown]
# ## What came out

# %%
fig, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
for panel, layers in zip(axes[0], DEPTHS, strict=False):
    panel.plot(grid, wanted, color="C7", lw=4, alpha=0.5, label="wanted")
    panel.plot(grid, series[layers], "--", color="black", lw=1, label="best series")
    panel.plot(grid, learned[layers], color="C3", label="one qubit")
    panel.set(title=f"{layers} layer{'s' * (layers > 1)}", xlabel="x", ylim=(-1.25, 1.25))
    panel.set_xticks([-math.pi, 0, math.pi], ["-π", "0", "π"])
axes[0, 0].legend(fontsize=9)
for layers, color in zip(DEPTHS, ("C0", "C2", "C3"), strict=True):
    axes[0, 3].semilogy(
        spectrum(learned[layers])[:14] + 1e-18, "o-", ms=4, color=color, label=f"{layers} layer{'s' * (layers > 1)}"
    )
axes[0, 3].set(title="Frequencies of what was learned", xlabel="Frequency", ylabel="Size")
axes[0, 3].locator_params(axis="x", integer=True)
axes[0, 3].legend(fontsize=9)
for panel in axes[1]:
    panel.axis("off")
for panel, (name, (heights, score)) in zip(axes[1], shown.items(), strict=False):
    panel.contourf(x, y, heights.reshape(x.shape), levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.75, extend="both")
    panel.scatter(*X_train[:, :2].T, c=y_train, cmap="RdBu", edgecolors="black", s=14, linewidths=0.5)
    panel.add_patch(plt.Circle((0, 0), RADIUS, fill=False, lw=1.5))
    panel.set(title=f"{name}: {score:.1%}", aspect="equal")
fig.savefig(FIGURES / "data_reuploading.png", dpi=130)
print(f"Figure: {FIGURES / 'data_reuploading.png'}")

# %% [markdown]
# ## Does it help to be quantum?
#
# No. One qubit is two numbers that a laptop turns millions of times a second; what it computes is a short Fourier series, which
# least squares fit better at once, and seven neurons draw a better circle. But the picture explains a great deal of what
# larger circuits do: the frequencies that a model has are those with which the data go in, and the ansatz only weighs them.
#
# ## Things to try
#
# * `qk.rx(q, 2 * x)` in every other layer. Which frequencies are there now?
# * `layer.explain()` on one of the models: how is it run, and how often in a step?
# * Two qubits in the place of one: `qk.qubit_array(2)` and weights of the shape (layers, 2, 3).
