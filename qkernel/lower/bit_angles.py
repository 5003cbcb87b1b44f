"""Angles that are affine in measured bits: for each bit a rotation of its own, which the bit decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qkernel.errors import SeparationError
from qkernel.ir.expressions import Apply, Const, Expr, Item, Pack, SystemName
from qkernel.ir.types import BIT
from qkernel.lower.circuit import BITS, Kind, reads_run
from qkernel.lower.evaluation import compute
from qkernel.lower.residuals import manageable
from qkernel.lower.values import Affine, is_symbol

ROTATIONS = frozenset(("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "pauli", "gphase"))
"""The gates of one angle that commute with themselves, so that angles which add up are gates one after another."""

Terms = tuple[Any, dict[Expr, Any]]
"""What does not depend on bits, and by which each bit is multiplied."""


def in_bits(angle: Expr, kind: Kind) -> Terms:
    """An angle of a gate as an affine function of measured bits. Raises `SeparationError` where it, or the gate, is none."""
    if not reads_run(manageable(angle)):
        raise SeparationError(
            "an angle depends on a measurement, and is to be known before the circuit runs",
            label="its angle is known only at run time",
            help="choose between gates by `if`",
        )
    if kind.name not in ROTATIONS:
        name = "c" * kind.controls + kind.name
        raise SeparationError(
            f"an angle of `{name}` depends on a measurement, and is to be known before the circuit runs",
            label="its angle is known only at run time",
            help=f"choose between gates by `if`:\n    if bit:\n        q = qk.{kind.name}(q, ...)",
        )
    done: dict[Expr, Terms] = {}

    def terms(part: Expr) -> Terms:
        if part not in done:
            done[part] = _terms(part, terms)
        return done[part]

    return terms(angle)


def _terms(part: Expr, of: Callable[[Expr], Terms]) -> Terms:
    match part:
        case Const(value):
            return value, {}
        case SystemName(key) if is_symbol(part):
            return Affine(0, ((key.number, 1),)), {}
        case Item(base) if base is BITS:
            return 0, {part: 1}
        case Apply("+" | "-" as name, (left, right)):
            return _sum(name, of(left), of(right))
        case Apply("neg", (only,)):
            return _scaled(of(only), "neg")
        case Apply("float" | "uint" | "natural", (only,)) if reads_run(only):
            return of(only)
        case Apply("*", (left, right)) if reads_run(left) != reads_run(right):
            read, factor = (left, right) if reads_run(left) else (right, left)
            return _scaled(of(read), "*", of(factor)[0])
        case Apply("/", (left, divisor)) if not reads_run(divisor):
            return _scaled(of(left), "/", of(divisor)[0])
        case Apply("not", (bit,)):
            return _sum("-", (1, {}), of(bit))
        case Apply("select", (condition, then, otherwise)) if not (reads_run(then) or reads_run(otherwise)):
            return _chosen(of(condition), of(then)[0], of(otherwise)[0])
        case Apply("fixed", (Pack(bits), Const(int(int_bits)))):
            weights = [2.0 ** (k + int_bits - len(bits)) for k in range(len(bits))]
            total: Terms = (0, {})
            for bit, weight in zip(bits, weights, strict=True):
                total = _sum("+", total, _scaled(of(bit), "*", weight))
            return total
        case Apply(name, operands) if not reads_run(part):
            return compute(name, [of(operand)[0] for operand in operands]), {}
    is_of_bits = isinstance(part, Apply) and (part.operator in ("*", "select") or part.type == BIT)
    written = "a ^ b" if isinstance(part, Apply) and part.operator == "^" else "a & b"
    raise SeparationError(
        "an angle depends on several measured bits at once" if is_of_bits else "an angle is not affine in measured bits",
        label="its angle is known only at run time",
        help="an angle may add up bits, each times a number; for the rest choose by `if`:\n"
        f"    if {written}:\n        q = qk.rz(q, angle)",
    )


def is_zero(amount: Any) -> bool:
    """Whether this is the number 0, rather than a symbol's multiple."""
    return isinstance(amount, (int, float)) and amount == 0


def _sum(name: str, left: Terms, right: Terms) -> Terms:
    if name == "-":
        right = _scaled(right, "neg")
    bits = dict(left[1])
    for bit, factor in right[1].items():
        bits[bit] = compute("+", [bits[bit], factor]) if bit in bits else factor
    return compute("+", [left[0], right[0]]), bits


def _scaled(terms: Terms, name: str, *factor: Any) -> Terms:
    constant, bits = terms
    if not is_zero(constant):
        constant = compute(name, [constant, *factor])
    return constant, {bit: compute(name, [by, *factor]) for bit, by in bits.items()}


def _chosen(condition: Terms, then: Any, otherwise: Any) -> Terms:
    """`otherwise`, and where the condition holds, the difference."""
    if is_zero(otherwise):
        return _scaled(condition, "*", then)
    return _sum("+", (otherwise, {}), _scaled(condition, "*", compute("-", [then, otherwise])))
