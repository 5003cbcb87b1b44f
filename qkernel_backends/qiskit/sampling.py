"""Samples of several circuits in one job, as counts of what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives.base import BaseSamplerV2

from qkernel.errors import TargetCapabilityError
from qkernel.execution.shots import seed_of
from qkernel.tallies import Tally
from qkernel_backends.qiskit.devices import device_of
from qkernel_backends.qiskit.providers import sent_to
from qkernel_backends.qiskit.running import bits_of, careful, experiments, most_shots, running

Array = np.ndarray[Any, Any]
Answer = tuple[list[Tally], tuple[str, ...]]


@dataclass(frozen=True)
class ToSample:
    """A circuit with values of its parameters, shape (rows, parameters); of a shot its first `width` bits are wanted.

    `backend` runs it, if no sampler does.
    """

    circuit: QuantumCircuit
    values: Array
    width: int
    backend: Any
    name: str


@dataclass(frozen=True)
class Part:
    """A circuit that is to be sampled so often."""

    of: ToSample
    shots: int
    seed: int | None

    @property
    def is_empty(self) -> bool:
        return not self.of.width or not len(self.of.values)

    @property
    def nothing(self) -> Tally:
        """What shots leave where no bit is measured, or of no samples."""
        rows = len(self.of.values)
        return Tally(np.zeros((rows, 1, self.of.width), np.uint8), np.full((rows, 1), float(self.shots)), self.shots)

    def within(self, most: int | None) -> list[Part]:
        """The same as several parts of at most so many shots."""
        if self.is_empty or most is None or self.shots <= most:
            return [] if self.is_empty else [self]
        counts = [len(part) for part in np.array_split(np.empty(self.shots), -(-self.shots // most))]
        return [replace(self, shots=count, seed=seed_of(self.seed, number)) for number, count in enumerate(counts)]


def sampled_together(runs_on: Any, wanted: Sequence[Part]) -> Answer:
    """See `qkernel.engine.SamplesTogether`: one job, as far as a backend takes so many circuits and shots.

    A backend takes one number of shots for all circuits of a job: there each number is a job.
    """
    most = most_shots(device_of(runs_on))
    within = [part.within(most) for part in wanted]
    parts = [part for each in within for part in each]
    tallies: list[Tally] = []
    jobs: tuple[str, ...] = ()
    if parts:
        with running(wanted[0].of.name):
            tallies, jobs = _on_sampler(runs_on, parts) if isinstance(runs_on, BaseSamplerV2) else _on_backend(parts)
    found = iter(tallies)
    answers = [
        Tally.together([next(found) for _ in each]) if each else part.nothing for part, each in zip(wanted, within, strict=True)
    ]
    return answers, jobs


def _on_backend(parts: list[Part]) -> Answer:
    found: dict[int, Tally] = {}
    ids: tuple[str, ...] = ()
    for shots in dict.fromkeys(part.shots for part in parts):
        chosen = [number for number, part in enumerate(parts) if part.shots == shots]
        first, asked = parts[chosen[0]], [(parts[number].of.circuit, parts[number].of.values) for number in chosen]
        results, jobs = experiments(first.of.backend, asked, shots=shots, **_seeded(first.seed))
        ids += jobs
        for number, rows in zip(chosen, results, strict=True):
            counts = [getattr(entry.data, "counts", None) or {"0x0": shots} for entry in rows]
            found[number] = _tally(counts, parts[number])
    return [found[number] for number in range(len(parts))], ids


def _seeded(seed: int | None) -> dict[str, Any]:
    """What simulators are told of a seed, which they hold in a signed integer of 64 bits."""
    if seed is None:
        return {}
    return {"seed_simulator": seed if seed < 1 << 63 else int(np.random.SeedSequence(seed).generate_state(1)[0])}


def _tally(rows: list[dict[str, int]], part: Part) -> Tally:
    """Of counts by hexadecimal numbers; a row with fewer outcomes than others has some that never come out."""
    most = max(map(len, rows))
    counts = np.array([[*row.values(), *[0] * (most - len(row))] for row in rows], float)
    texts = [text for row in rows for text in (*row, *["0x0"] * (most - len(row)))]
    bits = bits_of(texts, part.of.circuit.num_clbits)[:, : part.of.width]
    return Tally(bits.reshape(len(rows), most, part.of.width), counts, part.shots)


def _on_sampler(sampler: BaseSamplerV2, parts: list[Part]) -> Answer:
    if any(part.seed is not None for part in parts):
        raise TargetCapabilityError(
            f"the seed of a `{type(sampler).__name__}` cannot be set from here", help="give the seed when you make it"
        )
    # Rows without parameters of their own are samples of their own all the same.
    pubs = [
        [(part.of.circuit, part.of.values, part.shots)]
        if part.of.circuit.parameters
        else [(part.of.circuit, None, part.shots)] * len(part.of.values)
        for part in parts
    ]
    job = sent_to(sampler, partial(careful(sampler).run, [pub for each in pubs for pub in each]))
    results, tallies = iter(job.result()), []
    for part, each in zip(parts, pubs, strict=True):
        register = part.of.circuit.cregs[0].name
        arrays = [next(results).data[register].to_bool_array(order="little") for _ in each]
        bits = arrays[0] if part.of.circuit.parameters else np.stack(arrays)
        tallies.append(Tally.of_shots(bits[..., : part.of.width].astype(np.uint8)))
    return tallies, (job.id,)
