# %% [markdown]
# # Sixty-four pixels in the amplitudes of seven qubits
#
# n qubits have 2**n amplitudes, so that an image of 64 pixels fits into the state of a handful of them. The network of this
# tutorial loads the small digits of scikit-learn that way, turns the state with trainable gates, reads every qubit, and lets
# two ordinary layers decide which digit it was.
#
# Its training step has six parts: embed the data, apply the ansatz, measure, compute the cost, update the weights, repeat.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: one seed, 5 steps.

# %%
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import qkernel as qk
from qkernel.nn import QLayer, datasets, plots
from qkernel_stdlib import amplitude_encoding, strongly_entangling_layers

torch.set_num_threads(1)

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
N_QUBITS, N_LAYERS = 7, 2
SEEDS = (1,) if docs_test_mode else (0, 1, 2)
STEPS = 5 if docs_test_mode else 60

# %% [markdown]
# ## The data
#
# The digits 0, 1 and 2: 537 images of 8 x 8 pixels.

# %%
digits = datasets.Digits().subset([0, 1, 2])
pixels = digits.data.flatten(1).double() / 16
labels = digits.targets
print(f"{len(labels)} images, {pixels.shape[1]} features; of each digit: {torch.bincount(labels).tolist()}")

# %% [markdown]
# ## A classifier that is a line
#
# The simplest classifier weighs the features, adds a bias and looks at the sign: one digit where w.x + b >= 0, the other where
# it is less. Two features are enough to tell zeros from ones: a zero has a hole in its middle, and ink to both sides of it.

# %%
bright = digits.data.reshape(-1, 8, 8)[labels < 2].double().numpy() / 16
ones = labels[labels < 2].numpy() == 1
features = np.stack([bright[:, 2:6, 3:5].mean((1, 2)), bright[:, 2:6, [2, 5]].mean((1, 2))], 1)
fitted = LogisticRegression(C=1000).fit(features, ones)
w, b = fitted.coef_[0], fitted.intercept_[0]
decided = features @ w + b >= 0
print(f"ones where {w[0]:.1f} x0 {w[1]:+.1f} x1 {b:+.1f} >= 0: {(decided == ones).mean():.1%} of {len(ones)} images right")

figure, panel = plt.subplots(figsize=(6, 3.8), layout="constrained")
low, high = features.min(0) - 0.05, features.max(0) + 0.05
panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), title="A linear classifier")
panel.set(xlabel="x0: ink in the middle", ylabel="x1: ink to both sides")
first, second = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
panel.contourf(first, second, w[0] * first + w[1] * second + b >= 0, levels=[-0.5, 0.5, 1.5], colors=["C0", "C1"], alpha=0.15)
panel.axline((0, -b / w[1]), slope=-w[0] / w[1], color="black", lw=1.2)
for name, rows, color in (("Digit 0", ~ones, "C0"), ("Digit 1", ones, "C1")):
    panel.scatter(*features[rows].T, s=12, color=color, label=name)
panel.legend(loc="lower left")
figure.savefig(FIGURES / "linear_classifier.png", dpi=150)

# %% [markdown]
# Three digits of 64 pixels need more than a line: the network that follows weighs what a circuit makes of the pixels.
#
# ## Embed the data and apply the ansatz
#
# `amplitude_encoding` makes the state x / |x|; what is missing to 2**7 amplitudes is 0. On a simulator that is one step, and
# its derivative by the data is exact, even where pixels are black. On a machine it is a circuit of rotations and CNOTs.


