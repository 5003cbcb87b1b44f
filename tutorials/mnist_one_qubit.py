# %% [markdown]
# # One qubit inside a convolutional network: zeros and ones of MNIST
#
# The example that many people met first, from the Qiskit textbook: a network ends in a single number, the number turns a
# qubit, and how often the qubit is found in 1 decides between the digits 0 and 1.
#
#     image -> CNN -> angle -> H, RY(angle), measure -> P(1) = (1 + sin angle) / 2 -> (P, 1 - P)
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: 2 epochs, 20 images of each digit.

# %%
import math
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from rich.console import Console
from rich.progress import Progress
from torch.utils.data import DataLoader

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import DataError
from qkernel.nn import QLayer, datasets, plots, transforms

torch.set_num_threads(1)  # the network is tiny, and its digits shall not depend on the number of cores

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
SHOTS = 100

# %% [markdown]
# ## The circuit
#
# Measured, it gives a bit. Read out as an expectation value of (1 - Z) / 2, which is 0 for 0 and 1 for 1, it gives the
# probability of that bit: a number that can be trained.


# %%
@qk.qkernel
def coin(theta: qk.Float) -> qk.Bit:
    q = qk.h(qk.qubit(name="q"))
    q = qk.barrier(q)
    return qk.measure(qk.ry(q, theta))


@qk.qkernel
def probability(theta: qk.Float) -> qk.Float:
    q = qk.h(qk.qubit(name="q"))
    return qk.expval(qk.ry(q, theta), 0.5 - 0.5 * qko.Z(0))


print(coin.draw(output="text"))
counts = coin.sample(theta=math.pi, shots=SHOTS, seed=1).counts
print(f"{SHOTS} shots at pi: {counts}; the mean bit is {counts.get(1, 0) / SHOTS:.2f}")
print(f"exactly: {probability.run(theta=math.pi):.4f}")

# %% [markdown]
# An estimate from 100 shots scatters by sqrt(P (1 - P) / 100), 0.05 where P is a half. Many angles run at once:

# %%
angles = np.linspace(-math.pi, math.pi, 41)
estimates = probability.run(theta=angles, shots=SHOTS, seed=2)
exact = probability.run(theta=angles)
assert np.allclose(exact, (1 + np.sin(angles)) / 2)
print(f"largest distance of {len(angles)} estimates from the exact values: {np.abs(estimates - exact).max():.3f}")

# %% [markdown]
# ## The slope
#
# By the parameter-shift rule, from two circuits a quarter turn away: f'(t) = (f(t + pi/2) - f(t - pi/2)) / 2. The textbook
# leaves out the half, so that its slopes are twice the true ones; an optimiser such as Adam, which divides by the size of
# the slopes, hardly notices.

# %%
theta = 0.3
shifted = (probability.run(theta=theta + math.pi / 2) - probability.run(theta=theta - math.pi / 2)) / 2
gradient = probability.grad(theta=theta)["theta"]
assert math.isclose(shifted, gradient, abs_tol=1e-12)
assert math.isclose(gradient, math.cos(theta) / 2, abs_tol=1e-12)
print(f"slope at {theta}: {gradient:.10f} = cos({theta}) / 2")

# %% [markdown]
# ## The data
#
# The first hundred zeros and ones of MNIST to train with, the first fifty to test. Where neither the files nor a network are
# at hand, scikit-learn's digits take their place.


# %%
def load(train: bool, per_class: int) -> torch.utils.data.Dataset:
    """So many images of the digits 0 and 1, with labels 0 and 1."""
    try:
        return datasets.MNIST(train=train, transform=transforms.ToTensor()).subset([0, 1], per_class=per_class)
    except DataError as error:
        print(f"NOT MNIST, but scikit-learn's bundled 8x8 digits: {error.title}.")
        whole = transforms.Compose([transforms.ToTensor(), lambda image: image * (255 / 16)])
        return datasets.Digits(transform=whole).subset([0, 1], per_class=per_class)


train_set, test_set = load(True, 20 if docs_test_mode else 100), load(False, 20 if docs_test_mode else 50)
train_loader = DataLoader(train_set, batch_size=1, shuffle=True)
print(f"{len(train_set)} images to train with, {len(test_set)} to test")

