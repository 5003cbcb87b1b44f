"""What must hold of every program, and the checks that it does."""

from __future__ import annotations

import linecache
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from random import Random
from typing import Any

import numpy as np

import qkernel as qk
from qkernel import optimize
from qkernel.engine import load_engine
from qkernel.estimate import estimate
from qkernel.estimate.effort import TooMuchWork
from qkernel.estimate.forms import is_nonnegative
from qkernel.estimate.quantity import quantity
from qkernel.executable import Executable
from qkernel.execution import gradient
from qkernel.kernel import from_module
from qkernel.lower.circuit import Assign, Branch, Circuit, Repeat, Run
from qkernel.tallies import Tally
from qkernel.verification import verify
from qkernel_backends.deferral import deferred_if_small
from tests.shifts import shift_vjp
from tests.strategies import eager, openqasm, rewrites
from tests.strategies.drawn_lines import loose_ends
from tests.strategies.programs import Program, values

CLOSE = 1e-8
SHOTS = 600
OPEN = ("a", "b", "v")
_OPEN_RENAMED = [name(given) for name in (rewrites.other_name, rewrites.colliding_name) for given in OPEN]
FIELDS = ("total", "single_qubit", "two_qubit", "multi_qubit", "t_gates", "clifford_gates", "rotation_gates", "toffoli")
UNREAD = (qk.errors.QubitIndexResolutionError, qk.errors.ArithmeticEvaluationError)
"""What lowering, which reads every branch, rightly says of one that no bits lead plain Python into."""

_numbers = count()


class Mismatch(AssertionError):
    """Two readings of a program disagree."""


def load(source: str) -> dict[str, Any]:
    """The names that a program's script defines, with its text where carets find it."""
    file = f"<program {next(_numbers)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, file, "exec", dont_inherit=True), names)
    return names


@dataclass
class Case:
    """A program, read and compiled once for all properties."""

    program: Program

    @cached_property
    def names(self) -> dict[str, Any]:
        return load(self.program.script)

    @property
    def main(self) -> Any:
        return self.names[self.program.entry]

    @cached_property
    def executable(self) -> Executable:
        return compiled(self.main, self.program)

    @property
    def circuit(self) -> Circuit:
        return self.executable.circuit

    @cached_property
    def theta(self) -> Any:
        bound = {column: k for k, column in enumerate(self.executable.parameter_names)}
        row = np.zeros((1, len(bound)))
        for name, k in bound.items():
            stem, _, rest = name.partition("[")
            value = self.program.values[stem]
            row[0, k] = value[int(rest[:-1])] if rest else value
        return row

    @cached_property
    def world(self) -> tuple[Any, eager.World]:
        return eager.execute(eager.load(self.program.source, self.program.entry), self.program.values)

    @cached_property
    def histories(self) -> list[tuple[Any, float]]:
        return list(eager.histories(eager.load(self.program.source, self.program.entry), self.program.values))

    @property
    def sizes(self) -> dict[str, Any]:
        """What shapes the program: all but its Floats."""
        opened = _open(self.program)
        return {name: value for name, value in self.program.values.items() if name not in opened}

    @cached_property
    def estimate(self) -> Any:
        """The estimate at the program's sizes."""
        lengths = {
            name: self.program.values[name] for name in _open(self.program) if isinstance(self.program.values[name], list)
        }
        return self.main.estimate_resources(bindings={**self.sizes, **lengths})

    @property
    def inputs(self) -> dict[str, Any]:
        return {name: self.program.values[name] for name in _open(self.program)}


def _open(program: Program) -> tuple[str, ...]:
    return tuple(name for name in program.values if name in OPEN or name in _OPEN_RENAMED)


def compiled(kernel: Any, program: Program) -> Executable:
    """`kernel` with its Floats open and everything else bound."""
    opened = _open(program)
    fixed = {name: value for name, value in program.values.items() if name not in opened}
    lengths = {name: (len(value),) for name, value in program.values.items() if name in opened and isinstance(value, list)}
    return kernel.compile(fixed, opened, lengths=lengths)


def same(what: str, found: Any, expected: Any, tolerance: float = CLOSE) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not np.allclose(found, expected, atol=tolerance, rtol=tolerance):
        raise Mismatch(f"{what}:\n  found    {found}\n  expected {expected}")


