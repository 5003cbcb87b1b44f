"""Python's and numpy's own functions on symbols: right, or an error with the caret on the call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import CallArgumentError, InliningError, KernelTypeError, SymbolicValueError

WEIGHTS = np.array([1.0, 2.5])
TABLE = np.array([[1.0, 2.0], [0.5, -1.0]])


def angle_of(function: Callable[[Any], Any], value: float) -> Any:
    """The cosines of what `function` makes of an argument, as one angle for both qubits or one each."""

    @qk.qkernel
    def kernel(y: qk.Float) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(2)
        q = qk.rx(q, function(y))
        return qk.expval(q, [qko.Z(0), qko.Z(1)])

    return kernel(value)


@pytest.mark.parametrize(
    "function",
    [
        np.sin, np.sqrt, np.square, np.negative, np.abs, np.real, np.asarray,
        lambda y: np.arctan2(y, 2.0),
        lambda y: np.maximum(y, 0.7),
        lambda y: np.mod(y, 0.4),
        lambda y: np.array(2.0) * y,
        lambda y: np.float64(2.0) ** y,
        lambda y: y * WEIGHTS,
        lambda y: WEIGHTS * y,
        lambda y: WEIGHTS**y - y / WEIGHTS,
        lambda y: np.sin([y, 2 * y]),
        lambda y: np.exp(np.array([y, 2 * y])),
        lambda y: np.array([y, 2 * y]) @ TABLE,
        lambda y: TABLE @ np.array([y, 2 * y]) + WEIGHTS,
        lambda y: np.sum([y, 2 * y]),
        lambda y: sum([y, 2 * y]),
        lambda y: max([y, 2 * y]),
        lambda y: np.max(np.array([y, 2 * y])),
        lambda y: np.min([y, 2 * y]),
    ],
)  # fmt: skip
def test_numpy_on_scalars_and_known_arrays(function: Callable[[Any], Any]) -> None:
    assert angle_of(function, 0.6) == pytest.approx(np.cos(np.broadcast_to(function(0.6), 2)))


@pytest.mark.parametrize(
    "function",
    [
        max, min, sum, sorted, any, all, list, tuple, abs, qk.max, qk.sin, qk.abs, math.sin,
        np.sum, np.prod, np.max, np.min, np.flip, np.mean, np.cumsum, np.array, np.asarray, np.sin, np.negative, np.abs,
        np.linalg.norm,
        lambda x: -x,
        lambda x: 2 * x,
        lambda x: x * WEIGHTS,
        lambda x: WEIGHTS * x,
        lambda x: WEIGHTS @ x,
        lambda x: x > 1,
        lambda x: np.dot(x, x),
        lambda x: np.add(x, 1),
        lambda x: np.concatenate([x, x]),
        lambda x: min(x, x),
    ],
)  # fmt: skip
def test_a_whole_vector_is_refused(function: Callable[[Any], Any]) -> None:
    @qk.qkernel
    def kernel(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
        return qk.rx(q, function(x))

    with pytest.raises(KernelTypeError, match=r"does not work on a whole Vector\[Float\]"):
        kernel.check()


@pytest.mark.parametrize("function", [np.flip, max, sorted, np.sum, np.logical_not])
def test_measured_bits_are_refused_whole(function: Callable[[Any], Any]) -> None:
    @qk.qkernel
    def kernel() -> qk.Vector[qk.Bit]:
        return function(qk.measure(qk.qubit_array(3)))

    with pytest.raises(KernelTypeError, match=r"does not work on a whole Vector\[Bit\]"):
        kernel.check()


@pytest.mark.parametrize("function", [round, np.deg2rad, np.sign, np.floor, lambda y: np.clip(y, 0, 1)])
def test_functions_that_need_the_value_say_so(function: Callable[[Any], Any]) -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit, y: qk.Float) -> qk.Qubit:
        return qk.rx(q, function(y))

    with pytest.raises(SymbolicValueError, match="needs its value now"):
        kernel.check()


def test_max_of_symbols_takes_no_key() -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit, y: qk.Float) -> qk.Qubit:
        return qk.rx(q, max(y, 1, key=abs))

    with pytest.raises(CallArgumentError, match="no `key=`"):
        kernel.check()


def test_largest_of_a_vector_by_the_loop_that_the_error_shows() -> None:
    @qk.qkernel
    def kernel(x: qk.Vector[qk.Float]) -> qk.Float:
        largest = x[0]
        for i in qk.range(x.shape[0]):
            largest = max(largest, x[i])
        return qk.expval(qk.rx(qk.qubit(), largest), qko.Z(0))

    assert kernel([0.3, 0.7, 0.2]) == pytest.approx(math.cos(0.7))
    assert kernel.grad(x=[0.3, 0.7, 0.2])["x"] == pytest.approx([0, -math.sin(0.7), 0])


@pytest.mark.parametrize(
    "test",
    [
        lambda n: f"{n}" == "n",
        lambda n: f"{n!s}" == "n",
        lambda n: f"{[n]}" == "[n]",
        lambda n: str([n]) == "[n]",
        lambda n: repr(n) == "n",
        lambda n: "a{}".format(n) == "an",  # noqa: UP032
        lambda n: "a{x}".format(x=n) == "an",  # noqa: UP032
        lambda n: str.format("a{}", n) == "an",
        lambda n: "%s" % n == "n",  # noqa: UP031
        lambda n: "%s-%s" % (n, 1) == "n-1",  # noqa: UP031
        lambda n: "%(n)s" % {"n": n} == "n",  # noqa: UP031
        lambda n: "-".join([str(n), "1"]) == "n-1",
        lambda n: 2 * str(n) == "nn",
        lambda n: str(n).upper() == "N",
        lambda n: "x".replace("x", str(n)) == "n",
        lambda n: str(n).startswith("n"),
        lambda n: "n1".startswith(str(n)),
        lambda n: str(n) in "mno",
        lambda n: "n" in str(n),
        lambda n: str(n) < "o",
        lambda n: min([str(n), "o"]) == "n",
        lambda n: str(n)[0] == "n",
        lambda n: [2 * letter for letter in str(n)] == ["nn"],
        lambda n: str(n) in {"n": 1},
    ],
)
def test_the_text_of_a_symbol_decides_nothing(test: Callable[[Any], Any]) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Bit:
        return qk.measure(qk.rx(qk.qubit(), 0.5 if test(n) else 1.5))

    with pytest.raises(SymbolicValueError, match="needs its value now"):
        kernel.check()


def test_texts_of_known_values_make_names() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Bit:
        k = 2
        q = qk.qubit_array(n, name="_".join(["{}".format("q"), "%s" % k, str(k).upper(), f"{k:02}"]))  # noqa: UP031
        return qk.measure(q)[0]

    assert "q_2_2_02 = qubits(n)" in str(kernel.ir)


def test_a_message_may_name_a_symbol() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Bit:
        assert len("ab") == 1, f"not for {n}"
        return qk.measure(qk.qubit())

    with pytest.raises(InliningError, match=r"f'not for \{n\}'"):
        kernel.check()
