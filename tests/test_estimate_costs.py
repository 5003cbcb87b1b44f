"""Counts over other bases against the circuits and tables that they are taken from, and how estimates are shown."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from estimate_kernels import ansatz, modified, phase_estimation, qft, trotter

from qkernel.errors import EntrypointValidationError, TargetCapabilityError, ValidationError
from qkernel.estimate import EstimateQuality
from qkernel.estimate.clifford_t import parts_of, t_gates_per_rotation
from qkernel.estimate.physical import physical_estimate, tile_error
from qkernel.estimate.tally import Kind
from qkernel.gates import GATES, controlled

Step = tuple[Any, ...]


def unitary(steps: list[Step], width: int) -> Any:
    """The matrix of a list of (gate, *qubits, angle if it has one), qubit 0 least significant."""
    matrix = np.eye(1 << width, dtype=complex).reshape((2,) * width + (1 << width,))
    for name, *rest in steps:
        count = GATES[name].num_qubits
        qubits, angles = rest[:count], rest[count:]
        axes = [width - 1 - qubit for qubit in reversed(qubits)]
        gate = GATES[name].matrix(*angles).reshape((2,) * (2 * count))
        matrix = np.moveaxis(np.tensordot(gate, matrix, (list(range(count, 2 * count)), axes)), range(count), axes)
    return matrix.reshape(1 << width, 1 << width)


def relative_toffoli(a: int, b: int, target: int) -> list[Step]:
    """Margolus' gate: a Toffoli up to phases, its own inverse."""
    steps: list[Step] = [("h", target), ("t", target), ("cx", b, target), ("tdg", target), ("cx", a, target)]
    return [*steps, ("t", target), ("cx", b, target), ("tdg", target), ("h", target)]


def toffoli(a: int, b: int, c: int) -> list[Step]:
    steps: list[Step] = [("h", c), ("cx", b, c), ("tdg", c), ("cx", a, c), ("t", c), ("cx", b, c), ("tdg", c), ("cx", a, c)]
    return [*steps, ("t", b), ("t", c), ("h", c), ("cx", a, b), ("t", a), ("tdg", b), ("cx", a, b)]


def controlled_s(c: int, t: int) -> list[Step]:
    return [("t", c), ("t", t), ("cx", c, t), ("tdg", t), ("cx", c, t)]


def controlled_rz(c: int, t: int, angle: float) -> list[Step]:
    return [("rz", t, angle / 2), ("cx", c, t), ("rz", t, -angle / 2), ("cx", c, t)]


CIRCUITS: dict[tuple[str, int], list[Step]] = {
    ("x", 2): toffoli(0, 1, 2),
    ("z", 2): toffoli(0, 1, 2)[1:10] + toffoli(0, 1, 2)[11:],
    ("h", 1): [("s", 1), ("h", 1), ("t", 1), ("cx", 0, 1), ("tdg", 1), ("h", 1), ("sdg", 1)],
    ("s", 1): controlled_s(0, 1),
    ("sx", 1): [("h", 1), *controlled_s(0, 1), ("h", 1)],
    ("swap", 1): [("cx", 2, 1), *toffoli(0, 1, 2), ("cx", 2, 1)],
    ("rz", 1): controlled_rz(0, 1, 0.7),
    ("rx", 1): [("h", 1), *controlled_rz(0, 1, 0.7), ("h", 1)],
    ("ry", 1): [("sdg", 1), ("h", 1), *controlled_rz(0, 1, 0.7), ("h", 1), ("s", 1)],
    ("p", 1): [("p", 0, 0.35), ("p", 1, 0.35), ("cx", 0, 1), ("p", 1, -0.35), ("cx", 0, 1)],
    ("rzz", 1): [("cx", 1, 2), *controlled_rz(0, 2, 0.7), ("cx", 1, 2)],
    ("rzz", 0): [("cx", 0, 1), ("rz", 1, 0.7), ("cx", 0, 1)],
    ("rxx", 0): [("h", 0), ("h", 1), ("cx", 0, 1), ("rz", 1, 0.7), ("cx", 0, 1), ("h", 0), ("h", 1)],
    ("ryy", 0): [("sx", 0), ("sx", 1), ("cx", 0, 1), ("rz", 1, 0.7), ("cx", 0, 1), ("sxdg", 0), ("sxdg", 1)],
    ("rzx", 0): [("h", 1), ("cx", 0, 1), ("rz", 1, 0.7), ("cx", 0, 1), ("h", 1)],
    ("rx", 0): [("h", 0), ("rz", 0, 0.7), ("h", 0)],
    ("ry", 0): [("sdg", 0), ("h", 0), ("rz", 0, 0.7), ("h", 0), ("s", 0)],
}
SAME_COST = {"tdg": "t", "p": "rz"}


