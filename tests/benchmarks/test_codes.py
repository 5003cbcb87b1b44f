"""Codes on Stim, 100,000 shots at a time, beside Stim's own call: a repetition code of distance 11, with noise and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from repetition_codes import decoded, repetition

import qkernel as qk
from qkernel import noise
from qkernel_backends.stim import StimEngine

SHOTS, SIZES = 100_000, {"d": 11, "rounds": 11}
CODES = {
    "repetition code, 11 rounds": (repetition, None),
    "with noise and its decoder": (decoded, noise.pauli({"X": 0.03}, gates="id") | noise.readout(0.02)),
}


@pytest.mark.parametrize("name", CODES)
def test_a_hundred_thousand_shots(timed: Callable[..., None], benchmark: Any, name: str) -> None:
    kernel: qk.Kernel[..., Any]
    kernel, model = CODES[name]
    program = kernel.compile(SIZES, engine=StimEngine(noise=model))
    sampler = kernel.to_circuit(package="stim", **SIZES).compile_sampler(seed=1)

    def step() -> Any:
        return program.sample(shots=SHOTS, seed=1).counts

    timed(step, "On Stim, 100,000 shots", name, "counted", 1000.0, beside=lambda: sampler.sample(SHOTS))
    benchmark.extra_info.update(beside_column="Stim's shots alone, without noise", ratio_column="counted / alone")
