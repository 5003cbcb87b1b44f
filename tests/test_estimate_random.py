"""Closed forms against counting, on random loops and branches whose bounds are random whole-number arithmetic."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qkernel.errors import SizeError
from qkernel.estimate import estimate
from qkernel.estimate.quantity import quantity
from qkernel.gates import GATES
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, apply
from qkernel.ir.module import Module
from qkernel.ir.ops import Alloc, Block, Call, Carried, For, Function, Gate, If, Parameter, Power, Range
from qkernel.ir.places import Place
from qkernel.ir.types import QUBIT, UINT

MOST_GATES = 20_000


class TooMany(Exception):
    """The kernel is too large to count."""


def count(block: Block, values: dict[str, Any], tally: dict[str, int], inner: Block, inverse: bool = False) -> None:
    """Count the gates of a block by walking it; calls are of a function of `k` whose body is `inner`."""
    for op in block:
        match op:
            case Gate(gate):
                name = GATES[gate].adjoint if inverse else gate
                tally[name] = tally.get(name, 0) + 1
                if tally[name] > MOST_GATES:
                    raise TooMany
            case Call(_, (_, argument), _, modifiers):
                assert not isinstance(argument, Place)
                times = evaluate(modifiers[0].exponent, values) if modifiers and isinstance(modifiers[0], Power) else 1
                if abs(times) > MOST_GATES:
                    raise TooMany
                for _ in range(abs(times)):
                    count(inner, {"k": evaluate(argument, values)}, tally, (), times < 0)
            case If(condition, then, otherwise):
                count(then if evaluate(condition, values) else otherwise, values, tally, inner, inverse)
            case For(targets, domain, body, carried):
                assert isinstance(domain, Range)
                values |= {entry.name: evaluate(entry.initial, values) for entry in carried}
                rounds = range(*(evaluate(part, values) for part in (domain.start, domain.stop, domain.step)))
                if len(rounds) > MOST_GATES:
                    raise TooMany
                for value in rounds:
                    values[targets[0]] = value
                    count(body, values, tally, inner, inverse)
                    values |= {entry.name: evaluate(entry.next, values) for entry in carried}


@st.composite
def numbers(draw: st.DrawFn, names: tuple[str, ...], depth: int = 2) -> Expr:
    """Whole-number arithmetic over `names`."""
    if depth == 0 or draw(st.booleans()):
        if names and draw(st.integers(0, 3)):
            return Name(draw(st.sampled_from(names)), UINT)
        return Const(draw(st.integers(0, 4)))
    operator = draw(st.sampled_from(["+", "-", "-", "*", "//", "%", "min", "max", "**"]))
    left = draw(numbers(names, depth - 1))
    match operator:
        case "//" | "%":
            return apply(operator, left, Const(draw(st.integers(2, 4))))
        case "**":
            exponent = Name(names[draw(st.integers(0, min(1, len(names) - 1)))], UINT)
            return apply(operator, Const(draw(st.integers(2, 3))), apply("max", exponent, ZERO))
    return apply(operator, left, draw(numbers(names, depth - 1)))


@st.composite
def blocks(draw: st.DrawFn, names: tuple[str, ...], depth: int, fresh: list[int]) -> Block:
    """A few ops on one qubit."""
    ops: list[Any] = []
    for _ in range(draw(st.integers(1, 2))):
        shapes = ["gate", "for", "for", "if", "carried"] if depth else ["gate"]
        shape = draw(st.sampled_from([*shapes, "call"] if "n" in names else shapes))
        fresh[0] += 1
        index, state = f"i{fresh[0]}", f"c{fresh[0]}"
        match shape:
            case "gate":
                ops.append(Gate(draw(st.sampled_from(["x", "h", "t"])), (Place("q"),)))
            case "call":
                modifiers = (Power(draw(numbers(names, 1))),) if draw(st.booleans()) else ()
                ops.append(Call("inner", (Place("q"), draw(numbers(names, 1))), (None,), modifiers))
            case "for":
                domain = Range(
                    draw(numbers(names, 1)) if draw(st.booleans()) else ZERO,
                    draw(numbers(names)),
                    ONE if draw(st.booleans()) else Const(draw(st.sampled_from([2, 3, -1, -2]))),
                )
                ops.append(For((index,), domain, draw(blocks((*names, index), depth - 1, fresh))))
            case "carried":
                inside = (*names, index, state)
                following = draw(numbers(inside, 1))
                carried = (Carried(state, draw(numbers(names, 1)), following),)
                domain = Range(ZERO, apply("min", draw(numbers(names, 1)), Const(5)), ONE)
                ops.append(For((index,), domain, draw(blocks(inside, depth - 1, fresh)), carried))
                names = (*names, state)
            case "if":
                operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
                condition = apply(operator, draw(numbers(names, 1)), draw(numbers(names, 1)))
                ops.append(If(condition, draw(blocks(names, depth - 1, fresh)), draw(blocks(names, depth - 1, fresh))))
    return tuple(ops)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_closed_form_is_the_count(data: st.DataObject) -> None:
    body = data.draw(blocks(("n", "m"), 3, [0]))
    inner = data.draw(blocks(("k",), 2, [0]))
    parameters = (Parameter("n", UINT), Parameter("m", UINT))
    callee = Function("inner", (Parameter("q", QUBIT), Parameter("k", UINT)), inner, (Place("q"),))
    module = Module((Function("random", parameters, (Alloc("q"), *body)), callee))
    sizes = [(n, m) for n in range(5) for m in (0, 1, 4)]
    expected = []
    for n, m in sizes:
        tally: dict[str, int] = {}
        try:
            count(body, {"n": n, "m": m}, tally, inner)
        except (TooMany, ArithmeticError):
            assume(False)
        expected.append(tally)
    closed = estimate(module)
    assert set(closed.parameters) <= {"n", "m"}
    for (n, m), tally in zip(sizes, expected, strict=True):
        try:
            substituted = closed.substitute(n=n, m=m)
        except SizeError:  # more steps than are run
            assume(False)
        found = {name: int(quantity(value)) for name, value in substituted.gates.by_name.items()}
        assert found == tally
        assert dict(estimate(module, {"n": n, "m": m}).gates.by_name) == tally
