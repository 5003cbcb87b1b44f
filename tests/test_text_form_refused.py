"""What the text form and the verifier refuse: with a caret, in bounded time and memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_examples import EXAMPLES

from qkernel.errors import TextFormError
from qkernel.ir.expressions import (
    ONE,
    ZERO,
    Const,
    Name,
    Pack,
    size,
)
from qkernel.ir.lexer import MAX_INTEGER_DIGITS, MAX_NESTING
from qkernel.ir.module import Module
from qkernel.ir.ops import Alloc, Function, Gate, Measure, Parameter
from qkernel.ir.parser import parse
from qkernel.ir.places import Place, whole
from qkernel.ir.types import FLOAT, QUBIT, UINT, ArrayType
from qkernel.ir.verifier import verify
from qkernel.ir.vocabulary import MAX_TEXT_SIZE

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
    (HEAD + "\th(q)\n", "a tab in the indentation", (3, 2)),
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
    (HEAD + "    rx(x, q)\n", "the qubits of a gate come first, then its angles", (3, 11)),
    (HEAD + "    rx(q, H)\n", "in `f`: an angle is a number, not an Observable", (3, 5)),
    (HEAD + "    cx(q[0])\n", "in `f`: `cx` takes 2 qubits, not 1", (3, 5)),
    (HEAD + "    cx(q, q[0])\n", "in `f`: `cx` takes single qubits, or registers, and not both", (3, 5)),
    (HEAD + "    h(q[x])\n", "in `f`: an index of `q` is a UInt, not a Float", (3, 5)),
    (HEAD + "    h(q[0, 1])\n", "a register has one axis", (3, 7)),
    (HEAD + "    h(q[0 +: 2][0])\n", "qubits should stand here", (3, 7)),
    (HEAD + "    rx(q, q + 1)\n", "`q` is a Vector[Qubit], a classical value should stand here", (3, 11)),
    (HEAD + "    rx(q, H % 2)\n", "`%` takes numbers, not a Observable", (3, 11)),
    (HEAD + "    rx(q, sine(x))\n", "no function of classical values has this name (did you mean `sin`?)", (3, 11)),
    (HEAD + "    rx(q, sin(x, x))\n", "`sin` takes 1 argument, not 2", (3, 11)),
    (HEAD + "    rx(q, 1 / 0)\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, log(-1.0))\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, (-2.0) ** 0.5)\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, 1e999)\n", "the number is too large for a Float", (3, 11)),
    (HEAD + "    rx(q, 1j)\n", "complex numbers stand only in the matrix of `unitary`", (3, 11)),
    (HEAD + '    rx(q, "a")\n', "a string stands only in `observable`", (3, 11)),
    (HEAD + "    rx(q, [1, True])\n", "these items make no vector, matrix or tensor", (3, 11)),
    (HEAD + "    rx(q, [[[[1]]]])\n", "these items make no vector, matrix or tensor", (3, 11)),
    (HEAD + "    rx(q, [q])\n", "`q` is a Vector[Qubit], a classical value should stand here", (3, 12)),
    (HEAD + "    rx(q, updated(v, x, 1)[0])\n", "no update of a Vector[Float] at a Float by a UInt", (3, 11)),
    (HEAD + "    rx(q, natural(0 - 1))\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, (9 ** 3000) ** 99999)\n", "the expression has no value", (3, 11)),
    (HEAD + "    rx(q, v[0, 1])\n", "a Vector[Float] has no such element", (3, 11)),
    (HEAD + "    rx(q, Vector[Reel]([1]))\n", "there is no type `Reel`", (3, 18)),
    (HEAD + "    rx(q, len(v, 1))\n", "no length of a Vector[Float] along axis 1", (3, 11)),
    (HEAD + "    rx(q, n < n < n)\n", "`<` cannot stand here", (3, 17)),
    (HEAD + "    rx(q, angle=x)\n", "only `control` takes keywords, `value=` and `count=`", (3, 11)),
    (HEAD + "    prepare(q, x, y=x)\n", "`prepare` has the keyword `imaginary`, once", (3, 19)),
    (HEAD + "    control(h, q, val=1)(q)\n", "`control` has the keywords `value` and `count`, each once", (3, 19)),
    (HEAD + "    control(h, q, count=1, value=1, count=2)(q)\n", "`control` has the keywords `value` and `count`", (3, 19)),
    (HEAD + "    control(h, q, count=x)(q)\n", "in `f`: the number of controls is a UInt, not a Float", (3, 5)),
    (HEAD + "    inverse(h)\n", "`inverse(...)` gives a gate or kernel", (3, 5)),
    (HEAD + "    power(h)(q)\n", "wrong number of arguments for `power`", (3, 5)),
    (HEAD + "    inverse(measure)(q)\n", "`measure` takes no modifiers", (3, 5)),
    (HEAD + "    measure(q)\n", "`measure` gives back 1 value, not 0", (3, 5)),
    (HEAD + "    _ = measure(q)\n", "`measure` gives no results without a name", (3, 5)),
    (HEAD + "    a = h(q)\n", "`h` gives back 0 values, not 1", (3, 5)),
    (HEAD + "    a, _ = f(q, n, x, v, H)\n", "`f` gives back 0 values, not 2", (3, 5)),
    (HEAD + "    f(q, n)\n", "in `f`: `f` takes 5 arguments, not 2", (3, 5)),
    (HEAD + "    f(q, x, x, v, H)\n", "in `f`: `n` of `f` is a UInt, not a Float", (3, 5)),
    (HEAD + "    f(q[0], n, x, v, H)\n", "in `f`: `q` of `f` is a Vector[Qubit], not a Qubit", (3, 5)),
    (HEAD + "    n = qubit()\n", "`n` is defined a second time", (3, 5)),
    (HEAD + "    if n:\n        h(q)\n", "in `f`: the condition is a Bit, not a UInt", (3, 5)),
    (HEAD + "    if True:\n        a = qubit()\n    h(a)\n", "`a` is not defined before this line", (5, 7)),
    (HEAD + "    for i in range(n):\n        h(q[i])\n    x(q[i])\n", "`i` is not defined before this line", (5, 9)),
    (HEAD + "    for i in range(n):\n        for i in range(n):\n            h(q)\n", "`i` is defined a second time", (4, 13)),
    (
        HEAD + "    for i in items(v):\n        h(q)\n",
        "in `f`: a loop over the items of a Vector[Float] does not have 1 targets",
        (3, 5),
    ),
    (HEAD + "    for i in h(q):\n        h(q)\n", "a loop runs over `range(...)` or `items(...)`", (3, 14)),
    (HEAD + "    for i in range(n) carrying s = 0:\n        h(q)\n", "this loop's body must end with `next` with `s`", (3, 5)),
    (
        HEAD + "    for i in range(n) carrying s = 0:\n        next s = s + x\n",
        "in `f`: `s` is a Float, used as a UInt",
        (3, 5),
    ),
    (HEAD + "    if True:\n        join s = 1\n", "both branches must end with `join`", (3, 5)),
    (HEAD + "    next s = 1\n", "`next` cannot stand here", (3, 5)),
    (HEAD + "    if True:\n        return n\n", "`return` cannot stand here", (4, 9)),
    (HEAD + "    return n\n", "`f` is to return nothing and returns UInt", (2, 8)),
    (HEAD + "    pass\nkernel f():\n    pass\n", "a second function `f`", (4, 8)),
    (HEAD + "    unitary([[1, 0], [0]], q[0])\n", "in `f`: the matrix is not square", (3, 5)),
    (HEAD + "    unitary([[1, 0], [0, 1]], q[0], q[1])\n", "in `f`: a 2 x 2 matrix on 2 qubits", (3, 5)),
    (HEAD + "    unitary([[1, 0], [0, x]], q[0])\n", "a number should stand here", (3, 26)),
    (HEAD + "    unitary([[1, 0], [0, j]], q[0])\n", "a number should stand here", (3, 26)),
    (HEAD + "    unitary(x, q[0])\n", "`unitary` takes a matrix first", (3, 13)),
    (HEAD + '    e = expval(q, observable("Z0 +"))\n', "this text is not a sum of Pauli products", (3, 30)),
    (HEAD + '    e = expval(q, observable("Z0", n))\n', "a whole number should stand here", (3, 36)),
    (
        HEAD + "    e = expval(q, x)\n",
        "in `f`: what `expval` takes is an Observable or a Vector[Observable], not a Float",
        (3, 5),
    ),
    (HEAD + "    pauli_evolve(q, x, 1.0)\n", "in `f`: what `pauli_evolve` takes is an Observable, not a Float", (3, 5)),
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
        assert shown[3].endswith(text.split("\n")[line - 1].replace("\t", " ").replace("\x00", "\ufffd"))
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
    "digits and then a letter": HEAD + "    rx(q, " + "9" * 1_000_000 + "x)\n",
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