# unitary programs ---------------------------------------------------------------------------------------------------------


def state(case: Case) -> None:
    """Native = reference = torch = plain Python, global phase included."""
    expected = case.world[1].state
    for name in ("native", "reference", "torch"):
        same(f"state on {name}", load_engine(name).prepare(case.circuit).state(case.theta)[0], expected)
    same("expectation", case.executable.run(bindings=case.inputs), case.world[0])


def qiskit_state(case: Case) -> None:
    """The circuit for Qiskit, bound there."""
    from qiskit.quantum_info import Statevector
    from scipy.sparse import SparseEfficiencyWarning

    from qkernel_backends.qiskit.emission import emit

    try:
        circuit = emit(case.circuit)
    except qk.errors.TargetCapabilityError:  # a minimum of angles, say
        circuit = emit(case.circuit, case.theta[0])
    bound = circuit.assign_parameters(
        {parameter: case.theta[0][case.executable.parameter_names.index(parameter.name)] for parameter in circuit.parameters}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SparseEfficiencyWarning)  # Qiskit's evolution gate says that it could be faster
        found = Statevector(bound).data
    same("state in Qiskit", found, case.world[1].state)


def openqasm_state(case: Case) -> None:
    """The OpenQASM text, read back by Qiskit, global phase included."""
    same("state of the OpenQASM text", openqasm.state(case.circuit, case.theta[0]), case.world[1].state)


def structured_openqasm_state(case: Case) -> None:
    """The OpenQASM text with loops and calls, read back by ourselves, global phase included."""
    numbers = {name: value for name, value in case.inputs.items() if not isinstance(value, list)}
    others = {name: value for name, value in case.program.values.items() if name not in numbers}
    read_back = openqasm.structured(case.main, others, numbers)
    if read_back is not None:
        kernel, given = read_back
        found, expected = kernel.statevector(**given), case.world[1].state
        most = max(len(found), len(expected))  # one may have more qubits, which are clean
        same("state of the structured OpenQASM text", *(np.pad(state, (0, most - len(state))) for state in (found, expected)))


def inverse(case: Case) -> None:
    """`inverse(k)` after `k` is the identity."""
    program = replace(case.program, entry="undone")
    function = eager.load(program.source.replace("q = k(", "pass #").replace("q = qk.inverse(k)(", "pass #"), "undone")
    start = eager.execute(function, program.values)[1].state
    circuit = compiled(case.names["undone"], program).circuit
    found = load_engine("native").prepare(circuit).state(case.theta)[0]
    same("k and its inverse", found, np.concatenate([start, np.zeros(len(found) - len(start))]))


def control(case: Case) -> None:
    """`control(k)` is diag(1, U)."""
    program = replace(case.program, entry="controlled")
    circuit = compiled(case.names["controlled"], program).circuit
    found = load_engine("native").prepare(circuit).state(case.theta)[0].reshape(-1, 2)
    off = eager.execute(eager.load(program.source.replace("c, q = qk.control(k)(", "pass #"), "controlled"), program.values)[
        1
    ].state
    on = eager.execute(
        eager.load(program.source.replace("c, q = qk.control(k)(c, q", "q = k(q"), "controlled"), program.values
    )[1].state
    same("control 0", found[:, 0], np.concatenate([off, np.zeros(2 * len(found) - len(off))]).reshape(-1, 2)[:, 0])
    same("control 1", found[:, 1], on.reshape(-1, 2)[:, 1])


