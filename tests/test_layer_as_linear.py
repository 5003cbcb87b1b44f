"""A layer as a module of PyTorch: each row of the table is what people do with `nn.Linear`, and must do with a layer.

What a row gives for a layer must be what it gives for a module that simulates the same states in plain torch.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, parametrizations, parametrize, prune, vector_to_parameters

from qkernel.nn import QLayer
from tests.test_nn import hybrid_layer, simulate

Row = Callable[[nn.Module], Any]


class Simulated(nn.Module):
    """The states of `hybrid_layer(3, 1)` in plain torch."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, 3)
        return simulate(rows.double(), self.weights.double(), 1).reshape(*x.shape[:-1], -1).to(x.dtype)


@pytest.fixture(autouse=True)
def nothing_compiled() -> None:
    """What other tests had compiled counts towards torch's limit of recompilations."""
    torch.compiler.reset()


def rows_of(batch: int = 5) -> Tensor:
    return torch.linspace(-2, 2, 3 * batch, dtype=torch.float64).reshape(batch, 3)


def trained(module: nn.Module, x: Tensor | None = None) -> tuple[Any, ...]:
    """Values, and the gradients of the parameters and the input."""
    x = (rows_of() if x is None else x).detach().clone(memory_format=torch.preserve_format).requires_grad_()
    values = module(x)
    values.square().sum().backward()
    return values.detach(), [parameter.grad for parameter in module.parameters()], x.grad


class Turned(nn.Module):
    def forward(self, weights: Tensor) -> Tensor:
        return torch.pi * weights.tanh()


def parametrised(module: nn.Module) -> Any:
    parametrize.register_parametrization(module, "weights", Turned())
    found = trained(module)
    parametrize.remove_parametrizations(module, "weights")
    return *found, trained(module)


def cached(module: nn.Module) -> Any:
    parametrize.register_parametrization(module, "weights", Turned())
    with parametrize.cached():
        return module(rows_of()), module(rows_of() + 1)


def pruned(module: nn.Module) -> Any:
    prune.l1_unstructured(module, "weights", 4)
    found = trained(module)
    prune.remove(module, "weights")
    return found, trained(module)[0]


def as_vectors(module: nn.Module) -> Any:
    trained(module)
    norm = clip_grad_norm_(module.parameters(), 0.1)
    vector_to_parameters(parameters_to_vector(module.parameters()) * 2, module.parameters())
    return norm, [parameter.grad for parameter in module.parameters()], module(rows_of())


def ensemble(module: nn.Module) -> Any:
    """Several sets of weights at once, their gradients too."""
    models = [copy.deepcopy(module) for _ in range(3)]
    for k, model in enumerate(models):
        with torch.no_grad():
            model.get_parameter("weights").add_(0.3 * k)
    parameters, buffers = stack_module_state(models)

    def values(parameters: Any, buffers: Any, x: Tensor) -> Tensor:
        return functional_call(module, (parameters, buffers), (x,))

    def loss(parameters: Any, buffers: Any, x: Tensor) -> Tensor:
        return values(parameters, buffers, x).square().sum()

    each = torch.stack([rows_of(), rows_of() + 1, rows_of() * 2])
    return (
        vmap(values, (0, 0, None))(parameters, buffers, rows_of()),
        vmap(values)(parameters, buffers, each),
        vmap(grad(loss), (0, 0, None))(parameters, buffers, rows_of()),
        vmap(grad(loss, 2))(parameters, buffers, each),
    )


def averaged(module: nn.Module) -> Any:
    average = torch.optim.swa_utils.AveragedModel(module)
    for _ in range(3):
        with torch.no_grad():
            module.get_parameter("weights").mul_(1.1)
        average.update_parameters(module)
    return average(rows_of())


def stepped(module: nn.Module) -> Any:
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        module(rows_of()).square().sum().backward()
        optimiser.step()
    return module(rows_of())


def hooked(module: nn.Module) -> Any:
    seen: list[Tensor] = []
    module.register_forward_hook(lambda module, inputs, output: output * 2)
    module.register_full_backward_hook(lambda module, by_inputs, by_outputs: seen.extend(by_inputs))
    return trained(module), seen


def compiled(module: nn.Module) -> Any:
    return trained(torch.compile(module, backend="aot_eager", fullgraph=True) if isinstance(module, QLayer) else module)


def compiled_gradients_of_samples(module: nn.Module) -> Any:
    def loss(weights: Tensor, x: Tensor) -> Tensor:
        return functional_call(module, {"weights": weights}, (x,)).square().sum()

    per_sample = vmap(grad(loss), (None, 0))
    run: Any = torch.compile(per_sample, backend="aot_eager") if isinstance(module, QLayer) else per_sample
    return run(module.get_parameter("weights").detach(), rows_of())