# %% [markdown]
# ## The network
#
# `QLayer` is a module like any other. `output` decides between the digits: P and 1 - P.


# %%
class Net(nn.Module):
    """A small convolutional network whose last word one module has: (batch, 1) -> P, (batch, 1)."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout2d(), nn.Flatten(),
            nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 1),
        )  # fmt: skip
        self.last = last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] != 28:
            x = F.interpolate(x, size=(28, 28))
        p = self.last(self.features(x)).reshape(-1, 1)
        return torch.cat((p, 1 - p), dim=-1)


def qubit(shots: int | None) -> nn.Module:
    """The circuit as a layer, exact or from shots."""
    return nn.Sequential(nn.Flatten(0), QLayer(probability, inputs=["theta"], shots=shots))


# %% [markdown]
# ## Training

# %%
EPOCHS = 2 if docs_test_mode else 20


def train(name: str, last: nn.Module) -> tuple[nn.Module, list[float], float]:
    """A network with that last module, trained; its loss after each epoch, and how many seconds it took."""
    torch.manual_seed(0)
    model = Net(last)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    losses: list[float] = []
    console, started = Console(), time.perf_counter()
    with Progress(console=console, transient=True, disable=not (console.is_terminal or console.is_jupyter)) as progress:
        bar = progress.add_task(name, total=EPOCHS * len(train_loader))
        for _ in range(EPOCHS):
            total = 0.0
            for image, label in train_loader:
                optimizer.zero_grad()
                loss = F.nll_loss(model(image), label)
                loss.backward()
                optimizer.step()
                total += loss.item()
                progress.advance(bar)
            losses.append(total / len(train_loader))
    return model, losses, time.perf_counter() - started


@torch.no_grad()
def test(model: nn.Module) -> tuple[float, float, torch.Tensor]:
    """The loss and the accuracy on the test images, and what each was taken for."""
    model.eval()
    images, labels = next(iter(DataLoader(test_set, batch_size=len(test_set))))
    output = model(images)
    predicted = output.argmax(1)
    return F.nll_loss(output, labels).item(), (predicted == labels).float().mean().item(), predicted


rows = []
for name, last in (
    ("one qubit, exact", qubit(None)),
    (f"one qubit, {SHOTS} shots", qubit(SHOTS)),
    ("a sigmoid instead", nn.Sigmoid()),
):
    model, losses, seconds = train(name, last)
    loss, accuracy, predicted = test(model)
    rows.append((name, losses, loss, accuracy, predicted, seconds))

print("                      first epoch  last epoch  test loss  accuracy")
for name, losses, loss, accuracy, *_ in rows:
    print(f"{name:<20}  {losses[0]:>11.4f}  {losses[-1]:>10.4f}  {loss:>9.4f}  {accuracy:>8.1%}")
print("seconds of training:", ", ".join(f"{name} {seconds:.1f}" for name, *_, seconds in rows))

# %% [markdown]
# ## What came out

# %%
fig = plt.figure(figsize=(13, 3.6), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=(1, 1.7))
axes = left.subplots()
for name, losses, *_ in rows:
    axes.plot(range(1, EPOCHS + 1), losses, "o-", ms=3, label=name)
axes.set(title="Hybrid NN Training Convergence", xlabel="Training Iterations", ylabel="Neg Log Likelihood Loss")
axes.locator_params(axis="x", integer=True)
axes.legend(fontsize=8)
shown = [*range(3), *range(len(test_set) - 3, len(test_set))]
images = np.array([np.asarray(test_set[k][0]).squeeze() for k in shown])
plots.image_grid(right.subplots(1, 6), images, [f"Predicted {int(rows[0][4][k])}" for k in shown])
fig.savefig(FIGURES / "mnist_one_qubit.png", dpi=150)
print(f"Figure: {FIGURES / 'mnist_one_qubit.png'}")

# %% [markdown]
# ## Does the qubit help?
#
# No. A sigmoid in its place does as well and costs less: one qubit has nothing to be entangled with, and what it computes is
# a sine. What the example shows is that a circuit can stand inside a network and be trained with it, exactly or from the
# hundred shots that a machine would give.
