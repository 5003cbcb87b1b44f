"""The file that a training run ends with."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from torch import nn

from qkernel.errors import ValidationError
from qkernel.nn import gradient_norms, report
from qkernel.nn.estimators import default_layer


class Page(HTMLParser):
    """The texts of a page, its pictures, and all that it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.opened: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]

    def after(self, text: str) -> str:
        return self.texts[self.texts.index(text) + 1]


@pytest.fixture
def trained() -> dict[str, Any]:
    torch.manual_seed(5)
    model, samples = default_layer(3, 2), torch.rand(8, 3)
    classes = torch.tensor([0, 1] * 4)
    gradients = []
    for _ in range(3):
        model.zero_grad()
        nn.functional.cross_entropy(model(samples), classes).backward()
        gradients.append(gradient_norms(model))
    return {"model": model, "losses": [0.7, 0.5], "accuracies": [0.5, 0.875], "gradients": gradients, "true": classes}


def test_the_file_holds_all_that_it_shows(trained: dict[str, Any], tmp_path: Path) -> None:
    predicted = [0, 1, 0, 1, 0, 1, 0, 0]
    path = report(
        tmp_path / "made" / "report.html", **trained, predicted=predicted, class_names=["<cat>", "dog"], seeds={"numpy": 42}
    )
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    pictures = [source for source in page.sources if source.startswith("data:image/png;base64,")]
    assert len(pictures) == len(page.sources) == page.opened.count("img") == 3
    for picture in pictures:
        pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(picture.partition(",")[2])))
        assert np.ptp(pixels[..., 0]) > 0.5
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    assert page.after("loss in the last epoch") == "0.5"
    assert page.after("accuracy in the last epoch") == "87.50%"
    assert page.after("best accuracy") == "87.50%, in epoch 2"
    assert page.after("right of those classified") == "7 of 8"
    assert page.texts[page.texts.index("<cat>") :][:8] == ["<cat>", "4", "100.00%", "5", "dog", "4", "75.00%", "3"]
    assert page.after("seed of torch") == "5"
    assert page.after("seed of numpy") == "42"
    assert page.after("torch") == version("torch")
    by_step = Page(
        report(tmp_path / "steps.html", trained["model"], [0.5] * 57, [0.25], per="step").read_text(encoding="utf-8")
    )
    assert by_step.after("steps") == "57"
    assert by_step.after("best accuracy") == "25.00%, in step 1"
    assert not any("epoch" in text for text in by_step.texts)
    assert page.after("layer 1") == trained["model"][1].explain(32)
    assert page.texts[page.texts.index("1.weights") :][:4] == ["1.weights", "2 x 4 x 2", "16", "yes"]


def test_what_is_not_given_is_left_out(tmp_path: Path) -> None:
    page = Page(report(tmp_path / "report.html", nn.Linear(2, 1), [0.3]).read_text(encoding="utf-8"))
    assert page.opened.count("img") == 1
    assert "Classes" not in page.texts
    assert "There are none." in page.texts
    assert page.after("trained numbers") == "3"


def test_gradient_norms_are_those_of_modules(trained: dict[str, Any]) -> None:
    model = trained["model"]
    found = gradient_norms(model)
    assert list(found) == ["0 Linear", "1 QLayer", "2 Linear"]
    squares = sum(parameter.grad.square().sum().item() for parameter in model.parameters())
    assert sum(norm**2 for norm in found.values()) == pytest.approx(squares)
    assert found["1 QLayer"] == pytest.approx(model[1].weights.grad.norm().item())
    model.zero_grad()
    assert gradient_norms(model) == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"losses": []}, "no losses"),
        ({"predicted": [0, 1]}, "`predicted` holds"),
        ({"predicted": [0.5] * 8}, "`predicted` holds"),
        ({"predicted": [-1] * 8}, "`predicted` holds"),
        ({"true": None, "predicted": [0] * 8}, "`true` holds"),
        ({"predicted": [2] * 8, "class_names": ["a", "b"]}, "the labels go up to 2, and there are 2 class names"),
        ({"class_names": 3}, "`class_names` are a list"),
        ({"predicted": [[0], [1, 2]]}, "`predicted` holds"),
        ({"model": "net"}, "`model` is a module"),
        ({"losses": 0.5}, "`losses` holds a number for each epoch"),
        ({"losses": "0.5"}, "`losses` holds a number for each epoch"),
        ({"per": "batch"}, "losses are `per` epoch or step, and not 'batch'"),
        ({"accuracies": [None]}, "`accuracies` holds a number for each epoch"),
        ({"gradients": {"0 Linear": 1.0}}, "`gradients` are a list"),
        ({"seeds": 3}, "`seeds` are given by name"),
        ({"title": 3}, "`title` is text"),
    ],
)
def test_what_does_not_fit(wrong: dict[str, Any], said: str, trained: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=said):
        report(tmp_path / "report.html", **{**trained, "predicted": trained["true"], **wrong})
    assert not list(tmp_path.iterdir())


def test_other_types_are_named(trained: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`path` says where"):
        report(3, **trained)
    with pytest.raises(ValidationError, match="`model` is a module"):
        gradient_norms([1.0])


def test_layers_load_without_matplotlib() -> None:
    code = "import sys, qkernel.nn; assert 'matplotlib' not in sys.modules and 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
