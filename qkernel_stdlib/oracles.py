"""Oracles from truth tables and from Boolean formulas.

A table lists f(0), f(1), ... of a Boolean function of n bits, bit i of the number being qubit i. The circuits have one gate
for each product of the function's algebraic normal form, the sum modulo 2 of products that equals it. The functions here take
Python data, so they are called in kernels, and in loops by a kernel of their own; `quadratic_form`, `parity_oracle` and
`hidden_period_oracle` are kernels.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.transforms import iqft


def normal_form(table: Sequence[int]) -> list[list[int]]:
    """The products of the algebraic normal form of a Boolean function, each as the bits that it multiplies; [] is 1.

    `table` has 2**n values, 0 or 1. Raises ValueError for another length or value. Takes n 2**(n - 1) additions modulo 2.
    Source: Zhegalkin 1927; the fast Moebius transform.
    """
    values = np.asarray(table)
    n = len(values).bit_length() - 1
    if values.ndim != 1 or len(values) != 2**n or not np.isin(values, (0, 1)).all():
        raise ValueError(f"a truth table has 2**n values, each 0 or 1, but this is {list(table)}")
    values = values.astype(int)
    for bit in range(n):
        halves = values.reshape(-1, 2, 2**bit)
        halves[:, 1] ^= halves[:, 0]
    return [[bit for bit in range(n) if mask >> bit & 1] for mask in np.flatnonzero(values).tolist()]


def phase_oracle(q: qk.Vector[qk.Qubit], table: Sequence[int]) -> qk.Vector[qk.Qubit]:
    """The sign (-1)**f(x) on |x>, f given by its truth table, for a register of n qubits.

    A Z under k - 1 controls for each product of k bits in `normal_form`, and a sign of the whole for the product of none.
    """
    for bits in normal_form(table):
        if not bits:
            q = qk.global_phase(_nothing, np.pi)(q)
        else:
            *chosen, last = bits
            q = _under(qk.z, q, chosen, last)
    return q


def bit_oracle(q: qk.Vector[qk.Qubit], target: qk.Qubit, table: Sequence[int]) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `target` where f(x) = 1, f given by its truth table: an X under k controls for each product of k bits.

    See `normal_form`, which has the products.
    """
    for bits in normal_form(table):
        if not bits:
            target = qk.x(target)
        else:
            controls = [q[i] for i in bits]
            *controls, target = qk.control(qk.x, num_controls=len(bits))(*controls, target)
            for i, control in zip(bits, controls, strict=True):
                q[i] = control
    return q, target


