"""The panels of a training figure: what they show, by the artists that they draw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from qkernel.nn import plots

NAMES = ["cat", "dog", "cow"]
TRUE, PREDICTED = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])


@pytest.fixture
def axes() -> Iterator[Axes]:
    figure = Figure()
    yield figure.subplots()
    figure.canvas.draw()


def test_h18_learning_curves(axes: Axes) -> None:
    plots.learning_curves(axes, [1.0, 0.5], [0.25, 0.75])
    loss, accuracy = axes.get_lines()
    np.testing.assert_array_equal(loss.get_xydata(), [[1, 1.0], [2, 0.5]])
    np.testing.assert_array_equal(accuracy.get_ydata(), [0.25, 0.75])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Train loss", "Test accuracy"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch", "Loss / Accuracy")


def test_h18_confusion_matrix(axes: Axes) -> None:
    plots.confusion_matrix(axes, TRUE, PREDICTED, NAMES)
    expected = [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    np.testing.assert_array_equal(axes.images[0].get_array(), expected)
    assert axes.images[0].get_cmap().name == "Blues"
    for text in axes.texts:
        column, row = text.get_position()
        assert text.get_text() == str(expected[row][column])
    assert len(axes.texts) == 9
    assert [label.get_text() for label in axes.get_xticklabels()] == NAMES
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {45.0}


def test_h18_sample_predictions(axes: Axes) -> None:
    images = np.arange(5 * 6 * 6).reshape(5, 6, 6)
    plots.sample_predictions(axes, images, TRUE, PREDICTED, NAMES, columns=3)
    shown = [(text.get_text(), text.get_color()) for text in axes.texts]
    assert [name for name, _ in shown[1::2]] == [NAMES[k] for k in TRUE]
    assert [name for name, _ in shown[::2]] == [NAMES[k] for k in PREDICTED]
    right = [to_rgba(color) == to_rgba("tab:green") for _, color in shown[::2]]
    assert right == (TRUE == PREDICTED).tolist()
    canvas = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(np.sort(canvas[np.isfinite(canvas)]), np.arange(5 * 6 * 6))


def test_t10_the_convergence_of_a_hybrid_network(axes: Axes) -> None:
    losses = [-0.7741, -0.9, -0.9901]
    labels = {"title": "Hybrid NN Training Convergence", "xlabel": "Training Iterations", "ylabel": "Neg Log Likelihood Loss"}
    plots.learning_curves(axes, losses, **labels)
    assert {"title": axes.get_title(), "xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()} == labels
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_ydata(), losses)
    assert axes.get_ylim()[0] < min(losses)
    assert axes.get_legend() is None


def test_t11_images_with_their_labels() -> None:
    images, figure = np.arange(6 * 28 * 28).reshape(6, 28, 28), Figure(figsize=(10, 3))
    plots.image_grid(figure.subplots(nrows=1, ncols=6), images, [f"Labeled: {label}" for label in (0, 1, 1, 0, 0, 1)])
    figure.canvas.draw()
    assert [panel.get_title() for panel in figure.axes] == [f"Labeled: {label}" for label in (0, 1, 1, 0, 0, 1)]
    for panel, image in zip(figure.axes, images, strict=True):
        np.testing.assert_array_equal(panel.images[0].get_array(), image)
        assert panel.images[0].get_cmap().name == "gray"
    with pytest.raises(ValueError, match="zip"):
        plots.image_grid(figure.axes, images[:5], range(6))


def test_gradient_curves(axes: Axes) -> None:
    plots.gradient_curves(axes, {"conv": [1.0, 0.1], "layer": [0.5, 0.0]})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["conv", "layer"]
    assert axes.get_yscale() == "log"
