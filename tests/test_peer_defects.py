"""What went wrong for users of the closest peer, each as a user would meet it, does not go wrong here."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import QKernelError, UnknownBindingError, ValidationError
from qkernel.executable import Executable
from qkernel_backends.qiskit import QiskitTranspiler

Qubits = qk.Vector[qk.Qubit]


def final_state(executable: Executable) -> np.ndarray:
    """Amplitudes at the executable's bound values."""
    return load_engine("reference").prepare(executable.circuit).state(np.zeros((1, 0)))[0]


@qk.qkernel
def turn(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    q = qk.h(q)
    return qk.rz(q, angle)


@qk.qkernel
def turn_if(q: qk.Vector[qk.Qubit], n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Qubit]:
    if n > 1:
        q[0], q[1] = qk.cx(q[0], q[1])
        q[1] = qk.ry(q[1], angle)
    elif n == 1:
        q[0] = qk.sx(q[0])
    return q


def test_controls_nest() -> None:
    @qk.qkernel
    def main(angle: qk.Float) -> qk.Vector[qk.Float]:
        q = qk.h(qk.qubit_array(3))
        q[0], q[1], q[2] = qk.control(qk.control(turn))(q[0], q[1], q[2], angle)
        return qk.probabilities(q)

    state = np.full(8, 8**-0.5, complex)
    gate = np.diag([np.exp(-0.35j), np.exp(0.35j)]) @ np.array([[1, 1], [1, -1]]) / math.sqrt(2)
    state[[3, 7]] = gate @ state[[3, 7]]
    assert main.run(angle=0.7) == pytest.approx(np.abs(state) ** 2)
    assert np.allclose(final_state(main.compile({"angle": 0.7})), state)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_bound_branch_is_inverted(n: int) -> None:
    @qk.qkernel
    def main(n: qk.UInt, angle: qk.Float) -> qk.Vector[qk.Float]:
        q = qk.h(qk.qubit_array(n))
        q = turn_if(q, n, angle)
        q = qk.inverse(turn_if)(q, n, angle)
        return qk.probabilities(q)

    assert np.allclose(final_state(main.compile({"n": n, "angle": 0.4})), np.full(1 << n, 2 ** (-n / 2)))


def test_controlled_gates_keep_their_names_in_qiskit() -> None:
    @qk.qkernel
    def main(angle: qk.Float) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(4)
        q[0], q[1] = qk.control(qk.x)(q[0], q[1])
        q[0], q[1] = qk.control(qk.rx)(q[0], q[1], angle)
        q[0], q[1], q[2] = qk.control(qk.x, 2)(q[0], q[1], q[2])
        q[0], q[1], q[2], q[3] = qk.control(qk.x, 3)(q[0], q[1], q[2], q[3])
        q[2], q[3] = qk.control(turn)(q[2], q[3], angle)
        return qk.measure(q)

    circuit = QiskitTranspiler().to_circuit(main)
    assert dict(circuit.count_ops()) == {"measure": 4, "cx": 1, "crx": 1, "ccx": 1, "mcx": 1, "ch": 1, "crz": 1}


def test_a_constant_is_returned_as_itself() -> None:
    @qk.qkernel
    def three() -> qk.UInt:
        qk.measure(qk.x(qk.qubit()))
        return 3

    assert three.run() == 3
    assert three.sample(shots=7, seed=1).results == [(3, 7)]


def test_a_helper_cannot_lose_its_qubit() -> None:
    @qk.qkernel
    def loses(q: qk.Qubit) -> None:
        qk.h(q)

    with pytest.raises(qk.errors.QubitConsumedError, match="`q`") as caught:
        loses.check()
    assert "def loses(q: qk.Qubit)" in str(caught.value)


def test_unknown_names_are_refused_when_it_runs() -> None:
    @qk.qkernel
    def main(theta: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), theta), qko.Z(0))

    executable = QiskitTranspiler().transpile(main, parameters=["theta"])
    with pytest.raises(UnknownBindingError, match=r"`thta`.*`theta`"):
        executable.run(bindings={"theta": 0.1, "thta": 0.2})
    with pytest.raises(UnknownBindingError, match="`shift`"):
        QiskitTranspiler().transpile(main, bindings={"shift": 1.0})


