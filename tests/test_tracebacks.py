"""What of a traceback users see, and the calls that an error names."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qkernel as qk
from qkernel.boundary import api_boundary
from qkernel.diagnostics import Span
from qkernel.errors import CallArgumentError, InliningError, QKernelError, QubitIndexResolutionError
from qkernel.nn import QLayer, QNNClassifier, report

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


def misspelt_decorator() -> None:
    @qk.qkernel(clean_ancilla=True)  # type: ignore[call-overload, untyped-decorator]
    def unused() -> None: ...


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outermost.compile(binding={}), "`compile` has no option `binding` (did you mean `bindings`?)"),
        (lambda: outermost.compile({}, [], 3), "`compile` is not called like this: too many positional arguments"),
        (lambda: outermost.to_circuit({}, 3), "`to_circuit` is not called like this: too many positional arguments"),
        (misspelt_decorator, "`qkernel` has no option `clean_ancilla` (did you mean `clean_ancillas`?)"),
        (lambda: QLayer(outermost, shot=100), "`QLayer` has no option `shot` (did you mean `shots`?)"),
        (lambda: QLayer(), "`QLayer` is not called like this: missing a required argument: 'kernel'"),
        (lambda: report(None, loss=[]), "`report` has no option `loss` (did you mean `losses`?)"),
        (lambda: QNNClassifier(lr=0.1), "`QNNClassifier` has no option `lr` (did you mean `learning_rate`?)"),
        (lambda: qk.from_qasm(), "`from_qasm` is not called like this: missing a required argument: 'text_or_path'"),
        (lambda: qk.noise.dephasing(0.1, gate="x"), "`dephasing` has no option `gate` (did you mean `gates`?)"),
    ],
)
def test_misspelt_options_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(CallArgumentError) as caught:
        call()
    assert caught.value.title == message
    assert caught.value.__suppress_context__
    assert len([file for file in files(caught.value) if file.startswith(PACKAGE)]) == 1


def test_a_type_error_from_inside_stays_what_it_is() -> None:
    def wrong() -> None:
        len(3)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="has no len") as caught:
        api_boundary(wrong)()
    assert files(caught.value)[-1] == __file__


@pytest.mark.parametrize("make", [lambda: QLayer(outermost, inputs=["dept"]), lambda: qk.from_qasm("no program;")])
def test_constructors_and_readers_end_tracebacks_too(make: Callable[[], Any]) -> None:
    with pytest.raises(QKernelError) as caught:
        make()
    assert len([file for file in files(caught.value) if file.startswith(PACKAGE)]) == 1


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
