"""Modules written out by hand, for the golden files in tests/ir/."""

from __future__ import annotations

from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, apply, item, size, vector
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Call,
    Carried,
    Control,
    Expval,
    For,
    Function,
    Gate,
    If,
    Items,
    Joined,
    Measure,
    Parameter,
    PauliEvolve,
    Power,
    Probabilities,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place, joined, whole
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, TupleType
from qkernel.observable import Hamiltonian, X, Z

REGISTER, FLOATS, BITS = ArrayType(QUBIT), ArrayType(FLOAT), ArrayType(BIT)


def _uint(name: str) -> Expr:
    return Name(name, UINT)


def _up_to(stop: Expr) -> Range:
    return Range(ZERO, stop, ONE)


def ansatz() -> Module:
    """A variational circuit: nested loops, a helper, an expectation value."""
    n, layers, offset = _uint("n_qubits"), _uint("n_layers"), _uint("offset")
    q = whole("q")
    helper = Function(
        "rz_layer",
        (Parameter("q", REGISTER), Parameter("weights", FLOATS), Parameter("offset", UINT)),
        (
            For(
                ("i",),
                _up_to(size(Name("q", REGISTER))),
                (Gate("rz", (q.element(_uint("i")),), (item(Name("weights", FLOATS), offset + _uint("i")),)),),
            ),
        ),
        (q,),
    )
    chain = Gate("cx", (q.element(_uint("j")), q.element(_uint("j") + 1)))
    entry = Function(
        "variational_ansatz",
        (
            Parameter("n_qubits", UINT),
            Parameter("n_layers", UINT, Const(2)),
            Parameter("inputs", FLOATS),
            Parameter("weights", FLOATS),
            Parameter("hamiltonian", OBSERVABLE),
        ),
        (
            Alloc("q", n),
            For(("i",), _up_to(n), (Gate("ry", (q.element(_uint("i")),), (item(Name("inputs", FLOATS), _uint("i")),)),)),
            For(
                ("layer",),
                _up_to(layers),
                (
                    Call("rz_layer", (q, Name("weights", FLOATS), _uint("layer") * n), (None,)),
                    For(("j",), _up_to(n - 1), (chain,)),
                ),
            ),
            Expval(q, Name("hamiltonian", OBSERVABLE), "e"),
        ),
        (Name("e", FLOAT),),
    )
    return Module((entry, helper))


def control_flow() -> Module:
    """Carried and joined values, `elif`, `while`, dictionaries, measurement in every basis."""
    edges = Name("edges", DictType(TupleType((UINT, UINT)), FLOAT))
    depth, parity, b, total = _uint("depth"), Name("parity", BIT), Name("b", BIT), Name("total", FLOAT)
    q = whole("q")
    cost = For(
        ("i", "j", "w"),
        Items(edges),
        (Gate("rzz", (q.element(_uint("i")), q.element(_uint("j"))), (Name("w", FLOAT) * total,)),),
        (Carried("total", Const(0), total + Name("w", FLOAT)),),
    )
    branch = If(
        apply("==", depth % 2, 0),
        (Gate("h", (q,)),),
        (If(depth > 7, (Gate("x", (q.element(ZERO),)),), (Reset(q.element(ONE)),)),),
    )
    joined = If(
        apply("and", Name("first", BIT), ~parity),
        (Gate("z", (q.element(Const(2)),)), Measure(q.element(Const(2)), "again", "x", True)),
        (),
        (Joined("found", Name("again", BIT), Const(False)), Joined("scale", Const(1), Const(0.5))),
    )
    loop = While(
        b,
        (Gate("h", (Place("a"),)), Measure(Place("a"), "coin", "z", True)),
        (Carried("b", Name("found", BIT), Name("coin", BIT)), Carried("rounds", ZERO, _uint("rounds") + 1)),
    )
    body = (
        Alloc("a"), cost, branch, Measure(q.element(ZERO), "first"), Measure(q.element(ONE), "second", "y"),
        For(("k",), Range(depth, ZERO, Const(-1)), (), (Carried("parity", Name("second", BIT), parity ^ Name("first", BIT)),)),
        joined, loop, Measure(q.view(Const(2), ONE, size(Name("q", REGISTER)) - 2), "rest"),
    )  # fmt: skip
    parameters = (Parameter("q", REGISTER), Parameter("edges", edges.type), Parameter("depth", UINT))
    returns = (Name("rest", BITS), _uint("rounds"), Name("scale", FLOAT))
    return Module((Function("feed_forward", parameters, body, returns, True),))


def reuse() -> Module:
    """Modifiers, kinds of functions, matrices, views, names that are also words of the language."""
    q, n = whole("q"), _uint("n")
    c, t = whole("c"), q.element(ZERO)
    s = (1j / 2, -1j / 2)
    matrix = ((1 + 0j, 0j, 0j, 0j), (0j, 0.5 + s[0], 0.5 + s[1], 0j), (0j, 0.5 + s[1], 0.5 + s[0], 0j), (0j, 0j, 0j, -1j))
    box = Function("h", (Parameter("q", REGISTER),), (Gate("h", (q,)),), (q,), False, "composite", "mixer", True)
    oracle = Function("marker", (Parameter("q", REGISTER),), (), (q,), False, "oracle", "marker")
    fresh = Function("fresh", (Parameter("next", UINT),), (Alloc("q", _uint("next")),), (q, _uint("next") + 1), True)
    body = (
        Call("fresh", (n,), ("q", None)),
        Call("fresh", (Const(2),), ("c", "m")),
        Gate("x", (t,), (), (Control((c,)),)),
        Gate("rx", (t,), (Name("theta", FLOAT) / 2,), (Adjoint(), Control((c.element(ONE),), ZERO), Power(n - 1))),
        Gate("gphase", (), (Const(0.25),), (Control((t,), Const(1)),)),
        Gate("ry", (q.view(ONE, Const(2), n // 2),), (vector([0.1, n, -Name("theta", FLOAT)]),)),
        Gate("unitary", (t,), (), (), ((0j, 1 + 0j), (1 + 0j, 0j))),
        Gate("unitary", (t, q.element(ONE)), (), (Adjoint(),), matrix),
        Gate("barrier", (q,)),
        Call("h", (q,), (None,), (Control((c,), Const(3)), Adjoint())),
        Call("marker", (q.view(ZERO, ONE, n - 1),), (None,), (Power(Const(2)),)),
        PauliEvolve(q, Const(Hamiltonian.from_list([("IIXX", 0.5), ("IZII", -1.0)])), Name("theta", FLOAT), (Adjoint(),)),
        PauliEvolve(joined((t, c.element(ZERO))), Name("λ", OBSERVABLE), Const(1.0)),
        Probabilities(joined((c, t)), "p"),
    )
    parameters = (
        Parameter("n", UINT),
        Parameter("theta", FLOAT, Const(-0.5)),
        Parameter("λ", OBSERVABLE, Const(Z(0) - 2 * X(1))),
    )
    return Module((Function("main", parameters, body, (Name("p", FLOATS), _uint("m"))), box, oracle, fresh))


EXAMPLES = {"ansatz": ansatz, "control_flow": control_flow, "reuse": reuse}