def cost(steps: list[Step]) -> Counter[str]:
    return Counter(SAME_COST.get(name, name) for name, *_ in steps)


@pytest.mark.parametrize("case", CIRCUITS, ids=lambda case: f"{case[1]}-{case[0]}")
def test_circuits_do_what_they_cost(case: tuple[str, int]) -> None:
    base, controls = case
    rule = GATES[base]
    found = unitary(CIRCUITS[case], controls + rule.num_qubits)
    wanted = controlled(rule.matrix(*(0.7 for _ in rule.angles)), controls)
    phase = wanted.flat[np.abs(wanted).argmax()] / found.flat[np.abs(wanted).argmax()]
    np.testing.assert_allclose(found * phase, wanted, atol=1e-12)
    assert parts_of(Kind(base, controls, rule.num_qubits)) == cost(CIRCUITS[case])


def test_three_controls() -> None:
    """Qubit 4 is workspace: where it starts in 0, it ends there."""
    chain = relative_toffoli(0, 1, 4)
    inverse: list[Step] = [(GATES[name].adjoint or name, *qubits) for name, *qubits in reversed(chain)]
    steps = [*chain, *toffoli(4, 2, 3), *inverse]
    np.testing.assert_allclose(unitary(steps, 5)[:16, :16], controlled(GATES["x"].matrix(), 3), atol=1e-12)
    assert parts_of(Kind("x", 3)) == cost(steps)
    for k in range(2, 9):
        assert parts_of(Kind("x", k)) == {"t": 8 * k - 9, "cx": 6 * k - 6, "h": 4 * k - 6}


def test_rotations() -> None:
    assert t_gates_per_rotation(1e-10) == math.ceil(0.53 * math.log2(1e10) + 5.3) == 23
    found = ansatz.estimate_resources(n_qubits=4, n_layers=2, basis="clifford_t", precision=1e-10)
    assert found.gates.rotation_gates == 0
    assert found.gates.t_gates == 28 * 23
    assert found.gates.two_qubit == 6
    assert found.quality["t_gates"] == EstimateQuality.EXPECTED
    free = ansatz.estimate_resources(basis="clifford_t")
    assert str(free.gates.t_gates) == "n_qubits*(69*n_layers + 23)"
    with pytest.raises(ValidationError, match="precision"):
        ansatz.estimate_resources(basis="clifford_t", precision=2.0)


def test_symbolic_widths_decompose() -> None:
    free = modified.estimate_resources(basis="clifford_t")
    for n in range(6):
        bound = modified.estimate_resources(n=n, basis="clifford_t")
        assert free.substitute(n=n) == bound
        assert bound.gates.multi_qubit == 0
    assert free.quality["qubits"] == EstimateQuality.UPPER_BOUND


def test_what_cannot_be_decomposed() -> None:
    with pytest.raises(EntrypointValidationError, match="observable"):
        trotter.estimate_resources(basis="clifford_t")
    with pytest.raises(TargetCapabilityError, match="iswap"):
        parts_of(Kind("iswap", 1, 2))
    with pytest.raises(ValidationError, match="no gate basis `magic`"):
        qft.estimate_resources(basis="magic")
    with pytest.raises(ValidationError, match="did you mean `sx`"):
        qft.estimate_resources(basis=["cx", "sxx"])
    with pytest.raises(EntrypointValidationError, match="symbolic"):
        modified.estimate_resources(basis=["cx", "rz", "sx", "x"])


