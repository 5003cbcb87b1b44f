"""Angles that add up measured bits: rotations that the bits decide, against branches written out, in every reading."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel import Kernel
from qkernel.verification import verify

OBSERVABLE = qko.Z(0) + qko.X(1) * qko.Y(0) - 0.5 * qko.Y(1)


@qk.qkernel
def rotated(theta: qk.Float, phi: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(4), 0.7)
    a, b = qk.measure(q[0]), qk.measure(q[1])
    s, t = q[2], q[3]
    s = qk.rx(s, theta * a)
    s = qk.ry(s, 0.3 - phi * b / 2)
    s = qk.p(s, theta * phi * a + 2 * b - a)
    s, t = qk.rzz(s, t, -(theta + a) * 0.5)
    t = qk.rz(t, theta if b else phi)
    s, t = qk.pauli_evolve((s, t), 0.5 * qko.X(0) * qko.Y(1) + qko.Z(1), theta * (a + 2 * b))
    s, t = qk.control(qk.ry)(s, t, phi * a)
    return qk.expval((s, t), OBSERVABLE)


@qk.qkernel
def branched(theta: qk.Float, phi: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(4), 0.7)
    a, b = qk.measure(q[0]), qk.measure(q[1])
    s, t = q[2], q[3]
    if a:
        s = qk.rx(s, theta)
    s = qk.ry(s, 0.3)
    if b:
        s = qk.ry(s, -phi / 2)
        s = qk.p(s, 2)
    if a:
        s = qk.p(s, theta * phi - 1)
    s, t = qk.rzz(s, t, -theta / 2)
    if a:
        s, t = qk.rzz(s, t, -0.5)
    if b:
        t = qk.rz(t, theta)
    else:
        t = qk.rz(t, phi)
    for word in (0.5 * qko.X(0) * qko.Y(1), qko.Z(1)):
        if a:
            s, t = qk.pauli_evolve((s, t), word, theta)
        if b:
            s, t = qk.pauli_evolve((s, t), word, 2 * theta)
    if a:
        s, t = qk.control(qk.ry)(s, t, phi)
    return qk.expval((s, t), OBSERVABLE)


@qk.qkernel
def turn(q: qk.Qubit, r: qk.Qubit, angle: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    q, r = qk.rxx(q, r, angle)
    r = qk.p(r, 0.3 * angle)
    return q, qk.ry(r, angle / 2)


@qk.qkernel
def modified(theta: qk.Float, phi: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(5), 0.7)
    a, b = qk.measure(q[0]), qk.measure(q[1])
    c, s, t = q[2], q[3], q[4]
    c, s, t = qk.control(qk.inverse(turn))(c, s, t, theta * a + phi)
    c, s, t = qk.control(turn, power=2)(c, s, t, phi * b)
    return qk.expval((s, t, c), OBSERVABLE)


@qk.qkernel
def modified_branches(theta: qk.Float, phi: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(5), 0.7)
    a, b = qk.measure(q[0]), qk.measure(q[1])
    c, s, t = q[2], q[3], q[4]
    if a:
        c, s, t = qk.control(qk.inverse(turn))(c, s, t, theta + phi)
    else:
        c, s, t = qk.control(qk.inverse(turn))(c, s, t, phi)
    if b:
        c, s, t = qk.control(turn, power=2)(c, s, t, phi)
    return qk.expval((s, t, c), OBSERVABLE)


PAIRS = [(rotated, branched), (modified, modified_branches)]
VALUES = {"theta": 0.8, "phi": -0.5}


@pytest.mark.parametrize(("kernel", "written"), PAIRS, ids=[kernel.name for kernel, _ in PAIRS])
def test_as_branches_written_out(kernel: Kernel[..., Any], written: Kernel[..., Any]) -> None:
    expected = written.run(**VALUES, engine="reference")
    for engine in ("native", "reference", "torch", "qiskit"):
        assert kernel.run(**VALUES, engine=engine) == pytest.approx(expected, abs=1e-10)
    expected_slopes = written.grad(**VALUES)
    for engine in ("native", "torch"):
        assert kernel.grad(**VALUES, engine=engine) == pytest.approx(expected_slopes, abs=1e-10)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.draw(output="text")
    assert kernel.draw(output="text", fold_loops=False, **VALUES)
    kernel.verify_resources(**VALUES)
    verify(kernel.ir, {})  # with open angles: none of them stands beside the bits as a rotation by 0 times an argument


@qk.qkernel
def semiclassical(n: qk.UInt, x: qk.Float) -> qk.Vector[qk.Bit]:
    """Phase estimation's last step with one measured qubit after another (Griffiths and Niu 1996, quant-ph/9511007)."""
    q = qk.h(qk.qubit_array(n))
    for i in qk.range(n):
        q[i] = qk.p(q[i], 2 * math.pi * x * 2**i)
    bits = qk.bit_array(n)
    for i in qk.range(n):
        phase = 0.0
        for k in qk.range(i):
            phase = phase + bits[k] / 2 ** (i - k)
        q[n - 1 - i] = qk.p(q[n - 1 - i], -math.pi * phase)
        bits[i] = qk.measure(qk.h(q[n - 1 - i]))
    return bits


@pytest.mark.parametrize("engine", ["native", "qiskit"])
def test_a_semiclassical_fourier_transform(engine: str) -> None:
    found = semiclassical.sample(n=4, x=11 / 16, shots=20, seed=1, engine=engine)
    assert found.results == [((1, 1, 0, 1), 20)]


def test_its_closed_form_counts_a_rotation_for_each_bit() -> None:
    estimate = semiclassical.estimate_resources()
    for n in (1, 2, 5):
        semiclassical.verify_resources(n=n, x=0.3)
        assert estimate.substitute(n=n).gates.total == 3 * n + n * (n - 1) // 2 + 1
    assert estimate.quality["total"].value == "upper_bound"


def test_a_number_read_as_fixed_point() -> None:
    @qk.qkernel
    def scaled(theta: qk.Float) -> qk.Float:
        number = qk.measure(qk.cast(qk.x(qk.qubit_array(3)), qk.QFixed, int_bits=1))
        return qk.expval(qk.rx(qk.qubit(), theta * number), qko.Z(0))

    assert scaled(0.4) == pytest.approx(np.cos(0.4 * 1.75))
    scaled.verify_resources(theta=0.1)
