"""Random kernels, written as users write them, against what must hold of every kernel, in rotation.

Each program meets five of its properties, so that 400 programs make 2,000 pairs. `make fuzz` gives every program every
property. A failure shows the program cut down to what fails, and the command that runs it again.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.strategies import SearchStrategy

import qkernel.observable as qko
from qkernel.errors import MissingAnnotationError
from qkernel.verification import verify
from tests.strategies import eager, rewrites
from tests.strategies.campaign import report, run
from tests.strategies.programs import HEADER, Program, generate, generate_measuring, measuring_programs, programs
from tests.strategies.properties import MEASURING, UNITARY, Case, Mismatch, likelihood, load, state

PAIRS = 2_000
PER_PROGRAM = 5
CHUNKS = 8
turns = {"unitary": 0, "measuring": 0}

# A failing program is cut down by statements, so that hypothesis has only to draw.
drawing = settings(
    max_examples=PAIRS // PER_PROGRAM // CHUNKS // 2,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def check_chunk(kind: str, strategy: SearchStrategy[Program], names: list[str], chunk: int) -> None:
    """Programs of one chunk, each against the next properties in the rotation."""

    @drawing
    @seed(chunk)
    @given(strategy)
    def holds(program: Program) -> None:
        chosen = [names[(turns[kind] + k) % len(names)] for k in range(PER_PROGRAM)]
        failed = run(program, chosen)
        assume(failed is not None)
        turns[kind] += PER_PROGRAM
        for name, error in (failed or {}).items():
            pytest.fail(report(program, name, error), pytrace=False)

    holds()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_unitary_programs(chunk: int) -> None:
    check_chunk("unitary", programs, list(UNITARY), chunk)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_measuring_programs(chunk: int) -> None:
    check_chunk("measuring", measuring_programs, list(MEASURING), chunk)


# what random programs found -------------------------------------------------------------------------------------------


def program(source: str, measures: bool = False, **values: Any) -> Program:
    """A small program that once failed."""
    return Program(0, source, {"n": 3, "a": 0.7, "b": -0.4, "v": [0.2] * 4, **values}, measures=measures)


HEAD = "def main(n: qk.UInt, a: qk.Float, b: qk.Float, v: qk.Vector[qk.Float], observable: qk.Observable) -> "
FOUND = {
    "circuits that branch compared their places in the text": program(
        f"""@qk.qkernel
{HEAD}qk.Bit:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    if bit:
        q, other = qk.project_x(q)
    return qk.measure(q)
""",
        measures=True,
    ),
    "measurements put off under the same condition twice were wrong in Qiskit": program(
        f"""@qk.qkernel
{HEAD}qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(n))
    parity = qk.measure(qk.ry(qk.qubit(), 1.1))
    if parity:
        q[0], bit = qk.project_x(q[0])
        if parity:
            q[1] = qk.rx(q[1], a)
        else:
            q[1] = qk.rz(q[1], b)
    elif parity:
        q[2] = qk.ry(q[2], a)
    else:
        q[0], q[2] = qk.crx(q[0], q[2], b)
    return qk.probabilities(q)
""",
        measures=True,
    ),
    "recursion inside a helper had no estimate": program(
        f"""@qk.qkernel
def f1(q: qk.Vector[qk.Qubit], depth: qk.UInt, a: qk.Float) -> qk.Vector[qk.Qubit]:
    if depth > 0:
        if len(q) >= 1:
            q[len(q) - 1] = qk.rx(q[len(q) - 1], a)
        q = f1(q, depth - 1, a / 2)
    return q