def test_target_basis_is_what_qiskit_makes() -> None:
    import qiskit

    basis = ["cx", "rz", "sx", "x"]
    closed = qft.estimate_resources(basis=basis)
    for n in range(1, 5):
        circuit = qiskit.QuantumCircuit(n)
        for i in reversed(range(n)):
            circuit.h(i)
            for j in range(i):
                circuit.cp(0.1 + j, j, i)
        for i in range(n // 2):
            circuit.swap(i, n - 1 - i)
        counts = qiskit.transpile(circuit, basis_gates=basis, optimization_level=0).count_ops()
        assert closed.substitute(n=n).gates.by_name == dict(counts)


def test_litinskis_table() -> None:
    """Quantum 3, 128 (2019), abstract: 100 qubits, 10**8 T gates, p = 1e-4, 1 us code cycles."""
    small = physical_estimate(100, 10**8, layout="compact", factories=1)
    assert small.code_distance == 13
    assert (small.data_tiles, small.factory_tiles) == (153, 11)
    assert round(small.physical_qubits, -3) == 55_000
    assert small.run_time / 3600 == pytest.approx(4, abs=0.05)
    fast = physical_estimate(100, 10**8, layout="fast")
    assert fast.factories == 11
    assert fast.physical_qubits == pytest.approx(120_000, rel=0.02)
    assert fast.run_time / 60 == pytest.approx(22, abs=0.5)
    assert fast.failure < 0.01
    assert tile_error(1e-4, 13) == pytest.approx(1e-15)
    assert "Run time: 3.97 hours" in str(small)


def test_physical_estimate_of_a_kernel() -> None:
    found = phase_estimation.estimate_resources(n=8).physical(precision=1e-8)
    assert found.logical_qubits == 9
    assert found.t_gates == phase_estimation.estimate_resources(n=8, basis="clifford_t", precision=1e-8).gates.t_gates
    with pytest.raises(EntrypointValidationError, match="`n`"):
        phase_estimation.estimate_resources().physical()
    with pytest.raises(ValidationError, match="layout"):
        phase_estimation.estimate_resources(n=2).physical(layout="huge")
    with pytest.raises(ValidationError, match="distillation"):
        physical_estimate(10, 10**30)


def test_differences() -> None:
    small, large = qft.estimate_resources(n=5), qft.estimate_resources(n=8)
    assert (large - small).changes["Total"] == 40 - 17
    assert "Total           17 -> 40  (+23)" in str(large - small)
    assert str(small - small) == "No difference"


def test_tables() -> None:
    import rich.console as rich

    free = qft.estimate_resources()
    console = rich.Console(width=100)
    with console.capture() as capture:
        console.print(free.table())
    assert "n*(n - 1)/2 + floor(n/2)" in capture.get()
    assert "<code>n*(n + 1)/2 + floor(n/2)</code>" in free._repr_html_()
    assert r"\frac{n \, \left(n + 1\right)}{2} + \left\lfloor \frac{n}{2} \right\rfloor" in free._repr_latex_()


def test_plot() -> None:
    figure = ansatz.estimate_resources().plot("n_qubits", [2, 4, 8], fields=("total", "qubits"), n_layers=2)
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert list(axes.lines[0].get_ydata()) == [2 + 2 * (3 * 2 + 1), 4 + 2 * (12 + 3), 8 + 2 * (24 + 7)]
    with pytest.raises(EntrypointValidationError, match="other arguments"):
        ansatz.estimate_resources().plot("n_qubits", [2, 4])
    with pytest.raises(ValidationError, match="did you mean `total`"):
        qft.estimate_resources().plot("n", [2], fields=("totals",))
