"""Panels of the figures that a training run ends with. Each draws into matplotlib axes that it is given and returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qkernel.nn.plateaus import GradientVariance

Array = np.ndarray[Any, Any]


def learning_curves(
    axes: Axes,
    losses: Sequence[float],
    accuracies: Sequence[float] | None = None,
    *,
    title: str = "Learning Curves",
    xlabel: str = "Epoch",
    ylabel: str | None = None,
) -> Axes:
    """Training loss, and test accuracy (as a fraction) where it is given, after each epoch."""
    axes.plot(range(1, len(losses) + 1), losses, "o-", color="C3", label="Train loss")
    if accuracies is not None:
        axes.plot(range(1, len(accuracies) + 1), accuracies, "s-", color="C0", label="Test accuracy")
        axes.legend(fontsize=8)
    ylabel = ylabel or ("Loss" if accuracies is None else "Loss / Accuracy")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if min(losses, default=0.0) >= 0:  # a negative logarithm of a likelihood ends below
        axes.set_ylim(0, None)
    axes.locator_params(axis="x", integer=True)
    return axes


def confusion_matrix(axes: Axes, true: Array, predicted: Array, class_names: Sequence[str]) -> Axes:
    """How often class `true` was taken for class `predicted`; integer labels of shape (N,), counting from 0."""
    count = len(class_names)
    table = np.zeros((count, count), int)
    np.add.at(table, (np.asarray(true), np.asarray(predicted)), 1)
    axes.imshow(table, cmap="Blues")
    axes.set(xlabel="Predicted", ylabel="True", title="Confusion Matrix")
    axes.set_xticks(range(count), class_names, fontsize=8, rotation=45)
    axes.set_yticks(range(count), class_names, fontsize=8)
    for (row, column), value in np.ndenumerate(table):
        color = "white" if value > table.max() / 2 else "black"
        axes.text(column, row, str(value), ha="center", va="center", color=color)
    return axes


def image_grid(axes: Array, images: Array, titles: Sequence[object]) -> Array:
    """Grey images of shape (N, height, width), each with its title in one of `axes`, as `figure.subplots(1, 6)` gives them."""
    for panel, image, title in zip(np.ravel(axes), np.asarray(images), titles, strict=True):
        panel.imshow(image, cmap="gray")
        panel.set_title(str(title), fontsize=10)
        panel.set(xticks=[], yticks=[])
    return axes


def gradient_curves(axes: Axes, norms: Mapping[str, Sequence[float]]) -> Axes:
    """Norms of gradients by layer after each step, on a logarithmic scale."""
    for name, values in norms.items():
        axes.plot(range(1, len(values) + 1), values, lw=1.2, label=name)
    positive = [value for values in norms.values() for value in values if value > 0]
    axes.set(xlabel="Step", ylabel="Gradient norm", title="Gradients by Layer", yscale="log" if positive else "linear")
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=8)
    return axes


def gradient_variances(axes: Axes, found: GradientVariance) -> Axes:
    """The variance of a gradient against the number of qubits, with the exponential that fits best."""
    qubits = np.array(found.qubits)
    axes.plot(qubits, found.variances, "o", color="C0", label=f"{found.samples} initialisations")
    center, height = qubits.mean(), np.exp(np.log(found.variances).mean())
    axes.plot(qubits, height * found.factor ** (qubits - center), "--", color="C7", label=f"{found.factor:.2f} for each qubit")
    axes.set(xlabel="Qubits", ylabel="Variance of the gradient", title="Gradients over Initialisations", yscale="log")
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=8)
    return axes


def sample_predictions(
    axes: Axes, images: Array, true: Array, predicted: Array, class_names: Sequence[str], columns: int = 4
) -> Axes:
    """Images of shape (N, height, width), `columns` in a row: above each the predicted class, green if right and red if
    wrong, below it the true one."""
    count, height, width = np.shape(images)
    gap = height // 2
    rows = -(-count // columns)
    canvas = np.full((rows * (height + gap), columns * (width + 2)), np.nan)
    for k, (image, label, guess) in enumerate(zip(images, true, predicted, strict=True)):
        top, left = k // columns * (height + gap) + gap // 2, k % columns * (width + 2) + 1
        canvas[top : top + height, left : left + width] = image
        color = "tab:green" if label == guess else "tab:red"
        center = left + width / 2 - 0.5
        axes.text(center, top - 1.5, class_names[guess], ha="center", va="bottom", fontsize=8, color=color)
        axes.text(center, top + height + 0.5, class_names[label], ha="center", va="top", fontsize=8)
    axes.imshow(canvas, cmap="gray")
    axes.set_title("Sample Predictions (green=correct, red=wrong)", fontsize=11)
    axes.axis("off")
    return axes
