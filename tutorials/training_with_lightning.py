# %% [markdown]
# # Training with Lightning: checkpoints, loggers, two processes
#
# A training loop of ten lines is enough for most of what stands in these tutorials. Once a run takes hours, one wants more:
# checkpoints of the best and of the last state, a log, a run that goes on where it was cut off, several processes. PyTorch
# Lightning brings that, and a quantum layer needs nothing for it, because it is a module like any other.
#
# Lightning is no part of this package: `pip install "qkernel[tutorials]"`, or `pip install lightning`.
#
# Run it with no arguments. `QKERNEL_DOCS_TEST=1` makes it short: two epochs.

# %%
import csv
import logging
import math
import os
import time
import warnings
from pathlib import Path

import lightning
import matplotlib.pyplot as plt
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import qkernel as qk
from qkernel.nn import QLayer, datasets, plots
from qkernel_stdlib import angle_encoding, strongly_entangling_layers

torch.set_num_threads(1)
warnings.filterwarnings("ignore", module="lightning")  # it tells of its own code, under newer versions of torch
for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)

docs_test_mode = os.environ.get("QKERNEL_DOCS_TEST") == "1"
FIGURES = Path(os.environ.get("QKERNEL_FIGURES", "out"))
FIGURES.mkdir(parents=True, exist_ok=True)
EPOCHS = 2 if docs_test_mode else 30

# %% [markdown]
# ## The data
#
# The ten small digits of scikit-learn, 8 x 8 pixels each; two thirds to train with.

# %%
digits = datasets.Digits()
images = TensorDataset(digits.data.flatten(1).float() / 16, digits.targets)
train_set, test_set = random_split(images, [1200, len(images) - 1200], torch.Generator().manual_seed(0))
print(f"{len(train_set)} images to train with, {len(test_set)} to test")


def loaders(batch: int) -> tuple[DataLoader, DataLoader]:
    """Of the training set, shuffled, and of the test set, whole."""
    return DataLoader(train_set, batch_size=batch, shuffle=True), DataLoader(test_set, batch_size=len(test_set))


# %% [markdown]
# ## The module
#
# Linear layers bring 64 pixels down to six angles and six expectation values up to ten classes; in the middle stand six qubits.
# What Lightning asks of a module: the loss of a batch, what is to be logged, an optimizer. `quantum=False` puts an ordinary
# layer in the middle, for comparison.


# %%
@qk.qkernel
def circuit(x: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = angle_encoding(qk.qubit_array(6), x)
    return strongly_entangling_layers(q, weights)


class Angles(nn.Module):
    """Numbers between -1 and 1 as angles between -pi and pi."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return math.pi * x


class Classifier(lightning.LightningModule):
    """Images (batch, 64) -> scores of ten classes (batch, 10)."""

    def __init__(self, quantum: bool = True, rate: float = 0.02, shots: int | None = None) -> None:
        super().__init__()
        self.save_hyperparameters()
        if quantum:
            middle = QLayer(circuit, inputs={"x": 6}, weights={"weights": (2, 6, 3)}, readout="z", shots=shots)
        else:
            middle = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
        self.network = nn.Sequential(nn.Linear(64, 6), nn.Tanh(), Angles(), middle, nn.Linear(6, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        loss = nn.functional.cross_entropy(self(x), y)
        self.log("loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        x, y = batch
        self.log("accuracy", (self(x).argmax(1) == y).float().mean(), sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.rate)


# %% [markdown]
# `explain` says beforehand how the layer in the middle will be run, and how long an epoch will take it.

# %%
print(Classifier().network[3].explain(batch=64, samples=len(train_set)))

# %% [markdown]
# ## A trainer
#
# A logger, and checkpoints of the best epoch and of the last one. What Lightning does not keep is where the random numbers are,
# from which come the order of the images and the shots of a device: a callback of four lines puts that into the checkpoints.
# (`save_last=True` would not do: it writes `last.ckpt` when there is a new best one.)


# %%
class RandomNumbers(Callback):
    """Random numbers go on where they were."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {"torch": torch.get_rng_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        torch.set_rng_state(state["torch"])


def trainer(name: str, epochs: int, **options: object) -> lightning.Trainer:
    """Trains that long on the CPU, and writes to a new folder in `lightning/name`."""
    logger = CSVLogger(FIGURES / "lightning", name=name)
    logger.log_dir  # is chosen now, before there may be processes that choose it
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=logger,
        callbacks=[
            ModelCheckpoint(filename="best", monitor="accuracy", mode="max"),
            ModelCheckpoint(filename="last"),
            RandomNumbers(),
        ],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"devices": 1, **options},
    )


def logged(run: lightning.Trainer) -> dict[str, list[float]]:
    """Loss and accuracy after each epoch, from the file that the logger wrote."""
    with open(Path(run.logger.log_dir) / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in ("loss", "accuracy")}


