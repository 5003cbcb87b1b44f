"""The text form: what is printed, that it is read back as it was, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ir_examples import EXAMPLES
from strategies.ir_modules import modules

from qkernel.errors import TextFormError
from qkernel.ir.expressions import (
    ONE,
    ZERO,
    Const,
    Expr,
    Name,
    Pack,
    Row,
    Slice,
    Updated,
    apply,
    equal,
    item,
    size,
    vector,
    wrap,
)
from qkernel.ir.files import load, save
from qkernel.ir.lexer import MAX_INTEGER_DIGITS, MAX_NESTING, MAX_TEXT_SIZE
from qkernel.ir.ops import Adjoint, Alloc, Control, Function, Gate, Measure, Module, Parameter
from qkernel.ir.parser import parse
from qkernel.ir.places import Place, whole
from qkernel.ir.printer import format_expression, format_function, format_module, format_op, format_place
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.ir.verifier import verify
from qkernel.observable import Hamiltonian, X, Z

GOLDEN = Path(__file__).parent / "ir"
FLOATS = ArrayType(FLOAT)
TYPES: dict[str, Type] = {
    "n": UINT, "x": FLOAT, "b": BIT, "bits": ArrayType(BIT), "v": FLOATS, "m": ArrayType(FLOAT, 2), "t": ArrayType(UINT, 3),
    "pair": TupleType((UINT, FLOAT)), "d": DictType(UINT, FLOATS), "e": DictType(TupleType((UINT, UINT)), FLOAT),
    "q": ArrayType(QUBIT),
}  # fmt: skip
n, x, b, bits, v, m, t, pair, d, e, q = (Name(name, type) for name, type in TYPES.items())


@given(modules())
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
def test_parse_reads_back_what_is_printed(module: Module) -> None:
    verify(module)
    text = format_module(module)
    again = parse(text)
    assert again == module
    assert format_module(again) == text


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden_text(name: str, update_golden: bool) -> None:
    module, file = EXAMPLES[name](), GOLDEN / f"{name}.qk"
    if update_golden:
        save(module, file)
    assert f"{module}\n" == file.read_text(encoding="utf-8")
    assert load(file) == module


EXPRESSIONS: list[tuple[str, Expr]] = [
    ("(n + 1) * 2 - n // 3", (n + 1) * 2 - n // 3),
    ("n - (n - x) - 1", n - (n - x) - 1),
    ("x / (x * 3.0)", x / (x * 3.0)),
    ("x * 3.0 / x", x * 3.0 / x),
    ("n % (n + 1) % 2", n % (n + 1) % 2),
    ("-(x + 1.5) ** 2", -((x + 1.5) ** 2)),
    ("(-x) ** -2", (-x) ** -2),
    ("(x ** n) ** n", (x**n) ** n),
    ("x ** n ** n", x ** (n**n)),
    ("-x * n", -x * n),
    ("-(x * n)", -(x * n)),
    ("(-3) ** n", apply("**", -3, n)),
    ("x + -3", apply("+", x, -3)),
    ("-0.0", Const(-0.0)),
    ("1e+300", Const(1e300)),
    ("-inf", Const(-float("inf"))),
    ("0.30000000000000004", Const(0.1 + 0.2)),
    ("100000000000000000000", Const(10**20)),
    ("True", Const(True)),
    ("x if b else 1.0", apply("select", b, x, 1.0)),
    ("x if b else 1.0 if not b else n", apply("select", b, x, apply("select", ~b, 1.0, n))),
    ("(n if (b if b else not b) else 0) + 1", apply("select", apply("select", b, b, ~b), n, ZERO) + 1),
    ("b and not b or not (b or n < 3)", apply("or", apply("and", b, ~b), ~apply("or", b, n < 3))),
    ("b and (b or b)", apply("and", b, apply("or", b, b))),
    ("b ^ (x >= 1e-05)", b ^ (x >= 1e-05)),
    ("(n < 2) == b", equal(n < 2, b)),
    ("n != n + x", apply("!=", n, n + x)),
    ("max(abs(n - 5), uint(x))", apply("max", abs(n - 5), apply("uint", x))),
    ("sin(atan2(x, n))", apply("sin", apply("atan2", x, n))),
    ("fixed(bits, 0)", apply("fixed", bits, 0)),
    ("v[n - 1]", item(v, n - 1)),
    ("m[n, 0]", item(m, (n, 0))),
    ("m[n]", Row(m, (n,))),
    ("t[0, n, 2]", item(item(t, 0), (n, 2))),
    ("pair[1]", item(pair, 1)),
    ("d[n][0]", item(item(d, n), 0)),
    ("e[(n, 1)]", item(e, (n, 1))),
    ("len(q) - 1", size(q) - 1),
    ("len(t, 2)", size(t, 2)),
    ("len(e)", size(e)),
    ("v[1 +: len(v) // 2 : 2]", Slice(v, ONE, Const(2), size(v) // 2)),
    ("v[n +: 3]", Slice(v, n, ONE, Const(3))),
    ("updated(v, n, x)", Updated(v, n, x)),
    ("(v if b else updated(v, 0, x))[n]", item(apply("select", b, v, Updated(v, ZERO, x)), n)),
    ("[n, x, 0.5]", vector([n, x, 0.5])),
    ("[[1, 2], [3, 4]]", vector([[1, 2], [3, 4]])),
    ("Vector[UInt]([])", Pack((), ArrayType(UINT))),
    ("Vector[Float]([n, 1])", Pack((n, ONE), FLOATS)),
    ("[]", vector([])),
    ("(n, (x,), ())", wrap((n, (x,), ()))),
    ("Tuple[Float]((n,))", Pack((n,), TupleType((FLOAT,)))),
    ('observable("0.5*Z0 - X2 + 1")', Const(0.5 * Z(0) - X(2) + 1)),
    ('observable("Z0", 3)', Const(Hamiltonian.from_list([("IIZ", 1.0)]))),
]  # fmt: skip


def _read(text: str, type: Type) -> Expr:
    """`text` as an expression of this type over the names of `TYPES`."""
    parameters = ", ".join(f"{name}: {type}" for name, type in TYPES.items())
    (value,) = parse(f"qkernel 1\n\nkernel f({parameters}) -> {type}:\n    return {text}\n").entry.returns
    assert isinstance(value, Expr)
    return value


@pytest.mark.parametrize(("text", "expr"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expressions_are_written_as_in_python_and_read_back(text: str, expr: Expr) -> None:
    assert format_expression(expr) == str(expr) == text
    assert _read(text, expr.type) == expr
    assert format_expression(_read(text, expr.type)) == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1 + 2 * 3", Const(7)),
        ("2 ** -1", Const(0.5)),
        ("3 * n", n * 3),
        ("((n))", n),
        ("n + 1 + 1 - 2", n),
        ("[10, 20, 30][1]", Const(20)),
        ("  n   # a remark", n),
        ("(n,\n        1)", Pack((n, ONE), TupleType((UINT, UINT)))),
        ("len([n, n, n])", Const(3)),
        ("not not b", b),
    ],
)
def test_what_is_written_otherwise_is_folded(written: str, meant: Expr) -> None:
    assert _read(written, meant.type) == meant


def test_not_a_number_is_kept() -> None:
    value = _read("nan", FLOAT)
    assert isinstance(value, Const)
    assert value.value != value.value


def test_a_numpy_float_is_written_as_a_number() -> None:
    import numpy as np

    assert format_expression(Const(np.float64(0.1))) == "0.1"


def test_places() -> None:
    register, i = whole("q"), Name("i", UINT)
    assert format_place(register) == "q"
    assert format_place(register.element(i + 1)) == "q[i + 1]"
    assert format_place(register.view(ONE, Const(2), i)) == "q[1 +: i : 2]"
    assert format_place(register.view(i, ONE, Const(3))) == "q[i +: 3]"
    assert format_place(Place("q"), {"q": QUBIT}) == "q"
    assert format_place(Place("q"), {"q": ArrayType(QUBIT)}) == "q[0]"


def test_an_op_alone_is_printed_with_what_is_known() -> None:
    measure = Measure(Place("a"), "bit")
    gate = Gate("rx", (Place("a"),), (Const(0.5),), (Adjoint(), Control((whole("c"),), ONE)))
    function = Function("f", (Parameter("a", QUBIT), Parameter("c", ArrayType(QUBIT))), (gate, measure), (Name("bit", BIT),))
    assert format_op(measure) == "bit = measure(a[0])"
    assert format_op(gate, function) == "control(inverse(rx), c, value=1)(a, 0.5)"
    assert format_function(function).splitlines() == [
        "kernel f(a: Qubit, c: Vector[Qubit]) -> Bit:",
        "    control(inverse(rx), c, value=1)(a, 0.5)",
        "    bit = measure(a)",
        "    return bit",
    ]


def test_spans_point_into_the_text() -> None:
    module = parse("qkernel 1\n\nkernel f(q: Qubit) -> Qubit:\n    h(q)\n    if True:\n        x(q)\n    return q\n", "f.qk")
    h, branch = module.entry.body
    assert (h.span.file, h.span.line, h.span.column, h.span.end_column) == ("f.qk", 4, 4, 8)
    assert (branch.then[0].span.line, branch.then[0].span.column) == (6, 8)


def test_windows_line_ends_remarks_and_a_byte_order_mark() -> None:
    text = "\ufeff# a remark\r\nqkernel 1  # version\r\n\r\n# another\r\nkernel f(q: Qubit):  # here\r\n"
    text += "\r\n      # and here\r\n    h(q)\r\n"
    assert str(parse(text)) == "qkernel 1\n\nkernel f(q: Qubit):\n    h(q)"


# What is refused ----------------------------------------------------------------------------------------------------

HEAD = "qkernel 1\nkernel f(q: Vector[Qubit], n: UInt, x: Float, v: Vector[Float], H: Observable):\n"
REFUSED: list[tuple[str, str, tuple[int, int]]] = [
    ("", "this is no kernel in the text form", (1, 1)),
    ("hello", "this is no kernel in the text form", (1, 1)),
    ("qkernel one", "this is no kernel in the text form", (1, 1)),
    ("qkernel 2\n", "version 2 of the text form is not known", (1, 9)),
    ("qkernel 999999999\n", "version 999999999 of the text form is not known", (1, 9)),
    ("qkernel 1\n", "the end of the text cannot stand here", (2, 1)),
    ("qkernel 1\nh(q)\n", "`h` cannot stand here", (2, 1)),
    (HEAD, "the end of the text cannot stand here", (3, 1)),
    (HEAD + "h(q)\n", "`h` cannot stand here", (3, 1)),
    (HEAD + "    h(q\n", "a bracket without an end", (3, 6)),
    (HEAD + "    h q\n", "`q` cannot stand here", (3, 7)),
    (HEAD + "    h(q))\n", "`)` cannot stand here", (3, 9)),
    (HEAD + "\th(q)\n", "a tab in the indentation", (3, 1)),
    (HEAD + "    h(q)\n  x(q)\n", "the indentation fits no block around it", (4, 3)),
    (HEAD + "    h(q);\n", "`;` has no meaning here", (3, 9)),
    (HEAD + "    h(q\x00)\n", "`U+0000` has no meaning here", (3, 8)),
    (HEAD + "    h(q[1x])\n", "this is no number", (3, 9)),
    (HEAD + '    a = expval(q, observable("Z0))\n', "a string without an end", (3, 30)),
    (HEAD + "    `h(q)\n", "a name in backticks without an end", (3, 5)),
    (HEAD + "    lambda(q)\n", "`lambda` is a word of Python", (3, 5)),
    (HEAD + "    h(p)\n", "`p` is not defined before this line", (3, 7)),
    (HEAD + "    hh(q)\n", "there is no gate or function `hh` in this text (did you mean `h`?)", (3, 5)),
    (HEAD + "    h(n)\n", "in `f`: `h` takes 0 angles, not 1", (3, 5)),
    (HEAD + "    rx(x, q)\n", "the qubits of `rx` come first, then its angles", (3, 5)),
    (HEAD + "    rx(q, H)\n", "in `f`: an angle is a number, not a Observable", (3, 5)),
    (HEAD + "    cx(q[0])\n", "in `f`: `cx` takes 2 qubits, not 1", (3, 5)),
    (HEAD + "    cx(q, q)\n", "in `f`: `cx` takes single qubits", (3, 5)),
    (HEAD + "    h(q[x])\n", "a UInt should stand here, not a Float", (3, 9)),
    (HEAD + "    h(q[0, 1])\n", "a register has one axis", (3, 9)),
    (HEAD + "    h(q[0 +: 2][0])\n", "qubits should stand here", (3, 7)),
    (HEAD + "    rx(q, q + 1)\n", "`q` is a Vector[Qubit], a classical value should stand here", (3, 11)),
    (HEAD + "    rx(q, H + 1)\n", "`+` takes numbers, not a Observable", (3, 11)),
    (HEAD + "    rx(q, sine(x))\n", "no function of classical values has this name (did you mean `sin`?)", (3, 11)),
    (HEAD + "    rx(q, sin(x, x))\n", "`sin` takes 1 argument, not 2", (3, 11)),
    (HEAD + "    rx(q, 1 / 0)\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, log(-1.0))\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, (-2.0) ** 0.5)\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, 1e999)\n", "the number is too large for a Float", (3, 11)),
    (HEAD + "    rx(q, 1j)\n", "complex numbers stand only in the matrix of `unitary`", (3, 11)),
    (HEAD + '    rx(q, "a")\n', "a string stands only in `observable`", (3, 11)),
    (HEAD + "    rx(q, [1, True])\n", "the items of a list differ in type", (3, 11)),
    (HEAD + "    rx(q, v[0, 1])\n", "a Vector[Float] has no such element", (3, 11)),
    (HEAD + "    rx(q, Vector[Reel]([1]))\n", "there is no type `Reel`", (3, 18)),
    (HEAD + "    rx(q, len(v, 1))\n", "this has 1 axis", (3, 15)),
    (HEAD + "    rx(q, n < n < n)\n", "`<` cannot stand here", (3, 17)),
    (HEAD + "    rx(q, angle=x)\n", "only `control` takes a keyword, `value=`", (3, 11)),
    (HEAD + "    control(h, q, val=1)(q)\n", "`control` has the keyword `value` alone", (3, 19)),
    (HEAD + "    inverse(h)\n", "`inverse(...)` gives a gate or kernel", (3, 5)),
    (HEAD + "    power(h)(q)\n", "wrong number of arguments for `power`", (3, 5)),
    (HEAD + "    inverse(measure)(q)\n", "`measure` takes no modifiers", (3, 5)),
    (HEAD + "    measure(q)\n", "`measure` gives one result a name", (3, 5)),
    (HEAD + "    a = h(q)\n", "`h` gives nothing back", (3, 5)),
    (HEAD + "    a, _ = f(q, n, x, v, H)\n", "`f` gives back 0 values, not 2", (3, 5)),
    (HEAD + "    f(q, n)\n", "in `f`: `f` takes 5 arguments, not 2", (3, 5)),
    (HEAD + "    f(q, x, x, v, H)\n", "in `f`: `n` of `f` is a UInt, not a Float", (3, 5)),
    (HEAD + "    f(q[0], n, x, v, H)\n", "in `f`: `q` of `f` is a Vector[Qubit], not a qubit", (3, 5)),
    (HEAD + "    n = qubit()\n", "`n` is defined a second time", (3, 5)),
    (HEAD + "    if n:\n        h(q)\n", "in `f`: the condition is a Bit, not a UInt", (3, 5)),
    (HEAD + "    if True:\n        a = qubit()\n    h(a)\n", "`a` is not defined before this line", (5, 7)),
    (HEAD + "    for i in range(n):\n        h(q[i])\n    x(q[i])\n", "`i` is not defined before this line", (5, 9)),
    (HEAD + "    for i in range(n):\n        for i in range(n):\n            h(q)\n", "`i` is defined a second time", (4, 13)),
    (HEAD + "    for i in items(v):\n        h(q)\n", "in `f`: `items` gives 1 targets of a Vector[Float]", (3, 5)),
    (HEAD + "    for i in h(q):\n        h(q)\n", "a loop runs over `range(...)` or `items(...)`", (3, 14)),
    (HEAD + "    for i in range(n) carrying s = 0:\n        h(q)\n", "this loop's body must end with `next` with `s`", (3, 5)),
    (
        HEAD + "    for i in range(n) carrying s = 0:\n        next s = s + x\n",
        "in `f`: `s` is a Float and is used as a UInt",
        (3, 5),
    ),
    (HEAD + "    if True:\n        join s = 1\n", "both branches must end with `join`", (3, 5)),
    (HEAD + "    next s = 1\n", "`next` outside a loop or branch", (3, 5)),
    (HEAD + "    if True:\n        return n\n", "`return` stands only at the end of a function", (4, 9)),
    (HEAD + "    return n\n", "`f` is to return nothing and returns UInt", (2, 8)),
    (HEAD + "    pass\nkernel f():\n    pass\n", "a second function `f`", (4, 8)),
    (HEAD + "    unitary([[1, 0], [0]], q[0])\n", "in `f`: the matrix is not square", (3, 5)),
    (HEAD + "    unitary([[1, 0], [0, 1]], q[0], q[1])\n", "in `f`: a 2 x 2 matrix on 2 qubits", (3, 5)),
    (HEAD + "    unitary([[1, 0], [0, x]], q[0])\n", "a number should stand here", (3, 26)),
    (HEAD + "    unitary(x, q[0])\n", "`unitary` takes a matrix first", (3, 13)),
    (HEAD + '    e = expval(q, observable("Z0 +"))\n', "this text is not a sum of Pauli products", (3, 30)),
    (HEAD + '    e = expval(q, observable("Z0", n))\n', "a whole number should stand here", (3, 36)),
    (HEAD + "    e = expval(q, x)\n", "in `f`: `expval` takes an observable or a vector of them, not a Float", (3, 5)),
    (HEAD + "    pauli_evolve(q, x, 1.0)\n", "in `f`: what `pauli_evolve` takes is a Observable, not a Float", (3, 5)),
    ("qkernel 1\n@fast\nkernel f():\n    pass\n", 'a function is marked with `@label("...")` or `@clean_ancillas`', (2, 1)),
    ('qkernel 1\n@label("\\q")\nkernel f():\n    pass\n', "the string has a character or an escape", (2, 8)),
    ("qkernel 1\noracle f(q: Qubit):\n    h(q)\n", "in `f`: an oracle has no body", (2, 8)),
    ("qkernel 1\nkernel f(n: UInt = 0.5):\n    pass\n", "in `f`: the default of `n` is a UInt, not a Float", (2, 10)),
]


@pytest.mark.parametrize(
    ("text", "title", "place"), REFUSED, ids=[text.splitlines()[-1].strip() if text else "" for text, _, _ in REFUSED]
)
def test_refused_with_a_caret(text: str, title: str, place: tuple[int, int]) -> None:
    with pytest.raises(TextFormError) as caught:
        parse(text)
    assert caught.value.title.startswith(title)
    line, column = place
    shown = str(caught.value).splitlines()
    assert f":{line}:{column}" in shown[1]
    if text.split("\n")[line - 1]:
        assert shown[3].endswith(text.split("\n")[line - 1].replace("\t", " "))
        assert shown[4].index("^") - shown[4].index("|") - 2 == column - 1


DEEP = 5_000
HOSTILE: dict[str, str] = {
    "parentheses": HEAD + "    rx(q, " + "(" * DEEP + "x" + ")" * DEEP + ")\n",
    "brackets without an end": HEAD + "    rx(q, " + "[" * 1_000_000,
    "lists of lists": HEAD + "    rx(q, " + "[[" * DEEP,
    "minus signs": HEAD + "    rx(q, " + "-" * DEEP + "x)\n",
    "negations": HEAD + "    rx(q, " + "not " * DEEP + "True)\n",
    "powers": HEAD + "    rx(q, " + "x ** " * DEEP + "x)\n",
    "conditions": HEAD + "    rx(q, " + "x if True else " * DEEP + "x)\n",
    "a long sum": HEAD + "    rx(q, " + "x + " * DEEP + "x)\n",
    "subscripts": HEAD + "    rx(q, v" + "[0]" * DEEP + ")\n",
    "modifiers": HEAD + "    " + "inverse(" * DEEP + "h" + ")" * DEEP + "(q)\n",
    "calls of calls": HEAD + "    h" + "(q)" * DEEP + "\n",
    "blocks": HEAD + "".join(" " * (4 + k) + "if True:\n" for k in range(2_000)),
    "branches": HEAD + "    if n > 0:\n        pass\n" + "    elif n > 1:\n        pass\n" * 1_000,
    "types": "qkernel 1\nkernel f(n: " + "Tuple[" * DEEP,
    "digits": HEAD + "    rx(q, " + "9" * 1_000_000 + ")\n",
    "digits after the point": HEAD + "    rx(q, 0." + "9" * 1_000_000 + ")\n",
    "a tower of powers": HEAD + "    rx(q, 9 ** 9 ** 9 ** 9)\n",
    "a large product": HEAD + "    rx(q, " + " * ".join(["9" * 3_000] * 3) + ")\n",
    "squares of squares": HEAD + "    rx(q, " + "(" * 50 + "9" + " ** 9)" * 50 + ")\n",
    "a huge whole number from a float": HEAD + "    rx(q, uint(1e300) ** 300)\n",
    "a long line of nothing": "qkernel 1" + " " * 1_000_000 + "!",
    "a long text": "qkernel 1\n" + "#" * MAX_TEXT_SIZE,
    "a long string": HEAD + '    e = expval(q, observable("' + "Z0*" * 100_000 + '"))\n',
    "a long name": HEAD + "    h(" + "p" * 1_000_000 + ")\n",
    "many line ends": "\n" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused(name: str) -> None:
    with pytest.raises(TextFormError) as caught:
        parse(HOSTILE[name])
    assert len(str(caught.value)) < 2_000


def test_the_number_of_words_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkernel.ir.lexer.MAX_TOKENS", 1_000)
    parse(HEAD + "    x(q)\n" * 240)
    with pytest.raises(TextFormError, match="the text is too long"):
        parse(HEAD + "    x(q)\n" * 250)


def test_what_lies_within_the_limits_is_read() -> None:
    deep = MAX_NESTING - 2
    text = (
        HEAD
        + "    rx(q, "
        + "(" * deep
        + "x"
        + ")" * deep
        + ")\n    rz(q, "
        + "x + " * 399
        + "x)\n    rz(q, "
        + "9" * MAX_INTEGER_DIGITS
    )
    module = parse(text + ")\n" + "".join(" " * k + "if n > 0:\n" for k in range(4, deep)) + " " * deep + "h(q)\n")
    assert parse(str(module)) == module


def test_a_full_stack_is_an_error_of_ours() -> None:
    def deeper(frames: int) -> Any:
        return parse(str(EXAMPLES["ansatz"]())) if frames == 0 else deeper(frames - 1)

    import inspect
    import sys

    room = sys.getrecursionlimit() - len(inspect.stack())
    outcomes = set()
    for spare in range(8, 120, 4):
        try:
            outcomes.add(type(deeper(room - spare)).__name__)
        except (TextFormError, RecursionError) as error:
            outcomes.add(type(error).__name__)
    assert {"Module"} < outcomes


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_garbage_is_refused(text: str) -> None:
    for start in ("", "qkernel 1\n", HEAD + "    "):
        try:
            module = parse(start + text)
        except TextFormError:
            continue
        assert parse(str(module)) == module


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_text_is_refused_or_still_a_module(data: st.DataObject) -> None:
    text = str(EXAMPLES[data.draw(st.sampled_from(sorted(EXAMPLES)))]())
    start = data.draw(st.integers(9, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    other = data.draw(st.integers(9, len(text)))
    middle = data.draw(st.one_of(st.just(""), st.just(text[other : other + 12]), st.text(max_size=3)))
    try:
        module = parse(text[:start] + middle + text[end:])
    except TextFormError:
        return
    assert parse(str(module)) == module


# Files --------------------------------------------------------------------------------------------------------------


def test_a_file_holds_the_text(tmp_path: Path) -> None:
    file = tmp_path / "k.qk"
    save(EXAMPLES["reuse"](), file)
    assert file.read_text(encoding="utf-8") == f"{EXAMPLES['reuse']()}\n"
    assert load(str(file)) == EXAMPLES["reuse"]()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(_plain_file(tmp_path).stat().st_mode)


def _plain_file(folder: Path) -> Path:
    (folder / "plain").touch()
    return folder / "plain"


def test_saving_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "k.qk"
    save(EXAMPLES["reuse"](), file)
    save(EXAMPLES["ansatz"](), file)
    assert load(file) == EXAMPLES["ansatz"]()
    assert os.listdir(tmp_path) == ["k.qk"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "k.qk"
    save(EXAMPLES["ansatz"](), file)

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        save(EXAMPLES["reuse"](), file)
    assert load(file) == EXAMPLES["ansatz"]()
    assert os.listdir(tmp_path) == ["k.qk"]


def test_a_malformed_module_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(TextFormError, match="`q` is not defined here"):
        save(Module((Function("f", (), (Gate("h", (Place("q"),)),)),)), tmp_path / "k.qk")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_read_back_is_not_saved(tmp_path: Path) -> None:
    total: Expr = x
    for _ in range(450):
        total = total + x
    with pytest.raises(TextFormError, match="nested too deeply"):
        save(Module((Function("f", (Parameter("x", FLOAT),), (), (total,)),)), tmp_path / "k.qk")
    assert os.listdir(tmp_path) == []


def test_saving_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "link.qk").symlink_to(tmp_path / "k.qk")
    save(EXAMPLES["ansatz"](), tmp_path / "link.qk")
    assert (tmp_path / "link.qk").is_symlink()
    assert load(tmp_path / "k.qk") == EXAMPLES["ansatz"]()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "k.qk"
    file.write_bytes(b"qkernel 1\nkernel f():\n    \xff\n")
    with pytest.raises(TextFormError, match="no text in UTF-8") as caught:
        load(file)
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == (3, 4)


def test_an_error_points_into_the_file(tmp_path: Path) -> None:
    file = tmp_path / "k.qk"
    file.write_text(HEAD + "    h(p)\n", encoding="utf-8")
    with pytest.raises(TextFormError) as caught:
        load(file)
    assert f"{file}:3:7" in str(caught.value)
    assert "3 |     h(p)" in str(caught.value)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "k.qk"
    for start in (b"", b"qkernel 1\nkernel f(q: Qubit):\n    "):
        file.write_bytes(start + data)
        with pytest.raises(TextFormError):
            load(file)


# Modules made by hand -----------------------------------------------------------------------------------------------

Q = Parameter("q", ArrayType(QUBIT))
MALFORMED: dict[str, Function] = {
    "there is no gate `hadamard`": Function("f", (Q,), (Gate("hadamard", (whole("q"),)),)),
    "there is no function `g`": EXAMPLES["ansatz"]().entry,
    "there is no kind of function `macro`": Function("f", (), (), kind="macro"),
    "`` is no name": Function("", (), ()),
    "`a`b` is no name": Function("f", (Parameter("a`b", UINT),), ()),
    "`q` is defined a second time": Function("f", (Q,), (Alloc("q"),)),
    "there is no basis `w`": Function("f", (Q,), (Measure(whole("q"), "b", "w"),)),
    "one qubit of `q` with a stride": Function("f", (Q,), (Gate("h", (Place("q", ZERO, Const(2)),)),)),
    "`a` is one qubit, it has no parts": Function("f", (Parameter("a", QUBIT),), (Gate("h", (Place("a", ONE),)),)),
    "`n` is a UInt, used as a Float": Function("f", (Parameter("n", UINT),), (), (Name("n", FLOAT),)),
    "no length of a UInt along axis 0": Function("f", (Parameter("n", UINT),), (), (size(Name("n", UINT)),)),
    "values that do not make a Vector[UInt]": Function("f", (), (), (Pack((Const(0.5),), ArrayType(UINT)),)),
    "`unitary` has a matrix, and no other gate has one": Function("f", (Q,), (Gate("unitary", (whole("q"),)),)),
    "the matrix is not finite": Function("f", (Q,), (Gate("unitary", (whole("q"),), matrix=((complex("nan"),),)),)),
}


@pytest.mark.parametrize("title", MALFORMED)
def test_malformed_modules(title: str) -> None:
    with pytest.raises(TextFormError) as caught:
        verify(Module((MALFORMED[title],)))
    assert caught.value.title.removeprefix(f"in `{MALFORMED[title].name}`: ").startswith(title.replace("`g`", "`rz_layer`"))


def test_a_module_has_functions_of_different_names() -> None:
    with pytest.raises(TextFormError, match="without a function"):
        verify(Module(()))
    with pytest.raises(TextFormError, match="have one name"):
        verify(Module((Function("f", (), ()), Function("f", (), ()))))
