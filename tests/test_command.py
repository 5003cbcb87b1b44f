"""The command line, as it is called: what it prints, what it ends with, and that docs/command.md says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import qkernel as qk
from qkernel.command import main

PAGE = Path(__file__).parent.parent / "docs" / "command.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
FILES = re.compile(r"^[^\n]*`(\w+\.py)`:\n\n```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files of the page, in the current folder; modules and their folder are forgotten behind each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in FILES.findall(PAGE.read_text()):
        (tmp_path / name).write_text(text)
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="qkernel")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def found(*arguments: str) -> Any:
    return json.loads(call(*arguments, "--json").stdout)


def words(line: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]


def test_the_page_shows_what_the_commands_print(update_golden: bool) -> None:
    text = PAGE.read_text()

    def session(block: re.Match[str]) -> str:
        lines = []
        for line in block[1].splitlines():
            if line.startswith("$ "):
                printed = call(*words(line)[2:]).output.rstrip("\n")
                lines += [line, *(entry.rstrip() for entry in printed.splitlines()), ""]
        return "```console\n" + "\n".join(lines).rstrip("\n") + "\n```\n"

    made = CONSOLE.sub(session, text)
    if update_golden:
        PAGE.write_text(made)
    else:
        assert made == text


def test_a_distribution_is_listed_by_state(folder: Path) -> None:
    (folder / "states.py").write_text(
        "import qkernel as qk\n\n\n@qk.qkernel\ndef states(n: qk.UInt) -> qk.Vector[qk.Float]:\n"
        "    q = qk.qubit_array(n)\n    q[0] = qk.x(q[0])\n    q[n - 1] = qk.h(q[n - 1])\n    return qk.probabilities(q)\n"
    )
    assert re.findall(r"(\|[01]+>) │ (\S+)", call("run", "states.py", "-s", "n=2").output) == [
        ("|00>", "0"), ("|01>", "0.5"), ("|10>", "0"), ("|11>", "0.5")
    ]  # fmt: skip
    many = call("run", "states.py", "-s", "n=6").output
    assert re.findall(r"(\|[01]+>) +│ (0\.\S+)", many) == [("|000001>", "0.5"), ("|100001>", "0.5")]
    assert "32 others" in many


def test_it_is_installed_as_a_command(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qkernel", "sample", "ghz.py:ghz", "-s", "n=2", "--json"],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(entry["count"] for entry in json.loads(done.stdout)["counts"]) == 1024


def test_results_are_those_of_the_kernel(folder: Path) -> None:
    np.save("angle.npy", np.array(0.25))
    Path("n.json").write_text("3")
    given = ["ghz.py:parity", "-s", "n=@n.json", "-s", "angle=@angle.npy", "-s", "observable=Z0*Z2 + 0.5"]
    result = found("run", *given, "--grad")
    assert result["value"] == pytest.approx(np.cos(0.25) ** 2 + 0.5)
    assert result["gradient"]["angle"] == pytest.approx(-np.sin(0.5))
    shots = found("run", *given, "--shots", "400", "--seed", "1")
    assert 0 < shots["standard_error"] < 0.1
    assert found("estimate", "ghz.py:ghz")["estimate"]["qubits"] == "n"
    assert found("explain", *given)["explanation"][0].startswith("parity: 3 qubits")


def test_keys_of_pairs_are_texts_in_json(folder: Path) -> None:
    (folder / "pairs.py").write_text(
        "import qkernel as qk\nimport qkernel.observable as qko\n\n\n@qk.qkernel\n"
        "def pairs(d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Float:\n"
        "    q = qk.qubit_array(2)\n    for (i, j), weight in qk.items(d):\n        q[j] = qk.rx(q[j], weight * i)\n"
        "    return qk.expval(q, qko.Z(0) * qko.Z(1))\n"
    )
    result = found("run", "pairs.py", "-s", "d={(2, 1): 0.25}", "--grad")
    assert result["values"] == {"d": {"(2, 1)": 0.25}}
    assert result["gradient"]["d"] == {"(2, 1)": pytest.approx(-2 * np.sin(0.5))}


@pytest.mark.parametrize(("name", "begins"), [("x.svg", b"<svg"), ("x.html", b"<!"), ("x.png", b"\x89PNG"), ("x.txt", b"ghz(")])
def test_drawings_are_written_whole(name: str, begins: bytes) -> None:
    assert call("draw", "ghz.py:ghz", "-o", name).exit_code == 0
    assert Path(name).read_bytes().lstrip()[: len(begins)] == begins
    assert not list(Path().glob(".x*"))


def test_an_exported_kernel_is_read_again() -> None:
    assert call("export", "ghz.py:ghz", "-o", "ghz.qk").exit_code == 0
    assert qk.load("ghz.qk").name == "ghz"
    assert found("sample", "ghz.qk", "-s", "n=2", "--seed", "3") == found("sample", "ghz.py:ghz", "-s", "n=2", "--seed", "3")


@pytest.mark.parametrize(
    ("written", "value"),
    [("pi/2", np.pi / 2), ("-pi", -np.pi), ("2**3 - 0.5", 7.5), ("sqrt(2) * 1e-3", 2**0.5 * 1e-3), ("min(7 // 2, 9)", 3)],
)
def test_numbers_are_computed(written: str, value: float) -> None:
    shown = found("run", "ghz.py:parity", "-s", "n=1", "-s", f"angle={written}", "-s", "observable=Z0")
    assert shown["values"]["angle"] == value
    assert shown["value"] == pytest.approx(np.cos(value))


def test_numbers_in_lists_and_dictionaries_are_computed(folder: Path) -> None:
    text = "def turned(w: qk.Vector[qk.Float], d: qk.Dict[qk.UInt, qk.Float]) -> qk.Bit:\n    return qk.measure(qk.qubit())\n"
    (folder / "turned.py").write_text(f"import qkernel as qk\n\n\n@qk.qkernel\n{text}")
    values = found("estimate", "turned.py", "-s", "w=[pi, -pi/2]", "-s", "d={1: pi/4, 2: 1.0}")["values"]
    assert values == {"w": [np.pi, -np.pi / 2], "d": {"1": np.pi / 4, "2": 1.0}}


@pytest.mark.parametrize(
    ("form", "first", "holds"),
    [("openqasm3", "OPENQASM 3.0;", "for int i in [0:1]"), ("openqasm3-flat", "OPENQASM 3.0;", "cx q[1], q[2];"),
     ("openqasm2", "OPENQASM 2.0;", "cx q[1],q[2];")],
)  # fmt: skip
def test_every_form_of_openqasm_is_written_and_read(form: str, first: str, holds: str) -> None:
    assert call("export", "ghz.py:ghz", "-s", "n=3", "--format", form, "-o", "ghz.qasm").exit_code == 0
    text = Path("ghz.qasm").read_text()
    assert text.startswith(first)
    assert holds in text
    assert found("estimate", "ghz.qasm")["estimate"]["gates"]["total"] == 3
    assert {tuple(entry["value"]) for entry in found("sample", "ghz.qasm")["counts"]} == {(0, 0, 0), (1, 1, 1)}
    assert call("check", ".").stdout.count("\n") == 1  # of coin.py


def test_lengths_of_open_arguments_are_given(folder: Path) -> None:
    text = "def turned(q: qk.Vector[qk.Qubit], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:\n    return qk.rx(q, w[1])\n"
    (folder / "turned.py").write_text(f"import qkernel as qk\n\n\n@qk.qkernel\n{text}")
    assert "float[64], 2, 3] w;" in call("export", "turned.py", "-s", "q=3", "--length", "w=2,3").stdout
    refused = call("export", "turned.py", "--format", "qk", "--length", "w=2,3")
    assert (refused.exit_code, "--length out" in refused.stderr) == (2, True)


def test_a_text_that_is_no_openqasm_says_where(folder: Path) -> None:
    (folder / "wrong.qasm").write_text("qubit q;\nx qq;\n")
    result = call("check", "wrong.qasm")
    assert (result.exit_code, result.stdout) == (
        1,
        "wrong.qasm:2:3: QK703 `qq` is not declared (did you mean `q`?): not declared\n",
    )
    (folder / "wrong.qasm").write_text("foo\n")
    assert call("draw", "wrong.qasm").stderr.startswith("[QK703] this is no OpenQASM")


def test_files_of_a_package_import_each_other(folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "bell.py").write_text((folder / "ghz.py").read_text())
    (folder / "package" / "types.py").write_text("from .bell import ghz\n" + (folder / "coin.py").read_text())
    result = call("check", "package")
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
    assert result.stdout.startswith("package/types.py:9:23: QK204 ")


def test_kernels_that_a_file_imports_and_names_again(folder: Path) -> None:
    made = "from ghz import ghz\n\nimport qkernel as qk\n\n\n@qk.qkernel\ndef coin() -> qk.Bit:\n"
    (folder / "made.py").write_text(f"{made}    return qk.measure(qk.h(qk.qubit()))\n\n\nsame = coin\n")
    assert found("sample", "made.py", "--seed", "1") == found("sample", "made.py:same", "--seed", "1")
    assert found("estimate", "made.py:ghz") == found("estimate", "ghz.py:ghz")


def test_folders_are_checked_but_for_environments_and_what_names_no_kernels(folder: Path) -> None:
    wrong = (folder / "coin.py").read_text()
    for name in (".hidden", "environment/lib", "deep/er"):
        (folder / name).mkdir(parents=True)
        (folder / name / "coin.py").write_text(wrong)
    (folder / "environment" / "pyvenv.cfg").touch()
    (folder / "deep" / "around").symlink_to(folder)
    (folder / "manage.py").write_text("raise SystemExit('run')\n")
    assert [error["file"] for error in found("check", ".")["errors"]] == ["coin.py", "deep/er/coin.py"]


@pytest.mark.parametrize("arguments", [["draw", "ghz.py:ghz"], ["sample", "ghz.py:ghz", "-s", "n=2"]])
def test_terminals_without_boxes_get_plain_characters(folder: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "qkernel", *arguments]
    done = subprocess.run(command, capture_output=True, cwd=folder, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    assert b"?" not in done.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = (1  # qkernel\n", "1:5: QK702 `wrong.py` fails: SyntaxError: '(' was never closed"),
        ("import qkernel\nx = 1 / 0\n", "2:1: QK702 `wrong.py` fails: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)  # qkernel\n", "1:1: QK702 `wrong.py` fails: SystemExit: 3"),
    ],
)
def test_files_that_fail_say_where(text: str, line: str) -> None:
    Path("wrong.py").write_text(text)
    result = call("check", "wrong.py", "ghz.py")
    assert (result.exit_code, result.stdout) == (1, f"wrong.py:{line}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["draw", "nowhere.py"], 1, "`nowhere.py` cannot be read: No such file or directory"),
        (["draw", "ghz"], 1, "No such file or directory (did you mean `ghz.py`?)"),
        (["draw", "ghz.py:A.b"], 1, "`ghz.py` has no kernel `A.b`"),
        (["draw", "ghz.py"], 1, "say which: `ghz.py:NAME`; its kernels are `ghz`, `parity`"),
        (["draw", "ghz.py:partiy"], 1, "did you mean `parity`?"),
        (["run", "ghz.py:ghz", "-s", "n=2", "--shots", "5"], 1, "sample"),
        (["run", "ghz.py:parity", "-s", "m=2"], 2, "'parity' has no argument 'm'; it has n, angle, observable"),
        (["run", "ghz.py:parity", "-s", "n"], 2, "--set takes NAME=VALUE, not 'n'"),
        (["run", "ghz.py:parity", "-s", "n=1", "-s", "n=2"], 2, "'n' is set twice"),
        (["run", "ghz.py:parity", "-s", "n=__import__('os')"], 2, "the value of 'n' is a number"),
        (["run", "ghz.py:parity", "-s", "observable=Q0"], 2, "this text is not a sum of Pauli products"),
        (["run", "ghz.py:parity", "-s", "n=@none.npy"], 2, "the value of 'n' cannot be read from 'none.npy'"),
        (["draw", "ghz.py:ghz", "-o", "x.jpg"], 2, "its name ends in one of .txt, .svg"),
        (["export", "ghz.py:ghz", "--format", "qk", "-s", "n=2"], 2, "leave --set and --length out"),
        (["run", "ghz.py:parity", "-s", "angle=pi/0"], 2, "float division by zero"),
        (["run", "ghz.py:parity", "-s", "angle=2**9999999"], 2, "is too large"),
        (["run", "ghz.py:parity", "-s", "angle=phi"], 2, "a number such as 0.3 or pi/2"),
        (["run", "ghz.py:parity", "-s", "angle=2^3"], 2, "a number such as 0.3 or pi/2"),
        (["run", "ghz.py:parity", "-s", "angle={[1]: 2}"], 2, "a number such as 0.3 or pi/2"),
        (["sample", "ghz.py:ghz", "n=2"], 2, "'n=2' is one too many: write FILE:KERNEL, and --set NAME=VALUE"),
        (["sample", "ghz.py:ghz"], 1, "on the command line, write `--set NAME=VALUE`"),
        (["export", "ghz.py:ghz"], 1, "on the command line, write `--set NAME=VALUE`"),
        (["export", "ghz.py:ghz", "-s", "n=2", "-o", "no/x.qasm"], 1, "`no/x.qasm` cannot be written: there is no folder `no`"),
        (["explain", "ghz.py:ghz", "-s", "n=2", "--engine", "qisk"], 1, "did you mean `qiskit`?"),
        (["check", "nowhere.py"], 2, "'nowhere.py' does not exist"),
        (["check"], 2, "Missing argument 'FILE...'"),
        (["doctor", "--fast"], 2, "No such option"),
        (["fly"], 2, "No such command 'fly'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], code: int, says: str) -> None:
    result = call(*arguments)
    assert result.exit_code == code
    assert says in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_errors_are_json_too() -> None:
    result = call("run", "coin.py:coin", "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"], error["line"], error["column"]) == (1, "QK204", 8, 23)
    unread = call("run", "ghz.py:parity", "-s", "angle=phi", "--json")
    assert unread.exit_code == 2
    assert json.loads(unread.stdout)["error"]["message"].startswith("the value of 'angle' is a number")
    (wrong,) = found("check", "coin.py")["errors"]
    assert wrong == {**error, "file": "coin.py"}


def test_what_the_file_prints_is_no_result(folder: Path) -> None:
    (folder / "loud.py").write_text("print('loud')\n" + (folder / "ghz.py").read_text())
    result = call("estimate", "loud.py:ghz", "--json")
    assert json.loads(result.stdout)["kernel"] == "ghz"
    assert result.stderr == "loud\n"


def test_the_doctor_finds_the_numbers_of_the_documents() -> None:
    report = found("doctor")
    assert [check["passed"] for check in report["checks"]] == [True] * 5
    assert report["versions"]["numpy"] == np.__version__
    assert report["engines"]["native"]["features"] == sorted(report["engines"]["native"]["features"])
    assert re.match("compiled for this machine|came with the wheel", report["engines"]["native"]["machine_code"])
    assert report["extras"]["torch"]["torch"] is not None
    assert call("doctor").exit_code == 0


def test_a_wrong_number_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["qkernel.command.doctor"]
    monkeypatch.setattr(module, "CHECKS", (("a number", ("0.50",), lambda: [0.52]),))
    result = call("doctor", "--json")
    assert (result.exit_code, json.loads(result.stdout)["checks"][0]["passed"]) == (1, False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    result = CliRunner().invoke(main, prog_name="qkernel", env={"_QKERNEL_COMPLETE": f"{shell}_source"})
    assert "_QKERNEL_COMPLETE" in result.output
    assert all(isinstance(command, click.Command) and command.help for command in main.commands.values())
