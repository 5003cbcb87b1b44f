"""Passes over programs: each does what it says, keeps what programs do, phases included, and never adds a gate.

Random programs are held to it by `optimized` of `tests/strategies/properties.py`, kernels of the library below.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

import qkernel as qk
from qkernel import optimize
from qkernel.gates import GATES
from qkernel.ir.types import is_quantum
from qkernel.optimize.cliffords import conjugated, shorter
from qkernel.optimize.touches import axes
from qkernel_stdlib.examples import EXAMPLES, NETWORKS

Q = qk.Vector[qk.Qubit]


def gates(kernel: qk.Kernel[..., Any], **sizes: Any) -> dict[str, int]:
    """How many gates of each name a kernel has."""
    return dict(kernel.estimate_resources(bindings=sizes).gates.by_name)


def kept(kernel: qk.Kernel[..., Any], *passes: optimize.Pass, **values: Any) -> qk.Kernel[..., Any]:
    """The kernel after passes, once it has been seen to have the same matrix."""
    better = kernel.optimized(*passes)
    np.testing.assert_allclose(better.unitary(**values), kernel.unitary(**values), atol=1e-12)
    return better


# what each pass does --------------------------------------------------------------------------------------------------


@qk.qkernel
def turned(q: Q, a: qk.Float, b: qk.Float) -> Q:
    q[0] = qk.rz(q[0], a)
    q[1] = qk.ry(q[1], 0.3)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[0] = qk.inverse(qk.rz)(q[0], b / 2)
    q[1] = qk.rx(q[1], b)
    q[0], q[1] = qk.rzz(q[0], q[1], a)
    q[1], q[0] = qk.rzz(q[1], q[0], a)
    for i in qk.range(len(q)):
        q[i] = qk.p(q[i], a * i)
        q[i] = qk.p(q[i], b - a * i)
    return q


def test_rotations_add_up_across_what_commutes() -> None:
    better = kept(turned, optimize.merge_rotations, q=2, a=0.4, b=0.7)
    assert gates(turned, q=2) == {"rz": 2, "ry": 1, "cx": 1, "rx": 1, "rzz": 2, "p": 4}
    assert gates(better, q=2) == {"rz": 1, "ry": 1, "cx": 1, "rx": 1, "rzz": 1, "p": 2}
    assert "rz(q[0], a - b / 2)" in str(better.ir)
    assert "p(q[i], b)" in str(better.ir)
    assert better.report is not None
    assert str(better.report.estimates[0][1].gates.total) == "2*|q| + 7"
    assert str(better.report.estimates[-1][1].gates.total) == "|q| + 5"


@qk.qkernel
def blocked(q: Q, a: qk.Float) -> Q:
    q[0] = qk.rz(q[0], a)
    q[1], q[0] = qk.cx(q[1], q[0])
    q[0] = qk.rz(q[0], a)
    for i in qk.range(len(q)):
        q[i] = qk.h(q[i])
    q[0] = qk.rz(q[0], a)
    q = qk.barrier(q)
    q[0] = qk.rz(q[0], a)
    return q


def test_nothing_moves_across_what_does_not_commute_or_a_barrier() -> None:
    assert blocked.optimized().ir == blocked.ir


def test_phases_by_whole_periods_go_and_half_ones_stay() -> None:
    @qk.qkernel
    def whole(x: qk.Qubit) -> qk.Qubit:
        x = qk.rz(qk.rz(qk.rz(x, math.pi), math.pi), 2 * math.pi)
        x = qk.p(qk.p(x, math.pi), math.pi)
        return qk.rx(qk.rx(x, math.pi), math.pi)

    assert gates(kept(whole, optimize.merge_rotations, optimize.drop_idle)) == {"rx": 1}  # it is -1, which a control sees


@qk.qkernel
def part(q: Q, a: qk.Float) -> Q:
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1] = qk.rx(q[1], a)
    return q


@qk.qkernel
def undone(q: Q, a: qk.Float) -> Q:
    q = qk.h(part(q, a))
    q[2] = qk.t(q[2])
    q = qk.inverse(part)(qk.h(q), a)
    q[0], q[2] = qk.cz(q[0], q[2])
    q[1] = qk.s(q[1])
    q[2], q[0] = qk.cz(q[2], q[0])
    q[1] = qk.sdg(q[1])
    return q


def test_what_is_undone_goes_with_the_calls() -> None:
    better = kept(undone, optimize.cancel_inverses, q=3, a=0.3)
    assert gates(better, q=3) == {"h": 6, "t": 1, "cx": 2, "rx": 2}

    @qk.qkernel
    def at_once(q: Q, a: qk.Float) -> Q:
        return qk.inverse(part)(part(q, a), a)

    assert [function.name for function in kept(at_once, optimize.cancel_inverses, q=2, a=0.3).ir.functions] == ["at_once"]


@qk.qkernel
def conjugate(q: Q, a: qk.Float) -> Q:
    q[0], q[1] = qk.h(q[0]), qk.h(q[1])
    q = part(q, a)
    q[1], q[2] = qk.crz(q[1], q[2], a)
    q = qk.inverse(part)(q, a)
    q[0], q[1] = qk.h(q[0]), qk.h(q[1])
    return q


@qk.qkernel
def over(c: qk.Qubit, q: Q, a: qk.Float) -> tuple[qk.Qubit, Q]:
    return qk.control(conjugate)(c, q, a)


def test_a_control_reaches_only_what_is_between() -> None:
    better = kept(over, optimize.find_within, q=3, a=0.3)
    assert gates(over, q=3) == {"ch": 4, "ccx": 2, "crx": 2, "ccrz": 1}
    assert gates(better, q=3) == {"h": 4, "cx": 2, "rx": 2, "ccrz": 1}
    assert len(better.ir.functions) == 3  # the kernels, once each


@qk.qkernel
def each_controlled(c: qk.Qubit, x: qk.Qubit, a: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    c, x = qk.cx(c, x)
    c, x = qk.control(qk.ry)(c, x, a)
    c = qk.t(c)
    c, x = qk.crx(c, x, a)
    c, x = qk.cx(c, x)
    return c, x


def test_controls_are_hoisted_off_what_is_undone() -> None:
    better = kept(each_controlled, optimize.find_within, optimize.hoist_controls, a=0.3)
    assert gates(better) == {"x": 2, "cry": 1, "t": 1, "crx": 1}

    @qk.qkernel
    def changed(c: qk.Qubit, x: qk.Qubit, a: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
        c, x = qk.cx(c, x)
        c, x = qk.cry(qk.h(c), x, a)
        x = qk.rz(x, a)
        return qk.cx(c, x)

    kept(changed, optimize.find_within, optimize.hoist_controls, a=0.3)


@qk.qkernel
def layers(q: Q, a: qk.Float, b: qk.Float) -> Q:
    for i in qk.range(len(q)):
        q[i] = qk.h(qk.rx(q[i], a))
    for j in qk.range(len(q)):
        q[j] = qk.rx(qk.h(q[j]), b)
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    for i in qk.range(len(q) - 1):
        q[i] = qk.rx(q[i], a)
    return q


@qk.qkernel
def backwards(q: Q, a: qk.Float) -> Q:
    for i in qk.range(len(q) - 1):
        q[i] = qk.h(q[i])
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], a)
    for i in qk.range(len(q) - 1):
        q[i + 1] = qk.h(q[i + 1])
    return q


def test_loops_are_fused_where_iterations_commute() -> None:
    better = kept(layers, q=3, a=0.2, b=0.5)
    assert gates(better, q=3) == {"rx": 5, "cx": 2}
    assert str(better.ir).count("for ") == 2
    assert str(kept(backwards, optimize.fuse_loops, q=4, a=0.3).ir).count("for ") == 3


def test_diagonal_gates_before_a_measurement_go() -> None:
    @qk.qkernel
    def read(a: qk.Float) -> tuple[qk.Vector[qk.Bit], qk.Bit, qk.Vector[qk.Bit]]:
        q, x, p = qk.ry(qk.qubit_array(3), 0.7), qk.ry(qk.qubit(), 0.4), qk.ry(qk.qubit_array(2), 0.3)
        q[0], x = qk.cz(q[0], x)
        q[0], q[1] = qk.cp(q[0], q[1], a)
        q[2] = qk.t(q[2])
        q[1], p[1] = qk.cry(q[1], p[1], a)
        q[1] = qk.s(q[1])
        p = qk.rz(p, a)
        seen = qk.measure(q)
        return seen, qk.measure(qk.h(x)), qk.measure(p)

    better = read.optimized(optimize.drop_unmeasured)
    assert gates(better) == {"ry": 6, "cz": 1, "cry": 1, "h": 1}
    assert better.sample(0.6, shots=400, seed=3).counts == read.sample(0.6, shots=400, seed=3).counts

    @qk.qkernel
    def likely(a: qk.Float) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(2), a)
        q[0], q[1] = qk.rzz(q[0], q[1], a)
        return qk.probabilities(q)

    assert gates(likely.optimized(optimize.drop_unmeasured)) == {"ry": 2}

    @qk.qkernel
    def looped(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(n)
        for i in qk.range(n - 1):
            q[i] = qk.rz(qk.ry(q[i], a), a)
            q[i + 1] = qk.rz(q[i + 1], a)
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
            q[i] = qk.t(q[i])
        return qk.probabilities(q)

    best = looped.optimized(optimize.drop_unmeasured)
    assert gates(best, n=4) == {"ry": 3, "rz": 3, "cx": 3}  # those before the targets of `cx` stay
    np.testing.assert_allclose(best.run(4, 0.7), looped.run(4, 0.7), atol=1e-12)


def test_clifford_runs_become_short() -> None:
    @qk.qkernel
    def run(q: Q) -> Q:
        q[0] = qk.h(qk.s(qk.h(q[0])))
        q[1] = qk.t(qk.t(q[1]))
        q[1] = qk.h(q[1])
        q[0], q[1] = qk.cx(q[0], q[1])
        q[1] = qk.h(q[1])
        q[1] = qk.x(qk.h(qk.z(qk.h(q[1]))))
        return q

    assert gates(kept(run, optimize.simplify_cliffords, q=2)) == {"sx": 1, "s": 1, "cz": 1}


@qk.qkernel
def link(a: qk.Qubit, b: qk.Qubit, angle: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    a, b = qk.cx(a, b)
    b = qk.rz(b, angle)
    return qk.cx(a, b)


@qk.qkernel
def turns(q: Q, angle: qk.Float) -> Q:
    for i in qk.range(len(q)):
        q[i] = qk.rx(q[i], angle * i)
    return q


@qk.qkernel
def of_calls(q: Q, a: qk.Float) -> Q:
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = link(q[i], q[i + 1], a)
        q[i], q[i + 1] = link(q[i], q[i + 1], a / 2)
    q = turns(turns(q, a), -a / 2)
    q[1], q[0] = qk.inverse(link)(q[1], q[0], a)
    return q


def test_calls_are_opened_so_that_what_stands_on_both_sides_meets() -> None:
    opened = kept(of_calls, optimize.inline, q=3, a=0.4)
    assert [function.name for function in opened.ir.functions] == ["of_calls"]
    assert qk.parse(str(opened.ir)) == opened.ir
    assert gates(opened, q=3) == gates(of_calls, q=3) == {"cx": 10, "rz": 5, "rx": 6}
    assert gates(kept(of_calls, q=3, a=0.4), q=3) == gates(of_calls, q=3)
    better = kept(of_calls, optimize.inline, *optimize.DEFAULT, q=3, a=0.4)
    assert gates(better, q=3) == {"cx": 6, "rz": 3, "rx": 3}
    assert str(better.ir).count("for ") == 2


def test_calls_that_stay_calls() -> None:
    @qk.qkernel
    def far(q: Q) -> Q:
        q[2] = qk.x(q[2])
        return q

    @qk.qkernel
    def with_workspace(q: Q) -> Q:
        spare = qk.x(qk.qubit())
        qk.measure(spare)
        return far(q)

    @qk.qkernel
    def stays(q: Q) -> Q:
        q[0:2] = far(q[0:2])  # which is refused, and must be
        q = with_workspace(q)
        q[0], q[1:] = qk.control(far)(q[0], q[1:])
        return q

    @qk.qkernel
    def both(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
        return qk.x(a), qk.h(b)

    @qk.qkernel
    def perhaps_one(q: Q, i: qk.UInt) -> Q:
        q[0], q[i] = both(q[0], q[i])  # which is refused where i is 0
        return q

    opened = perhaps_one.optimized(optimize.inline)
    assert {function.name for function in opened.ir.functions} == {"perhaps_one", "both"}
    with pytest.raises(qk.errors.QubitAliasError):
        opened.statevector(q=2, i=0)
    names = {function.name for function in stays.optimized(optimize.inline).ir.functions}
    assert names == {"stays", "far", "with_workspace"}
    with pytest.raises(qk.errors.QubitIndexResolutionError):
        stays.optimized(optimize.inline).statevector(q=4)


def test_names_of_opened_loops_are_their_own() -> None:
    @qk.qkernel
    def nested(q: Q, a: qk.Float) -> Q:
        for i in qk.range(2):
            q = turns(q, a + i)
            for i_1 in qk.range(2):
                q = turns(qk.h(q), a * i_1 - i)
        return q

    better = kept(nested, optimize.inline, q=2, a=0.3)
    assert len(better.ir.functions) == 1
    assert qk.parse(str(better.ir)) == better.ir


def test_what_is_empty_goes() -> None:
    @qk.qkernel
    def nothing(q: Q) -> Q:
        return q

    @qk.qkernel
    def idle(q: Q, m: qk.UInt) -> Q:
        for i in qk.range(m):
            if i > 2:
                q[i] = qk.id(q[i])
            q = nothing(q)
        q[0] = qk.rx(q[0], 0.0)
        return q

    better = idle.optimized()
    assert better.ir.entry.body == ()
    assert len(better.ir.functions) == 1


# what they rest on ----------------------------------------------------------------------------------------------------


@qk.qkernel
def odd(q: Q, n: qk.UInt) -> Q:
    return qk.x(q) if n % 2 == 1 else q


@pytest.mark.parametrize(
    ("one", "other"),
    [(lambda n: n + 2**60, lambda n: n + 2**60 + 1), (lambda n: n * 2**60, lambda n: n * (2**60 + 1))],
)
def test_large_whole_numbers_are_told_apart(one: Any, other: Any) -> None:
    @qk.qkernel
    def apart(n: qk.UInt) -> Q:
        return qk.inverse(odd)(odd(qk.qubit_array(1), one(n)), other(n))

    kept(apart, n=1)
    assert apart.optimized().statevector(n=1)[1] == pytest.approx(1)


def test_matrices_that_nearly_commute_stay_where_they_are() -> None:
    small = 1e-9
    matrix = [[math.cos(small), -1j * math.sin(small)], [-1j * math.sin(small), math.cos(small)]]

    @qk.qkernel
    def nearly(x: qk.Qubit) -> qk.Qubit:
        return qk.s(qk.unitary(matrix, qk.s(x)))

    assert nearly.optimized().ir == nearly.ir


def test_gates_that_share_an_axis_on_each_common_qubit_commute() -> None:
    found = {gate: axes(gate) for gate in ("cx", "rzx", "swap", "ccz", "h", "rz", "gphase", "id", "crx")}
    assert found == {
        "cx": ("Z", "X"), "rzx": ("Z", "X"), "swap": (None, None), "ccz": ("Z", "Z", "Z"), "h": (None,), "rz": ("Z",),
        "gphase": (), "id": ("",), "crx": ("Z", "X"),
    }  # fmt: skip


def test_shorter_words_have_the_same_matrix_and_no_more_t_gates() -> None:
    names = [rule.name for rule in GATES.values() if rule.num_qubits == 1 and not rule.angles]
    for word in product(names, repeat=3):
        if (found := shorter(word)) is not None:
            np.testing.assert_allclose(matrix_of(word), matrix_of(found), atol=1e-9)
            assert sum(gate in ("t", "tdg") for gate in found) <= sum(gate in ("t", "tdg") for gate in word)


def matrix_of(word: tuple[str, ...]) -> Any:
    matrix = np.eye(2)
    for gate in word:
        matrix = GATES[gate].matrix() @ matrix
    return matrix


def test_controlled_gates_between_a_gate_and_its_inverse() -> None:
    found = {
        (opening, inner): (conjugated(opening, inner, GATES[opening].adjoint), GATES[opening])
        for opening in ("h", "s", "sdg", "x", "sx")
        for inner in ("cx", "cy", "cz", "ccx", "ccz")
    }
    for (_, inner), (name, rule) in found.items():
        if name is not None:
            turn = np.kron(rule.matrix(), np.eye(1 << GATES[inner].controls))
            np.testing.assert_allclose(GATES[name].matrix(), turn.conj().T @ GATES[inner].matrix() @ turn, atol=1e-12)
    assert found["h", "cx"][0] == "cz"
    assert found["h", "ccz"][0] == "ccx"


@pytest.mark.parametrize("example", [*EXAMPLES, *NETWORKS], ids=lambda example: example.name)
def test_kernels_of_the_library_keep_what_they_do(example: Any) -> None:
    kernel, values = example.kernel, example.at(example.size)
    is_of_gates = all(map(is_quantum, kernel.output_types))
    expected = kernel.unitary(**values) if is_of_gates else kernel.run(**values)
    before = kernel.estimate_resources(bindings=values).gates
    for passes in (optimize.DEFAULT, (optimize.inline, *optimize.DEFAULT)):
        better = kernel.optimized(*passes)
        found = better.unitary(**values) if is_of_gates else better.run(**values)
        np.testing.assert_allclose(found, expected, atol=1e-9)
        after = better.estimate_resources(bindings=values).gates
        for fields in (("total",), ("two_qubit", "multi_qubit"), ("multi_qubit",), ("t_gates",)):
            assert sum(getattr(after, field) for field in fields) <= sum(getattr(before, field) for field in fields), fields


def test_what_is_no_pass_or_no_kernel_argument_is_refused() -> None:
    with pytest.raises(qk.errors.KernelTypeError, match="is no pass"):
        turned.optimized("merge_rotations")  # type: ignore[arg-type]
    with pytest.raises(qk.errors.CallArgumentError, match="`q`"):
        turned.optimized(q=3)  # type: ignore[arg-type]


def test_kernel_arguments_are_given_or_stay_oracles() -> None:
    @qk.qkernel
    def twice(u: qk.Kernel[[qk.Qubit], qk.Qubit], x: qk.Qubit) -> qk.Qubit:
        return qk.inverse(u)(qk.x(u(qk.h(qk.h(x)))))

    @qk.qkernel
    def phased(x: qk.Qubit) -> qk.Qubit:
        return qk.s(x)

    assert gates(twice.optimized()) == {"x": 1}
    better = twice.optimized(u=phased)
    np.testing.assert_allclose(better.unitary(), twice.unitary(u=phased), atol=1e-12)
    assert twice.optimized().estimate_resources().calls.oracle_calls == {"u": 2}


def test_reports_bind_arguments() -> None:
    report = turned.optimized().report
    assert report is not None
    bound = report.at(q=4)
    assert str(bound).splitlines()[2].split() == ["as", "written", "15", "12", "3", "0", "0", "14"]
    assert [name for name, _ in bound.estimates[1:9]] == [each.name for each in optimize.DEFAULT]
