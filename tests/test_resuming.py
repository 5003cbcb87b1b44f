"""Training that is killed, ten times, and goes on from its last checkpoint ends with the same bits as training left alone."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import qkernel as qk
from qkernel.nn import QLayer

STEPS, KILLS = 50, 10
PLACES = ("before", "between", "behind")
"""Of a kill: before a step, between its gradients and the optimizer, behind the optimizer and before the checkpoint."""

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "exact": [{}, {"readout": "probabilities"}],
    "shots": [{"shots": 50, "seed": 3}, {"shots": 50, "readout": "counts"}],  # of a seed, and of torch's generator
}
"""Of two layers."""


@qk.qkernel
def circuit(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.ry(qk.qubit_array(2), x)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.rx(q, w)


def trained(checkpoint: Path, setting: str, kill: tuple[int, str] | None) -> str:
    """Train from the checkpoint, if there is one, to the end or until this process is killed; what came out, as a digest."""
    torch.manual_seed(11)
    first, second = (
        QLayer(circuit, inputs={"x": 2}, weights={"w": 2}, **{"readout": "z", **given}) for given in SETTINGS[setting]
    )
    model = nn.Sequential(nn.Linear(3, 2), first, nn.Dropout(0.2), second, nn.Linear(4, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    samples = torch.rand(16, 3)
    start, losses = 0, []
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        torch.set_rng_state(kept["generator"])
        start, losses = kept["step"], kept["losses"]
    for step in range(start, STEPS):
        killed_at = kill[1] if kill is not None and kill[0] == step - start else None
        if killed_at == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        batch = samples[torch.randperm(16)[:4]]
        optimizer.zero_grad()
        loss = (model(batch)[:, 0] - batch.sum(1)).square().mean()
        loss.backward()
        if killed_at == "between":
            os.kill(os.getpid(), signal.SIGKILL)
        optimizer.step()
        losses.append(loss.item())
        if killed_at == "behind":
            os.kill(os.getpid(), signal.SIGKILL)
        kept = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1, "losses": losses}
        torch.save({**kept, "generator": torch.get_rng_state()}, checkpoint.with_suffix(".new"))
        os.replace(checkpoint.with_suffix(".new"), checkpoint)
    content = b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())
    return hashlib.sha256(content + json.dumps(losses).encode()).hexdigest()


def in_a_process(checkpoint: Path, setting: str, kill: tuple[int, str] | None = None) -> str | None:
    """The digest from a process of its own; None where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, trained(checkpoint, setting, kill).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        digest = stream.read()
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else digest


def compare(setting: str, folder: Path) -> dict[str, Any]:
    alone = in_a_process(folder / "alone", setting)
    generator, killed = random.Random(setting), 0
    for k in range(KILLS):
        kill = generator.randint(1, STEPS // KILLS - 1), PLACES[k % len(PLACES)]
        killed += in_a_process(folder / "killed", setting, kill) is None
    return {"killed": killed, "alone": alone, "resumed": in_a_process(folder / "killed", setting)}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_killed_run_ends_with_the_same_bits(setting: str, tmp_path: Path) -> None:
    # In a process that has run nothing yet, so that it can fork.
    done = subprocess.run([sys.executable, __file__, setting, tmp_path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["killed"] == KILLS
    assert len(found["alone"]) == 64
    assert found["resumed"] == found["alone"]


if __name__ == "__main__":
    import torch._dynamo  # which the first step of an optimizer loads: here once for all processes

    torch.set_num_threads(1)
    print(json.dumps(compare(sys.argv[1], Path(sys.argv[2]))))