ROWS: dict[str, Row] = {
    "train": trained,
    "steps of Adam": stepped,
    "spectral norm": lambda module: trained(parametrizations.spectral_norm(module, "weights").eval()),
    "weight norm": lambda module: trained(parametrizations.weight_norm(module, "weights", dim=None)),
    "parametrisation": parametrised,
    "parametrisation, cached": cached,
    "pruning": pruned,
    "clipped gradients, vectors of parameters": as_vectors,
    "ensemble": ensemble,
    "averaged weights": averaged,
    "hooks": hooked,
    "compile": compiled,
    "compile of vmap of grad": compiled_gradients_of_samples,
    "frozen": lambda module: trained(nn.Sequential(copy.deepcopy(module).requires_grad_(False), module)),
    "transposed input": lambda module: trained(module, rows_of().T.contiguous().T),
    "strided input": lambda module: trained(module, torch.arange(30.0).double().reshape(5, 6)[:, ::2]),
    "expanded input": lambda module: trained(module, rows_of(1).expand(4, 3)),
    "expanded axis": lambda module: trained(module, rows_of(2)[:, None].expand(2, 4, 3)),
    "flipped input": lambda module: trained(module, rows_of().flip(1)),
}


def both(row: Row) -> tuple[Any, Any]:
    torch.manual_seed(0)
    layer = hybrid_layer(3, 1).double()
    simulated = Simulated(layer.weights)
    results = []
    for module in (layer, simulated):
        torch.manual_seed(1)
        results.append(row(module))
    return results[0], results[1]


@pytest.mark.parametrize("row", ROWS)
def test_a_layer_does_what_linear_does(row: str) -> None:
    found, known = both(ROWS[row])
    torch.testing.assert_close(found, known)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_automatic_mixed_precision(dtype: torch.dtype) -> None:
    """Linear layers in half precision, the quantum layer in single; gradients scaled, and what is in them unscaled."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), hybrid_layer(3, 1), nn.Linear(3, 1))
    with torch.no_grad():
        known = net(rows_of().float())
    optimiser, scaler = torch.optim.SGD(net.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=256.0)
    with torch.autocast("cpu", dtype):
        values = net(rows_of().float())
        loss = values.square().mean()
    torch.testing.assert_close(values.float(), known, rtol=0, atol=0.05)
    scaler.scale(loss).backward()
    scaler.unscale_(optimiser)
    found = [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]
    scaler.step(optimiser)
    scaler.update()
    net.zero_grad()
    assert len(found) == len(list(net.parameters()))
    assert all(bool(gradient.isfinite().all()) for gradient in found)


def test_channels_last_images_are_read_where_they_lie() -> None:
    """The channels of an image in `channels_last` lie one after another: a layer over them copies nothing."""
    layer = hybrid_layer(3, 1)
    image = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    pixels = image.permute(0, 2, 3, 1)
    assert pixels.is_contiguous()
    assert pixels.data_ptr() == image.data_ptr()
    known = torch.stack([layer(pixel) for pixel in pixels.reshape(-1, 3)]).reshape(2, 4, 5, -1)
    copies: list[Any] = []

    class Watched(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            copies.append(function) if "copy" in str(function) or "clone" in str(function) else None
            return function(*args, **(kwargs or {}))

    with Watched():
        found = layer(pixels)
    torch.testing.assert_close(found, known)
    assert copies == []


READER = """
import sys, torch
import qkernel.nn
program = torch.export.load(sys.argv[1])
x = torch.load(sys.argv[2])
torch.save(program.module()(x), sys.argv[3])
"""


@pytest.mark.parametrize("form", ["values", "readout"])
def test_an_exported_layer_runs_in_another_process(form: str, tmp_path: Path) -> None:
    layer: nn.Module = hybrid_layer(3, 1)
    if form == "readout":
        from tests.test_layer_readouts import encoded

        layer = QLayer(encoded, readout=["ZZ", "IX"], bias=True, scale=2.0, post_process=torch.sigmoid)
    x = torch.rand(4, 3 if form == "values" else 2)
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer, (x,), dynamic_shapes=(({0: batch},),))
    paths = [str(tmp_path / name) for name in ("layer.pt2", "x.pt", "y.pt")]
    torch.export.save(program, paths[0])
    torch.save(torch.cat([x, x + 1]), paths[1])
    done = subprocess.run([sys.executable, "-c", READER, *paths], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    torch.testing.assert_close(torch.load(paths[2]), layer(torch.cat([x, x + 1])))
