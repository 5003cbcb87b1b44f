"""A short text cannot ask for endless work: compiling it is as bounded as reading it, and the errors name the bounds."""

from __future__ import annotations

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    ArithmeticEvaluationError,
    ExecutionError,
    KernelRecursionError,
    QKernelError,
    SizeError,
    ValidationError,
)
from qkernel.ir.parser import parse
from qkernel.lower import lower
from qkernel.lower.effort import INSTRUCTION, MOST_STEPS
from qkernel.recursion import DEEPEST

HEAD = "qkernel 1\n\n"
ON_FOUR = HEAD + "kernel f() -> Vector[Qubit]:\n    q = qubits(4)\n{}    return q\n"


def nested(depth: int, times: int, innermost: str) -> str:
    """Loops in loops."""
    lines = [f"for i{k} in range({times}):" for k in range(depth)] + [innermost]
    return "".join("    " * (1 + k) + line + "\n" for k, line in enumerate(lines))


def powers(depth: int) -> str:
    """Powers of powers, each in a kernel of its own."""
    part = "kernel g{0}(q: Vector[Qubit]) -> Vector[Qubit]:\n    r = power(g{1}, 1000)(q)\n    return r\n\n"
    last = f"kernel g{depth}(q: Vector[Qubit]) -> Vector[Qubit]:\n    h(q[0])\n    x(q[1])\n    return q\n"
    return ON_FOUR.format("    r = g0(q)\n") + "\n" + "".join(part.format(k, k + 1) for k in range(depth)) + last


