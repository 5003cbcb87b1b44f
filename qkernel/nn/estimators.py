"""Quantum layers as scikit-learn's estimators; needs scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from torch.nn import functional

import qkernel as qk
from qkernel.boundary import api_boundary
from qkernel.diagnostics import counted
from qkernel.errors import KernelTypeError, ValidationError
from qkernel.nn.layer import QLayer
from qkernel.observable import Z

Array = np.ndarray[Any, Any]
Layer = nn.Module | Callable[[int, int], nn.Module] | None

QUBITS, LAYERS = 4, 2


@qk.qkernel
def reuploading(
    inputs: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float], observables: qk.Vector[qk.Observable]
) -> qk.Vector[qk.Float]:
    """Layers that encode the inputs anew, turn every qubit and entangle neighbours (Perez-Salinas et al. 2020)."""
    n = inputs.shape[0]
    q = qk.qubit_array(n)
    for layer in qk.range(weights.shape[0]):
        for i in qk.range(n):
            q[i] = qk.rz(qk.ry(qk.ry(q[i], inputs[i]), weights[layer, i, 0]), weights[layer, i, 1])
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return qk.expval(q, observables)


def default_layer(n_features: int, n_outputs: int) -> nn.Module:
    """The layer of estimators that are given none: four qubits between two linear layers, of any number of features."""
    layer = QLayer(
        reuploading,
        bindings={"observables": [Z(i) for i in range(QUBITS)]},
        inputs={"inputs": QUBITS},
        weights={"weights": (LAYERS, QUBITS, 2)},
    )
    return nn.Sequential(nn.Linear(n_features, QUBITS), layer, nn.Linear(QUBITS, n_outputs))


@api_boundary
class QNNEstimator(BaseEstimator):  # type: ignore[misc]
    """What the estimators here share: Adam over batches in random order.

    `layer` is a function of (n_features, n_outputs) that makes a module, or a module, of which a copy is trained from its
    own weights; by default `default_layer`. It takes a tensor (batch, n_features) and gives (batch, n_outputs), in double
    precision. `random_state` fixes the weights that are drawn, the order of the samples, and shots without a seed of their
    own; torch's own generator is left as it was.

    Features are taken as they are: put a `StandardScaler` before. After `fit`: `module_`, and `loss_curve_`, the mean loss
    in each epoch. Raises `ValidationError` for options out of range and for a module with another number of outputs.
    """

    def __init__(
        self,
        layer: Layer = None,
        epochs: int = 100,
        learning_rate: float = 0.03,
        batch_size: int = 32,
        random_state: Any = None,
    ) -> None:
        self.layer, self.epochs, self.learning_rate = layer, epochs, learning_rate
        self.batch_size, self.random_state = batch_size, random_state

    def _checked_data(self, X: Any, y: Any, **options: Any) -> tuple[Array, Array]:
        """Data to fit to; a module that is ready says how many features there are."""
        for name in ("epochs", "batch_size"):
            if not isinstance(value := getattr(self, name), (int, np.integer)) or value < 1:
                raise ValidationError(f"`{name}` is a whole number from 1 on, not {value!r}")
        if not isinstance(self.learning_rate, (int, float, np.number)) or not self.learning_rate > 0:
            raise ValidationError(f"`learning_rate` is positive, not {self.learning_rate!r}")
        width = _width(self.layer) if isinstance(self.layer, nn.Module) else None
        if width is not None:
            self.n_features_in_ = width
        X, y = validate_data(self, X, y, reset=width is None, dtype=np.float64, **options)
        return X, y

    def _train(self, X: Array, targets: Tensor, n_outputs: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(check_random_state(self.random_state).randint(1 << 31)))
            self.module_ = self._module(X.shape[1], n_outputs).double().train()
            samples = torch.tensor(X)
            self._check_outputs(self.module_(samples[:1]), n_outputs)
            optimizer = torch.optim.Adam(self.module_.parameters(), lr=self.learning_rate)
            self.loss_curve_ = []
            for _ in range(self.epochs):
                losses = []
                for rows in torch.split(torch.randperm(len(samples)), self.batch_size):
                    optimizer.zero_grad()
                    loss = self._loss(self.module_(samples[rows]), targets[rows])
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    losses.append(loss.item() * len(rows))
                self.loss_curve_.append(sum(losses) / len(samples))
        self.module_.eval()

    def _module(self, n_features: int, n_outputs: int) -> nn.Module:
        return _made(self.layer, n_features, n_outputs)

    def _check_outputs(self, outputs: Tensor, n_outputs: int) -> None:
        if outputs.shape != (1, n_outputs):
            raise ValidationError(
                f"for one sample the layer gives the shape {tuple(outputs.shape)}, and (1, {n_outputs}) is expected",
                help="a function of (n_features, n_outputs) as `layer` makes one that fits",
            )

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError

    def _outputs(self, X: Any) -> Tensor:
        check_is_fitted(self, "module_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with torch.no_grad():
            outputs: Tensor = self.module_(torch.tensor(X))
        return outputs


class QNNClassifier(ClassifierMixin, QNNEstimator):  # type: ignore[misc]
    """A classifier by a quantum layer, whose outputs are logits, one for each class, under cross entropy.

    For two classes a layer may have one output, whose sign decides. See `QNNEstimator` for what is given.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on samples (n_samples, n_features) and their classes (n_samples,)."""
        X, y = self._checked_data(X, y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self._train(X, torch.tensor(numbers), len(self.classes_))
        return self

    def decision_function(self, X: Any) -> Array:
        """The logits, shape (n_samples, classes); of two classes how much more likely the second is, shape (n_samples,)."""
        logits = self._logits(self._outputs(X))
        found: Array = (logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits).numpy()
        return found

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, shape (n_samples, classes)."""
        found: Array = self._probabilities(self._logits(self._outputs(X))).numpy()
        return found

    def predict(self, X: Any) -> Array:
        """The most likely class of each sample, shape (n_samples,)."""
        outputs = self._outputs(X)
        found: Array = self.classes_[self._logits(outputs).argmax(1).numpy()]
        return found

    def _check_outputs(self, outputs: Tensor, n_outputs: int) -> None:
        if outputs.shape != (1, 1) or n_outputs != 2:
            super()._check_outputs(outputs, n_outputs)

    def _logits(self, outputs: Tensor) -> Tensor:
        has_one = outputs.shape[1] == 1 and len(self.classes_) == 2
        return torch.cat((torch.zeros_like(outputs), outputs), 1) if has_one else outputs

    def _probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(1)

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(self._logits(outputs), targets)