@qk.qkernel
def k(q: qk.Vector[qk.Qubit], n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Qubit]:
    w = q[n // 2 :]
    w = f1(w, 2, a)
    q[n // 2 :] = w
    return q


@qk.qkernel
{HEAD}qk.Float:
    return qk.expval(k(qk.qubit_array(n), n, a), observable)
"""
    ),
    "controls in a view of a symbolic register were refused": program(
        f"""@qk.qkernel
{HEAD}qk.Float:
    q = qk.h(qk.qubit_array(n))
    q[0:2], q[2] = qk.control(qk.ry, 2, control_value=1)(q[0:2], q[2], a)
    return qk.expval(q, observable)
"""
    ),
    "negative powers counted the gate and not its inverse": program(
        f"""@qk.qkernel
{HEAD}qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n - 1):
        q[i], q[n - 1] = qk.control(qk.sx, power=1 - i * 2)(q[i], q[n - 1])
    return qk.expval(q, observable)
"""
    ),
    "a loop of no rounds was counted": program(
        f"""@qk.qkernel
{HEAD}qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(2 - n, 2):
        if i >= 1:
            q[n - 1] = qk.x(q[n - 1])
    return qk.expval(q, observable)
""",
        n=0,
        v=[0.1],
    ),
    "a phase under `power=` was taken once": program(
        f"""@qk.qkernel
{HEAD}qk.Float:
    q = qk.h(qk.qubit_array(n))
    q[0], q[1] = qk.inverse(qk.global_phase(qk.control(qk.s), a))(q[0], q[1], power=3)
    q[0], q[1], q[2] = qk.control(qk.global_phase(qk.control(qk.z), b))(q[0], q[1], q[2], power=3)
    return qk.expval(q, observable)
"""
    ),
    "one name for a value of each branch was taken for one value": program(
        f"""@qk.qkernel
{HEAD}tuple[qk.Bit, qk.Bit]:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    parity = qk.measure(qk.ry(qk.qubit(), 1.1))
    if bit:
        if n > 0:
            q, other = qk.project_x(q)
            parity = parity | other
    else:
        if n > 1:
            q, other = qk.project_y(q)
            parity = parity != other
    return parity, bit
""",
        measures=True,
    ),
    "constants in one branch and not in the other were counted twice by name": program(
        f"""@qk.qkernel
{HEAD}qk.Bit:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    if bit:
        q = qk.rx(q, 3.141592653589793)
    else:
        q = qk.rx(q, a)
    return qk.measure(q)
""",
        measures=True,
    ),
    "a drawing on no qubits failed": program(
        f"""@qk.qkernel
{HEAD}qk.Float:
    return qk.expval(qk.qubit_array(n), observable)
""",
        n=0,
        v=[0.1],
    ),
}


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_what_random_programs_found_stays_mended(found: Program) -> None:
    observable = qko.Hamiltonian(found.values["n"])
    observable.constant = 0.5
    if found.values["n"]:
        observable = observable + qko.X(0) * qko.Y(found.values["n"] - 1) + qko.Z(1)
    names = [name for name in (MEASURING if found.measures else UNITARY) if name not in ("inverse", "control", "batch")]
    complete = Program(0, found.source, {**found.values, "observable": observable}, measures=found.measures)
    failed = run(complete, [name for name in names if name != "counts" or found.measures])
    assert failed == {}
    verify(Case(complete).main.ir, {name: value for name, value in complete.values.items() if name not in ("a", "b")})


@pytest.mark.parametrize("annotation", ["[qk.Qubit]", "qk.Vector[1:]", "{}", "3"])
def test_an_annotation_may_be_anything(annotation: str) -> None:
    source = f"{HEADER}@qk.qkernel\ndef main(x: {annotation}) -> qk.Bit:\n    return qk.measure(x)\n"
    with pytest.raises(MissingAnnotationError, match="cannot stand in a kernel's signature"):
        load(source)


# the generator and the plain reading of its programs --------------------------------------------------------------------


def plain(source: str, **values: Any) -> tuple[Any, eager.World]:
    return eager.execute(eager.load(source, "main"), values)


def test_plain_python_knows_a_bell_state() -> None:
    source = (
        "def main(q):\n    q = qk.qubit_array(2)\n    q[0] = qk.h(q[0])\n    q[0], q[1] = qk.cx(q[0], q[1])\n    return q\n"
    )
    assert np.allclose(plain(source, q=None)[1].state, np.array([1, 0, 0, 1]) / np.sqrt(2))


def test_plain_python_controls_and_inverts_what_it_recorded() -> None:
    source = """
def turn(x, a):
    x = qk.s(qk.h(x))
    return qk.rz(x, a)

def main(a):
    c, x = qk.x(qk.qubit()), qk.qubit()
    c, x = qk.control(turn)(c, x, a)
    c, x = qk.control(qk.inverse(turn), power=2, control_value=0)(c, x, a)
    x = qk.inverse(turn)(x, a)
    return qk.global_phase(qk.id, a)(x)
"""
    assert np.allclose(plain(source, a=0.3)[1].state, [0, np.exp(0.3j), 0, 0])


def test_plain_python_follows_every_history() -> None:
    source = """
def main(a):
    x, y = qk.ry(qk.qubit(), a), qk.qubit()
    x, first = qk.project_z(x)
    if first:
        y = qk.h(y)
    return first, qk.measure(y)
"""
    found: dict[Any, float] = {}
    for (first, second), chance in eager.histories(eager.load(source, "main"), {"a": 1.0}):
        found[int(first), int(second)] = chance
    one = np.sin(0.5) ** 2
    assert found == pytest.approx({(0, 0): 1 - one, (1, 0): one / 2, (1, 1): one / 2})


def test_a_seed_gives_the_same_program_again() -> None:
    assert generate(7) == generate(7)
    assert generate(7).source != generate(8).source


def test_programs_use_the_whole_language() -> None:
    text = "\n".join(source for k in range(300) for source in (generate(k).source, generate_measuring(k).source))
    assert not [word for word in WORDS if word not in text]


WORDS = [
    *(f"qk.{name}(" for name in eager.WIDTHS), "qk.unitary(", "qk.pauli_evolve(", "qk.barrier(", "qk.control(", "qk.inverse(",
    "qk.global_phase(", "qk.select(", "qk.items(", ".items()", "control_value=", "power=", "composite_gate", "clean_ancillas",
    "qk.range(", " range(", "elif ", "else:", " if ", "min(", "max(", "abs(", "//", " % ", "[-1]", "::2", ", -1, -1)", "+= ",
    "qk.measure(", "qk.project_x(", "qk.project_y(", "qk.project_z(", "qk.reset(", "qk.measure_reset(", "while ", "qk.cast(",
    "look(", "mend(", "finish(", "slope(", "qk.probabilities(", "qk.expval(", "qk.bit_array(", "~", "(not ", " & ", " ^ ",
    "qk.prepare(", "imaginary=", "qk.within_apply(", ".inverse\n", ".control\n", "asked(", "repeated(", "marked(",
    "applied(", "lambda ", "sum(", "pow(", "divmod(", "gcd(", "qko.Hamiltonian()", "m % 2 + 1",
]  # fmt: skip


def test_a_wrong_circuit_is_noticed() -> None:
    right, wrong = Case(generate(2)), Case(generate(4))
    right.__dict__["world"] = wrong.world
    with pytest.raises(Mismatch):
        state(right)


def test_samples_that_cannot_be_are_noticed() -> None:
    expected = {0: 0.5, 1: 0.5}
    assert likelihood({0: 290, 1: 310}, expected, 600) > 0.1
    assert likelihood({0: 200, 1: 400}, expected, 600) < 1e-10
    assert likelihood({0: 300, 1: 299, 2: 1}, expected, 600) == 0.0


@pytest.mark.parametrize("bounds", [(0, 5), (1, 4), (4, 1), (-3, 2), (2, 2), (5, 0, -1), (3, 2, -1), (0, 3, -1)])
def test_loops_are_split_without_loss(bounds: tuple[int, ...]) -> None:
    inner = ", ".join(map(str, bounds))
    written = Program(0, f"found = []\nfor i in range({inner}):\n    found.append(i)\n", {})
    names: dict[str, Any] = {}
    text = rewrites.split(written).source
    assert len([node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.For)]) == 2
    exec(text, names)
    assert names["found"] == list(range(*bounds))


def test_a_failing_program_is_cut_down() -> None:
    smaller = rewrites.shrunk(generate(3), lambda program: "qk.expval" in program.source)
    assert len(smaller.source.splitlines()) <= 3