def optimized(case: Case) -> None:
    """After all passes: the same distribution or state, also inverted and controlled, and no more gates.

    Every other program has its calls opened first.
    """
    program, known = case.program, {**case.sizes, "v": case.program.values["v"]}
    passes = (optimize.inline, *optimize.DEFAULT) if len(program.source) % 2 else optimize.DEFAULT
    before, better = case.main.ir, case.main.optimized(*passes)
    if qk.parse(str(better.ir)) != better.ir:
        raise Mismatch(f"the text of an optimised program reads back otherwise:\n{better.ir}")
    verify(better.ir, known)
    gates, fewer = (estimate(module, known).gates for module in (before, better.ir))
    for names in (("total",), ("two_qubit", "multi_qubit"), ("multi_qubit",)):  # of rotations that add up some are T gates
        most, left = (sum((quantity(getattr(each, name)) for name in names), quantity(0)) for each in (gates, fewer))
        if not is_nonnegative(most - left):
            raise Mismatch(f"{' and '.join(names)} after all passes: {left} of {most}\n{better.ir}")
    if program.measures:
        changed = Case(program)
        changed.executable = compiled(better, program)
        (exact if is_exact(case) else _on("native"))(changed)
        return
    for entry in {program.entry, "undone", "controlled"} & case.names.keys():
        kernel, chosen = case.names[entry], replace(program, entry=entry)
        expected = _state(compiled(kernel, chosen), case.inputs)
        try:
            same(
                f"state of `{entry}` after all passes",
                _state(compiled(kernel.optimized(*passes), chosen), case.inputs),
                expected,
            )
        except Mismatch as error:
            raise Mismatch(f"{error}\n{kernel.optimized(*passes).ir}") from None


def _state(executable: Executable, inputs: dict[str, Any]) -> Any:
    """The amplitudes of the qubits that are not clean ancillas."""
    return executable.statevector(bindings=inputs)


def counts(case: Case) -> None:
    """Closed form = bound estimate = lowered circuit = what plain Python did."""
    program, main = case.program, case.main
    other = replace(program, values={**values(Random(program.seed + 1)), "a": program.values["a"], "b": program.values["b"]})
    for chosen in (program, other) if not program.measures else (program,):
        sizes = {name: value for name, value in chosen.values.items() if name not in OPEN}
        if chosen is other:
            try:
                world = eager.execute(eager.load(chosen.source, chosen.entry), chosen.values)[1]
            except (eager.Invalid, eager.TooLarge):
                continue
        elif not program.measures:
            world = case.world[1]
        sizes["v"] = chosen.values["v"]
        verify(main.ir, sizes)
        bound = main.estimate_resources(bindings=sizes) if chosen is other else case.estimate
        if not program.measures:
            _compare_counts("bound estimate", bound, _gate_counts(world))
        try:
            substituted = main.estimate_resources().substitute(**sizes)
        except (qk.errors.EntrypointValidationError, TooMuchWork):
            continue
        for name in FIELDS:
            _equal(f"closed form of {name} at {sizes}", getattr(substituted.gates, name), getattr(bound.gates, name))
        for name in ("qubits", "measurements", "resets"):
            _equal(f"closed form of {name} at {sizes}", getattr(substituted, name), getattr(bound, name))


def _gate_counts(world: eager.World) -> dict[str, int]:
    widths = world.gates
    return {
        "total": len(widths),
        "single_qubit": widths.count(1),
        "two_qubit": widths.count(2),
        "multi_qubit": sum(width > 2 for width in widths),
    }


def _compare_counts(what: str, estimate: Any, expected: dict[str, int]) -> None:
    for name, number in expected.items():
        _equal(f"{what}: {name}", getattr(estimate.gates, name), number)


