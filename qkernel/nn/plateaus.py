"""Vanishing gradients: how their variance over initialisations falls with the number of qubits, and where that comes from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qkernel.boundary import api_boundary
from qkernel.errors import GradientError, ValidationError
from qkernel.nn.arguments import initial_value
from qkernel.nn.layer import QLayer

VANISHING = 0.7
"""Gradients vanish whose variance falls by this factor, or more, for each qubit: their noise at fixed shots outgrows them."""


@dataclass(frozen=True)
class GradientVariance:
    """Variances of a gradient for circuits of several numbers of qubits, each over `samples` initialisations.

    Of each circuit there is the largest among its weights, so that small ones mean that no weight has a gradient. `words`
    are the qubits that the widest observable acts on.
    """

    qubits: tuple[int, ...]
    variances: tuple[float, ...]
    words: tuple[int, ...]
    samples: int

    @property
    def factor(self) -> float:
        """What the variance is multiplied by for each qubit more, by least squares on its logarithm."""
        slope, _ = np.polyfit(self.qubits, np.log(np.maximum(self.variances, np.finfo(float).tiny)), 1)
        return math.exp(slope)

    @property
    def vanishes(self) -> bool:
        """Whether it falls exponentially: `factor` is below `VANISHING`."""
        return self.factor < VANISHING

    @property
    def cause(self) -> str:
        """Where vanishing gradients come from, and what helps; empty where they do not vanish."""
        if not self.vanishes:
            return ""
        if self.words[-1] > self.words[0]:
            return (
                f"what is read out acts on {self.words[-1]} of {self.qubits[-1]} qubits, and on more the more there are, which "
                "does it at any depth (Cerezo et al. 2021, Nature Communications 12, 1791): read out few qubits at a time, "
                'such as `readout="z"`'
            )
        return (
            "the observable acts on few qubits, so that it is the circuit, which is deep enough to be like a random one "
            "(McClean et al. 2018, Nature Communications 9, 4812): use fewer layers, or start near the identity, "
            'such as `initial="small"`'
        )

    def __str__(self) -> str:
        """A table, and what it means."""
        rows = [f"{n:>6}  {variance:.3g}" for n, variance in zip(self.qubits, self.variances, strict=True)]
        told = f"for each qubit the variance is multiplied by {self.factor:.2f}"
        return "\n".join(["qubits  variance of the gradient", *rows, f"{told}: {self.cause or 'it does not vanish'}"])


@api_boundary
def gradient_variance(
    make: Callable[[int], QLayer],
    qubits: Sequence[int],
    samples: int = 100,
    initial: str | Callable[[Tensor], Any] = "angles",
    seed: int | None = 0,
) -> GradientVariance:
    """Measure vanishing gradients, and warn of them.

    `make(n)` makes a layer of n qubits, for each n of `qubits`. Its weights are drawn `samples` times by `initial`, which is
    what it is for `QLayer`, and its inputs uniform in [-pi, pi); the gradient is that of the first output by the weights.
    With a `seed` all is drawn from that; torch's generator is left as it was.
    Raises `ValidationError` for fewer than two numbers of qubits or samples, `GradientError` for a layer without weights.
    """
    if len(set(qubits)) < 2 or samples < 2:
        raise ValidationError("two numbers of qubits and two samples are the least that tell a variance and how it falls")
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        found = [_measured(make(n), samples, initial) for n in sorted(set(qubits))]
    variances, words = zip(*found, strict=True)
    result = GradientVariance(tuple(sorted(set(qubits))), variances, words, samples)
    if result.vanishes:
        figures = ", ".join(f"{variance:.2g} at {n}" for n, variance in zip(result.qubits, result.variances, strict=True))
        warnings.warn(
            f"gradients vanish: their variance over {samples} initialisations is multiplied by {result.factor:.2f} for each "
            f"qubit ({figures} qubits); {result.cause}",
            stacklevel=3,  # this function's boundary is one
        )
    return result


def _measured(layer: QLayer, samples: int, initial: Any) -> tuple[float, int]:
    """The largest variance of the gradients by a weight, and how many qubits are read out together."""
    weights = layer._weight_tensors()
    if not weights:
        raise GradientError("a layer without weights has no gradient", help="let `make` give one with `weights=...`")
    gradients = []
    for _ in range(samples):
        with torch.no_grad():
            for place, weight in zip(layer._weights, weights, strict=True):
                weight.copy_(initial_value(place, None, initial))
        inputs = [(torch.rand(place.shape) * 2 - 1) * math.pi for place in layer._inputs]
        parts = torch.autograd.grad(layer(*inputs).flatten()[0], weights)
        gradients.append(torch.cat([part.flatten().double() for part in parts]))
    circuit = layer._wiring.program.circuit
    words = [len(operators) for part in circuit.expectations for operators in part.observable.terms]
    words += [len(read) for read in circuit.probabilities]
    return torch.stack(gradients).var(0).max().item(), max(words, default=0)