curves = {}
for name, quantum in (("quantum layer", True), ("Linear + Tanh instead", False)):
    lightning.seed_everything(1, verbose=False)
    model, run = Classifier(quantum), trainer(name, EPOCHS)
    started = time.perf_counter()
    run.fit(model, *loaders(64))
    curves[name] = logged(run)
    seconds = time.perf_counter() - started
    weights = sum(parameter.numel() for parameter in model.parameters())
    best = run.checkpoint_callbacks[0]
    print(f"{name:<22} {weights} weights, best accuracy {best.best_model_score:.1%}, {seconds:.1f} s")
    if quantum:
        whole, best_path = model, best.best_model_path

# %% [markdown]
# ## Cut off, and gone on with
#
# The same run again, but only half of it; then a new model, a new trainer and other random numbers take up its last checkpoint.
# They end with the same weights as the run that was not cut off, to the last bit.

# %%
HALF = EPOCHS // 2
lightning.seed_everything(1, verbose=False)
cut_off = trainer("cut off", HALF)
cut_off.fit(Classifier(), *loaders(64))
last_path = cut_off.checkpoint_callbacks[1].best_model_path

torch.manual_seed(12345)
resumed, run = Classifier(), trainer("gone on with", EPOCHS)
run.fit(resumed, *loaders(64), ckpt_path=last_path)
curves["gone on with"] = logged(run)
same = all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
print(f"gone on with after epoch {HALF}: weights {'equal to the last bit' if same else 'DIFFERENT'}")
assert same
assert len(curves["gone on with"]["loss"]) == EPOCHS - HALF

# %% [markdown]
# From shots, too, though a step from shots takes many more circuits; so a few batches must do.


# %%
def from_shots(epochs: int, path: str | None = None) -> tuple[Classifier, str]:
    """A classifier that is trained from 20 shots for each value, one batch an epoch, and its last checkpoint."""
    model, run = Classifier(shots=20), trainer("shots", epochs, limit_train_batches=1)
    run.fit(model, *loaders(16), ckpt_path=path)
    return model, run.checkpoint_callbacks[1].best_model_path


lightning.seed_everything(2, verbose=False)
at_once, _ = from_shots(2)
lightning.seed_everything(2, verbose=False)
_, last_path = from_shots(1)
torch.manual_seed(12345)
in_two, _ = from_shots(2, last_path)
assert all(torch.equal(a, b) for a, b in zip(at_once.parameters(), in_two.parameters(), strict=True))
print("gone on with from shots: weights equal to the last bit")

# %% [markdown]
# ## Two processes
#
# `ddp_notebook` starts processes that share every batch and average their gradients, in a notebook and in a script alike; from
# a script that is run by itself, `strategy="ddp"` does the same. Batches of 32 in each of two are batches of 64.

# %%
lightning.seed_everything(1, verbose=False)
model, run = Classifier(), trainer("two processes", EPOCHS, devices=2, strategy="ddp_notebook")
started = time.perf_counter()
run.fit(model, *loaders(32))
curves["two processes"] = logged(run)
print(f"two processes: accuracy {curves['two processes']['accuracy'][-1]:.1%}, {time.perf_counter() - started:.1f} s")

# %% [markdown]
# ## What came out
#
# The best epoch, read back from its checkpoint, with the arguments that it was made with.

# %%
best = Classifier.load_from_checkpoint(best_path).eval()
x, y = next(iter(loaders(64)[1]))
with torch.no_grad():
    predicted = best(x).argmax(1)
print(f"the best checkpoint: {(predicted == y).float().mean():.1%} of {len(y)} test images")

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.3), layout="constrained", width_ratios=(1, 1, 0.9))
styles = {
    "quantum layer": {"color": "C0", "lw": 2},
    "Linear + Tanh instead": {"color": "C7", "lw": 2},
    "gone on with": {"color": "C3", "ls": "", "marker": "o", "ms": 6, "mfc": "none"},
    "two processes": {"color": "C2", "ls": "--", "lw": 1.5},
}
for name, style in styles.items():
    for panel, quantity in ((left, "loss"), (middle, "accuracy")):
        values = curves[name][quantity]
        panel.plot(np.arange(EPOCHS - len(values), EPOCHS) + 1, values, label=name, **style)
left.set(title="Training", xlabel="Epoch", ylabel="Cross entropy", yscale="log")
middle.set(title="Test images", xlabel="Epoch", ylabel="Accuracy")
middle.legend(fontsize=9, loc="lower right")
for panel in (left, middle):
    panel.locator_params(axis="x", integer=True)
plots.confusion_matrix(right, y.numpy(), predicted.numpy(), [str(k) for k in range(10)])
fig.savefig(FIGURES / "training_with_lightning.png", dpi=150)
print(f"Figure: {FIGURES / 'training_with_lightning.png'}")

# %% [markdown]
# ## Does it help to be quantum?
#
# No: an ordinary layer in the middle, with about as many weights, learns faster and ends higher. What is shown is that nothing
# has to be given up: a quantum layer is saved, resumed and spread over processes like the rest of a network.
#
# ## Things to try
#
# * `tensorboard --logdir out/lightning`, with Lightning's `TensorBoardLogger` in the place of `CSVLogger`.
# * `callbacks=[..., EarlyStopping("accuracy", mode="max")]`: after how many epochs is enough?
# * Stop a run with Ctrl-C, and go on from its `last.ckpt`.
