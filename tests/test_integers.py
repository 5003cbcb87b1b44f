"""Integer variables of circuits: how wide they are, how engines hold them, and what Qiskit and OpenQASM get instead."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder

import qkernel as qk
from qkernel.engine import load_engine
from qkernel.errors import ExecutionError, SeparationError, ShotsError, TargetCapabilityError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Item, apply
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Circuit, IntegerVariable, at_once, bit, integer, variables_read
from qkernel.lower.integers import fits_words, size_of
from qkernel.observable import Z
from qkernel.openqasm import flat_text
from qkernel_backends.deferral import deferred
from qkernel_backends.qiskit.integers import with_bits_for_integers
from tests.strategies import openqasm_classical

WORD = IntegerVariable("n", 64)
SMALL = IntegerVariable("n", 6)


def shot(circuit: Circuit, engine: str = "reference") -> Any:
    """What one shot leaves."""
    return load_engine(engine).prepare(circuit).sample(np.zeros((1, 0)), 1, seed=1)[0, 0]


# Circuits ---------------------------------------------------------------------------------------------------------------


def test_what_shots_leave_is_read_back() -> None:
    rng, widths = np.random.default_rng(3), (1, 2, 7, 32, 63, 64)
    circuit = CircuitBuilder(0, 3, tuple(IntegerVariable("n", width) for width in widths)).circuit()
    bits = rng.integers(0, 2, (50, 3))
    columns = [rng.integers(-(1 << (w - 1)), (1 << (w - 1)) - 1, 50, np.int64, endpoint=True) for w in widths]
    integers = np.array(columns).T
    integers[:2] = [[-(1 << (w - 1)) for w in widths], [(1 << (w - 1)) - 1 for w in widths]]
    memory = circuit.packed(bits, integers)
    assert memory.shape == (50, circuit.memory_bits)
    assert memory.dtype == np.uint8
    for found, expected in zip(circuit.unpacked(memory), (bits, integers), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(40))
def test_assignments_at_once(seed: int) -> None:
    """In whatever order they are written down, all read what was there before; variables of their own only in circles."""
    rng = random.Random(seed)
    count = rng.randint(1, 6)
    before = [rng.randint(-9, 9) for _ in range(count)]
    written = {}
    for k in range(count):
        first, second = rng.randrange(count), rng.randrange(count)
        written[integer(k)] = integer(first) + integer(second) * rng.choice([0, 0, 1])
    after = [evaluate(value, {INTEGERS.key: before}) for value in written.values()]
    values = [*before]
    fresh = iter(range(count, 2 * count))

    def made(like: Item) -> Item:
        values.append(0)
        return integer(next(fresh))

    for part in at_once(written, made, None):
        values[part.variable[1]] = evaluate(part.value, {INTEGERS.key: values})
    assert values[:count] == after


def test_no_variable_is_made_where_an_order_will_do() -> None:
    def none(like: Item) -> Item:
        raise AssertionError("there is an order")

    chain = {integer(0): integer(0) + 1, integer(1): integer(0) + 0, integer(2): integer(1) * 2}
    assert [part.variable[1] for part in at_once(chain, none, None)] == [2, 1, 0]
    circle = {integer(0): integer(1) + 0, integer(1): integer(0) + 0}
    assert [part.variable[1] for part in at_once(circle, lambda _: integer(2), None)] == [2, 1, 0]


def test_sizes_of_numbers() -> None:
    n, b = integer(0), apply("uint", bit(0))
    for expr, size in ((n, 32), (n + b - 3, 36), (n * -4, 128), (apply("min", n, b), 32), (n % 5, 5), (n // 2, None)):
        assert size_of(expr, (SMALL,)) == size
    assert fits_words(n * 2**57, (SMALL,))
    assert not fits_words(n * 2**58, (SMALL,))
    assert not fits_words((n * 2**58) % 3 > 1, (SMALL,))


# Lowering ---------------------------------------------------------------------------------------------------------------


def counting(step: int, start: int = 0) -> Any:
    @qk.qkernel
    def kernel() -> qk.UInt:
        bit, count = qk.measure(qk.h(qk.qubit())), start
        while bit:
            bit = qk.measure(qk.h(qk.qubit()))
            count = count + step
        return count

    return kernel


@pytest.mark.parametrize("step", [1, 3, 100_000, -(2**40)])
def test_widths_come_from_bounds(step: int) -> None:
    (count,) = counting(step, 5).compile().circuit.integers
    largest = 5 + 2**17 * abs(step)
    assert count == IntegerVariable("count", max(32, largest.bit_length() + 1))
    found = dict(counting(step, 5).sample(shots=300, seed=4).results)
    assert {value % step for value in found} == {5 % step}
    assert found[5 + step] > 30


def test_what_no_width_may_hold_is_refused() -> None:
    counting(2**44).compile()
    with pytest.raises(SeparationError, match="`count` changes in a loop"):
        counting(2**45).compile()


@qk.qkernel
def within() -> tuple[qk.UInt, qk.UInt]:
    outer, inner = 0, 0
    again = qk.measure(qk.h(qk.qubit()))
    while again:
        inner = outer
        once = qk.measure(qk.h(qk.qubit()))
        while once:
            inner = inner + 2
            once = qk.measure(qk.h(qk.qubit()))
        again = qk.measure(qk.h(qk.qubit()))
        outer = outer + 1
    return outer, inner


def test_a_number_of_an_inner_loop_is_as_large_as_both_loops_make_it() -> None:
    widths = {entry.name: entry.width for entry in within.compile().circuit.integers}
    rounds = 2**17
    assert rounds + 2 * rounds < 1 << (widths["inner"] - 1)
    for engine in ("native", "reference", "qiskit"):
        values = within.sample(shots=200, seed=2, engine=engine).results
        assert all(inner - max(outer - 1, 0) >= 0 and (inner - max(outer - 1, 0)) % 2 == 0 for (outer, inner), _ in values)


# Engines ----------------------------------------------------------------------------------------------------------------


def doubling(variable: IntegerVariable) -> Circuit:
    """Doubles a number in as many rounds as it takes to get to 32."""
    builder = CircuitBuilder(1, 1, (variable,)).gate("x", 0).measure(0, 0).assign(integer(0), Const(1))
    builder.repeat(bit(0), lambda body: body.assign(integer(0), integer(0) * 2).assign(0, apply("!=", integer(0), 32)))
    return builder.circuit(integer(0))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_number_that_does_not_fit_is_an_error(engine: str) -> None:
    fitting = doubling(IntegerVariable("n", 7))
    assert fitting.unpacked(shot(fitting, engine)[None])[1] == 32
    with pytest.raises(ExecutionError, match="`kernel` counts to 32, and an integer of 6 bits cannot hold it"):
        shot(doubling(SMALL), engine)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_large_numbers_on_the_way_are_exact(engine: str) -> None:
    start = 2**62 - 1
    builder = CircuitBuilder(1, 2, (WORD, WORD)).assign(integer(0), Const(start))
    builder.assign(integer(1), (integer(0) * integer(0)) % 1_000_003).assign(0, integer(0) * 8 > 2**63)
    circuit = builder.measure(0, 1).circuit()
    bits, integers = circuit.unpacked(shot(circuit, engine)[None])
    assert integers.tolist() == [[start, start**2 % 1_000_003]]
    assert bits.tolist() == [[1, 0]]


def test_outputs_of_large_numbers_are_exact() -> None:
    kernel = counting(2**43, 2**43)
    factor = 2**30 + 1

    @qk.qkernel
    def scaled() -> qk.UInt:
        bit, count = qk.measure(qk.h(qk.qubit())), 0
        while bit:
            bit = qk.measure(qk.h(qk.qubit()))
            count = count + 2**43
        return count * (2**30 + 1)

    counts = sorted(value - 2**43 for value, _ in kernel.sample(shots=100, seed=1).results)
    assert sorted(value for value, _ in scaled.sample(shots=100, seed=1).results) == [value * factor for value in counts]


def test_exact_values_behind_integers() -> None:
    builder = CircuitBuilder(1, 1, (SMALL,)).gate("h", 0).measure(0, 0).assign(integer(0), apply("uint", bit(0)) + 2)
    builder.branch(apply("==", integer(0), 3), lambda then: then.gate("x", 0))
    circuit = builder.circuit(observables=(Z(0),))
    for engine in ("native", "reference", "torch"):
        assert load_engine(engine).prepare(circuit).expect(np.zeros((1, 0))) == pytest.approx(1)
    with pytest.raises(ShotsError, match="too often for exact values"):
        deferred(circuit)


# Bits in their place ----------------------------------------------------------------------------------------------------

NUMBERS: list[Callable[[Expr, Expr, Expr], Expr]] = [
    lambda a, b, c: a + b,
    lambda a, b, c: a - b,
    lambda a, b, c: a * 5,
    lambda a, b, c: apply("neg", a),
    lambda a, b, c: apply("min", a, b),
    lambda a, b, c: apply("max", a, b),
    lambda a, b, c: apply("select", c, a, b),
    lambda a, b, c: a + apply("uint", c),
]
TESTS: list[Callable[[Expr, Expr, Expr], Expr]] = [
    *(lambda a, b, c, name=name: apply(name, a, b) for name in ("==", "!=", "<", "<=", ">", ">=")),
    lambda a, b, c: apply("and", c, apply("<", a, b)),
    lambda a, b, c: apply("or", c, apply("not", apply("<=", a, 3))),
]


def random_circuit(rng: random.Random) -> Circuit:
    """Numbers and tests of them, on prepared bits; nothing outgrows its variable."""
    builder = CircuitBuilder(2, 6, tuple(IntegerVariable(f"n{k}", 20) for k in range(3)))
    for k in range(2):
        builder = builder.gate("x", k) if rng.random() < 0.5 else builder
        builder.measure(k, k)
    for k in range(3):
        builder.assign(integer(k), Const(rng.randint(-20, 20)))

    def operands() -> tuple[Expr, Expr, Expr]:
        numbers = [
            *map(integer, range(3)),
            Const(rng.randint(-9, 9)),
            integer(0) + apply("uint", bit(1)),
            integer(1) - integer(2),
        ]
        return rng.choice(numbers), rng.choice(numbers), bit(rng.randrange(6))

    def part(body: CircuitBuilder) -> None:
        if rng.random() < 0.5:
            body.assign(integer(rng.randrange(3)), apply("max", apply("min", rng.choice(NUMBERS)(*operands()), 99), -99))
        else:
            body.assign(rng.randrange(2, 6), rng.choice(TESTS)(*operands()))

    for _ in range(8):
        if rng.random() < 0.3:
            builder.branch(rng.choice(TESTS)(*operands()), part, part)
        else:
            part(builder)
    return builder.circuit()


@pytest.mark.parametrize("seed", range(20))
def test_bits_hold_what_integers_did(seed: int) -> None:
    circuit = random_circuit(random.Random(seed))
    lowered = with_bits_for_integers(circuit)
    assert not lowered.integers
    assert lowered.num_bits >= circuit.memory_bits
    memory = shot(circuit)
    np.testing.assert_array_equal(shot(lowered)[: circuit.memory_bits], memory)
    np.testing.assert_array_equal(shot(circuit, "native"), memory)


def test_qiskit_computes_the_same() -> None:
    for seed in range(2):
        circuit = random_circuit(random.Random(seed))
        np.testing.assert_array_equal(shot(circuit, "qiskit"), shot(circuit))


def test_circuits_without_integers_stay_as_they_are() -> None:
    circuit = CircuitBuilder(1, 1).measure(0, 0).circuit()
    assert with_bits_for_integers(circuit) is circuit


# OpenQASM ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_texts_compute_the_same(seed: int) -> None:
    circuit = random_circuit(random.Random(seed))
    found = openqasm_classical.run(flat_text(circuit))
    bits, integers = circuit.unpacked(shot(circuit)[None])
    assert found.bits == bits[0].tolist()
    assert [entry.value for entry in found.integers.values()] == integers[0].tolist()


@qk.qkernel
def until(most: qk.UInt) -> tuple[qk.UInt, qk.UInt]:
    flag, count, before = qk.measure(qk.x(qk.qubit())), 0, 0
    while flag and count < most:
        count, before = count + 1, count
    return count, before


def test_texts_name_what_is_counted() -> None:
    text = until.to_qasm(flat=True, most=3)
    assert "\nint[32] count = 0;\nint[32] before = 0;\n" in text
    assert "  before = count;\n  count = count + 1;\n}" in text
    assert [entry.value for entry in openqasm_classical.run(text).integers.values()] == [3, 2]


def test_wide_numbers_are_computed_in_their_width() -> None:
    n, m = IntegerVariable("n", 32), IntegerVariable("m", 40)
    builder = CircuitBuilder(0, 1, (n, m)).assign(integer(0), Const(2**31 - 1))
    builder.assign(integer(1), integer(0) + integer(0)).assign(0, integer(0) + 1 > 5)
    text = flat_text(builder.circuit())
    found = openqasm_classical.run(text)
    assert found.integers["m"].value == 2**32 - 2
    assert found.bits == [1]
    for value in (integer(1) * 2**40 > 3, apply("==", integer(0) % 3, 1)):
        with pytest.raises(TargetCapabilityError, match="cannot be written in OpenQASM"):
            flat_text(replace(builder.circuit(), body=(Assign(bit(0), value),)))


def test_drawings_name_what_is_counted() -> None:
    text = until.draw(most=3, lowered=True, output="text")
    assert "count = count + 1" in text
    assert "before = count" in text
    assert "while bit0 and count < 3" in text


def test_reading_a_variable() -> None:
    assert variables_read(apply("and", bit(3), Apply("<", (integer(1), Const(2))))) == {(BITS.key, 3), (INTEGERS.key, 1)}


def test_a_kernel_that_counts_may_return_nothing_of_it() -> None:
    @qk.qkernel
    def kernel() -> tuple[qk.Bit, qk.Bit]:
        q, seen = qk.project_z(qk.h(qk.qubit()))
        count = 0
        while seen:
            q, seen = qk.project_z(qk.h(q))
            count = count + 1
        if count > 2:
            q = qk.x(q)
        return qk.bit(0), qk.bit(1)

    assert dict(kernel.sample(shots=50, seed=1).results) == {(0, 1): 50}
