"""Every tutorial from beginning to end: it runs without a warning, ends in its figure, and gives the documents' numbers."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import nbformat
import numpy as np
import pytest
from hydrogen import integrals
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
TUTORIALS = ROOT / "tutorials"
NAMES = sorted(path.stem for path in TUTORIALS.glob("*.py"))
NEEDS_DATA = pytest.mark.skipif(
    not os.environ.get("QKERNEL_DATA_DIR"), reason="QKERNEL_DATA_DIR does not name the published files"
)
NOWHERE = {
    "QKERNEL_DATA_DIR": "",
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    "no_proxy": "",
}
"""Neither files nor a network: scikit-learn's digits take the place of published images."""
RUN_BELOW = {
    "bits_and_majority", "digits_amplitude_encoding", "estimator_and_sampler_networks", "fashion_mnist_hqnn", "vqe_h2"
}  # fmt: skip
"""By tests of their own, which need no data."""


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


def run(name: str, folder: Path, **environment: str) -> str:
    """What a tutorial prints; its figure is looked at."""
    done = subprocess.run(
        [sys.executable, "-W", "error", TUTORIALS / f"{name}.py"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={
            **os.environ,
            "QKERNEL_FIGURES": str(folder),
            "QKERNEL_CACHE_DIR": str(folder / "cache"),
            "MPLBACKEND": "agg",
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr
    figure = matplotlib.image.imread(folder / f"{name}.png")
    height, width = figure.shape[:2]
    assert width > height > 300
    assert figure.std() > 0.05
    return done.stdout


@pytest.mark.parametrize("name", sorted({*NAMES} - RUN_BELOW))
def test_short_and_without_data(name: str, tmp_path: Path) -> None:
    assert run(name, tmp_path, QKERNEL_DOCS_TEST="1", **NOWHERE)


def test_h1_h9_fashion_mnist_hqnn_says_that_digits_take_the_place_of_its_images(tmp_path: Path) -> None:
    output = run("fashion_mnist_hqnn", tmp_path, QKERNEL_DOCS_TEST="1", **NOWHERE)
    assert re.search(
        r"^NOT FASHION-MNIST, but scikit-learn's bundled 8x8 digits, upscaled: .* could not be downloaded", output, re.M
    )
    assert "Classes: ['Digit 0', 'Digit 1', 'Digit 2', 'Digit 3']\n" in output
    assert "Expectation values: [-0.70960489  0.61071606  0.43586927  0.42650987]\n" in output


@NEEDS_DATA
def test_h19_the_short_mode_of_fashion_mnist_hqnn(tmp_path: Path) -> None:
    output = run("fashion_mnist_hqnn", tmp_path, QKERNEL_DOCS_TEST="1")
    assert "Train: torch.Size([8, 1, 28, 28]), Test: torch.Size([8, 1, 28, 28])\n" in output
    assert len(re.findall(r"^  Epoch \d/2  loss=\d\.\d{4}  test_acc=\d+\.\d\d%$", output, re.MULTILINE)) == 2


def test_the_integrals_of_hydrogen_are_those_of_its_basis(tmp_path: Path) -> None:
    """Computed anew; and what they give, as published for a distance of 0.735: the energies and the exchange integral."""
    text = (TUTORIALS / "vqe_h2.py").read_text(encoding="utf-8")
    table = np.loadtxt(re.search(r'INTEGRALS = """(.*?)"""', text, re.DOTALL)[1].splitlines())
    assert len(table) >= 20
    for distance, *numbers in table:
        assert numbers == pytest.approx(integrals(distance), abs=1e-10)
    output = run("vqe_h2", tmp_path, QKERNEL_DOCS_TEST="1")
    assert re.search(r"^ +0\.735 +-1\.116999 +-1\.137306 +-1\.137306 ", output, re.MULTILINE)
    assert "one word: 6 CNOTs" in output


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    """What `make notebooks` makes of the tutorials."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "tutorials").symlink_to(TUTORIALS)
    command = re.search(r"^notebooks:.*\n\t\$\(RUN\) (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    subprocess.run(f"{sys.executable} {command}", shell=True, check=True, cwd=folder)
    return {path.stem: nbformat.read(path, 4) for path in (folder / "out" / "notebooks").glob("*.ipynb")}


def test_every_tutorial_is_a_notebook(notebooks: dict[str, nbformat.NotebookNode]) -> None:
    assert sorted(notebooks) == NAMES
    assert sorted(re.findall(r"\.\./tutorials/(\w+)\.py\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8"))) == NAMES
    for name, notebook in notebooks.items():
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        assert notebook.cells[0].source.startswith("# ")
        assert notebook.cells[0].cell_type == notebook.cells[-1].cell_type == "markdown"
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
        text = (TUTORIALS / f"{name}.py").read_text(encoding="utf-8")
        assert len(code) == len(re.findall(r"^# %%$", text, re.MULTILINE))
        assert all(source in text for source in code)


def test_a_notebook_runs(notebooks: dict[str, nbformat.NotebookNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of errors, whose carets point into cells; the figure comes out beside its file."""
    for folder in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "QKERNEL_FIGURES"):
        monkeypatch.setenv(folder, str(tmp_path))
    monkeypatch.setenv("QKERNEL_DOCS_TEST", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = NotebookClient(notebooks["control_flow_and_errors"], timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    said = r"\[QK201\] `q` was already used\n --> Cell In\[\d+\]:5:23\n  \|\n5 \|     return qk\.measure\(q\)\n"
    assert re.search(said, printed)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (tmp_path / "control_flow_and_errors.png").exists()


def mean(name: str, output: str) -> float:
    found = re.search(rf"^{re.escape(name)}: (\S+)$", output, re.MULTILINE)
    assert found, output
    return float(found[1])


@NEEDS_DATA
def test_h1_h7_h9_h13_h15_h16_h17_h18_fashion_mnist_hqnn(tmp_path: Path) -> None:
    """What the document prints, of training (H15, H16) and of evaluation (H17) too; H18 is the figure."""
    output = run("fashion_mnist_hqnn", tmp_path)
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
    assert matplotlib.image.imread(tmp_path / "variational_ansatz.png").std() > 0.05


def test_c14_c15_bits_and_majority(tmp_path: Path) -> None:
    """C14: the weight of NOT step by step, and how soon it is near pi; C15: the vote, on the median of five seeds."""
    output = run("bits_and_majority", tmp_path)
    assert "from 3.0: 3.0706 3.1060 3.1238 3.1327 3.1371\n" in output
    assert re.findall(r"within 0.01 of pi after (\d+) epochs", output) == ["16", "12", "10"]
    [vote] = re.findall(r"^with a quantum layer .*$", output, re.MULTILINE)
    accuracies = [float(text) for text in re.findall(r"([\d.]+)%[,;]", vote)]
    assert len(accuracies) == 5
    assert statistics.median(accuracies) >= 97
    assert re.search(r"^parity of 4 bits: .* 100% of 16 strings right$", output, re.MULTILINE)


def test_q5_q7_q8_q11_q13_q16_estimator_and_sampler_networks(tmp_path: Path) -> None:
    """Q5, Q7, Q8, Q11, Q13, Q16 as the document prints them."""
    output = run("estimator_and_sampler_networks", tmp_path)
    assert "forward: [[0.2970094]] shape (1, 1)\nbackward: None [[[0.63272767]]]\n" in output
    assert "with inputs: [[[0.3038852]]] [[[0.63272767]]]\n" in output
    assert "forward: [[0.01826527 0.25735654 0.5267981  0.19758009]]\n" in output
    assert "[[[ 0.00606238 -0.1124595  -0.06856156 -0.09809236]\n" in output
    assert "even and odd: [[0.21584536 0.78415464]]\n" in output
    [(quantum, classical)] = re.findall(r"^test accuracy: (\d+)% .*: (\d+)%$", output, re.MULTILINE)
    assert int(quantum) >= 95
    assert int(classical) >= 95


def test_b1_b9_b10_b11_b13_digits_amplitude_encoding(tmp_path: Path) -> None:
    """B1: a line between two digits; B9, B10, B11: parameters, data, and F1 on three splits; B13: the steps of training."""
    output = run("digits_amplitude_encoding", tmp_path)
    assert "537 images, 64 features; of each digit: [178, 182, 177]\n" in output
    [right] = re.findall(r"^ones where .* >= 0: (\S+)% of 360 images right$", output, re.MULTILINE)
    assert float(right) >= 99
    assert matplotlib.image.imread(tmp_path / "linear_classifier.png").std() > 0.05
    text = (TUTORIALS / "digits_amplitude_encoding.py").read_text(encoding="utf-8")
    headings = "; ".join(re.findall(r"^# ## (.*)$", text, re.MULTILINE))
    steps = "embed the data.*apply the ansatz.*measure.*compute the cost.*update the weights.*repeat"
    assert re.search(steps, headings, re.IGNORECASE)
    assert "parameters: 140\n" in output
    rows = re.findall(r"^ +([012]) +(\S+) +(\S+) +(\S+)$", output, re.MULTILINE)
    assert [row[0] for row in rows] == ["0", "1", "2"]
    scores = [float(row[1]) for row in rows]
    assert statistics.mean(scores) >= 0.98
    assert scores[1] == 1


@NEEDS_DATA
def test_t1_t6_t8_t9_t13_mnist_one_qubit(tmp_path: Path) -> None:
    """T1: the qubit in 1 half the time at pi; T6: 200 and 100 images; T8, T9: the losses of training, exact and from 100 shots,
    and every test image right; T13: a sigmoid does as well, and the tutorial says why."""
    output = run("mnist_one_qubit", tmp_path)
    assert "exactly: 0.5000\n" in output
    assert "200 images to train with, 100 to test\n" in output
    rows = re.findall(r"^one qubit, (?:exact|100 shots) +(\S+) +(\S+) +\S+ +(\S+)%$", output, re.MULTILINE)
    assert len(rows) == 2
    for first, last, accuracy in rows:
        assert -0.82 <= float(first) <= -0.70
        assert float(last) <= -0.97
        assert float(accuracy) >= 99
    [accuracy] = re.findall(r"^a sigmoid instead .* (\S+)%$", output, re.MULTILINE)
    assert float(accuracy) >= 99
    text = (TUTORIALS / "mnist_one_qubit.py").read_text(encoding="utf-8")
    assert "has nothing to be entangled with" in text.rsplit("# ## ", 1)[1]