class OneVsRest(QNNClassifier):
    """A classifier by one layer for each class, whose single output is the logit of that class against all others.

    `layer` is made with n_outputs = 1, or copied, once for each class (of two classes, for the second alone); the layers
    are trained side by side.
    """

    def _module(self, n_features: int, n_outputs: int) -> nn.Module:
        count = 1 if n_outputs == 2 else n_outputs
        return _SideBySide([_made(self.layer, n_features, 1) for _ in range(count)])

    def _probabilities(self, logits: Tensor) -> Tensor:
        if len(self.classes_) == 2:
            return super()._probabilities(logits)
        return functional.normalize(logits.sigmoid(), p=1, dim=1)

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if len(self.classes_) == 2:
            return super()._loss(outputs, targets)
        wanted = functional.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
        return functional.binary_cross_entropy_with_logits(outputs, wanted)


class QNNRegressor(RegressorMixin, QNNEstimator):  # type: ignore[misc]
    """A regressor by a quantum layer of one output, under the mean squared error of targets of mean 0 and deviation 1.

    `offset_` and `scale_` are the mean and the deviation of the targets, with which predictions are scaled back. See
    `QNNEstimator` for what is given.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on samples (n_samples, n_features) and their targets (n_samples,)."""
        X, y = self._checked_data(X, y, y_numeric=True)
        targets = np.asarray(y, float)
        self.offset_, self.scale_ = float(targets.mean()), float(targets.std()) or 1.0
        self._train(X, torch.tensor((targets - self.offset_) / self.scale_), 1)
        return self

    def predict(self, X: Any) -> Array:
        """The target of each sample, shape (n_samples,)."""
        found: Array = self._outputs(X)[:, 0].numpy() * self.scale_ + self.offset_
        return found

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(outputs[:, 0], targets)


class _SideBySide(nn.Module):
    """The outputs of several layers for the same inputs, one behind another."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in self.layers], -1)


def _made(layer: Layer, n_features: int, n_outputs: int) -> nn.Module:
    if isinstance(layer, nn.Module):
        return deepcopy(layer)
    made: Any = (default_layer if layer is None else layer)(n_features, n_outputs)
    if not isinstance(made, nn.Module):
        raise KernelTypeError(
            f"`layer` makes a torch module, and for {counted(n_features, 'feature')} and {counted(n_outputs, 'output')} "
            f"it made {made!r}"
        )
    return made


def _width(module: nn.Module) -> int | None:
    """How many features the first of a module's parts takes that says so."""
    widths = (getattr(part, "in_features", None) for part in module.modules())
    return next((width for width in widths if isinstance(width, int)), None)
