"""How long training takes: by a few steps of the very layer on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from qkernel.diagnostics import counted
from qkernel.engine import is_registered
from qkernel.errors import LayerInputError
from qkernel.execution.gradient import cost
from qkernel.execution.program import Program
from qkernel.nn.call import Placement

_SECONDS, _MOST_STEPS = 0.3, 30
"""Steps are measured for so long, and so many at most, but one always."""


def epoch(layer: nn.Module, inputs: Sequence[Placement], program: Program, batch: int, samples: int) -> list[str]:
    """What is to be said of an epoch of `samples` samples in batches, for a layer of a program with `inputs`.

    Raises `LayerInputError` for an epoch of no samples.
    """
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise LayerInputError(f"`samples` is a number of samples from 1 on, not {samples!r}")
    adjoint = program.method == "adjoint"
    sweeps = f"{batch} forward and {batch} backward sweeps" if adjoint else f"{batch * cost(program.circuit):,} evaluations"
    steps = -(-samples // batch)
    step = f"a step of {counted(batch, 'sample')}: {sweeps}"
    if not is_registered(program.engine):
        return [f"{step}, not measured: it would run on `{program.name}`"]
    seconds, count = _measured(layer, inputs, batch)
    return [
        f"{step}, {_in_words(seconds)} (the median of {counted(count, 'step')} on this machine)",
        f"an epoch of {samples:,} samples: {steps:,} steps, {_in_words(steps * seconds)}",
    ]


def _measured(layer: nn.Module, inputs: Sequence[Placement], batch: int) -> tuple[float, int]:
    """The median of the seconds of a step, and how many were made; neither the layer nor torch's generator notices."""
    copied = deepcopy(layer)
    weights = list(copied.parameters())
    like = weights[0].detach() if weights else torch.empty(0)
    found: list[float] = []
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        tensors = [like.new_empty(batch, *place.shape).uniform_() for place in inputs]
        _step(copied, tensors)  # what is made ready once is no part of it
        begun = time.perf_counter()
        while not found or (len(found) < _MOST_STEPS and time.perf_counter() - begun < _SECONDS):
            start = time.perf_counter()
            _step(copied, tensors)
            found.append(time.perf_counter() - start)
    return statistics.median(found), len(found)


def _step(layer: nn.Module, inputs: list[Tensor]) -> None:
    layer.zero_grad()
    values = layer(*inputs)
    if values.requires_grad:
        values.sum().backward()


def _in_words(seconds: float) -> str:
    """With two digits that count, in a unit that suits them."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds * 1e6:.2g}'):g} us"
