"""What users ask of an estimate: the document's figures, textbook counts, closed forms, symbols, qualities."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import pytest
import qiskit
from estimate_kernels import (
    ISING,
    SIZES,
    adder,
    beside_recurrence,
    branches,
    carried,
    constants,
    ghz,
    gidney_adder,
    hybrid_ansatz,
    loops,
    measured,
    modified,
    phase_estimation,
    qaoa,
    qft,
    recurrent,
    recurrent_calls,
    recursive,
    registers,
    trotter,
)

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingShapeError,
    EntrypointValidationError,
    EstimateMismatchError,
    QubitIndexResolutionError,
    SizeError,
    UnknownBindingError,
    ValidationError,
)
from qkernel.estimate import EstimateQuality, ResourceEstimator, UnknownResourcePolicy, effort, estimate, estimate_resources
from qkernel.ir.expressions import ONE, ZERO, Name
from qkernel.ir.module import Module
from qkernel.ir.ops import Alloc, Call, For, Function, Gate, Parameter, Range
from qkernel.ir.places import Place, whole
from qkernel.ir.types import QUBIT, UINT
from qkernel.verification import verify

BLOCK = """\
Resource Estimate:
  Qubits: 4
  Gates:
    Total: 34
    Single-qubit: 28
    Two-qubit: 6
    Multi-qubit: 0
    T gates: 0
    Clifford gates: 6
    Rotation gates: 28"""


def totals(kernel: Any, **bindings: Any) -> Any:
    return kernel.estimate_resources(bindings=bindings).gates


def test_h7_the_documents_block() -> None:
    bound = hybrid_ansatz.estimate_resources(bindings={"n_qubits": 4, "n_layers": 2})
    assert str(bound) == BLOCK
    assert bound.qubits == 4
    assert type(bound.gates.total) is int
    assert bound.parameters == {}
    assert dict(bound.gates.by_name) == {"ry": 12, "rz": 16, "cz": 6}


def test_h7_closed_forms_of_the_ansatz() -> None:
    free = hybrid_ansatz.estimate_resources()
    assert str(free.gates.total) == "n_layers*(3*n_qubits + Max(0, n_qubits - 1)) + n_qubits"
    assert str(free.gates.two_qubit) == "n_layers*Max(0, n_qubits - 1)"
    assert list(free.parameters) == ["n_qubits", "n_layers"]
    for n in range(7):
        for layers in range(5):
            at = free.substitute(n_qubits=n, n_layers=layers)
            assert at.gates.total == n + layers * (3 * n + max(0, n - 1))
            assert at == hybrid_ansatz.estimate_resources(n_qubits=n, n_layers=layers)
    assert str(free.substitute(n_qubits=4)).splitlines()[3] == "    Total: 15*n_layers + 4"
    assert free.simplify() == free


def test_size_does_not_matter() -> None:
    n, layers = 10**9, 10**6
    assert totals(hybrid_ansatz, n_qubits=n, n_layers=layers).total == n + layers * (4 * n - 1)
    assert totals(qft, n=n).total == n * (n + 1) // 2 + n // 2


def test_textbook_counts() -> None:
    assert str(totals(qft).total) == "n*(n + 1)/2 + floor(n/2)"
    assert str(totals(ghz).total) == "n + 1"
    assert str(totals(qaoa).two_qubit) == "p*|edges|"
    assert str(totals(qaoa).rotation_gates) == "p*(n + |edges|)"
    assert str(totals(phase_estimation).by_name["ch"]) == "2*2**n - 2"
    # Cuccaro et al.: 2n Toffolis and 4n + 1 CNOTs in the plain form.
    assert totals(adder, n=64).toffoli == 128
    assert totals(adder, n=64).by_name["cx"] == 257
    assert str(totals(adder).toffoli) == "2*Max(0, n - 1) + 2"  # it is for n >= 1
    # Gidney: n - 1 ANDs, undone by measurements.
    assert str(totals(gidney_adder).toffoli) == "Max(0, n - 1)"
    assert gidney_adder.estimate_resources().substitute(n=64, x=1, y=2).gates.toffoli == 63
    terms = qko.Z(0) * qko.Z(1) + qko.X(0) + qko.X(1)
    assert totals(trotter, n=2, steps=10, hamiltonian=terms).by_name == {"rzz": 10, "rx": 20, "crzz": 10, "crx": 20}


def test_classes_are_those_of_the_text() -> None:
    found = totals(constants)
    assert (found.clifford_gates, found.t_gates, found.rotation_gates) == (2, 2, 5)
    # An argument is no constant of the text, whatever it is bound to.
    assert totals(constants, angle=0.0).rotation_gates == 5


def test_unbound_observables_are_symbols() -> None:
    free = trotter.estimate_resources()
    assert str(free.gates.total) == "steps*(2*|hamiltonian| + |hamiltonian|_0)"
    assert list(free.parameters) == ["n", "steps", "hamiltonian"]
    assert free.substitute(n=2, steps=3, hamiltonian=ISING) == trotter.estimate_resources(n=2, steps=3, hamiltonian=ISING)


def test_lengths() -> None:
    free = qaoa.estimate_resources()
    assert free.substitute(n=5, p=2, edges=7).gates.total == 5 + 2 * (7 + 5)
    edges = {(k, k + 1): 1.0 for k in range(7)}
    assert free.substitute(n=5, p=2, edges=edges).gates.total == 29
    sized = registers.estimate_resources().substitute(n=2, sizes=2)
    assert list(sized.parameters) == ["sizes"]  # the length is known, what is in it is not
    assert sized.substitute(sizes=[3, 1]).gates.by_name["x"] == 4


def test_no_bound_name_leaks() -> None:
    for kernel in SIZES:
        if kernel in (recursive, recurrent, recurrent_calls):
            continue
        arguments = {parameter.name for parameter in kernel.ir.entry.parameters}
        assert set(kernel.estimate_resources().parameters) <= arguments
        assert "#" not in str(kernel.estimate_resources())


def test_sums_and_products_that_loops_carry_have_closed_forms() -> None:
    free = carried.estimate_resources()
    assert str(free.gates.by_name["x"]) == "n*(2*n**2 + 3*n + 1)/6"


def test_recurrences_without_a_closed_form_need_values() -> None:
    fibonacci = [0, 1]
    for _ in range(50):
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    bound = recurrent.estimate_resources(n=40)
    assert bound.gates.by_name == {"z": sum(fibonacci[1:41]), "h": 40**2 + fibonacci[41]}
    assert bound.quality["total"] == EstimateQuality.EXACT
    for kernel, name in ((recurrent, "second"), (recurrent_calls, "width")):
        free = kernel.estimate_resources()
        with pytest.raises(EntrypointValidationError, match=f"what `{name}` holds") as refused:
            str(free.gates.total)
        assert "`estimate_resources(n=...)`" in str(refused.value)
        assert free.quality["total"] == EstimateQuality.UNKNOWN
        assert free.substitute(n=5).gates == kernel.estimate_resources(n=5).gates


def test_counts_beside_a_recurrence_keep_their_closed_forms() -> None:
    free = beside_recurrence.estimate_resources()
    assert str(free.qubits) == "n + 2"
    assert {name: str(free.gates.by_name[name]) for name in ("h", "s", "cx")} == {"h": "3*n", "s": "2*n", "cx": "n"}
    assert free.quality["two_qubit"] == EstimateQuality.EXACT
    assert free.quality["t_gates"] == EstimateQuality.UNKNOWN
    assert "    Two-qubit: n\n" in str(free)
    assert json.loads(free.to_json())["gates"]["t_gates"] == "unknown"
    for n in range(5):
        beside_recurrence.verify_resources(n=n)


def test_run_time_branches_are_upper_bounds() -> None:
    free = measured.estimate_resources()
    assert free.quality["total"] == EstimateQuality.UPPER_BOUND
    assert free.quality["qubits"] == EstimateQuality.EXACT
    assert free.gates.by_name["sx"] == free.substitute().gates.by_name["sx"]
    assert str(free.gates.by_name["sx"]) == "rounds"
    assert free.substitute(n=1, rounds=3).gates.by_name["sx"] == 3
    assert free.quality["measurements"] == EstimateQuality.EXPECTED


def test_recursion_needs_its_values() -> None:
    with pytest.raises(EntrypointValidationError, match="calls itself"):
        recursive.estimate_resources()
    assert totals(recursive, n=1).total == 1


def test_defaults_and_parameters() -> None:
    assert "flag" not in branches.estimate_resources().parameters
    assert "flag" in estimate(branches.ir, parameters=["flag"]).parameters


def test_errors_name_the_argument() -> None:
    with pytest.raises(UnknownBindingError, match="did you mean `n_layers`"):
        hybrid_ansatz.estimate_resources(bindings={"n_layer": 2})
    with pytest.raises(UnknownBindingError, match="did you mean `n_qubits`"):
        hybrid_ansatz.estimate_resources().substitute(n_qubit=2)
    with pytest.raises(ValidationError, match="`n`"):
        qft.estimate_resources(bindings={"n": 2.5})
    with pytest.raises(SizeError):
        qft.estimate_resources(bindings={"n": -2})
    with pytest.raises(TypeError, match="substitute"):
        int(qft.estimate_resources().gates.total)


def test_negative_arguments() -> None:
    assert loops.estimate_resources().substitute(n=3, m=-2) == loops.estimate_resources(n=3, m=-2)
    verify(loops.ir, {"n": 3, "m": -2})


def test_calls_by_name_and_tree() -> None:
    free = phase_estimation.estimate_resources()
    assert {name: str(count) for name, count in free.calls.calls_by_name.items()} == {"rotate": "2**n - 1", "qft_of": "1"}
    tree = phase_estimation.estimate_resources(n=3).by_call()
    assert [(child.name, child.calls, child.gates.total) for child in tree.children] == [("rotate", 7, 21), ("qft_of", 1, 7)]
    assert tree.gates.total == 3 + 21 + 7
    assert str(tree).splitlines()[1] == "├─ rotate x 7: 21 gates"
    assert free.substitute(n=3).by_call().gates == tree.gates


def test_calls_as_a_flame_graph() -> None:
    tree = phase_estimation.estimate_resources(n=3).by_call()
    drawn = ElementTree.fromstring(tree.flame())
    bars = [group for group in drawn.findall(".//{*}g") if group.get("class") == "call"]
    told = {bar.findtext("{*}title"): float(bar.find("{*}rect").get("width")) + 1 for bar in bars}
    assert {title: round(width / 692 * 31, 1) for title, width in told.items()} == {
        "phase_estimation: 31": 31,
        "rotate: 21 in 7 calls": 21,
        "qft_of: 7": 7,
    }
    assert len(ElementTree.fromstring(tree.flame("t_gates")).findall(".//{*}g")) == 2  # no calls have any
    with pytest.raises(EntrypointValidationError, match=r"`total` of `phase_estimation` is .*2\*\*n"):
        phase_estimation.estimate_resources().by_call().flame()
    with pytest.raises(ValidationError, match="`depth`"):
        tree.flame("depth")


def oracle_module() -> Module:
    oracle = Function("guess", (Parameter("q", QUBIT),), (), (Place("q"),), kind="oracle", label="guess")
    body = For(("k",), Range(ZERO, Name("n", UINT), ONE), (Gate("h", (Place("q"),)), Call("guess", (Place("q"),), (None,))))
    return Module((Function("search", (Parameter("n", UINT),), (Alloc("q"), body)), oracle))


def test_oracles_are_counted() -> None:
    found = estimate(oracle_module())
    assert {name: str(count) for name, count in found.calls.oracle_calls.items()} == {"guess": "n"}
    assert str(found.gates.total) == "n"
    assert "Calls of guess: n" in str(found)
    with pytest.raises(EntrypointValidationError, match="guess"):
        estimate(oracle_module(), unknown=UnknownResourcePolicy.REFUSE)


def test_a_kernel_that_takes_qubits() -> None:
    q = whole("q")
    module = Module((Function("layer", (Parameter("q", q.length.base.type),), (Gate("h", (q,)),), (q,)),))  # type: ignore[union-attr]
    found = estimate(module)
    assert str(found.qubits) == "|q|" == str(found.gates.total)
    assert found.substitute(q=5).qubits == 5
    assert estimate(module, {"q": 5}).gates.total == 5


def test_dictionary_and_json() -> None:
    written = json.loads(hybrid_ansatz.estimate_resources().to_json())
    assert written["gates"]["two_qubit"] == "n_layers*Max(0, n_qubits - 1)"
    assert written["parameters"] == ["n_qubits", "n_layers"]
    assert written["quality"]["total"] == "exact"
    assert hybrid_ansatz.estimate_resources(n_qubits=4, n_layers=2).to_dict()["gates"]["total"] == 34


def test_other_ways_to_ask() -> None:
    expected = qft.estimate_resources(n=3)
    assert estimate_resources(qft, {"n": 3}) == expected
    assert ResourceEstimator().estimate(qft, {"n": 3}) == expected
    assert expected != qft.estimate_resources(n=4)


def test_sympy_agrees_and_is_not_imported() -> None:
    import sympy

    total = loops.estimate_resources().gates.total
    n, m = (sympy.Symbol(name, integer=True, nonnegative=True) for name in "nm")
    written = sympy.sympify(total)
    for values in ((0, 0), (3, 2), (6, 5)):
        bound = totals(loops, n=values[0], m=values[1]).total
        assert written.subs({n: values[0], m: values[1]}).doit() == bound
    code = "import sys, qkernel.estimate; sys.exit('sympy' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_depths() -> None:
    bound = hybrid_ansatz.estimate_resources(n_qubits=4, n_layers=2)
    assert (bound.depth, bound.quality["depth"]) == (12, EstimateQuality.EXACT)
    assert constants.estimate_resources().t_depth == 2
    walked, pairs = qaoa.estimate_resources(n=4, p=2, edges={(0, 1): 1.0, (1, 2): 1.0}), qaoa.estimate_resources()
    assert (walked.depth, walked.quality["depth"]) == (7, EstimateQuality.EXACT)
    assert (str(pairs.depth), pairs.quality["depth"]) == ("p*(|edges| + 1) + 1", EstimateQuality.UPPER_BOUND)


@pytest.mark.parametrize(
    "kernel", [hybrid_ansatz, ghz, qft, phase_estimation, qaoa, trotter, modified, adder], ids=lambda kernel: kernel.name
)
def test_depth_bounds_hold(kernel: Any) -> None:
    free = kernel.estimate_resources()
    for sizes in SIZES[kernel]:
        exact = kernel.estimate_resources(bindings=sizes)
        for name in ("depth", "t_depth", "two_qubit_depth"):
            bound = estimate_of(getattr(free, name), exact, sizes)
            assert getattr(exact, name) <= bound
        assert exact.depths.exact


def estimate_of(form: Any, exact: Any, sizes: dict[str, Any]) -> int:
    from qkernel.estimate.quantity import quantity
    from qkernel.estimate.substitution import substitute

    return int(substitute(quantity(form), {name: exact.origin.values[name] for name in sizes}))


@qk.qkernel
def every(q: qk.Vector[qk.Qubit], step: qk.UInt) -> qk.Vector[qk.Qubit]:
    for i in qk.range(0, q.shape[0], step + 1):
        q[i] = qk.h(q[i])
    return q


@qk.qkernel
def stepped(n: qk.UInt, k: qk.UInt) -> qk.Vector[qk.Bit]:
    q = every(qk.qubit_array(n), 2)
    return qk.measure(every(q, k))


@qk.qkernel
def strided(n: qk.UInt, step: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q = stride(q, step)
    return qk.measure(q)


@qk.qkernel
def stride(q: qk.Vector[qk.Qubit], step: qk.UInt) -> qk.Vector[qk.Qubit]:
    for i in qk.range(0, q.shape[0], step):
        q[i] = qk.h(q[i])
    return q


@pytest.mark.parametrize("n", [0, 1, 5, 6])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_a_callees_step_may_be_an_argument(n: int, k: int) -> None:
    counted = len(range(0, n, 3)) + len(range(0, n, k + 1))
    assert estimate_resources(stepped).substitute(n=n, k=k).gates.total == counted
    assert estimate_resources(stepped, {"n": n, "k": k}).gates.total == counted
    verify(stepped.ir, {"n": n, "k": k})


def test_a_step_of_zero_is_refused_where_it_is_put_in() -> None:
    assert estimate_resources(strided).substitute(n=7, step=3).gates.total == 3
    with pytest.raises(SizeError):
        estimate_resources(strided).substitute(n=7, step=0)
    with pytest.raises(SizeError):
        estimate_resources(strided, {"n": 7, "step": 0})


@qk.qkernel
def unsolved(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(1)
    for i in qk.range(n):
        x = 1
        for j in qk.range(i):
            x = (x * x + j) % 7
            for _ in qk.range(x):
                q[0] = qk.h(q[0])
    return qk.measure(q)


def test_no_estimate_is_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "MOST_WORK", 200_000)
    few = estimate_resources(unsolved, {"n": 9}).gates.total
    with pytest.raises(SizeError, match="grow too large"):
        estimate_resources(unsolved, {"n": 100_000})  # 5 * 10**9 steps
    assert estimate_resources(unsolved, {"n": 9}).gates.total == few  # the bound is one of each call


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import qkernel.estimate.leaves as leaves

    kind_of = leaves.kind_of
    monkeypatch.setattr(leaves, "kind_of", lambda name, constant="": kind_of("cz" if name == "cx" else name, constant))
    with pytest.raises(EstimateMismatchError, match="cx: "):
        verify(ghz.ir, {"n": 3})


def test_target_counts_are_compared() -> None:
    def emitted(count: int) -> Any:
        circuit = qiskit.QuantumCircuit(4, 4)
        circuit.h(0)
        circuit.cx(range(count), range(1, count + 1))
        circuit.measure(range(4), range(4))
        return circuit

    verify(ghz.ir, {"n": 3}, lambda circuit: emitted(3))
    with pytest.raises(EstimateMismatchError, match=r"cx: 3 in the lowered circuit, 2 in the target's circuit"):
        verify(ghz.ir, {"n": 3}, lambda circuit: emitted(2))


@qk.qkernel
def beyond(n: qk.UInt, m: qk.UInt, rounds: qk.UInt) -> qk.Bit:
    """A loop that runs in no round of the one around it, over a slice whose bounds have no value for small m."""
    q = qk.qubit_array(n)
    for i in qk.range(rounds):
        for _ in qk.range(3 + i, 2):
            q[0 : m - 3] = qk.h(q[0 : m - 3])
            for _ in qk.range(6 // m):
                q[0] = qk.x(q[0])
    return qk.measure(q)[0]


@pytest.mark.parametrize("values", [{"n": 4, "m": 0, "rounds": 1}, {"m": 2, "rounds": 5}, {"m": 2}, {"n": 4, "m": 0}, {}])
def test_what_never_runs_needs_no_values(values: dict[str, int]) -> None:
    estimate = beyond.estimate_resources(values)
    assert (str(estimate.qubits), estimate.gates.total) == (str(values.get("n", "n")), 0)


@qk.qkernel
def late(m: qk.UInt, rounds: qk.UInt) -> qk.Bit:
    """A loop that runs from the fourth round on, over a slice whose bounds have no value for small m."""
    q = qk.qubit_array(4)
    for i in qk.range(rounds):
        for _ in qk.range(3, i * i + m):
            q[0 : m - 3] = qk.h(q[0 : m - 3])
    return qk.measure(q)[0]


def test_what_does_not_run_for_these_values_needs_none() -> None:
    assert late.estimate_resources({"m": 2, "rounds": 2}).gates.total == 0
    for tool in (late.estimate_resources, late.compile):
        with pytest.raises(QubitIndexResolutionError, match="computed as -1"):
            tool({"m": 2, "rounds": 3})


@qk.qkernel
def one_angle_each(n: qk.UInt, v: qk.Vector[qk.Float], rounds: qk.UInt) -> qk.Bit:
    q = qk.qubit_array(n)
    for _ in qk.range(rounds):
        q = qk.rx(q, v)
    return qk.measure(q)[0]


@pytest.mark.parametrize("given", [2, 4])
def test_angles_that_fit_no_register_are_not_counted(given: int) -> None:
    values = {"n": 3, "v": [0.5] * given, "rounds": 2}
    for tool in (one_angle_each.estimate_resources, one_angle_each.compile):
        with pytest.raises(BindingShapeError, match=f"{given} angles for 3 qubits"):
            tool(values)
    assert one_angle_each.estimate_resources({**values, "rounds": 0}).gates.total == 0
    assert one_angle_each.estimate_resources({**values, "v": [0.5] * 3}).gates.total == 6
    assert str(one_angle_each.estimate_resources({"v": [0.5] * given}).gates.total) == "n*rounds"


def test_a_recursion_that_needs_values_is_read_again_with_them() -> None:
    @qk.qkernel
    def halved(q: qk.Vector[qk.Qubit], depth: qk.UInt) -> qk.Vector[qk.Qubit]:
        if depth > 0:
            if len(q) >= 2:
                q = qk.h(q)
            q = halved(q, depth - 1)
        return q

    @qk.qkernel
    def main(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(halved(qk.qubit_array(n), 2))

    assert [main.estimate_resources(n=n).gates.total for n in (1, 3)] == [0, 6]
    main.verify_resources(n=3)
