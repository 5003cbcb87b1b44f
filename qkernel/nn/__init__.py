"""Quantum layers for PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qkernel.errors import needed

with needed("`qkernel.nn` needs", "torch"):
    import torch  # noqa: F401

from qkernel.nn import datasets, plots, transforms
from qkernel.nn.executed import ExecutedLayer
from qkernel.nn.kernels import fidelity_kernel, projected_kernel
from qkernel.nn.layer import QLayer
from qkernel.nn.natural import NaturalGradient
from qkernel.nn.networks import EstimatorQNN, SamplerQNN, TorchConnector
from qkernel.nn.plateaus import gradient_variance

if TYPE_CHECKING:
    from qkernel.nn.estimators import OneVsRest as OneVsRest
    from qkernel.nn.estimators import QNNClassifier as QNNClassifier
    from qkernel.nn.estimators import QNNRegressor as QNNRegressor
    from qkernel.nn.reports import gradient_norms, report

_LAZY = {
    **dict.fromkeys(("OneVsRest", "QNNClassifier", "QNNRegressor"), "qkernel.nn.estimators"),  # with scikit-learn
    **dict.fromkeys(("gradient_norms", "report"), "qkernel.nn.reports"),  # with matplotlib
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'qkernel.nn' has no attribute {name!r}")
    with needed(f"`{name}` needs", "data"):
        return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_LAZY})


__all__ = [
    "EstimatorQNN",
    "ExecutedLayer",
    "NaturalGradient",
    "QLayer",
    "SamplerQNN",
    "TorchConnector",
    "datasets",
    "fidelity_kernel",
    "gradient_norms",
    "gradient_variance",
    "plots",
    "projected_kernel",
    "report",
    "transforms",
]