def _equal(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Mismatch(f"{what}: {found}, not {expected}")


def text(case: Case) -> None:
    """The text form reads back equal, and lowers to the same circuit."""
    module = case.main.ir
    again = qk.parse(str(module))
    if again != module or str(again) != str(module):
        raise Mismatch(f"the text reads back otherwise:\n{module}\n----\n{again}")
    if compiled(from_module(again), case.program).circuit != case.circuit:
        raise Mismatch("the circuit of the text is another")


def oracles(case: Case) -> None:
    """With an oracle in place of a kernel: as many calls as plain Python makes, in closed form too; text and drawings."""
    program = rewrites.asking(case.program)
    main = load(program.script)[program.entry]
    known = {name: value for name, value in program.values.items() if name not in ("a", "b")}
    bound = main.estimate_resources(bindings=known)
    if not program.measures:
        world = eager.execute(eager.load(program.source, program.entry), program.values)[1]
        _equal("calls of the oracle", bound.calls.oracle_calls.get("asked", 0), world.asked)
        _compare_counts("beside the oracle", bound, _gate_counts(world))
    if qk.parse(str(main.ir)) != main.ir:
        raise Mismatch("the text of a program with an oracle reads back otherwise")
    for options in ({}, {"inline": True}, {"fold_loops": False, "inline": True, **case.sizes}):
        if found := loose_ends(main.draw(output="text", width=120, max_gates=100_000, **options)):
            raise Mismatch(f"a line of a drawing ends in nothing: {found[0]}")
    try:
        closed = main.estimate_resources().substitute(**known)
    except (qk.errors.EntrypointValidationError, TooMuchWork):
        return
    _equal("closed form of the calls", closed.calls.oracle_calls.get("asked", 0), bound.calls.oracle_calls.get("asked", 0))
    _equal("closed form beside the oracle", closed.gates.total, bound.gates.total)


def gradients(case: Case) -> None:
    """Adjoint = PyTorch's = parameter shift = finite differences."""
    circuit, theta = case.circuit, case.theta
    if not circuit.expectations or not theta.size:
        return
    if not circuit.is_unitary and deferred_if_small(circuit) is None:  # a gradient for each history: too long
        return
    prepared = load_engine("native").prepare(circuit)
    step = 1e-4
    moved = np.repeat(theta, 4 * theta.size, axis=0)
    for k in range(theta.size):
        moved[4 * k : 4 * k + 4, k] += np.array([2, 1, -1, -2]) * step
    rows = prepared.expect(moved)[:, 0].reshape(-1, 4)
    middle = prepared.expect(theta)[0, 0]
    smooth = np.abs((rows[:, 1] - middle) + (rows[:, 2] - middle)) < 1e-5
    slopes = (-rows[:, 0] + 8 * rows[:, 1] - 8 * rows[:, 2] + rows[:, 3]) / (12 * step)
    adjoint = prepared.expect_vjp(theta, np.ones((1, 1)))[1][0]
    open_circuit = load_engine("native").prepare(gradient.open_slots(circuit))
    shifted = shift_vjp(open_circuit, circuit, theta, np.ones((1, 1)))[1][0]
    same("adjoint and parameter shift", adjoint, shifted)
    same("adjoint and PyTorch", adjoint, load_engine("torch").prepare(circuit).expect_vjp(theta, np.ones((1, 1)))[1][0])
    same("adjoint and differences", adjoint[smooth], slopes[smooth], 2e-5)


def batch(case: Case) -> None:
    """Rows of a batch are single runs."""
    program = case.program
    rows = [
        program.values,
        *(values(Random(program.seed + k), len(program.values["v"]) - 1, len(program.values["v"]) - 1) for k in (1, 2)),
    ]
    inputs = {name: np.array([row[name] for row in rows]) for name in OPEN}
    inputs["b"] = program.values["b"]
    found = case.executable.run(bindings=inputs)
    for k, row in enumerate(rows):
        single = case.executable.run(bindings={"a": row["a"], "b": inputs["b"], "v": row["v"]})
        same(f"row {k}", np.asarray(found)[k], single, 1e-10)


def no_samples(case: Case) -> None:
    """A batch of no samples has the shapes of any batch, on every engine, exactly and with shots, derivatives too."""
    program, count = case.program, len(case.program.values["v"])
    one = {"a": np.array([program.values["a"]]), "b": program.values["b"], "v": np.array([program.values["v"]])}
    none = {"a": np.zeros(0), "b": program.values["b"], "v": np.zeros((0, count))}
    wanted = np.shape(case.executable.run(bindings=one))[1:]
    slopes = {name: np.shape(part)[1:] for name, part in case.executable.jacobian(bindings=one).items()}
    for options in ({"engine": engine} for engine in ("native", "reference", "torch", "qiskit")):
        for more in ({}, {"shots": 5}):
            found = np.shape(case.executable.run(bindings=none, **options, **more))
            if found != (0, *wanted):
                raise Mismatch(f"no samples give {found}, one sample {wanted} with {options | more}")
            jacobian = case.executable.jacobian(bindings=none, **options, **more)
            if {name: np.shape(part) for name, part in jacobian.items()} != {name: (0, *rest) for name, rest in slopes.items()}:
                raise Mismatch(f"derivatives of no samples have other shapes than those of one with {options | more}")


def draw(case: Case) -> None:
    """Drawings in text never raise, and each of their lines goes on where it points."""
    main, bound = case.main, {name: value for name, value in case.program.values.items() if name not in OPEN}
    for options in (
        {},
        {"inline": True},
        {"fold_loops": False, "inline": True, **bound},
        {"lowered": True, **case.program.values},
    ):
        drawn = main.draw(output="text", width=120, max_gates=100_000, **options)
        if not drawn.strip():
            raise Mismatch("an empty drawing")
        if found := loose_ends(drawn):
            raise Mismatch(f"a line of a drawing ends in nothing: {found[0]}")


def _rewritten(rewrite: Callable[[Program], Program]) -> Callable[[Case], None]:
    def check(case: Case) -> None:
        other = Case(rewrite(case.program))
        if other.program.source == rewrites.tidied(case.program).source:
            return
        if _plain(case.circuit) != _plain(other.circuit):
            raise Mismatch(f"another circuit after the rewriting\n{other.program.source}")
        # A constant that is no longer a loop variable or an argument may make a Clifford gate of a rotation.
        for name in FIELDS if rewrite in (rewrites.renamed, rewrites.collided, rewrites.split) else FIELDS[:4]:
            _equal(f"{name} after the rewriting", getattr(other.estimate.gates, name), getattr(case.estimate.gates, name))
        for name in ("qubits", "measurements", "resets"):
            _equal(f"{name} after the rewriting", getattr(other.estimate, name), getattr(case.estimate, name))

    check.__doc__ = rewrite.__doc__
    return check


def collisions(case: Case) -> None:
    """Under names that are taken elsewhere: the same value, gradient, text form and OpenQASM."""
    other = Case(rewrites.collided(rewrites.returning_products(case.program)))
    value = case.world[0] + case.program.values["a"] * case.program.values["b"]
    same("value under taken names", other.executable.run(bindings=other.inputs), value)
    again = compiled(from_module(qk.parse(str(other.main.ir))), other.program)
    same("value of the text under taken names", again.run(bindings=other.inputs), value)
    plain = case.executable.grad(bindings=case.inputs, wrt=["a"])["a"] + case.program.values["b"]
    name = rewrites.colliding_name("a")
    same("gradient under taken names", other.executable.grad(bindings=other.inputs, wrt=[name])[name], plain, 1e-6)
    same("OpenQASM under taken names", openqasm.state(other.circuit, other.theta[0]), case.world[1].state)


def _plain(circuit: Circuit) -> Any:
    """What must stay: not the names of parameters and registers, nor of the ancillas that are promised to be clean."""
    return circuit.num_qubits, circuit.num_bits, _steps(circuit, circuit.body), circuit.expectations, circuit.probabilities


def _steps(circuit: Circuit, body: Any) -> list[Any]:
    """The instructions of a body, in their order, with the conditions that they stand under."""
    found: list[Any] = []
    for part in body:
        match part:
            case Run():
                rows = circuit.instructions(part)
                found += [(replace(row.kind, promise=None), row.qubits, row.slots, row.bits) for row in rows]
            case Branch(condition, then, otherwise):
                found.append((condition, _steps(circuit, then), _steps(circuit, otherwise)))
            case Repeat(condition, inner):
                found.append((condition, _steps(circuit, inner)))
            case Assign(target, value):
                found.append((target, value))
    return found


# measuring programs ---------------------------------------------------------------------------------------------------------


def is_exact(case: Case) -> bool:
    return bool(case.circuit.expectations or case.circuit.probabilities)


def exact(case: Case) -> None:
    """Expectations and probabilities after measurements: native = reference = torch = Qiskit = plain Python."""
    if not is_exact(case):
        return
    expected = sum(np.asarray(value) * chance for value, chance in case.histories)
    for engine in ("native", "reference", "torch", "qiskit"):
        try:
            found = case.executable.run(engine=engine, bindings=case.inputs)
        except qk.errors.ShotsError:  # Qiskit is given a fresh qubit for each measurement, and few of them
            if engine != "qiskit":
                raise
            continue
        same(f"exact value on {engine}", found, expected, 1e-7)


def _sampled(what: str, draw: Callable[[Case, int, int], Any]) -> Callable[[Case], None]:
    """The check of samples that `draw` gives for a program, a number of shots and a seed; None where it has none."""

    def check(case: Case) -> None:
        if is_exact(case):
            return
        expected: dict[Any, float] = {}
        for value, chance in case.histories:
            key = _value(value)
            expected[key] = expected.get(key, 0.0) + chance
        for attempt, least in enumerate((1e-5, 1e-5)):
            result = draw(case, SHOTS * (1 + 9 * attempt), case.program.seed + attempt)
            if result is None:
                return
            found = {_rounded(value): number for value, number in result.results}
            chance = likelihood(found, expected, result.shots)
            if chance > least:
                return
        raise Mismatch(f"samples {what}, likelihood {chance}:\n  found    {found}\n  expected {expected}")

    check.__doc__ = f"Samples {what} follow the distribution of plain Python."
    return check


def _on(engine: str) -> Callable[[Case], None]:
    return _sampled(
        f"on {engine}",
        lambda case, shots, seed: case.executable.sample(engine=engine, shots=shots, seed=seed, bindings=case.inputs),
    )


def _of_openqasm(case: Case, shots: int, seed: int) -> Any:
    bits = openqasm.bits(case.circuit, case.theta[0], shots, seed)
    return None if bits is None else case.executable._count(case.theta, *Tally.of_shots(bits[None]).distinct(0), len(bits))


def _of_structured_openqasm(case: Case, shots: int, seed: int) -> Any:
    read_back = openqasm.structured(case.main, case.sizes, case.inputs)
    return None if read_back is None else read_back[0].compile(read_back[1]).sample(shots=shots, seed=seed)


def _value(value: Any) -> Any:
    match value:
        case tuple() | eager.Numbers():
            return tuple(_value(entry) for entry in value)
        case float():
            return round(value, 9)
    return int(value)


def _rounded(value: Any) -> Any:
    return tuple(_rounded(entry) for entry in value) if isinstance(value, tuple) else round(value, 9)


def likelihood(found: dict[Any, int], expected: dict[Any, float], shots: int) -> float:
    """The chance of a chi-square as large as this; 0 where something impossible came up."""
    from scipy.stats import chi2

    if any(expected.get(value, 0.0) < 1e-9 for value in found):
        return 0.0
    rows = [(found.get(value, 0), shots * chance) for value, chance in expected.items()]
    large = [row for row in rows if row[1] >= 5]
    small = [row for row in rows if row[1] < 5]
    if small:
        large.append((sum(row[0] for row in small), sum(row[1] for row in small)))
    statistic = sum((number - mean) ** 2 / mean for number, mean in large if mean > 0)
    degrees = len(large) - 1
    if not degrees:
        return 1.0
    if large[-1][1] < 5:  # a rare rest says little by chi-square
        rest, mean = large.pop()
        statistic -= (rest - mean) ** 2 / mean
        if rest > mean + 12 * math.sqrt(mean + 1) + 12:
            return 0.0
    return float(chi2.sf(statistic, max(len(large) - 1, 1)))


Property = Callable[[Case], None]
REWRITTEN: dict[str, Property] = {
    name: _rewritten(getattr(rewrites, name)) for name in ("renamed", "collided", "inlined", "unrolled", "split")
}
UNITARY: dict[str, Property] = {
    "state": state, "qiskit_state": qiskit_state, "openqasm_state": openqasm_state,
    "structured_openqasm_state": structured_openqasm_state, "inverse": inverse, "control": control,
    "optimized": optimized, "counts": counts, "oracles": oracles, "text": text, "collisions": collisions,
    "gradients": gradients, "batch": batch, "no_samples": no_samples, "draw": draw, **REWRITTEN,
}  # fmt: skip
MEASURING: dict[str, Property] = {
    "exact": exact, "gradients": gradients, "native": _on("native"), "reference": _on("reference"),
    "aer": _on("qiskit"), "openqasm": _sampled("of the OpenQASM text", _of_openqasm),
    "structured_openqasm": _sampled("of the structured OpenQASM text", _of_structured_openqasm), "counts": counts,
    "oracles": oracles, "optimized": optimized, "text": text, "draw": draw, **REWRITTEN,
}  # fmt: skip


def properties(program: Program) -> dict[str, Property]:
    """The properties that `program` must have."""
    return MEASURING if program.measures else UNITARY


def is_usable(case: Case) -> bool:
    """Whether plain Python can run the program, and no branch that bits never take leaves a register: lowering reads all."""
    try:
        _ = (case.histories, case.executable) if case.program.measures else case.world
    except (eager.Invalid, eager.TooLarge):
        return False
    except UNREAD:
        if not case.program.measures:
            raise
        return False
    return True
