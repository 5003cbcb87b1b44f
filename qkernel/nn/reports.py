"""What a training run ends with: one HTML file with all that tells how it went and how to have it again."""

from __future__ import annotations

import base64
import io
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from qkernel.boundary import api_boundary
from qkernel.diagnostics import counted, in_short
from qkernel.errors import ValidationError
from qkernel.nn import plots
from qkernel.nn.layer import QLayer

Array = np.ndarray[Any, Any]
Rows = Sequence[Sequence[object]]

_PACKAGES = ("qkernel", "torch", "numpy", "numba", "qiskit", "qiskit-aer", "scikit-learn", "matplotlib")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1e21; background: #fff;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #d8dbe0 }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top }
th { font-weight: 600; color: #555a61 } td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f5f6f8; padding: .7rem 1rem; overflow-x: auto; font-size: 13px; line-height: 1.4; white-space: pre-wrap }
img { max-width: 100% }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start } .date { color: #555a61; margin: 0 0 1rem }
"""


@api_boundary
def gradient_norms(model: nn.Module) -> dict[str, float]:
    """The Euclidean norm of the gradient by each module's own parameters, by the module's name and class.

    Called after `loss.backward()` it is one step of what `report` takes as `gradients`; modules without gradients are left out.
    Raises `ValidationError` for what is no module.
    """
    _require_module(model)
    found = {}
    for name, module in model.named_modules():
        own = [parameter.grad.flatten() for parameter in module.parameters(recurse=False) if parameter.grad is not None]
        if own:
            label = f"{name} {type(module).__name__}".strip()
            found[label] = float(torch.linalg.vector_norm(torch.cat([part.double() for part in own])))
    return found


@api_boundary
def report(
    path: str | os.PathLike[str],
    model: nn.Module,
    losses: Sequence[float],
    accuracies: Sequence[float] | None = None,
    *,
    true: Any = None,
    predicted: Any = None,
    class_names: Sequence[str] | None = None,
    gradients: Sequence[Mapping[str, float]] = (),
    seeds: Mapping[str, object] | None = None,
    title: str = "Training report",
    batch: int = 32,
    per: str = "epoch",
) -> Path:
    """Write one HTML file, with nothing outside it, about a model that was trained, and give its path.

    `losses`, and `accuracies` as fractions, have a number for each epoch, or with `per="step"` for each step; `true` and
    `predicted`, integer labels of shape (N,), give the confusion matrix, under `class_names`; `gradients` are what
    `gradient_norms` gave, step by step. For each quantum layer there is what it takes for `batch` samples. Beside torch's
    seed there are those in `seeds`.
    Raises `ValidationError` for no losses, for labels that do not fit one another, and for arguments of other types.
    """
    _require_module(model)
    if per not in ("epoch", "step"):
        raise ValidationError(f"losses are `per` epoch or step, and not {in_short(per)}", help='write `per="step"`')
    losses = _numbers("losses", losses, per)
    accuracies = None if accuracies is None else _numbers("accuracies", accuracies, per)
    if not losses:
        raise ValidationError("there are no losses to report", help=f"give one for each {per}: `losses=[0.7, 0.3]`")
    _check_options(path, gradients, seeds, title)
    labels = _labels(true, predicted, class_names)
    sections = [
        _section("Result", _table(_result(model, losses, accuracies, labels, per))),
        _section("Training", _curves(losses, accuracies, gradients, per)),
        _section("Classes", _classes(*labels)) if labels else "",
        _section("Model", _table(_parameters(model), ("parameter", "shape", "numbers", "trained")), _pre(str(model))),
        _section("Quantum layers", *_quantum(model, batch)),
        _section("To have it again", _table([*_seeds(seeds), *_versions()])),
    ]
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    date = f"<p class=date>{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}</p>"
    written = Path(path)
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(f"{head}<h1>{escape(title)}</h1>{date}{''.join(sections)}</html>\n", encoding="utf-8")
    return written


def _require_module(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise ValidationError(f"`model` is a module of PyTorch, not `{in_short(model)}`", help="give the network itself")


def _numbers(name: str, given: Any, per: str) -> list[float]:
    """`given` as a list of numbers."""
    if not isinstance(given, str):
        with suppress(TypeError, ValueError):
            return [float(number) for number in given]
    raise ValidationError(
        f"`{name}` holds a number for each {per}, and is not `{in_short(given)}`",
        help=f"write `{name}=[0.7, 0.3]`, for example",
    )


def _check_options(path: Any, gradients: Any, seeds: Any, title: Any) -> None:
    if not isinstance(path, (str, os.PathLike)):
        raise ValidationError(f"`path` says where the report goes, and is not `{in_short(path)}`", help='write `"report.html"`')
    is_list = isinstance(gradients, Sequence) and all(isinstance(step, Mapping) for step in gradients)
    if not is_list or not all(isinstance(norm, (int, float, np.number)) for step in gradients for norm in step.values()):
        raise ValidationError(
            f"`gradients` are a list of what `gradient_norms` gives, and not `{in_short(gradients)}`",
            help="after each `loss.backward()` append `gradient_norms(model)`",
        )
    if seeds is not None and not isinstance(seeds, Mapping):
        raise ValidationError(f"`seeds` are given by name, and not as `{in_short(seeds)}`", help='write `seeds={"numpy": 0}`')
    if not isinstance(title, str):
        raise ValidationError(f"`title` is text, not `{in_short(title)}`")


def _labels(true: Any, predicted: Any, names: Sequence[str] | None) -> tuple[Array, Array, Sequence[str]] | None:
    if true is None and predicted is None:
        return None
    both = [_array(given) for given in (true, predicted)]
    for name, given in zip(("true", "predicted"), both, strict=True):
        if given.ndim != 1 or given.dtype.kind not in "iu" or given.shape != both[0].shape or given.min(initial=0) < 0:
            raise ValidationError(f"`{name}` holds whole numbers from 0 on, as many as `true`, and not {given!r}")
    count = 1 + max(int(given.max(initial=-1)) for given in both)
    if names is not None and (
        isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names)
    ):
        raise ValidationError(f"`class_names` are a list of names, not `{in_short(names)}`", help='write `["cat", "dog"]`')
    if names is not None and len(names) < count:
        raise ValidationError(f"the labels go up to {count - 1}, and there are {counted(len(names), 'class name')}")
    return both[0], both[1], [str(k) for k in range(count)] if names is None else names


def _array(given: Any) -> Array:
    """An array; of nothing that is one, an array that no check lets through."""
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        return np.array(None)


def _result(model: nn.Module, losses: Sequence[float], accuracies: Sequence[float] | None, labels: Any, per: str) -> Rows:
    rows: list[tuple[str, str]] = [(f"loss in the last {per}", f"{losses[-1]:.4g}"), (f"{per}s", str(len(losses)))]
    if accuracies is not None and len(accuracies):
        rows.insert(1, (f"accuracy in the last {per}", f"{accuracies[-1]:.2%}"))
        rows.insert(2, ("best accuracy", f"{max(accuracies):.2%}, in {per} {int(np.argmax(accuracies)) + 1}"))
    if labels:
        true, predicted, _ = labels
        rows.append(("right of those classified", f"{int((true == predicted).sum())} of {len(true)}"))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return [*rows, ("trained numbers", f"{trained:,}")]


def _curves(
    losses: Sequence[float], accuracies: Sequence[float] | None, gradients: Sequence[Mapping[str, float]], per: str
) -> str:
    figures = [_figure(lambda axes: plots.learning_curves(axes, losses, accuracies, xlabel=per.capitalize()), 5.2)]
    if gradients:
        names = list(dict.fromkeys(name for step in gradients for name in step))
        norms = {name: [step.get(name, np.nan) for step in gradients] for name in names}
        figures.append(_figure(lambda axes: plots.gradient_curves(axes, norms), 5.2))
    return f"<div class=figures>{''.join(figures)}</div>"


def _classes(true: Array, predicted: Array, names: Sequence[str]) -> str:
    matrix = _figure(lambda axes: plots.confusion_matrix(axes, true, predicted, names), 2.6 + 0.3 * len(names))
    rows = []
    for k, name in enumerate(names):
        count, right = int((true == k).sum()), int(((true == k) & (predicted == k)).sum())
        rows.append((name, count, f"{right / count:.2%}" if count else "none", int((predicted == k).sum())))
    return f"<div class=figures>{matrix}{_table(rows, ('class', 'samples', 'found', 'taken for it'))}</div>"


def _parameters(model: nn.Module) -> Rows:
    return [
        (name, " x ".join(map(str, value.shape)) or "one number", value.numel(), "yes" if value.requires_grad else "no")
        for name, value in model.named_parameters()
    ]


def _quantum(model: nn.Module, batch: int) -> list[str]:
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, QLayer)]
    if not layers:
        return ["<p>There are none.</p>"]
    return [
        f"<p>{escape(f'layer {name}' if name else 'the model')}</p>{_pre(module.explain(batch))}" for name, module in layers
    ]


def _seeds(seeds: Mapping[str, object] | None) -> Rows:
    given = {"torch": torch.initial_seed(), **(seeds or {})}
    return [(f"seed of {name}", str(value)) for name, value in given.items()]


def _versions() -> Rows:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    machine = f"{platform.system()} {platform.machine()}, {counted(os.cpu_count() or 1, 'core')}"
    threads = counted(torch.get_num_threads(), "thread")
    return [("Python", platform.python_version()), *found, ("machine", machine), ("torch runs on", threads)]


def _figure(draw: Callable[[Any], Any], width: float) -> str:
    """A picture of what `draw` puts into axes, as an element of HTML that holds it."""
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    draw(figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160)
    return f'<img width={round(width * 80)} alt="" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def _section(heading: str, *parts: str) -> str:
    return f"<h2>{escape(heading)}</h2>{''.join(parts)}"


def _table(rows: Rows, heads: Sequence[str] = ()) -> str:
    head = "".join(map(_cell, heads, repeat("th")))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object, kind: str = "td") -> str:
    if isinstance(value, str):
        return f"<{kind}>{escape(value)}</{kind}>"
    return f"<{kind} class=number>{value:,}</{kind}>"


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
