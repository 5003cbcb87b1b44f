"""The tutorial, executed: its numbers, its figure, and what it does where there is no data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "tutorials" / "fashion_mnist_hqnn.py"
NEEDS_DATA = pytest.mark.skipif(
    not os.environ.get("QKERNEL_DATA_DIR"), reason="QKERNEL_DATA_DIR does not name the published files"
)

TRAINING = """\
=== End-to-End Training (10 epochs) ===
  Epoch 1/10  loss=1.3356  test_acc=55.83%
  Epoch 2/10  loss=0.9415  test_acc=97.50%
  Epoch 3/10  loss=0.6617  test_acc=97.50%
  Epoch 4/10  loss=0.5081  test_acc=96.67%
  Epoch 5/10  loss=0.4143  test_acc=96.67%
  Epoch 6/10  loss=0.3461  test_acc=96.67%
  Epoch 7/10  loss=0.3025  test_acc=96.67%
  Epoch 8/10  loss=0.2675  test_acc=96.67%
  Epoch 9/10  loss=0.2436  test_acc=96.67%
  Epoch 10/10  loss=0.2324  test_acc=97.50%
"""
EVALUATION = """\
End-to-end quantum model accuracy: 97.50%

  T-shirt: 96.67%
  Trouser: 100.00%
  Sandal: 100.00%
  Bag: 93.33%
"""
ESTIMATE = """\
Resource Estimate:
  Qubits: 4
  Gates:
    Total: 34
    Single-qubit: 28
    Two-qubit: 6
    Multi-qubit: 0
    T gates: 0
    Clifford gates: 6
    Rotation gates: 28
"""


def run(folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", TUTORIAL],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "QKERNEL_FIGURES": str(folder / "figures"), "MPLBACKEND": "agg", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_figures(folder: Path) -> None:
    figure = matplotlib.image.imread(folder / "figures" / "fashion_mnist_hqnn.png")
    height, width = figure.shape[:2]
    assert width > 3 * height > 1500
    assert figure.std() > 0.05
    assert matplotlib.image.imread(folder / "figures" / "variational_ansatz.png").std() > 0.05


def mean(name: str, output: str) -> float:
    found = re.search(rf"^{re.escape(name)}: (\S+)$", output, re.MULTILINE)
    assert found, output
    return float(found[1])


@NEEDS_DATA
def test_the_whole_tutorial_gives_the_documents_numbers(tmp_path: Path) -> None:
    output = run(tmp_path)
    assert output.startswith("Qubits: 4, Layers: 2, Trainable weights: 24\n")
    assert "Expectation values: [-0.70960489  0.61071606  0.43586927  0.42650987]\n" in output
    for block in (ESTIMATE, TRAINING, EVALUATION):
        assert block in output
    assert "Train: torch.Size([240, 1, 28, 28]), Test: torch.Size([120, 1, 28, 28])\n" in output
    assert "Classes: ['T-shirt', 'Trouser', 'Sandal', 'Bag']\n" in output
    assert mean("feature_extractor first conv grad mean", output) == pytest.approx(0.07927611470222473, rel=1e-5)
    assert mean("quantum weights grad mean", output) == pytest.approx(0.009609604254364967, rel=1e-5)
    assert re.search(r"^quantum layer +24 +0\.2324 +97\.50% ", output, re.MULTILINE)
    assert re.search(r"^Linear \+ Tanh instead +20 ", output, re.MULTILINE)
    assert re.search(r"^nothing instead +0 ", output, re.MULTILINE)
    check_figures(tmp_path)


@NEEDS_DATA
def test_the_short_mode(tmp_path: Path) -> None:
    output = run(tmp_path, QKERNEL_DOCS_TEST="1")
    assert "Train: torch.Size([8, 1, 28, 28]), Test: torch.Size([8, 1, 28, 28])\n" in output
    assert len(re.findall(r"^  Epoch \d/2  loss=\d\.\d{4}  test_acc=\d+\.\d\d%$", output, re.MULTILINE)) == 2
    check_figures(tmp_path)


def test_without_data_it_says_so_and_trains_on_digits(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    output = run(
        tmp_path,
        QKERNEL_DOCS_TEST="1",
        QKERNEL_DATA_DIR="",
        QKERNEL_CACHE_DIR=str(tmp_path / "cache"),
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
        no_proxy="",
    )
    assert re.search(
        r"^NOT FASHION-MNIST, but scikit-learn's bundled 8x8 digits, upscaled: .* could not be downloaded", output, re.M
    )
    assert "Classes: ['Digit 0', 'Digit 1', 'Digit 2', 'Digit 3']\n" in output
    assert "Expectation values: [-0.70960489  0.61071606  0.43586927  0.42650987]\n" in output
    check_figures(tmp_path)