TOO_MUCH = {
    "iterations of nothing": HEAD + "kernel f():\n    for i in range(1000000000000):\n        pass\n",
    "more iterations than machine numbers": HEAD + "kernel f():\n    for i in range(10 ** 40):\n        pass\n",
    "downwards": HEAD + "kernel f():\n    for i in range(10 ** 40, 0, -1):\n        pass\n",
    "loops in loops of nothing": HEAD + "kernel f():\n" + nested(20, 1000, "pass"),
    "loops in loops of gates": ON_FOUR.format(nested(20, 100, "h(q[0])")),
    "a triangle": ON_FOUR.format(
        "    for i in range(1000):\n        for j in range(i, 10 ** 17):\n            h(q[0])\n            x(q[1])\n"
    ),
    "a loop that carries": ON_FOUR.format(
        "    for i in range(10 ** 8) carrying x = 0:\n        h(q[x])\n        next x = (x + 1) % 4\n"
    ),
    "calls": HEAD + "kernel f():\n    g(1000)\n\nkernel g(n: UInt):\n    if n > 0:\n        g(n - 1)\n        g(n - 1)\n",
    "registers": HEAD + "kernel f():\n    for i in range(10 ** 9):\n        q = qubits(100)\n",
    "a register in each call": HEAD
    + "kernel f():\n    q = qubits(100000)\n    for i in range(10 ** 7):\n        r = g(q)\n\n"
    + "kernel g(q: Vector[Qubit]) -> Vector[Qubit]:\n    return q\n",
    "powers of powers": powers(8),
    "a power": ON_FOUR.format("    r = power(g, 10 ** 15)(q)\n").replace("return q", "return r")
    + "\nkernel g(q: Vector[Qubit]) -> Vector[Qubit]:\n    h(q[0])\n    x(q[1])\n    return q\n",
    "evolutions": ON_FOUR.format('    for i in range(10 ** 8):\n        pauli_evolve(q, observable("X0*X1 + Z0"), 0.1)\n'),
    "measurements": ON_FOUR.format("    for i in range(10 ** 8):\n        b = project_x(q[0])\n"),
    "a vector copied": ON_FOUR.format(
        f"    for i in range(10 ** 6) carrying v = [{', '.join(['0.5'] * 1000)}]:\n        next v = updated(v, 3, 0.5)\n"
    ),
    "a vector written out": ON_FOUR.format(
        "    for i in range(10 ** 6) carrying z = 0:\n"
        f"        rx(q[z], [{', '.join(['0.5'] * 1000)}][i % 1000])\n        next z = z\n"
    ),
    "products of large numbers": ON_FOUR.format(
        "    for i in range(10 ** 6) carrying x = 3 ** 8000:\n        next x = x * x % 3 ** 8001 + 1\n"
    ),
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_more_steps_than_there_may_be(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QKERNEL_MOST_STEPS", "1000000")
    with pytest.raises((SizeError, ArithmeticEvaluationError)) as caught:
        lower(parse(text), {})
    assert "takes more than 1,000,000 steps" in str(caught.value) or "too large" in str(caught.value)
    assert caught.value.span is not None


def test_steps_that_the_environment_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    module = parse(ON_FOUR.format("    for i in range(5000):\n        h(q[i % 4])\n"))
    for most, fits in ((5000, False), (10 * 5000 * INSTRUCTION, True)):
        monkeypatch.setenv("QKERNEL_MOST_STEPS", str(most))
        if fits:
            assert sum(map(len, lower(module, {}).body)) == 5000
        else:
            with pytest.raises(SizeError, match=f"more than {most:,} steps"):
                lower(module, {})
    monkeypatch.setenv("QKERNEL_MOST_STEPS", "many")
    with pytest.raises(ValidationError, match="no number of steps"):
        lower(module, {})


def test_a_million_gates() -> None:
    """By calls, the dearest way to write them, it takes a tenth of the work for a tenth of them."""
    by_loop = parse(ON_FOUR.format("    for i in range(1000000):\n        h(q[i % 4])\n"))
    assert sum(map(len, lower(by_loop, {}).body)) == 1_000_000
    body = "    for i in range(n) carrying x = 0:\n        r = g(q[(i + x) % 4], i)\n        next x = (x * 3 + i) % 7\n"
    part = "\nkernel g(q: Qubit, n: UInt) -> Qubit:\n    rx(q, 0.1 * n + 0.5)\n    return q\n"
    by_calls = parse((ON_FOUR.format(body) + part).replace("f()", "f(n: UInt)"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QKERNEL_MOST_STEPS", str(MOST_STEPS // 100))
        assert sum(map(len, lower(by_calls, {"n": 10_000}).body)) == 10_000


NUMBERS = {
    "squares": "    for i in range(1000) carrying x = 3:\n        next x = x * x\n",
    "sums": "    for i in range(10 ** 6) carrying x = 3:\n        next x = x + x\n",
    "powers": "    for i in range(10 ** 6) carrying x = 3:\n        next x = x ** x\n",
}


@pytest.mark.parametrize("body", NUMBERS.values(), ids=NUMBERS)
def test_whole_numbers_that_grow_without_end(body: str) -> None:
    with pytest.raises(ArithmeticEvaluationError, match=r"more than 4,000 digits|is too large"):
        lower(parse(ON_FOUR.format(body)), {})


@pytest.mark.parametrize("line", ["h(q[x])", "r = qubits(x)", "h(q[x +: 2])", "rx(q[0], [0.1][x])"])
def test_numbers_of_thousands_of_digits_are_written_out(line: str) -> None:
    text = ON_FOUR.format(f"    for i in range(2) carrying x = 7 ** 4000:\n        {line}\n        next x = x\n")
    with pytest.raises(QKernelError, match=str(7**4000)[:50]):
        lower(parse(text), {})


def test_calls_without_end() -> None:
    endless = HEAD + "kernel f():\n    g(0)\n\nkernel g(n: UInt):\n    g(n + 1)\n"
    with pytest.raises(KernelRecursionError, match=f"{DEEPEST} calls deep"):
        lower(parse(endless), {})


SHARED = {
    "squares": "    for i in range(100) carrying y = x:\n        next y = y * y + sin(y)\n    return y\n",
    "two alike": "    for i in range(99) carrying y = x * x, z = x * x:\n        next y = y * y, z = z * z\n"
    "    return max(y, z)\n",
    "for ages": "    for i in range(20000) carrying y = x * x:\n        next y = y * y\n    return y\n",
}


@pytest.mark.parametrize("body", SHARED.values(), ids=SHARED)
def test_expressions_that_share_what_they_repeat(body: str) -> None:
    with pytest.raises(SizeError, match=r"has grown to more than 1,000,000,000 operations"):
        lower(parse(HEAD + "kernel f(x: Float) -> Float:\n" + body), {}, ["x"])


def test_choices_between_sums_that_share_what_they_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QKERNEL_MOST_STEPS", "1000000")
    body = "    b = measure(q[0])\n    c = measure(q[1])\n"
    body += "    for i in range(100) carrying y = (1 if b else 0):\n        next y = y + y\n"
    body += "    if c:\n        join w = y + 1\n    else:\n        join w = y\n"
    with pytest.raises(SizeError):
        lower(parse(ON_FOUR.format(body).replace("return q", "return w").replace("-> Vector[Qubit]", "-> UInt")), {})


@qk.qkernel
def squared(x: qk.Float) -> qk.Float:
    y = x
    for _ in [0] * 60:
        y = y * y + 1
    return qk.expval(qk.ry(qk.qubit(), y), qko.Z(0))


@qk.qkernel
def squared_result(x: qk.Float) -> qk.Float:
    e = qk.expval(qk.ry(qk.qubit(), x), qko.Z(0))
    for _ in [0] * 60:
        e = e * e + e
    return e


@pytest.mark.parametrize("kernel", [squared, squared_result])
def test_python_loops_that_write_out_too_much(kernel: qk.Kernel) -> None:
    for use in (lambda: kernel.estimate_resources(), lambda: kernel.run(0.1), lambda: kernel.grad(0.1), lambda: str(kernel.ir)):
        with pytest.raises(SizeError, match="have grown to more than 4,000,000 operations"):
            use()


def test_derivatives_that_are_too_many() -> None:
    sums = "    for i in range(4000) carrying s = 0.0:\n        next s = s + w[i]\n    rx(q[0], s * w[0])\n"
    text = f"kernel f(w: Vector[Float]) -> Vector[Qubit]:\n    q = qubits(1)\n{sums}    return q\n"
    angles = lower(parse(HEAD + text), {}, ["w"]).angles
    assert angles.num_columns == 4000
    with pytest.raises(SizeError, match="too large for derivatives by 4,000 arguments"):
        _ = angles.slopes


@qk.qkernel
def endless_within_endless() -> qk.Bit:
    a = qk.measure(qk.x(qk.qubit()))
    while a:
        b = qk.measure(qk.h(qk.qubit()))
        while b:
            b = qk.measure(qk.h(qk.qubit()))
        a = qk.measure(qk.x(qk.qubit()))
    return a


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_rounds_of_loops_in_loops_are_counted_together(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkernel_backends.histories.MOST_ITERATIONS", 200)
    with pytest.raises(ExecutionError, match="iterations without an end"):
        endless_within_endless.compile(engine=engine).sample(shots=1, seed=1)


@qk.qkernel
def turned(n: qk.UInt, x: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), x * n), qko.Z(0))


@pytest.mark.parametrize("values", [{"n": 10**5000, "x": 0.1}, {"n": -(10**5000), "x": 0.1}, {"n": 1, "x": 10**5000}])
def test_arguments_that_python_does_not_write_out(values: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=r"more than 4,000 digits|a number of 16,610 bits"):
        turned.run(**values)
    with pytest.raises(ValidationError, match=r"a number of 16,610 bits"):
        turned.compile(parameters=["n", "x"]).run(**values)