@qk.qkernel
def _nothing(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return q


def _under(gate: Any, q: qk.Vector[qk.Qubit], chosen: list[int], last: int) -> qk.Vector[qk.Qubit]:
    """`gate` on qubit `last` under the `chosen` ones."""
    taken = [q[i] for i in [*chosen, last]]
    taken = list(qk.control(gate, num_controls=len(chosen))(*taken)) if chosen else [gate(*taken)]
    for i, qubit in zip([*chosen, last], taken, strict=True):
        q[i] = qubit
    return q


def truth_table(formula: str, variables: Sequence[str] = ()) -> list[int]:
    """The truth table of a Boolean formula: names, 0, 1, brackets and, from tight to loose, ~ or !, &, ^, |.

    Bit i of the number is `variables[i]`; by default these are the names in the order in which the formula first has them.
    Raises ValueError where the formula cannot be read, with the place, and for a name that is not among `variables`.
    """
    tree = _parsed(formula)
    names = list(variables) or list(dict.fromkeys(str(leaf) for leaf in _leaves(tree)))
    count = np.arange(2 ** len(names))
    if missing := [str(leaf) for leaf in _leaves(tree) if leaf not in names]:
        raise ValueError(f"`{missing[0]}` stands in `{formula}` and is not among the variables {', '.join(names)}")
    values = _evaluated(tree, {name: count >> i & 1 for i, name in enumerate(names)})
    return [int(value) for value in np.broadcast_to(values, len(count))]


def formula_oracle(q: qk.Vector[qk.Qubit], formula: str, variables: Sequence[str] = ()) -> qk.Vector[qk.Qubit]:
    """`phase_oracle` of a Boolean formula as `truth_table` reads it: the sign -1 where it holds."""
    return phase_oracle(q, truth_table(formula, variables))


_GRAMMAR = """
?start: either
?either: other ("|" other)*
?other: both ("^" both)*
?both: one ("&" one)*
?one: ("~" | "!") one -> negation | NAME -> variable | /[01]/ -> constant | "(" either ")"
NAME: /[A-Za-z_][A-Za-z_0-9]*/
%ignore " "
"""


def _parsed(formula: str) -> Any:
    from lark import Lark  # loaded with the first formula
    from lark.exceptions import UnexpectedInput

    try:
        return Lark(_GRAMMAR, parser="lalr").parse(formula)
    except UnexpectedInput as error:
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        place = "its end" if ended else f"column {error.column}"
        raise ValueError(f"`{formula}` cannot be read at {place}: a formula has names, 0, 1, ~ & ^ | and brackets") from None


def _leaves(tree: Any) -> list[Any]:
    return [node.children[0] for node in tree.iter_subtrees_topdown() if node.data == "variable"]


def _evaluated(tree: Any, values: dict[str, Any]) -> Any:
    match tree.data:
        case "variable":
            return values[tree.children[0]]
        case "constant":
            return int(tree.children[0])
        case "negation":
            return 1 - _evaluated(tree.children[0], values)
        case "either":
            return reduce(operator.or_, (_evaluated(child, values) for child in tree.children))
        case "other":
            return reduce(operator.xor, (_evaluated(child, values) for child in tree.children))
        case _:
            return reduce(operator.and_, (_evaluated(child, values) for child in tree.children))


@qk.qkernel
def quadratic_form(
    q: qk.Vector[qk.Qubit],
    value: qk.Vector[qk.Qubit],
    quad: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    linear: qk.Dict[qk.UInt, qk.Float],
    constant: qk.Float = 0.0,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """value, m qubits fresh from allocation, becomes f(x) mod 2**m, the sum of quad[i, j] x_i x_j, linear[i] x_i and constant.

    Of whole numbers, negative ones in two's complement: where f(x) < 0 the last qubit is 1, which a Z marks for adaptive
    search. m (|quad| + |linear| + 1) P under up to two controls, m H and an `iqft`. Source: Gilliam, Woerner, Gonciulea 2021
    (arXiv:1912.04088); Qiskit's circuit of that name has the same arguments.
    """
    m = value.shape[0]
    value = qk.h(value)
    for k in qk.range(m):
        unit = 2 * math.pi * 2.0 ** (k - m)
        value[k] = qk.p(value[k], unit * constant)
        for i, weight in qk.items(linear):
            q[i], value[k] = qk.cp(q[i], value[k], unit * weight)
        for (i, j), weight in qk.items(quad):
            q[i], q[j], value[k] = qk.control(qk.p, num_controls=2)(q[i], q[j], value[k], unit * weight)
    return q, iqft(value)


@qk.qkernel
def parity_oracle(q: qk.Vector[qk.Qubit], bits: qk.Vector[qk.Bit]) -> qk.Vector[qk.Qubit]:
    """The sign (-1)**(x . bits), the parity of the bits of x that are chosen: Z where a bit is 1, at most n gates."""
    for i in qk.range(q.shape[0]):
        if bits[i]:
            q[i] = qk.z(q[i])
    return q


@qk.qkernel
def hidden_period_oracle(
    q: qk.Vector[qk.Qubit], copy: qk.Vector[qk.Qubit], period: qk.Vector[qk.Bit]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Write into `copy`, fresh from allocation, min(x, x ^ period) but for relabelling: the same for x and x ^ period alone.

    n CX copy x, then the first qubit whose bit of the period is 1 controls an X on each such qubit of the copy: at most 2n CX.
    """
    q, copy = qk.cx(q, copy)
    found = qk.bit(False)
    for k in qk.range(q.shape[0]):
        if period[k] and not found:
            for i in qk.range(k, q.shape[0]):
                if period[i]:
                    q[k], copy[i] = qk.cx(q[k], copy[i])
        found = found | period[k]
    return q, copy
