"""Every construct that algorithms need, in every reading: beside the same written with plain gates."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import EmitError, EntrypointValidationError, NotUnitaryError
from qkernel.ir.verifier import verify
from qkernel.kernel import from_module
from tests.strategies.drawn_lines import loose_ends
from tests.wrapped import controlled, undone

Register = qk.Vector[qk.Qubit]


@qk.qkernel
def ladder(q: Register, t: qk.Float) -> Register:
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], t)
    return q


@qk.qkernel
def plain_ladder(q: Register, t: qk.Float) -> Register:
    q[0], q[1] = qk.crx(q[0], q[1], t)
    q[1], q[2] = qk.crx(q[1], q[2], t)
    return q


@qk.qkernel
def chosen_qubits(q: Register, t: qk.Float) -> Register:
    q[2], q[0] = ladder([q[2], q[0]], t)
    q[1], [q[0], q[2]] = qk.control(lambda r: ladder(r, t))(q[1], [q[0], q[2]])
    return q


@qk.qkernel
def plain_chosen_qubits(q: Register, t: qk.Float) -> Register:
    q[2], q[0] = qk.crx(q[2], q[0], t)
    q[1], q[0], q[2] = qk.control(qk.crx)(q[1], q[0], q[2], t)
    return q


@qk.qkernel
def reversed_views(q: Register, t: qk.Float) -> Register:
    q[::-1] = ladder(q[::-1], t)
    return q


@qk.qkernel
def plain_reversed_views(q: Register, t: qk.Float) -> Register:
    q[2], q[1] = qk.crx(q[2], q[1], t)
    q[1], q[0] = qk.crx(q[1], q[0], t)
    return q


@qk.qkernel
def pairs(q: Register, t: qk.Float) -> Register:
    q[:1], q[2:] = qk.rxx(q[:1], q[2:], t)
    q[1:], q[0] = qk.h(q[1:]), qk.s(q[0])
    return q


@qk.qkernel
def plain_pairs(q: Register, t: qk.Float) -> Register:
    q[0], q[2] = qk.rxx(q[0], q[2], t)
    q[1], q[2], q[0] = qk.h(q[1]), qk.h(q[2]), qk.s(q[0])
    return q


@qk.qkernel
def symbolic_paulis(q: Register, t: qk.Float) -> Register:
    total = qko.Hamiltonian()
    for i in qk.range(len(q) - 1):
        total = total + t * qko.Z(i) * qko.Z(i + 1)
    return qk.pauli_evolve(q, total, 0.5)


@qk.qkernel
def plain_symbolic_paulis(q: Register, t: qk.Float) -> Register:
    q[0], q[1] = qk.rzz(q[0], q[1], t)
    q[1], q[2] = qk.rzz(q[1], q[2], t)
    return q


@qk.qkernel
def twice(u: qk.Kernel[[Register], Register], q: Register) -> Register:
    return u(u(q))


@qk.qkernel
def kernel_arguments(q: Register, t: qk.Float) -> Register:
    return twice(lambda r: qk.rx(r, t), twice(qk.s, q))


@qk.qkernel
def plain_kernel_arguments(q: Register, t: qk.Float) -> Register:
    return qk.rx(qk.z(q), 2 * t)


@qk.qkernel
def local_functions(q: Register, t: qk.Float) -> Register:
    def turned(r: qk.Qubit) -> qk.Qubit:
        return qk.rz(r, t)

    q[0], q[1] = qk.select([turned, functools.partial(qk.ry, angle=t)])(q[0], q[1])
    q[2] = qk.inverse(lambda r: qk.rx(r, t))(q[2])
    return q


@qk.qkernel
def plain_local_functions(q: Register, t: qk.Float) -> Register:
    q[0] = qk.x(q[0])
    q[0], q[1] = qk.crz(q[0], q[1], t)
    q[0] = qk.x(q[0])
    q[0], q[1] = qk.cry(q[0], q[1], t)
    q[2] = qk.rx(q[2], -t)
    return q


@qk.qkernel
def both_beside(q: Register) -> tuple[Register, qk.Qubit]:
    a = qk.qubit()
    q[0], q[1], a = qk.ccx(q[0], q[1], a)
    return q, a


@qk.qkernel
def conjugations(q: Register, t: qk.Float) -> Register:
    return qk.within_apply(both_beside, lambda r, a: (r, qk.p(a, t)))(q)


@qk.qkernel
def plain_conjugations(q: Register, t: qk.Float) -> Register:
    q[0], q[1] = qk.cp(q[0], q[1], t)
    return q


@qk.qkernel
def formed(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
    return qk.rz(qk.h(q), t)


@formed.inverse
@qk.qkernel
def unformed(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
    return qk.h(qk.rz(qk.tdg(qk.t(q)), -t))


@formed.control
@qk.qkernel
def formed_where(c: qk.Qubit, q: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    c, q = qk.ch(c, q)
    return qk.crz(c, q, t)


@qk.qkernel
def own_forms(q: Register, t: qk.Float) -> Register:
    q[0] = formed(q[0], t)
    q[0], q[1] = qk.control(formed)(q[0], q[1], t)
    q[2] = qk.inverse(formed)(q[2], t)
    return q


@qk.qkernel
def plain_own_forms(q: Register, t: qk.Float) -> Register:
    q[0] = qk.rz(qk.h(q[0]), t)
    q[0], q[1] = qk.ch(q[0], q[1])
    q[0], q[1] = qk.crz(q[0], q[1], t)
    q[2] = qk.h(qk.rz(q[2], -t))
    return q


@qk.qkernel(clean_ancillas=True)
def with_workspace(a: qk.Qubit, b: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    work = qk.qubit()
    a, b, work = qk.ccx(a, b, work)
    work = qk.p(work, t)
    a, b, work = qk.ccx(a, b, work)
    return a, b


@qk.qkernel
def workspace(q: Register, t: qk.Float) -> Register:
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = with_workspace(q[i], q[i + 1], t)
    return q


@qk.qkernel
def plain_workspace(q: Register, t: qk.Float) -> Register:
    q[0], q[1] = qk.cp(q[0], q[1], t)
    q[1], q[2] = qk.cp(q[1], q[2], t)
    return q


@qk.qkernel
def numbers(q: Register, t: qk.Float) -> Register:
    n = len(q)
    rest = (n << 1 | 1) & ~2
    while rest > 0:
        if rest & 1 == 1:
            q[rest % n] = qk.rx(q[rest % n], t * pow(2, rest, 5))
        rest = rest >> 1
    q[math.gcd(n, 6) - 1] = qk.h(q[math.gcd(n, 6) - 1])
    whole, left = divmod(n + 2, 3)
    q[whole & left] = qk.s(q[whole & left])
    return q


@qk.qkernel
def plain_numbers(q: Register, t: qk.Float) -> Register:
    q[2] = qk.rx(q[2], 2 * t)
    q[1] = qk.rx(q[1], 2 * t)
    q[2], q[0] = qk.h(q[2]), qk.s(q[0])
    return q


@qk.qkernel
def iteration(q: Register, t: qk.Float, w: qk.Tensor[qk.Float]) -> Register:
    angles = qk.float_array(3)
    angles[:] = w[0, :, 1]
    for k, i in enumerate(reversed(qk.range(len(q)))):
        q[i] = qk.ry(q[i], t * angles[k])
    for i, angle in zip(qk.range(len(q)), w[0, :, 0], strict=False):
        q[i] = qk.rz(q[i], angle)
    return q


@qk.qkernel
def plain_iteration(q: Register, t: qk.Float, w: qk.Tensor[qk.Float]) -> Register:
    for i in range(3):
        q[i] = qk.ry(q[i], t * w[0, 2 - i, 1])
        q[i] = qk.rz(q[i], w[0, i, 0])
    return q


@qk.qkernel
def choices(q: Register, t: qk.Float) -> Register:
    n = len(q)
    q[0] = qk.rx(q[0], t) if n > 2 else q[0]
    q[1] = qk.h(q[1]) if n < 2 else qk.ry(q[1], t)
    return q


@qk.qkernel
def plain_choices(q: Register, t: qk.Float) -> Register:
    q[0], q[1] = qk.rx(q[0], t), qk.ry(q[1], t)
    return q


@qk.qkernel
def crossed(a: Register, b: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, Register]:
    return qk.rx(b, t), a


@qk.qkernel
def reordered(q: Register, t: qk.Float) -> Register:
    q[0], q[1:] = crossed(q[1:], q[0], t)
    q[1:], q[0] = qk.inverse(crossed)(q[0], q[1:], 0.3)
    return q


@qk.qkernel
def plain_reordered(q: Register, t: qk.Float) -> Register:
    q[0] = qk.rx(q[0], t - 0.3)
    return q


@dataclass(frozen=True)
class Construct:
    """A kernel of three qubits that has a construct, and one without that does the same."""

    kernel: Any
    plain: Any
    more: tuple[tuple[str, Any], ...] = ()
    has_closed_form: bool = True

    @property
    def values(self) -> dict[str, Any]:
        return {"q": 3, "t": 0.7, **dict(self.more)}

    @property
    def matrix(self) -> Any:
        return self.plain.unitary(**self.values)


def traced(construct: Construct) -> None:
    construct.kernel.check()


def written(construct: Construct) -> None:
    module = construct.kernel.ir
    verify(module)
    again = qk.parse(str(module))
    assert again == module
    same(from_module(again).unitary(**construct.values), construct.matrix)


def on(engine: str) -> Callable[[Construct], None]:
    return lambda construct: same(construct.kernel.unitary(engine=engine, **construct.values), construct.matrix)


def counted(construct: Construct) -> None:
    kernel, values = construct.kernel, construct.values
    kernel.verify_resources(**values)
    if not construct.has_closed_form:
        with pytest.raises(EntrypointValidationError, match=re.escape("estimate_resources(q=...)")):
            kernel.estimate_resources()
        return
    closed, bound = kernel.estimate_resources().substitute(q=3), kernel.estimate_resources(q=3)
    left = {name: value for name, value in values.items() if name in bound.parameters}
    closed, bound = (each.substitute(**left) if left else each for each in (closed, bound))
    assert (closed.gates.total, closed.qubits) == (bound.gates.total, bound.qubits)


def drawn(construct: Construct) -> None:
    for options in ({}, {"fold_loops": False, "inline": True, "bindings": construct.values}):
        assert loose_ends(construct.kernel.draw(output="text", width=150, **options)) == []
        assert construct.kernel.draw(output="svg", **options)
        assert construct.kernel.draw(output="html", **options)


def inverted(construct: Construct) -> None:
    same(undone(construct.kernel).unitary(**construct.values), np.eye(8))
    undone(construct.kernel).verify_resources(**construct.values)


def under_control(construct: Construct) -> None:
    kernel = controlled(construct.kernel)
    matrix = kernel.unitary(**construct.values)
    same(matrix[1::2, 1::2], construct.matrix)
    same(matrix[::2, ::2], np.eye(8))
    kernel.verify_resources(**construct.values)


def repeated(construct: Construct) -> None:
    step = construct.kernel
    if construct.more:

        @qk.qkernel
        def power(c: qk.Qubit, q: Register, t: qk.Float, w: qk.Tensor[qk.Float]) -> tuple[qk.Qubit, Register]:
            return qk.control(step, power=3)(qk.x(c), q, t, w)

    else:

        @qk.qkernel
        def power(c: qk.Qubit, q: Register, t: qk.Float) -> tuple[qk.Qubit, Register]:
            return qk.control(step, power=3)(qk.x(c), q, t)

    same(power.unitary(**construct.values)[1::2, ::2], np.linalg.matrix_power(construct.matrix, 3))


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-9)


CONSTRUCTS = {
    "qubits chosen freely": Construct(chosen_qubits, plain_chosen_qubits),
    "views backwards": Construct(reversed_views, plain_reversed_views),
    "gates in pairs": Construct(pairs, plain_pairs),
    "symbolic lengths": Construct(ladder, plain_ladder),
    "paulis on symbols": Construct(symbolic_paulis, plain_symbolic_paulis),
    "kernels as arguments": Construct(kernel_arguments, plain_kernel_arguments),
    "local functions": Construct(local_functions, plain_local_functions),
    "within_apply": Construct(conjugations, plain_conjugations),
    "forms of one's own": Construct(own_forms, plain_own_forms),
    "workspace": Construct(workspace, plain_workspace),
    "numbers": Construct(numbers, plain_numbers, has_closed_form=False),
    "iteration and arrays": Construct(iteration, plain_iteration, (("w", np.arange(6.0).reshape(1, 3, 2) / 7),)),
    "conditional qubits": Construct(choices, plain_choices),
    "results in another order": Construct(reordered, plain_reordered),
}
READINGS = {
    "trace": traced, "text": written, "reference": on("reference"), "native": on("native"), "torch": on("torch"),
    "qiskit": on("qiskit"), "counts": counted, "drawings": drawn, "inverse": inverted, "control": under_control,
    "power": repeated,
}  # fmt: skip


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_construct_in_a_reading(construct: str, reading: str) -> None:
    READINGS[reading](CONSTRUCTS[construct])


@qk.qkernel
def turned_by_bits(t: qk.Float) -> qk.Float:
    bits = qk.measure(qk.h(qk.qubit_array(2)))
    q = qk.ry(qk.qubit(), t * sum(bits[k] / 2**k for k in range(2)) + t)
    return qk.expval(q, qko.Z(0))


@pytest.mark.parametrize("engine", ["reference", "native", "torch", "qiskit"])
def test_angles_from_measured_bits_in_every_reading(engine: str) -> None:
    kernel = turned_by_bits
    expected = np.mean([math.cos(0.7 * (1 + a + b / 2)) for a in (0, 1) for b in (0, 1)])
    same(kernel.run(0.7, engine=engine), expected)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    kernel.verify_resources(t=0.7)
    for options in ({}, {"fold_loops": False, "inline": True, "t": 0.7}):
        assert loose_ends(kernel.draw(output="text", width=150, **options)) == []
    slope = (kernel.run(0.7 + 1e-5) - kernel.run(0.7 - 1e-5)) / 2e-5
    same(kernel.grad(0.7, engine=engine)["t"], slope)


MARKED = qk.Oracle(name="marked", cost={"toffoli": lambda n: 2 * n})


@qk.qkernel
def asking(q: Register) -> Register:
    for _ in qk.range(3):
        q = qk.inverse(MARKED)(q)
    q[0], q[1:] = qk.control(MARKED, power=2)(q[0], q[1:])
    return q


def test_oracles_in_every_reading() -> None:
    estimate = asking.estimate_resources()
    assert estimate.calls.oracle_calls == {"marked": 5}
    gates = estimate.substitute(q=4).gates
    assert (gates.toffoli, gates.by_name) == (3 * 8, {"ccx": 3 * 8, "mcx": 2 * 6})
    assert qk.parse(str(asking.ir)) == asking.ir
    asking.check(q=3)
    for options in ({}, {"fold_loops": False, "inline": True, "q": 3}):
        assert loose_ends(asking.draw(output="text", width=150, **options)) == []
    with pytest.raises(EmitError, match="marked"):
        asking.unitary(q=3)


def test_what_measures_is_refused_under_modifiers() -> None:
    @qk.qkernel
    def measuring(q: qk.Qubit) -> qk.Qubit:
        return qk.project_z(q)[0]

    for modifier in (qk.inverse, qk.control):
        with pytest.raises(NotUnitaryError):
            wrapped(modifier, measuring).sample(shots=1)


def wrapped(modifier: Any, step: Any) -> Any:
    @qk.qkernel
    def kernel() -> qk.Bit:
        c, q = qk.qubit(), qk.qubit()
        if modifier is qk.inverse:
            q = modifier(step)(q)
        else:
            c, q = modifier(step)(c, q)
        return qk.measure(q)

    return kernel
