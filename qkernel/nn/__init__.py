"""Quantum layers for PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qkernel.errors import DependencyError
from qkernel.nn import datasets, plots, transforms
from qkernel.nn.executed import ExecutedLayer
from qkernel.nn.kernels import fidelity_kernel, projected_kernel
from qkernel.nn.layer import QLayer
from qkernel.nn.networks import EstimatorQNN, SamplerQNN, TorchConnector

if TYPE_CHECKING:
    from qkernel.nn.estimators import OneVsRest, QNNClassifier, QNNRegressor

_OF_SCIKIT_LEARN = ("OneVsRest", "QNNClassifier", "QNNRegressor")


def __getattr__(name: str) -> Any:
    if name not in _OF_SCIKIT_LEARN:
        raise AttributeError(f"module 'qkernel.nn' has no attribute {name!r}")
    try:
        return getattr(import_module("qkernel.nn.estimators"), name)
    except ImportError as error:
        raise DependencyError(
            f"`{name}` is an estimator of scikit-learn, which is not installed: {error}",
            help='install it: `pip install "qkernel[data]"`',
        ) from error


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "EstimatorQNN",
    "ExecutedLayer",
    "OneVsRest",
    "QLayer",
    "QNNClassifier",
    "QNNRegressor",
    "SamplerQNN",
    "TorchConnector",
    "datasets",
    "fidelity_kernel",
    "plots",
    "projected_kernel",
    "transforms",
]
