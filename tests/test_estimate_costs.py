"""Counts over other bases against the circuits and tables that they are taken from, and how estimates are shown."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from estimate_kernels import hybrid_ansatz, measured, modified, phase_estimation, qft, trotter

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import EntrypointValidationError, TargetCapabilityError, ValidationError
from qkernel.estimate import EstimateQuality
from qkernel.estimate.beverland import t_factory
from qkernel.estimate.clifford_t import parts_of, t_gates_per_rotation
from qkernel.estimate.physical import LAYOUTS, duration, physical_estimate, tile_error
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


EIGHTH = math.pi / 8
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
    ("rxx", 1): [
        *(("h", 1), ("h", 2), ("cx", 1, 2)),
        *controlled_rz(0, 2, 0.7),
        *(("cx", 1, 2), ("h", 1), ("h", 2)),
    ],
    ("ryy", 1): [
        *(("sx", 1), ("sx", 2), ("cx", 1, 2)),
        *controlled_rz(0, 2, 0.7),
        *(("cx", 1, 2), ("sxdg", 1), ("sxdg", 2)),
    ],
    ("rzx", 1): [("h", 2), ("cx", 1, 2), *controlled_rz(0, 2, 0.7), ("cx", 1, 2), ("h", 2)],
    ("t", 1): [("p", 0, EIGHTH), ("p", 1, EIGHTH), ("cx", 0, 1), ("p", 1, -EIGHTH), ("cx", 0, 1)],
    ("sdg", 1): [("tdg", 0), ("tdg", 1), ("cx", 0, 1), ("t", 1), ("cx", 0, 1)],
    ("y", 2): [("sdg", 2), *toffoli(0, 1, 2), ("s", 2)],
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


@pytest.mark.parametrize("controls", range(5))
@pytest.mark.parametrize("base", sorted({rule.base for rule in GATES.values()}))
def test_every_gate_is_decomposed_or_refused_by_name(base: str, controls: int) -> None:
    rule = GATES[base]
    kind = Kind(base, controls, rule.num_qubits - rule.controls)
    if controls and base in ("ecr", "iswap", "iswapdg"):
        with pytest.raises(TargetCapabilityError, match=base):
            parts_of(kind)
        return
    for name in parts_of(kind):
        assert name in ("rz", "gphase", "barrier") or {"clifford_gates", "t_gates"} & {*kind_of(name).fields}


def kind_of(name: str) -> Kind:
    rule = GATES[name]
    return Kind(rule.base, rule.controls, rule.num_qubits - rule.controls)


def test_wide_paulis() -> None:
    """exp(-i 0.35 X Y Z) by changes of basis (one H or two gates for each qubit at most), a chain of CX and one rotation."""
    steps: list[Step] = [("h", 2), ("sx", 1), ("cx", 2, 1), ("cx", 1, 0), ("rz", 0, 0.7)]
    steps += [("cx", 1, 0), ("cx", 2, 1), ("sxdg", 1), ("h", 2)]
    x, y, z = (GATES[name].matrix() for name in "xyz")
    word = np.kron(np.kron(x, y), z)
    np.testing.assert_allclose(unitary(steps, 3), np.cos(0.35) * np.eye(8) - 1j * np.sin(0.35) * word, atol=1e-12)
    parts = parts_of(Kind("pauli", 0, 3))
    assert (parts["cx"], parts["rz"]) == (4, 1)
    assert parts["h"] >= 4  # an upper bound, whatever the letters are


def test_rotations() -> None:
    assert t_gates_per_rotation(1e-10) == math.ceil(0.53 * math.log2(1e10) + 5.3) == 23
    found = hybrid_ansatz.estimate_resources(n_qubits=4, n_layers=2, basis="clifford_t", precision=1e-10)
    assert found.gates.rotation_gates == 0
    assert found.gates.t_gates == 28 * 23
    assert found.gates.two_qubit == 6
    assert found.quality["t_gates"] == EstimateQuality.EXPECTED
    free = hybrid_ansatz.estimate_resources(basis="clifford_t")
    assert str(free.gates.t_gates) == "n_qubits*(69*n_layers + 23)"
    with pytest.raises(ValidationError, match="precision"):
        hybrid_ansatz.estimate_resources(basis="clifford_t", precision=2.0)


def test_symbolic_widths_decompose() -> None:
    free = modified.estimate_resources(basis="clifford_t")
    for n in range(6):
        bound = modified.estimate_resources(n=n, basis="clifford_t")
        assert free.substitute(n=n) == bound
        assert bound.gates.multi_qubit == 0
    assert free.quality["qubits"] == EstimateQuality.EXACT


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
    """His example in Quantum 3, 128 (2019): 100 qubits, 10**8 T gates, p = 1e-4, 1 us code cycles."""
    small = physical_estimate(100, 10**8, layout="compact", factories=1)
    assert small.code_distance == 13
    assert (small.data_tiles, small.factory_qubits) == (153, 11 * 2 * 13**2)
    assert round(small.physical_qubits, -3) == 55_000
    assert small.run_time / 3600 == pytest.approx(4, abs=0.05)
    fast = physical_estimate(100, 10**8, layout="fast")
    assert fast.factories == 11
    assert fast.physical_qubits == pytest.approx(120_000, rel=0.02)
    assert fast.run_time / 60 == pytest.approx(22, abs=0.5)
    assert fast.failure < 0.01
    assert tile_error(1e-4, 13) == pytest.approx(1e-15)
    assert "Run time: 3.97 hours" in str(small)
    assert "T gates: 100,000,000" in str(small)
    assert (duration(400 * 86400), duration(1500 * 365.25 * 86400)) == ("1.1 years", "1,500 years")


# What the Azure Quantum Resource Estimator (the package qsharp 1.31.0) gives for LogicalCounts of 100 qubits and so many
# T gates with qubits `qubit_gate_ns_e3` and `_e4` (code cycles of 400 ns) and an error budget of 0.01.
AZURE = {
    (10**8, 1e-3): (230, 23, 243_340, 14, 466_480, 709_820, 920.0),
    (10**8, 1e-4): (230, 11, 55_660, 14, 67_760, 123_420, 440.0),
    (10**6, 1e-3): (230, 19, 166_060, 13, 234_000, 400_060, 7.6),
    (10**6, 1e-4): (230, 9, 37_260, 11, 21_560, 58_820, 3.6),
}


@pytest.mark.parametrize("case", AZURE)
def test_azures_table(case: tuple[int, float]) -> None:
    t_gates, error_rate = case
    found = physical_estimate(100, t_gates, error_rate=error_rate, cycle_time=400e-9, failure=0.01, model="beverland")
    data = found.data_tiles * 2 * found.code_distance**2
    shown = (found.data_tiles, found.code_distance, data, found.factories, found.factory_qubits, found.physical_qubits)
    assert (*shown, pytest.approx(found.run_time)) == AZURE[case]
    assert found.failure <= 0.01


def test_azures_factories() -> None:
    """The factories that the same program finds for its RSA-2048 example, at 2.2e-13 per T state."""
    first, second = (t_factory(error_rate, 2.2331752219460692e-13) for error_rate in (1e-3, 1e-4))
    assert [(count, distance) for count, _, distance in first.rounds] == [(17, 9), (1, 23)]
    assert (first.qubits, first.cycles * 400) == (55_080, 148_000)
    assert [(count, distance) for count, _, distance in second.rounds] == [(16, 5), (1, 11)]
    assert (second.qubits, second.cycles * 400) == (16_000, 74_400)
    assert LAYOUTS["fast"].tiles(12_581) == 25_481


@pytest.mark.parametrize("model", ["litinski", "beverland"])
def test_no_factory_where_there_is_no_t_gate(model: str) -> None:
    found = physical_estimate(10, 0, model=model)
    assert (found.factories, found.factory_qubits) == (0, 0)
    assert found.physical_qubits == found.data_tiles * 2 * found.code_distance**2


def test_few_factories_take_longer() -> None:
    many = physical_estimate(100, 10**6, model="beverland")
    few = physical_estimate(100, 10**6, model="beverland", factories=2)
    assert few.factories == 2
    assert few.physical_qubits < many.physical_qubits
    assert few.run_time == pytest.approx(10**6 / 2 * t_factory(1e-4, 5e-9).cycles * 1e-6, rel=1e-5)
    with pytest.raises(ValidationError, match="layout"):
        physical_estimate(10, 10, model="beverland", layout="compact")
    with pytest.raises(ValidationError, match="model"):
        physical_estimate(10, 10, model="gidney")
    with pytest.raises(ValidationError, match="T factory"):
        physical_estimate(10, 10**12, error_rate=9e-3, model="beverland")


def test_physical_estimate_of_a_kernel() -> None:
    found = phase_estimation.estimate_resources(n=8).physical(precision=1e-8)
    assert found.logical_qubits == 9
    assert found.t_gates == phase_estimation.estimate_resources(n=8, basis="clifford_t", precision=1e-8).gates.t_gates
    with pytest.raises(EntrypointValidationError, match=r"`n`(.|\n)*`physical_over\('n', \[10, 100, 1000\]\)`"):
        phase_estimation.estimate_resources().physical()
    with pytest.raises(ValidationError, match="layout"):
        phase_estimation.estimate_resources(n=2).physical(layout="huge")
    with pytest.raises(ValidationError, match="distillation"):
        physical_estimate(10, 10**30)


def test_physical_cost_over_an_argument() -> None:
    points = [2**k for k in range(1, 9)]
    curve = qft.estimate_resources().physical_over("n", points, failure=0.1)
    assert list(curve.estimates) == [qft.estimate_resources(n=n).physical(failure=0.1) for n in points]
    distances = [found.code_distance for found in curve.estimates]
    assert [distance for _, distance in curve.steps()] == sorted(set(distances))
    assert all(distances[points.index(point)] == distance for point, distance in curve.steps())
    head, columns, *rows = str(curve).splitlines()
    assert head == "Physical Estimates of qft:"
    assert columns.split()[0] == "n"
    assert len({len(row) for row in (columns, *rows)}) == 1
    assert [int(row.split()[0]) for row in rows] == points
    above, below = curve.plot().axes
    assert above.lines[0].get_ydata().tolist() == [found.physical_qubits for found in curve.estimates]
    assert [text.get_text() for text in above.texts] == [str(distance) for _, distance in curve.steps()]
    assert below.get_yscale() == below.get_xscale() == "log"


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


def test_tables_say_what_is_not_exact() -> None:
    import rich.console as rich

    free = measured.estimate_resources()
    console = rich.Console(width=120)
    with console.capture() as capture:
        console.print(free.table())
    lines = capture.get().splitlines()
    assert "upper bound" in next(line for line in lines if "Total" in line)
    assert "expected" in next(line for line in lines if "Measurements" in line)
    assert "<i>upper bound</i>" in free._repr_html_()
    assert r"\text{upper bound}" in free._repr_latex_()


def test_plots_leave_no_count_out_silently() -> None:
    figure = hybrid_ansatz.estimate_resources().plot("n_qubits", [1, 2, 4], fields=("two_qubit", "t_gates"), n_layers=1)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["two qubit", "t gates (0)"]
    assert math.isnan(axes.lines[0].get_ydata()[0])
    bound = measured.estimate_resources().plot("n", [1, 2], rounds=1)
    assert "total (upper bound)" in [text.get_text() for text in bound.axes[0].get_legend().get_texts()]
    with pytest.raises(ValidationError, match="too large to be plotted"):
        phase_estimation.estimate_resources().plot("n", [10, 2000])


def test_plot() -> None:
    figure = hybrid_ansatz.estimate_resources().plot("n_qubits", [2, 4, 8], fields=("total", "qubits"), n_layers=2)
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert list(axes.lines[0].get_ydata()) == [2 + 2 * (3 * 2 + 1), 4 + 2 * (12 + 3), 8 + 2 * (24 + 7)]
    with pytest.raises(EntrypointValidationError, match="other arguments"):
        hybrid_ansatz.estimate_resources().plot("n_qubits", [2, 4])
    with pytest.raises(ValidationError, match="did you mean `total`"):
        qft.estimate_resources().plot("n", [2], fields=("totals",))


WORDS = {"".join(word) for width in (1, 2, 3) for word in product("XYZ", repeat=width)}
BASES = [["cx", "rz", "sx", "x"], ["cz", "rz", "sx"], ["rzz", "rx", "ry"], ["ecr", "u"]]


def rotation(word: str) -> Any:
    return math.prod(getattr(qko, letter)(k) for k, letter in enumerate(word))


@qk.qkernel
def evolved(energy: qk.Observable, groups: qk.Vector[qk.Observable]) -> qk.Float:
    q, control = qk.qubit_array(3), qk.qubit()
    q = qk.pauli_evolve(q, energy, 0.3)
    q = qk.inverse(stepped)(q, energy)
    for g in qk.range(len(groups)):
        q = stepped(q, groups[g])
        control, q = qk.control(stepped)(control, q, groups[len(groups) - 1 - g])
    return qk.expval(q, energy)


@qk.qkernel
def stepped(q: qk.Vector[qk.Qubit], energy: qk.Observable) -> qk.Vector[qk.Qubit]:
    return qk.pauli_evolve(q, energy, 0.2)


@pytest.mark.parametrize("basis", BASES, ids=" ".join)
def test_every_pauli_word_is_counted_over_a_target(basis: list[str]) -> None:
    import qiskit

    words = [rotation(word) for word in sorted(WORDS)]
    for energy in words[::5]:
        given = {"energy": energy, "groups": words}
        circuit = evolved.to_circuit(bindings=given)
        counts = qiskit.transpile(circuit, basis_gates=basis, optimization_level=0).count_ops()
        assert evolved.estimate_resources(bindings=given, basis=basis).gates.by_name == dict(counts)


def test_words_that_are_not_known_are_to_be_bound() -> None:
    for basis in (BASES[0], "clifford_t"):
        with pytest.raises(EntrypointValidationError, match=r"(?s)bind the observable.*`energy`"):
            evolved.estimate_resources(basis=basis)
        with pytest.raises(EntrypointValidationError, match=r"(?s)bind the observable.*`groups`"):
            evolved.estimate_resources(basis=basis, energy=qko.X(0))


@pytest.mark.parametrize("word", sorted(WORDS))
def test_the_letters_of_a_word_make_the_change_of_basis(word: str) -> None:
    letters = [*enumerate(word)]
    before = [step for k, letter in letters for step in {"X": [("h", k)], "Y": [("sx", k)], "Z": []}[letter]]
    after = [(GATES[name].adjoint or name, k) for name, k in before]
    chain = [("cx", k + 1, k) for k in reversed(range(len(word) - 1))]
    steps: list[Step] = [*before, *chain, ("rz", 0, 0.7), *reversed(chain), *after]
    turned = np.eye(1)
    for letter in word:
        turned = np.kron(GATES[letter.lower()].matrix(), turned)
    wanted = np.cos(0.35) * np.eye(1 << len(word)) - 1j * np.sin(0.35) * turned
    np.testing.assert_allclose(unitary(steps, len(word)), wanted, atol=1e-12)
    assert parts_of(Kind("pauli", 0, len(word), word="".join(sorted(word)))) == cost(steps)
