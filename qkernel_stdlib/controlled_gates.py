"""X and Z under many controls: as one gate, and as Toffoli gates with workspace of every kind.

n is the number of controls. Clean workspace starts and ends in 0 and is the kernel's own; dirty workspace may be in any state,
comes back as it was, and is given. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import qkernel as qk

Conjunction = Callable[[qk.Qubit, qk.Qubit, qk.Qubit], tuple[qk.Qubit, qk.Qubit, qk.Qubit]]
"""An argument that brings the AND of two qubits into a third: `qk.ccx`, `relative_phase_ccx`, `temporary_and`."""


@qk.qkernel
def multi_controlled_x(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `target` where all `controls` are 1. One gate; over Clifford + T 8n - 9 T for n > 2 (see docs/estimates.md)."""
    controls, target = qk.control(qk.x, num_controls=controls.shape[0])(controls, target)
    return controls, target


mcx = multi_controlled_x


@qk.qkernel
def mcz(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """The sign -1 where all qubits are 1; nothing on no qubits. One gate: Z under n - 1 controls on n qubits."""
    last = q.shape[0] - 1
    if last >= 0:
        q[:last], q[last] = qk.control(qk.z, num_controls=last)(q[:last], q[last])
    return q


@qk.qkernel
def mcp(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    """The phase exp(i angle) where all qubits are 1; nothing on no qubits. One gate: P under n - 1 controls on n qubits."""
    last = q.shape[0] - 1
    if last >= 0:
        q[:last], q[last] = qk.control(qk.p, num_controls=last)(q[:last], q[last], angle)
    return q


@qk.qkernel
def mcx_clean(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X under n controls by n - 2 clean qubits: 2n - 3 Toffoli for n > 2; under k more controls it is that of n + k.

    Source: Nielsen, Chuang 2010, figure 4.10.
    """
    controls, target = _by_clean_qubits(controls, target, qk.ccx)
    return controls, target


@mcx_clean.control
@qk.qkernel
def _mcx_clean_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], target: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    (more, controls), target = mcx_clean((more, controls), target)
    return more, controls, target


@qk.qkernel
def _by_clean_qubits(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, both: Conjunction
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X under n controls, of which `both` gathers all but the last in clean qubits."""
    n = controls.shape[0]
    if n < 3:
        controls, target = multi_controlled_x(controls, target)
    else:
        controls, target = qk.within_apply(lambda c, t: _in_clean_qubits(c, t, both), _where_all)(controls, target)
    return controls, target


@qk.qkernel
def _in_clean_qubits(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, both: Conjunction
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """work[i] becomes the AND of controls 0 to i + 1; the target is left alone."""
    n = controls.shape[0]
    work = qk.qubit_array(n - 2, "work")
    controls[0], controls[1], work[0] = both(controls[0], controls[1], work[0])
    for i in qk.range(n - 3):
        controls[i + 2], work[i], work[i + 1] = both(controls[i + 2], work[i], work[i + 1])
    return controls, target, work


@qk.qkernel
def _where_all(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, work: qk.Vector[qk.Qubit]
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """X where the last control is 1 and, as the last of the workspace tells, all others are."""
    n = controls.shape[0]
    controls[n - 1], work[n - 3], target = qk.ccx(controls[n - 1], work[n - 3], target)
    return controls, target, work


@qk.qkernel
def relative_phase_ccx(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    """A Toffoli gate but for phases: basis states go where it takes them, some times -1, i or -i.

    2 H, 4 T and TDG, 3 CX. Source: Maslov 2016 (arXiv:1508.03273), figure 3; Margolus 1994.
    """
    target = qk.t(qk.h(target))
    b, target = qk.cx(b, target)
    target = qk.tdg(target)
    a, target = qk.cx(a, target)
    target = qk.t(target)
    b, target = qk.cx(b, target)
    return a, b, qk.h(qk.tdg(target))


@qk.qkernel
def mcx_relative_phase(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """`mcx_clean` with relative-phase Toffoli gates wherever their phases cancel: 8 (n - 2) T and one Toffoli for n > 2.

    With 7 T for the Toffoli these are 8n - 9; under k more controls they are those of n + k.
    Source: Maslov 2016 (arXiv:1508.03273).
    """
    controls, target = _by_clean_qubits(controls, target, relative_phase_ccx)
    return controls, target


@mcx_relative_phase.control
@qk.qkernel
def _mcx_relative_phase_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], target: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    (more, controls), target = mcx_relative_phase((more, controls), target)
    return more, controls, target


@qk.qkernel
def mcx_dirty(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, dirty: qk.Vector[qk.Qubit]
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """X under n controls by n - 2 dirty qubits, the first of `dirty`: 4 (n - 2) Toffoli for n > 2.

    Source: Barenco et al. 1995 (arXiv:quant-ph/9503016), lemma 7.2.
    """
    n = controls.shape[0]
    if n == 0:
        target = qk.x(target)
    elif n == 1:
        controls[0], target = qk.cx(controls[0], target)
    else:
        controls[: n - 1], controls[n - 1], target, dirty = _dirty_chain(controls[: n - 1], controls[n - 1], target, dirty, n)
    return controls, target, dirty


@qk.qkernel
def _dirty_chain(
    controls: qk.Vector[qk.Qubit], last: qk.Qubit, target: qk.Qubit, dirty: qk.Vector[qk.Qubit], n: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit, qk.Vector[qk.Qubit]]:
    """X under n > 1 controls, of which `last` is one."""
    if n == 2:
        controls[0], last, target = qk.ccx(controls[0], last, target)
    else:
        for _ in qk.range(2):
            last, dirty[n - 3], target = qk.ccx(last, dirty[n - 3], target)
            for i in qk.range(n - 3, 0, -1):
                controls[i + 1], dirty[i - 1], dirty[i] = qk.ccx(controls[i + 1], dirty[i - 1], dirty[i])
            controls[0], controls[1], dirty[0] = qk.ccx(controls[0], controls[1], dirty[0])
            for i in qk.range(1, n - 2):
                controls[i + 1], dirty[i - 1], dirty[i] = qk.ccx(controls[i + 1], dirty[i - 1], dirty[i])
    return controls, last, target, dirty


@qk.qkernel
def mcx_one_dirty(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, dirty: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """X under n controls by one dirty qubit: 8 (n - 3) Toffoli for n > 4, 4 for n = 3, 10 for n = 4.

    Half of the controls toggle the dirty qubit, which with the others toggles the target; each half is dirty workspace for
    the other. Source: Barenco et al. 1995 (arXiv:quant-ph/9503016), lemmas 7.3 and 7.4.
    """
    return _one_dirty(controls, target, dirty, controls.shape[0])


@mcx_one_dirty.control
@qk.qkernel
def _mcx_one_dirty_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], target: qk.Qubit, dirty: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    (more, controls), target, dirty = mcx_one_dirty((more, controls), target, dirty)
    return more, controls, target, dirty


@qk.qkernel
def _one_dirty(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, dirty: qk.Qubit, n: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """`mcx_one_dirty` of all n controls."""
    if n < 3:
        controls, target = multi_controlled_x(controls, target)
    else:
        half = (n + 1) // 2
        for _ in qk.range(2):
            controls[: half - 1], controls[half - 1], dirty, controls[half:] = _dirty_chain(
                controls[: half - 1], controls[half - 1], dirty, controls[half:], half
            )
            controls[half:], dirty, target, controls[:half] = _dirty_chain(
                controls[half:], dirty, target, controls[:half], n - half + 1
            )
    return controls, target, dirty


@qk.qkernel
def mcx_one_clean(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X under n controls by one clean qubit: 2n - 3 Toffoli for n > 2, all but one up to phases that cancel, so 8n - 9 T.

    These are no more than with n - 2 clean qubits; under k more controls they are those of n + k. Controls that are known to be
    1 where all before them are serve as clean workspace for those after them. Source: Khattar, Gidney 2024 (arXiv:2407.17966).
    """
    n = controls.shape[0]
    if n < 3:
        controls, target = multi_controlled_x(controls, target)
    else:
        found = n - 1 if n == 3 else 1 if n == 4 else 0
        controls, target = qk.within_apply(_gathered, _where_both)(controls, target, found=found)
    return controls, target


@mcx_one_clean.control
@qk.qkernel
def _mcx_one_clean_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], target: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    (more, controls), target = mcx_one_clean((more, controls), target)
    return more, controls, target


@qk.qkernel
def _where_both(
    controls: qk.Vector[qk.Qubit], target: qk.Qubit, work: qk.Qubit, found: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """X where control `found` and the workspace are 1."""
    controls[found], work, target = qk.ccx(controls[found], work, target)
    return controls, target, work


@qk.qkernel
def _gathered(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """`work` takes the AND of the first two controls, and control 0 that of the others, which is right where `work` is 1.

    Going up, each pair of controls goes into one of the pair before it; coming down, each result into the one before it.
    With three controls it is control 2, with four control 1 that has the AND of the others.
    """
    n = controls.shape[0]
    work = qk.qubit("work")
    pairs = n // 2
    top = pairs - 2 + n % 2
    controls[0], controls[1], work = relative_phase_ccx(controls[0], controls[1], work)
    for k in qk.range(1, pairs):
        controls[2 * k - 1] = qk.x(controls[2 * k - 1])
        controls[2 * k], controls[2 * k + 1], controls[2 * k - 1] = relative_phase_ccx(
            controls[2 * k], controls[2 * k + 1], controls[2 * k - 1]
        )
    if top > 0:
        last = n - 1 if n % 2 == 1 else n - 3
        controls[2 * top - 2] = qk.x(controls[2 * top - 2])
        controls[2 * top - 1], controls[last], controls[2 * top - 2] = relative_phase_ccx(
            controls[2 * top - 1], controls[last], controls[2 * top - 2]
        )
        for k in qk.range(top - 1, 0, -1):
            controls[2 * k - 2] = qk.x(controls[2 * k - 2])
            controls[2 * k - 1], controls[2 * k], controls[2 * k - 2] = relative_phase_ccx(
                controls[2 * k - 1], controls[2 * k], controls[2 * k - 2]
            )
    return controls, target, work


@qk.qkernel
def mcx_no_workspace(controls: qk.Vector[qk.Qubit], target: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X under n controls with no further qubit: 2 H, 2n - 1 CP, and two `mcx_one_dirty` for each number of controls below n.

    So the number of gates grows as 8 n**2. Source: Barenco et al. 1995 (arXiv:quant-ph/9503016), lemma 7.5 and corollary 7.6.
    """
    n = controls.shape[0]
    target = qk.h(target)
    if n == 0:
        target = qk.z(target)
    else:
        for k in qk.range(1, n):
            angle = math.pi / 2 ** (n - k)
            for sign in (1, -1):
                controls[k], target = qk.cp(controls[k], target, sign * angle)
                controls[:k], controls[k], target = _one_dirty(controls[:k], controls[k], target, k)
        controls[0], target = qk.cp(controls[0], target, math.pi / 2 ** (n - 1))
    return controls, qk.h(target)


@mcx_no_workspace.control
@qk.qkernel
def _mcx_no_workspace_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], target: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    (more, controls), target = mcx_no_workspace((more, controls), target)
    return more, controls, target


@qk.qkernel
def temporary_and(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    """a AND b into `target`, fresh from allocation or reset: 4 T and TDG, 6 CX, 2 H, 1 S.

    Its inverse is `release_and`, without T gates. Source: Gidney 2018 (arXiv:1709.06648), figure 4.
    """
    target = qk.t(qk.h(target))
    a, target = qk.cx(a, target)
    b, target = qk.cx(b, target)
    target, a = qk.cx(target, a)
    target, b = qk.cx(target, b)
    a, b, target = qk.tdg(a), qk.tdg(b), qk.t(target)
    target, a = qk.cx(target, a)
    target, b = qk.cx(target, b)
    return a, b, qk.s(qk.h(target))


@temporary_and.inverse
@qk.qkernel
def release_and(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    """Take `target` = a AND b back to 0 by a measurement: 1 H, and in half of the runs 1 CZ.

    Source: Gidney 2018 (arXiv:1709.06648), figure 4.
    """
    target, one = qk.measure_reset(qk.h(target))
    if one:
        a, b = qk.cz(a, b)
    return a, b, target
