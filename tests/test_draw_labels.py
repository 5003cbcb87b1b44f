"""What a reader must not miss in a drawing: powers of calls, controls, and labels of a bearable length."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import BindingShapeError, ValidationError


@qk.qkernel
def turn(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.p(q, theta)


@qk.qkernel
def powered(theta: qk.Float) -> qk.Bit:
    control, target = qk.qubit(), qk.qubit()
    control, target = qk.control(turn, power=4)(control, target, theta)
    return qk.measure(control)


@qk.qkernel
def estimation(n: qk.UInt, theta: qk.Float) -> qk.Vector[qk.Bit]:
    counting, target = qk.qubit_array(n), qk.qubit()
    for i in qk.range(n):
        counting[i], target = qk.control(turn, power=2**i)(counting[i], target, theta)
    return qk.measure(counting)


@qk.qkernel
def layered(gammas: qk.Vector[qk.Float], cost: qk.Observable) -> qk.Float:
    q = qk.qubit_array(20)
    for p in qk.range(len(gammas)):
        q[0] = qk.rx(q[0], gammas[p])
    return qk.expval(q, cost)


@pytest.mark.parametrize("output", ["text", "svg", "html"])
def test_a_frame_shows_its_power(output: str) -> None:
    assert "× 4" in powered.draw(output=output, inline=True)
    assert "× 2**i" in estimation.draw(output=output, inline=True)


@pytest.mark.parametrize("values", [{}, {"n": 3}])
@pytest.mark.parametrize("inline", [False, True])
def test_a_control_that_an_index_chooses_is_shown(values: dict[str, int], inline: bool) -> None:
    drawn = estimation.draw(output="text", inline=inline, **values)
    assert re.search(r"└ \w+\[i\] ─+●─", drawn)


def test_long_observables_are_cut_after_their_first_terms() -> None:
    cost = sum((0.25 * qko.Z(k) * qko.Z(k + 1) for k in range(19)), 0.5 * qko.X(0))
    drawn = layered.draw(output="text", width=200, cost=cost)
    assert "⟨0.5*X0 + 0.25*Z0*Z1 + …⟩" in drawn
    assert "0.25*Z18*Z19" in layered.draw(output="svg", cost=cost)  # whole where the pointer rests on the box
    assert "⟨0.5*X0 - Z1⟩" in layered.draw(output="text", cost=0.5 * qko.X(0) - qko.Z(1))


def test_a_length_needs_no_maximum() -> None:
    drawn = layered.draw(output="text")
    assert "× len(gammas)" in drawn
    assert "max(" not in drawn


@pytest.mark.parametrize("angles", [[0.1, 0.2], [0.1, 0.2, 0.3, 0.4]])
@pytest.mark.parametrize("output", ["text", "svg", "html"])
def test_angles_of_another_number_than_the_qubits(angles: list[float], output: str) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, th: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
        return qk.measure(qk.ry(qk.qubit_array(n), th))

    with pytest.raises(BindingShapeError, match=f"3 qubits, but there are {len(angles)} angles"):
        kernel.draw(n=3, th=angles, output=output)


@pytest.mark.parametrize("width", ["wide", -1, 0, float("inf"), True])
def test_a_width_is_a_number_of_columns(width: Any) -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return qk.h(q)

    with pytest.raises(ValidationError, match="`width` is a number of at least 1"):
        kernel.draw(width=width, output="text")


@pytest.mark.parametrize("count", ["many", -1, 2.0, True, [1]])
@pytest.mark.parametrize("option", ["max_gates", "inline_depth"])
def test_counts_are_whole_numbers(option: str, count: Any) -> None:
    with pytest.raises(ValidationError, match=f"`{option}` is a whole number of at least 0"):
        estimation.draw(output="text", **{option: count})


def test_options_and_lengths_may_be_numbers_of_numpy() -> None:
    @qk.qkernel
    def kernel(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        return qk.h(q)

    plain = kernel.draw(q=3, width=80, max_gates=10, inline_depth=1, output="text")
    given = {"width": np.float32(80), "max_gates": np.int64(10), "inline_depth": np.uint8(1)}
    assert kernel.draw(q=np.int64(3), output="text", **given) == plain
    assert "q[2]" in plain


def test_elements_of_slices_are_those_of_the_vector() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(2)
        q = qk.rx(q, w[1:3])
        q = qk.ry(q, w[n:][::2])
        return qk.measure(q)

    folded = kernel.draw(output="text", width=120)
    for angle in ("w[1]", "w[2]", "w[n]", "w[n+2]"):
        assert f"({angle})" in folded
    whole = sliced.draw(output="text", width=120)
    for angle in ("w[:2]", "w[n:]", "w[::2]", "w[:]"):
        assert f"({angle})" in whole


@qk.qkernel
def sliced(n: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q = qk.rx(q, w[:2])
    q = qk.ry(q, w[n:])
    q = qk.rz(q, w[::2])
    return qk.measure(qk.p(q, w[:]))


def test_rounds_of_a_loop_that_begins_behind_another() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for i in qk.range(n):
            for j in qk.range(i + 1, n):
                q[i], q[j] = qk.cz(q[i], q[j])
        return qk.measure(q)

    assert "× max(0, n - 1 - i)" in kernel.draw(output="text", width=160)
    assert "× max(0, 3 - i)" in kernel.draw(output="text", width=160, n=4)


def test_an_evolution_under_modifiers_says_its_own_time() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, time: qk.Float) -> qk.Vector[qk.Float]:
        q, c = qk.qubit_array(2), qk.h(qk.qubit_array(n))
        for k in qk.range(n):
            c[k], q = qk.control(qk.pauli_evolve, power=2**k)(c[k], q, qko.X(0) * qko.Z(1), -time)
        return qk.probabilities(qk.inverse(qk.pauli_evolve)(q, qko.X(1), 2 * time))

    bound = kernel.draw(output="text", width=160, n=2, time=0.25)
    for shown in ("exp(-itH)^(2**k)", "t=-0.25, H=X0*Z1", "exp(-itH)†", "t=0.5, H=X1"):
        assert shown in bound
    assert "t=-time, H=X0*Z1" in kernel.draw(output="text", width=160)