def test_elements_of_a_bound_vector_decide_branches() -> None:
    @qk.qkernel
    def load(b: qk.Vector[qk.UInt]) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(b.shape[0])
        for i in qk.range(b.shape[0]):
            if b[i] == 1:
                q[i] = qk.x(q[i])
        return qk.measure(q)

    @qk.qkernel
    def load_bits(b: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(len(b))
        for i in qk.range(len(b)):
            if b[i]:
                q[i] = qk.x(q[i])
        return qk.measure(q)

    assert load.run(b=[1, 0, 1, 1]) == (1, 0, 1, 1)
    assert load_bits.run(b=[True, False, False, True]) == (1, 0, 0, 1)


@pytest.mark.parametrize("flips", range(8))
def test_parity_accumulates_in_a_loop(flips: int) -> None:
    @qk.qkernel
    def parity(n: qk.UInt, flips: qk.UInt) -> qk.Bit:
        q = qk.qubit_array(n)
        for i in qk.range(n):
            if flips // 2**i % 2 == 1:
                q[i] = qk.x(q[i])
        bits = qk.measure(q)
        odd = bits[0]
        for i in qk.range(1, n):
            odd = odd ^ bits[i]
        return odd

    assert parity.run(n=3, flips=flips) == flips.bit_count() % 2


def test_a_vector_of_angles_turns_each_qubit() -> None:
    @qk.qkernel
    def main(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        return qk.probabilities(qk.rx(qk.qubit_array(2), angles))

    first, second = 0.3, 1.1
    chances = [(math.cos(a / 2) ** 2, math.sin(a / 2) ** 2) for a in (first, second)]
    assert main.run(angles=[first, second]) == pytest.approx([chances[0][k & 1] * chances[1][k >> 1] for k in range(4)])

    @qk.qkernel
    def one_qubit(angles: qk.Vector[qk.Float]) -> qk.Bit:
        return qk.measure(qk.rx(qk.qubit(), angles))

    with pytest.raises(QKernelError, match=r"qk\.rx\(qk\.qubit\(\), angles\)"):
        one_qubit.check()


def test_a_table_is_no_vector() -> None:
    @qk.qkernel
    def main(angles: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.rx(qk.qubit_array(2), angles)
        return qk.expval(q, qko.Z(0) * qko.Z(1))

    with pytest.raises(ValidationError, match="`angles`"):
        main.compile({"angles": [[0.1, 0.2], [0.3, 0.4]]})
    rows = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])  # when it runs, the further axis is a batch
    assert main.run(angles=rows) == pytest.approx(np.cos(rows).prod(1))
    with pytest.raises(ValidationError, match="`angles`"):
        main.run(angles=rows[None])


def test_evolution_takes_a_plain_number() -> None:
    @qk.qkernel
    def main() -> qk.Float:
        return qk.expval(qk.pauli_evolve(qk.qubit(), qko.X(0), 0.3), qko.Z(0))

    assert main.run() == pytest.approx(math.cos(0.6))


def test_star_arguments_are_named() -> None:
    with pytest.raises(QKernelError, match=r"\*"):

        @qk.qkernel
        def main(*qubits: qk.Qubit) -> qk.Bit:
            return qk.measure(qubits[0])


def broken_uses() -> list[qk.Kernel]:
    """Kernels with one mistake each."""

    @qk.qkernel
    def twice() -> qk.Bit:
        q = qk.qubit("q")
        qk.h(q)
        return qk.measure(q)

    @qk.qkernel
    def alias(i: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(3)
        q[i], q[i] = qk.cx(q[i], q[i])
        return qk.measure(q)

    @qk.qkernel
    def overlapping() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(3)
        view = q[0:2]
        q[1] = qk.h(q[1])
        q[0:2] = view
        return qk.measure(q)

    @qk.qkernel
    def kept() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(3)
        q[0] = qk.h(q[1])
        return qk.measure(q)

    @qk.qkernel
    def wrong_type(n: qk.UInt) -> qk.Bit:
        return qk.measure(turn(qk.qubit_array(n), 0.1))

    return [twice, alias, overlapping, kept, wrong_type]


@pytest.mark.parametrize("kernel", broken_uses(), ids=lambda kernel: kernel.name)
def test_messages_show_no_internal_names(kernel: qk.Kernel) -> None:
    with pytest.raises(QKernelError) as caught:
        kernel.check()
    text = str(caught.value)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|0x[0-9a-f]{6,}|object at|<qkernel|%\w|_\d+\b|__\w+__", text), text
    assert f"{__name__.split('.')[-1]}.py:" in text
    assert "^" in text
