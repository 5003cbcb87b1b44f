"""The language as users write it: every construct of its sections 1 to 5, run and compared with what it must give."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    ExecutionError,
    QubitConsumedError,
    QubitIndexResolutionError,
    SizeError,
    TargetCapabilityError,
)


def outcomes(kernel: qk.Kernel[..., object], **arguments: object) -> dict[object, int]:
    """How often each result came out of 200 seeded shots."""
    return dict(kernel.sample(shots=200, seed=7, **arguments).results)


# types and values -------------------------------------------------------------------------------------------------------


def test_defaults_and_literals_are_promoted() -> None:
    @qk.qkernel
    def turned(q: qk.Qubit, theta: qk.Float = 1, times: qk.UInt = 2) -> qk.Qubit:
        for _ in qk.range(times):
            q = qk.rx(q, theta)
        return q

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(turned(turned(qk.qubit()), 0, 5), qko.Z(0))

    assert kernel.run() == pytest.approx(math.cos(2))


def test_plain_annotations_mean_kernel_types() -> None:
    @qk.qkernel
    def kernel(n: int, theta: float, flip: bool) -> qk.Float:
        q = qk.qubit_array(n)
        if flip:
            q = qk.x(q)
        q = qk.rx(q, theta)
        return qk.expval(q, qko.Z(0))

    assert kernel.run(2, 0.3, False) == pytest.approx(math.cos(0.3))
    assert kernel.run(2, 0.3, True) == pytest.approx(-math.cos(0.3))


def test_matrix_and_tuple_arguments() -> None:
    @qk.qkernel
    def kernel(m: qk.Matrix[qk.Float], pair: qk.Tuple[qk.UInt, qk.Float]) -> qk.Float:
        q = qk.qubit_array(pair[0])
        for i in qk.range(m.shape[0]):
            for j in qk.range(m.shape[1]):
                q[i] = qk.rx(q[i], m[i, j] * pair[1] + m[i][j])
        return qk.expval(q, qko.Z(0) * qko.Z(1))

    m = np.array([[0.1, 0.2], [0.3, 0.5]])
    assert kernel.run(m, (2, 2.0)) == pytest.approx(math.cos(0.9) * math.cos(2.4))


def test_arithmetic_and_functions_of_open_arguments() -> None:
    @qk.qkernel
    def kernel(a: qk.Float, b: qk.Float) -> qk.Float:
        angle = math.sin(a) ** 2 / (1 + b * b) - abs(b) + min(a, b, 0.5) * max(a, b)
        q = qk.ry(qk.qubit(), angle + np.exp(a) - qk.sqrt(b))
        return qk.expval(q, qko.Z(0))

    a, b = 0.7, 1.3
    angle = math.sin(a) ** 2 / (1 + b * b) - b + 0.5 * b + math.exp(a) - math.sqrt(b)
    assert kernel.run(a, b) == pytest.approx(math.cos(angle))
    step = 1e-6
    slope = (kernel.run(a + step, b) - kernel.run(a - step, b)) / (2 * step)
    assert kernel.grad(a, b)["a"] == pytest.approx(slope, abs=1e-6)


def test_least_greatest_and_absolute_values_under_our_names() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, x: qk.Float) -> qk.Float:
        angle = qk.min(x, 0.4, n) + qk.max([x, -x]) + qk.abs(-x) + qk.max(1, 2) + qk.abs(-3) + qk.min([4, 5])
        return qk.expval(qk.rx(qk.qubit(), angle), qko.Z(0))

    assert kernel.run(7, 0.3) == pytest.approx(math.cos(0.9 + 9))
    assert kernel.run(7, 0.6) == pytest.approx(math.cos(0.4 + 1.2 + 9))
    assert (qk.min(2, 1), qk.max((2.5, 1)), qk.abs(-2)) == (1, 2.5, 2)


def test_conditional_expressions_chained_comparisons_and_logic() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Float:
        angle = 0.5 if n > 2 else 0.25
        if 1 < n <= 4 and not (n == 3 or n == 30):
            angle = angle * 2
        elif n % 2 == 1 or n // 4 == 2:
            angle = angle + 1
        return qk.expval(qk.rx(qk.qubit(), angle), qko.Z(0))

    def expected(n: int) -> float:
        angle = 0.5 if n > 2 else 0.25
        if 1 < n <= 4 and n != 3:
            angle *= 2
        elif n % 2 == 1 or n // 4 == 2:
            angle += 1
        return math.cos(angle)

    assert [kernel.run(n) for n in range(10)] == pytest.approx([expected(n) for n in range(10)])


def test_dictionaries_bound_and_open() -> None:
    @qk.qkernel
    def bound(n: qk.UInt, edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float], g: qk.Float) -> qk.Float:
        q = qk.qubit_array(n)
        total = 0.0
        for (i, j), weight in qk.items(edges):
            q[i] = qk.rx(q[i], weight * g)
            q[j] = qk.rx(q[j], weight)
            total = total + weight
        q[0] = qk.rx(q[0], total + len(edges))
        return qk.expval(q, qko.Z(0))

    @qk.qkernel
    def opened(d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), d[(0, 1)] + 2 * d[(1, 2)]), qko.Z(0))

    edges = {(0, 1): 0.3, (1, 2): 0.5, (2, 0): 0.2}
    assert bound.run(3, edges, 0.4) == pytest.approx(math.cos(0.3 * 0.4 + 0.2 + 1.0 + 3))
    executable = opened.compile(parameters=["d"])
    assert executable.parameter_names == ("d[(0, 1)]", "d[(1, 2)]")
    assert executable.run(bindings={"d": {(0, 1): 0.1, (1, 2): 0.2}}) == pytest.approx(math.cos(0.5))


def test_fixed_point_registers() -> None:
    @qk.qkernel
    def kernel(k: qk.UInt) -> qk.Float:
        q = qk.qubit_array(4)
        for i in qk.range(4):
            if (k // 2**i) % 2 == 1:
                q[i] = qk.x(q[i])
        return qk.measure(qk.cast(q, qk.QFixed, int_bits=1))

    assert [outcomes(kernel, k=k) for k in (0, 5, 15)] == [{0.0: 200}, {0.625: 200}, {1.875: 200}]


def test_structs_group_handles() -> None:
    @qk.struct
    class Pair:
        control: qk.Qubit
        target: qk.Qubit

    @qk.qkernel
    def entangled(pair: Pair, theta: qk.Float) -> Pair:
        a, b = qk.crx(pair.control, pair.target, theta)
        return Pair(a, b)

    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit]:
        pair = entangled(Pair(qk.x(qk.qubit("a")), qk.qubit("b")), math.pi)
        return qk.measure(pair.control), qk.measure(pair.target)

    assert outcomes(kernel) == {(1, 1): 200}


# control flow and slices --------------------------------------------------------------------------------------------------


def test_slices_and_negative_constants() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, k: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        q[1::2] = qk.x(q[1::2])
        tail = q[2:]
        tail[0] = qk.x(tail[0])
        inner = tail[1:k]
        inner = qk.x(inner)
        tail[1:k] = inner
        q[2:] = tail
        q[-1] = qk.x(q[-1])
        return qk.measure(q)

    def expected(n: int, k: int) -> tuple[int, ...]:
        bits = [i % 2 for i in range(n)]
        bits[2] ^= 1
        for i in list(range(2, n))[1:k]:
            bits[i] ^= 1
        bits[-1] ^= 1
        return tuple(bits)

    for n in range(3, 7):
        for k in range(6):
            assert outcomes(kernel, n=n, k=k) == {expected(n, k): 200}


def test_loops_with_steps_backwards_and_triangles() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for i in range(n - 1, 0, -2):
            for j in range(i):
                q[i], q[j] = qk.cx(qk.x(q[i]), q[j])
        return qk.measure(q)

    def expected(n: int) -> tuple[int, ...]:
        bits = [0] * n
        for i in range(n - 1, 0, -2):
            for j in range(i):
                bits[i] ^= 1
                bits[j] ^= bits[i]
        return tuple(bits)

    assert [outcomes(kernel, n=n) for n in range(6)] == [{expected(n): 200} for n in range(6)]


def test_carried_scalars_change_type_when_they_must() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, weights: qk.Vector[qk.Float]) -> qk.Float:
        total, a, b = 0, 1, 2
        for i in qk.range(n):
            total = total + weights[i]
            a, b = b, a
        return qk.expval(qk.rx(qk.qubit(), total * a), qko.Z(0))

    assert kernel.run(3, [0.1, 0.2, 0.3]) == pytest.approx(math.cos(0.6 * 2))


def test_measured_bits_steer_gates() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.UInt]:
        a, b, c = qk.h(qk.qubit()), qk.h(qk.qubit()), qk.qubit()
        s, t = qk.measure(a), qk.measure(b)
        count = 0
        if s and not t:
            c = qk.x(c)
            count = count + 1
        elif s ^ t:
            count = count + 2
        else:
            c = qk.id(c)
        return s, qk.measure(c), count

    assert set(outcomes(kernel)) == {(1, 1, 1), (1, 0, 0), (0, 0, 2), (0, 0, 0)}


def test_bits_are_numbers_in_arithmetic() -> None:
    @qk.qkernel
    def kernel(a: qk.Bit, b: qk.Bit) -> tuple[qk.UInt, qk.UInt, qk.UInt, qk.Float, qk.Bit]:
        bits = qk.measure(qk.qubit_array(2))
        if a:
            bits[0] = qk.measure(qk.x(qk.qubit()))
        if b:
            bits[1] = qk.measure(qk.x(qk.qubit()))
        q = qk.qubit()
        if bits[0] + bits[1] == 1:
            q = qk.x(q)
        return a + b, bits[0] * bits[1], a - b, 0.5 * (bits[0] + b), qk.measure(q)

    for a, b in itertools.product((0, 1), repeat=2):
        ((value, _),) = kernel.sample(shots=5, a=a, b=b).results
        assert value == (a + b, a * b, a - b, 0.5 * (a + b), a ^ b)


def test_both_sides_of_a_branch_join_a_bit_of_their_own() -> None:
    @qk.qkernel
    def kernel(a: qk.Bit, b: qk.Bit, c: qk.Bit) -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Bit]:
        x, y, z = qk.qubit(), qk.qubit(), qk.qubit()
        if a:
            x = qk.x(x)
        if b:
            y = qk.x(y)
        if c:
            z = qk.x(z)
        first, second, bit = qk.measure(x), qk.measure(y), qk.measure(z)
        s, t, u = first, second, bit
        if first:
            if second:
                bit = bit ^ first
        else:
            if second:
                bit = bit | second
        return s, t, u, bit

    for a in range(2):
        for b in range(2):
            for c in range(2):
                expected = (c ^ 1 if a else 1) if b else c
                assert outcomes(kernel, a=a, b=b, c=c) == {(a, b, c, expected): 200}


def test_while_repeats_until_the_bit_is_zero() -> None:
    @qk.qkernel
    def kernel() -> qk.Bit:
        q, bit = qk.project_z(qk.h(qk.qubit()))
        while bit:
            q, bit = qk.project_z(qk.h(q))
        return qk.measure(q)

    assert outcomes(kernel) == {0: 200}


def test_parities_and_counters_of_bits() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Bit, qk.UInt]:
        bits = qk.measure(qk.x(qk.qubit_array(n)))
        parity, count = qk.bit(0), 0
        for i in qk.range(n):
            parity = parity ^ bits[i]
            if bits[i]:
                count = count + 1
        return parity, count

    assert [outcomes(kernel, n=n) for n in (0, 3, 4)] == [{(0, 0): 200}, {(1, 3): 200}, {(0, 4): 200}]


# reuse ------------------------------------------------------------------------------------------------------------------


@qk.qkernel
def rotated(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.rx(qk.h(q), theta)


def test_conditional_expressions_may_act() -> None:
    @qk.qkernel
    def half(x: qk.Float) -> qk.Float:
        return x / 2

    @qk.qkernel
    def chosen(n: qk.UInt, x: qk.Float) -> qk.Float:
        q = qk.qubit()
        angle = x
        angle = (half(x) if n > 1 else x + half(angle)) + angle
        q = qk.rx(q, angle) if n > 0 else qk.x(q)
        return qk.expval(q, qko.Z(0))

    assert chosen.run(3, 1.0) == pytest.approx(math.cos(1.5))
    assert chosen.run(1, 1.0) == pytest.approx(math.cos(2.5))
    assert chosen.run(0, 1.0) == pytest.approx(-1)
    assert qk.parse(str(chosen.ir)) == chosen.ir

    @qk.qkernel
    def measured() -> tuple[qk.Bit, qk.Bit]:
        flag = qk.measure(qk.h(qk.qubit()))
        return (qk.measure(qk.x(qk.qubit())) if flag else qk.bit(0)), flag

    assert outcomes(measured).keys() == {(0, 0), (1, 1)}


def test_the_variable_of_an_unrolled_loop_is_free_again() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for i in [0, 1]:
            q[i] = qk.x(q[i])
        q[i] = qk.x(q[i])
        for i in qk.range(n):
            q[i] = qk.x(q[i])
        for i in (0,):
            q[i] = qk.x(q[i])
        return qk.measure(q)

    assert outcomes(kernel, n=3) == {(1, 1, 1): 200}


def test_measured_bits_index_classical_vectors() -> None:
    @qk.qkernel
    def looked_up(
        v: qk.Vector[qk.Float], flags: qk.Vector[qk.Bit], m: qk.Matrix[qk.UInt]
    ) -> tuple[qk.Vector[qk.Bit], qk.Float, qk.Bit, qk.UInt]:
        bits = qk.measure(qk.h(qk.qubit_array(2)))
        index = (1 if bits[0] else 0) + (2 if bits[1] else 0)
        target = qk.qubit()
        if flags[index]:
            target = qk.x(target)
        return bits, v[index], qk.measure(target), m[index % 2, 1]

    arguments = {"v": [0.5, 1.5, 2.5, 3.5], "flags": [True, False, False, True], "m": [[1, 2], [3, 4]]}
    expected = {((0, 0), 0.5, 1, 2), ((1, 0), 1.5, 0, 4), ((0, 1), 2.5, 0, 2), ((1, 1), 3.5, 1, 4)}
    assert outcomes(looked_up, **arguments).keys() == expected
    executable = looked_up.compile(arguments)
    for engine in ("reference", "qiskit"):
        found = executable.sample(engine=engine, shots=200, seed=3)
        assert {value for value, _ in found.results} == expected
    with pytest.raises(ExecutionError, match="index 3 lies outside a vector of 3 elements"):
        looked_up.sample(**(arguments | {"v": [0.5, 1.5, 2.5]}))
    short = arguments | {"flags": [True, False, False]}
    with pytest.raises(QubitIndexResolutionError, match="index 3 lies outside a vector of 3 elements"):
        looked_up.sample(**short)
    with pytest.raises(TargetCapabilityError, match="may not exist"):
        looked_up.compile(short).sample(engine="qiskit")


ENGINES = ("native", "reference", "qiskit")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("flag", "most"), [(False, 3), (True, 0), (True, 1), (True, 3)])
def test_loops_on_measured_bits_count(engine: str, flag: bool, most: int) -> None:
    @qk.qkernel
    def kernel(prepared: qk.Bit, most: qk.UInt) -> tuple[qk.UInt, qk.UInt, qk.UInt, qk.Bit, qk.Float]:
        q = qk.qubit()
        if prepared:
            q = qk.x(q)
        bit = qk.measure(q)
        count, down, previous = 0, 3, 7
        while bit and count < most:
            count, previous = count + 1, count
            if count == 2:
                down = down - 10
            else:
                down = down - 1 - (2 if bit else 0)
        table = [0.5, 1.5, 2.5, 3.5]
        return count, down - 1, previous, count >= 2, table[count]

    count, down, previous = 0, 3, 7
    while flag and count < most:
        previous, count = count, count + 1
        down -= 10 if count == 2 else 3
    expected = (count, down - 1, previous, int(count >= 2), (0.5, 1.5, 2.5, 3.5)[count])
    executable = kernel.compile({"prepared": flag, "most": most})
    found = executable.sample(engine=engine, shots=20, seed=1)
    assert found.results == [(expected, 20)]


@pytest.mark.parametrize("engine", ENGINES)
def test_nested_loops_on_measured_bits_count(engine: str) -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.UInt, qk.UInt]:
        rounds, total = 0, 0
        for _ in qk.range(2):
            total = total + 100
            again = qk.measure(qk.x(qk.qubit()))
            while again:
                rounds = rounds + 1
                once = qk.measure(qk.x(qk.qubit()))
                while once:
                    total = total + 1
                    once = qk.measure(qk.qubit())
                again = rounds != 3 and rounds != 6
        return rounds, total

    found = kernel.compile().sample(engine=engine, shots=3, seed=1)
    assert found.results == [((6, 206), 3)]


def test_remainders_of_counts_are_not_for_qiskit() -> None:
    @qk.qkernel
    def kernel() -> qk.UInt:
        bit, count = qk.measure(qk.x(qk.qubit())), 0
        while bit:
            count = count + 1
            bit = count % 3 != 0
        return count

    assert outcomes(kernel) == {3: 200}
    with pytest.raises(TargetCapabilityError, match="cannot compute with 32 measured bits"):
        kernel.compile().sample(engine="qiskit")


def test_counts_follow_their_distribution() -> None:
    @qk.qkernel
    def tosses() -> qk.UInt:
        bit, count = qk.measure(qk.h(qk.qubit())), 0
        while bit:
            bit = qk.measure(qk.h(qk.qubit()))
            count = count + 1
        return count

    executable = tosses.compile()
    for engine in ENGINES:
        counts = dict(executable.sample(engine=engine, shots=4000, seed=5).results)
        for k in range(4):
            chance = 0.5 ** (k + 1)
            assert abs(counts[k] - 4000 * chance) < 5 * math.sqrt(4000 * chance * (1 - chance))


def test_measured_bits_index_an_open_vector() -> None:
    @qk.qkernel
    def looked_up(v: qk.Vector[qk.Float]) -> tuple[qk.Bit, qk.Float]:
        bit = qk.measure(qk.h(qk.qubit()))
        return bit, v[1 if bit else 0] + v[0]

    executable = looked_up.compile(parameters=["v"], lengths={"v": (2,)})
    found = executable.sample(shots=50, bindings={"v": [5.0, 7.0]})
    assert {value for value, _ in found.results} == {(0, 10.0), (1, 12.0)}


def test_control_and_inverse_cancel() -> None:
    @qk.qkernel
    def kernel(theta: qk.Float) -> qk.Float:
        c, q = qk.h(qk.qubit()), qk.qubit()
        c, q = qk.control(rotated)(c, q, theta)
        c, q = qk.control(qk.inverse(rotated))(c, q, theta=theta)
        return qk.expval(c, qko.X(0))

    assert kernel.run(0.3) == pytest.approx(1)


@pytest.mark.parametrize("value", range(4))
def test_nested_and_valued_control(value: int) -> None:
    @qk.qkernel
    def kernel(v: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(3)
        for i in qk.range(2):
            if (v // 2**i) % 2 == 1:
                q[i] = qk.x(q[i])
        q[0], q[1], q[2] = qk.control(qk.control(qk.rx), control_value=1)(q[0], q[1], q[2], math.pi)
        c, q[2] = qk.control(qk.x, 2, control_value=2)(q[0:2], q[2])
        q[0:2] = c
        return qk.probabilities(q)

    flips = (value == 3) + (value == 2)
    assert np.argmax(kernel.run(value)) == value + 4 * (flips % 2)


def test_a_view_of_a_view_counts_as_controls() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
        q = qk.x(qk.qubit_array(n))
        target = qk.qubit()
        even = q[0::2]
        even[:2], target = qk.control(qk.x, 2)(even[:2], target)
        q[0::2] = even
        return qk.measure(q), qk.measure(target)

    assert outcomes(kernel, n=3) == {((1, 1, 1), 1): 200}
    estimate = kernel.estimate_resources()
    assert estimate.gates.toffoli == 1
    assert "count=2" in str(kernel.ir)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    with pytest.raises(SizeError, match="control qubits is 1, not 2 as asked for"):
        kernel.sample(n=2)


def test_control_of_symbolic_width() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Bit:
        c, q = qk.x(qk.qubit_array(n)), qk.qubit()
        c, q = qk.control(qk.x, n)(c, q)
        return qk.measure(q)

    assert [outcomes(kernel, n=n) for n in range(4)] == [{1: 200}] * 4


def test_power_repeats_and_inverts() -> None:
    @qk.qkernel
    def kernel(k: qk.UInt) -> qk.Float:
        c, q = qk.x(qk.qubit()), qk.qubit()
        c, q = qk.control(qk.rx)(c, q, 0.1, power=2**k)
        return qk.expval(q, qko.Z(0))

    assert [kernel.run(k) for k in range(4)] == pytest.approx([math.cos(0.1 * 2**k) for k in range(4)])


def test_inverse_of_a_bound_branch_and_of_items() -> None:
    @qk.qkernel
    def step(q: qk.Vector[qk.Qubit], n: qk.UInt, edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Vector[qk.Qubit]:
        if n > 2:
            q[0] = qk.s(q[0])
        else:
            q[0] = qk.h(q[0])
        for (i, j), weight in edges.items():
            q[i], q[j] = qk.crx(q[i], q[j], weight)
        return q

    @qk.qkernel
    def kernel(n: qk.UInt, edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(n), 0.3)
        q = step(q, n, edges)
        q = qk.inverse(step)(q, n, edges)
        return qk.probabilities(qk.ry(q, -0.3))

    for n in (2, 3):
        assert kernel.run(n, {(0, 1): 0.4, (1, 0): 0.7})[0] == pytest.approx(1)


def test_select_is_a_multiplexer() -> None:
    @qk.qkernel
    def kernel(v: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
        index, target = qk.qubit_array(2), qk.qubit()
        for i in qk.range(2):
            if (v // 2**i) % 2 == 1:
                index[i] = qk.x(index[i])
        index, target = qk.select([qk.id, qk.x, qk.id, qk.x])(index, target)
        return qk.measure(index), qk.measure(target)

    assert [outcomes(kernel, v=v) for v in range(4)] == [{((v % 2, v // 2), v % 2): 200} for v in range(4)]


def test_global_phase_shows_under_control() -> None:
    @qk.qkernel
    def kernel(phi: qk.Float) -> qk.Float:
        c, q = qk.h(qk.qubit()), qk.qubit()
        c, q = qk.control(qk.global_phase(qk.id, phi))(c, q)
        return qk.expval(c, qko.Y(0))

    assert kernel.run(0.4) == pytest.approx(math.sin(0.4))


def test_recursion_ends_by_a_bound_condition() -> None:
    @qk.qkernel
    def flip_all(q: qk.Vector[qk.Qubit], n: qk.UInt) -> qk.Vector[qk.Qubit]:
        if n > 0:
            q[n - 1] = qk.x(q[n - 1])
            q = flip_all(q, n - 1)
        return q

    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(flip_all(qk.qubit_array(n), n))

    assert outcomes(kernel, n=4) == {(1, 1, 1, 1): 200}


def test_plain_python_takes_part() -> None:
    def layer(q: qk.Vector[qk.Qubit], angles: list[float]) -> qk.Vector[qk.Qubit]:
        for k, angle in enumerate(angles):
            q[k] = qk.rx(q[k], angle)
        return q

    gates = [qk.h, lambda q: qk.rx(qk.h(q), 0.0)]

    @qk.qkernel
    def kernel(theta: qk.Float) -> qk.Float:
        q = layer(qk.qubit_array(2), [theta, 2 * theta])
        extra = [gate(qk.qubit()) for gate in gates for _ in range(1)]
        extra[0], extra[1] = qk.cx(extra[0], extra[1])
        return qk.expval(q, qko.Z(0) * qko.Z(1))

    assert kernel.run(0.4) == pytest.approx(math.cos(0.4) * math.cos(0.8))
    assert kernel.grad(0.4)["theta"] == pytest.approx(-math.sin(0.4) * math.cos(0.8) - 2 * math.cos(0.4) * math.sin(0.8))


def test_factories_make_kernels_of_one_name() -> None:
    def rotation(theta: float) -> qk.Kernel[[qk.Qubit], qk.Qubit]:
        @qk.qkernel
        def turn(q: qk.Qubit) -> qk.Qubit:
            return qk.rx(q, theta)

        return turn

    first, second = rotation(0.1), rotation(0.5)

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(second(first(qk.qubit())), qko.Z(0))

    assert kernel.run() == pytest.approx(math.cos(0.6))
    assert [function.name for function in kernel.ir.functions] == ["kernel", "turn", "turn.2"]


def test_a_changed_capture_recompiles() -> None:
    settings = {"theta": 0.1}

    @qk.qkernel
    def turn(q: qk.Qubit) -> qk.Qubit:
        return qk.rx(q, settings["theta"])

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(turn(qk.qubit()), qko.Z(0))

    assert kernel.run() == pytest.approx(math.cos(0.1))
    settings["theta"] = 0.7
    assert kernel.run() == pytest.approx(math.cos(0.7))


# measurement and reading out ----------------------------------------------------------------------------------------------


def test_projections_and_resets() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Vector[qk.Bit], qk.Bit]:
        _, x_bit = qk.project_x(qk.h(qk.qubit()))
        _, y_bit = qk.project_y(qk.s(qk.h(qk.qubit())))
        c, z_bit = qk.measure_reset(qk.x(qk.qubit()))
        d = qk.reset(qk.x(qk.qubit_array(2)))
        return x_bit, y_bit, z_bit, qk.measure(d), qk.measure(c)

    assert outcomes(kernel) == {(0, 0, 1, (0, 0), 0): 200}


def test_expectation_values_of_one_state_in_one_call() -> None:
    @qk.qkernel
    def kernel(theta: qk.Float, observables: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
        return qk.expval(qk.ry(qk.qubit(), theta), observables)

    values = kernel.run(np.array([0.1, 0.2, 0.3]), [qko.Z(0), qko.X(0)])
    assert values == pytest.approx(np.stack([np.cos([0.1, 0.2, 0.3]), np.sin([0.1, 0.2, 0.3])], 1))


def test_results_follow_the_return_statement() -> None:
    @qk.qkernel
    def number() -> qk.UInt:
        return 3

    @qk.qkernel
    def computed(n: qk.UInt) -> tuple[qk.UInt, qk.Float]:
        total = 0
        for i in qk.range(n):
            total = total + i
        return total, total / 2

    assert number.run() == 3
    assert number() == 3
    assert computed.run(5) == (10, 5.0)


def test_pauli_evolution_takes_a_plain_float() -> None:
    @qk.qkernel
    def kernel(h: qk.Observable) -> qk.Float:
        return qk.expval(qk.pauli_evolve(qk.qubit_array(2), h, 0.3), qko.Z(0))

    assert kernel.run(qko.X(0)) == pytest.approx(math.cos(0.6))


def test_the_order_of_terms_matters_to_evolution() -> None:
    @qk.qkernel
    def kernel(h: qk.Observable) -> qk.Float:
        return qk.expval(qk.pauli_evolve(qk.ry(qk.qubit(), 0.4), h, 1.0), qko.Z(0))

    terms = [qko.X(0), 0.5 * qko.Z(0), 0.3 * qko.Y(0)]
    forward, backward = terms[0] + terms[1] + terms[2], terms[2] + terms[1] + terms[0]
    assert kernel.run(forward) != pytest.approx(kernel.run(backward), abs=1e-3)
    assert kernel.run(backward) == kernel.compile({"h": backward}).run()


def test_a_saved_kernel_is_the_kernel(tmp_path: object) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, thetas: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.qubit_array(n)
        for i in qk.range(n):
            q[i] = rotated(q[i], thetas[i])
        return qk.expval(q, qko.Z(0))

    path = f"{tmp_path}/kernel.qk"
    kernel.save(path)
    loaded = qk.load(path)
    assert loaded.ir == kernel.ir
    assert loaded.run(2, [0.1, 0.2]) == kernel.run(2, [0.1, 0.2])
    assert str(loaded.estimate_resources()) == str(kernel.estimate_resources())
    assert loaded.draw(output="text") == kernel.draw(output="text")


def test_a_loaded_kernel_can_be_called() -> None:
    @qk.qkernel
    def main() -> qk.Float:
        return qk.expval(loaded(qk.qubit(), 0.3), qko.Y(0))

    from qkernel.kernel import from_module

    loaded = from_module(rotated.ir)
    assert main.run() == pytest.approx(0)


def test_errors_pass_through_helpers() -> None:
    def helper(q: qk.Qubit) -> qk.Qubit:
        _first = qk.h(q)
        return qk.x(q)

    @qk.qkernel
    def kernel() -> qk.Bit:
        return qk.measure(helper(qk.qubit()))

    with pytest.raises(QubitConsumedError, match="already used") as caught:
        kernel.check()
    assert caught.value.span is not None
    assert "return qk.x(q)" in str(caught.value)


def test_an_element_past_the_end_of_a_classical_slice_is_an_error() -> None:
    @qk.qkernel
    def kernel(v: qk.Vector[qk.Float], n: qk.UInt, k: qk.UInt) -> qk.Float:
        part = v[0:n]
        return qk.expval(qk.rx(qk.qubit(), part[k]), qko.Z(0))

    executable = kernel.compile({"v": [0.1, 0.2, 0.3], "n": 2, "k": 1})
    assert executable.run() == pytest.approx(math.cos(0.2))
    with pytest.raises(IndexError, match="2"):
        kernel.compile({"v": [0.1, 0.2, 0.3], "n": 2, "k": 2})


class Angles:
    """Something with attributes that kernels read."""

    shared = 0.1

    def __init__(self) -> None:
        self.theta = 0.2
        self.values = [0.3]

    @property
    def doubled(self) -> float:
        return 2 * self.theta


SETTINGS = Angles()


def plain_angle() -> float:
    return SETTINGS.theta


def test_changed_attributes_of_captured_objects_are_noticed() -> None:
    own = Angles()

    @qk.qkernel
    def kernel() -> qk.Float:
        q = qk.rx(qk.qubit(), own.theta + own.values[0] + Angles.shared)
        q = qk.rx(q, own.doubled + getattr(own, "theta") + SETTINGS.theta)  # noqa: B009 - as users write it
        return qk.expval(q, qko.Z(0))

    def expected() -> float:
        return math.cos(4 * own.theta + own.values[0] + Angles.shared + SETTINGS.theta)

    assert kernel.run() == pytest.approx(expected())
    trace = kernel.traced()
    assert kernel.traced() is trace
    own.theta = 0.7
    assert kernel.run() == pytest.approx(expected())
    own.values[0] = 1.1
    assert kernel.run() == pytest.approx(expected())
    SETTINGS.theta = 0.9
    assert kernel.run() == pytest.approx(expected())
    Angles.shared = 0.4
    assert kernel.run() == pytest.approx(expected())


def test_a_while_on_known_numbers() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Bit:
        q, i = qk.qubit(), 0
        while i < n:
            q = qk.x(q)
            i = i + 1
        return qk.measure(q)

    assert kernel.sample(n=3, shots=2).results == [(1, 2)]
