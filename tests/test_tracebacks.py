"""What of a traceback users see, and the calls that an error names."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest

import qkernel as qk
from qkernel.diagnostics import Span
from qkernel.errors import InliningError, QKernelError, QubitIndexResolutionError

PACKAGE = str(Path(qk.__file__).parent)


@qk.qkernel
def flip(q: qk.Vector[qk.Qubit], i: qk.UInt) -> qk.Vector[qk.Qubit]:
    q[i] = qk.x(q[i])
    return q


@qk.qkernel
def descend(q: qk.Vector[qk.Qubit], depth: qk.UInt) -> qk.Vector[qk.Qubit]:
    if depth > 0:
        q = descend(q, depth - 1)
    else:
        q = flip(q, 5)
    return q


@qk.qkernel
def outermost(depth: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(descend(qk.qubit_array(2), depth))


def _own_failure() -> float:
    raise ValueError("mine")


@qk.qkernel
def of_own(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, _own_failure())


def raised(depth: int) -> QKernelError:
    with pytest.raises(QubitIndexResolutionError) as caught:
        outermost.run(depth)
    return caught.value


def files(error: BaseException) -> list[str]:
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


def test_traceback_ends_where_users_called() -> None:
    ours = [file for file in files(raised(0)) if file.startswith(PACKAGE)]
    assert len(ours) == 1
    assert files(raised(0))[0] == __file__


def test_whole_traceback_is_shown_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QKERNEL_TRACEBACKS", "full")
    assert len([file for file in files(raised(0)) if file.startswith(PACKAGE)]) > 5


def test_cause_keeps_its_traceback() -> None:
    with pytest.raises(InliningError) as caught:
        of_own.check()
    assert isinstance(caught.value.__cause__, ValueError)
    assert traceback.extract_tb(caught.value.__cause__.__traceback__)[-1].name == "_own_failure"


def test_calls_are_named_from_the_innermost_to_the_outermost() -> None:
    error = raised(3)
    assert [note.text for note in error.calls] == ["in this call of `flip`", *["in this call of `descend`"] * 2]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert "return qk.measure(descend(qk.qubit_array(2), depth))" in str(error)


def test_long_chains_show_their_ends() -> None:
    error = QKernelError("wrong")
    for line in range(9):
        error.came_through(f"f{line}", Span("nowhere.py", line + 1, 0, line + 1, 4))
    assert "5 more calls in between" in str(error)
    assert [f"f{line}" for line in range(9) if f"`f{line}`" in str(error)] == ["f0", "f1", "f2", "f8"]