# %%
@qk.qkernel
def classifier(x: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(7)
    q = amplitude_encoding(q, x)
    return strongly_entangling_layers(q, weights)


print(classifier.draw(output="text", x=pixels[0].tolist(), weights=np.zeros((N_LAYERS, N_QUBITS, 3))))

# %% [markdown]
# ## Measure
#
# Z of every qubit is read out, and a bias added to each. Two linear layers decide.
# 42 angles, 7 biases, 64 and 27 weights of two linear layers: 140 parameters.


# %%
def network() -> nn.Module:
    quantum = QLayer(
        classifier,
        inputs={"x": 64},
        weights={"weights": (N_LAYERS, N_QUBITS, 3)},
        readout="z",
        bias=True,
        initial="angles",
    )
    return nn.Sequential(quantum, nn.Linear(7, 8), nn.Tanh(), nn.Linear(8, 3)).double()


print(network())
print("parameters:", sum(parameter.numel() for parameter in network().parameters()))

# %% [markdown]
# ## Compute the cost, update the weights, and repeat
#
# The cost is the cross entropy, and Adam updates all 140 parameters alike. Two classical classifiers see the same split.


# %%


def train(seed: int) -> dict[str, object]:
    """One split and one network, trained on all of its images at once."""
    X_train, X_test, y_train, y_test = train_test_split(pixels, labels, test_size=0.2, random_state=seed, stratify=labels)
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses, scores = [], []
    for _ in track(range(STEPS), description=f"seed {seed}", transient=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X_train), y_train)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        with torch.no_grad():
            predicted = model(X_test).argmax(1)
        scores.append(float(f1_score(y_test, predicted, average="macro")))
    by_support_vectors = SVC(gamma=0.001, C=10).fit(X_train * 16, y_train).predict(X_test * 16)
    by_logistic_regression = LogisticRegression(max_iter=500).fit(X_train, y_train).predict(X_test)
    return {
        "losses": losses,
        "scores": scores,
        "test": (X_test, y_test, predicted),
        "SVM": float(f1_score(y_test, by_support_vectors, average="macro")),
        "logistic regression": float(f1_score(y_test, by_logistic_regression, average="macro")),
    }


started = time.perf_counter()
runs = {seed: train(seed) for seed in SEEDS}
print(f"{len(SEEDS) * STEPS} steps in {time.perf_counter() - started:.1f} s")
print("seed   hybrid      SVM  logistic regression")
for seed, found in runs.items():
    print(f"{seed:>4}  {found['scores'][-1]:>7.4f}  {found['SVM']:>7.4f}  {found['logistic regression']:>19.4f}")
print(f"mean F1 of the hybrid network: {np.mean([found['scores'][-1] for found in runs.values()]):.4f}")

# %% [markdown]
# ## The same kernel on another engine
#
# One word chooses where it runs; on Aer the state is prepared by the circuit of rotations.

# %%
bindings = {"x": pixels[0].tolist(), "weights": np.full((N_LAYERS, N_QUBITS, 3), 0.1)}
here = classifier.statevector(**bindings)
there = classifier.statevector(**bindings, engine="qiskit")
assert np.allclose(here, there)
print(f"native and Qiskit agree within {np.abs(here - there).max():.0e}")

# %% [markdown]
# ## What came out

# %%
shown = runs[1]
X_test, y_test, predicted = shown["test"]
names = ["Digit 0", "Digit 1", "Digit 2"]
fig, axes = plt.subplots(1, 3, figsize=(14, 3.9), layout="constrained", width_ratios=(1, 0.8, 1.2))
for seed, found in runs.items():
    axes[0].plot(range(1, STEPS + 1), found["losses"], label=f"Loss, seed {seed}", lw=1.3)
    axes[0].plot(range(1, STEPS + 1), found["scores"], ls="--", color=axes[0].lines[-1].get_color(), lw=1.3)
axes[0].set(title="Training (dashed: F1 of the test images)", xlabel="Step", ylabel="Cross entropy, F1")
axes[0].legend(fontsize=8)
plots.confusion_matrix(axes[1], y_test.numpy(), predicted.numpy(), names)
strip = np.concatenate([torch.nonzero(y_test == k)[:3, 0].numpy() for k in range(3)])[:8]
images = X_test[strip].reshape(-1, 8, 8).numpy()
plots.sample_predictions(axes[2], images, y_test[strip].numpy(), predicted[strip].numpy(), names)
fig.savefig(FIGURES / "digits_amplitude_encoding.png", dpi=150)
print(f"Figure: {FIGURES / 'digits_amplitude_encoding.png'}")

# %% [markdown]
# ## Does it help to be quantum?
#
# An F1 of 1 is within reach, and depends on the split: the three seeds differ by an image or two. A support vector machine does
# better at once. What the seven qubits show is that data can be written into amplitudes, and differentiated there.
