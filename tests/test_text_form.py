"""The text form: what is printed, that it is read back as it was, and what is refused."""

from __future__ import annotations

import os
import re
import stat
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ir_examples import EXAMPLES
from strategies.ir_modules import modules

from qkernel.errors import DataError, TextFormError
from qkernel.ir import ops
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
    item,
    size,
    vector,
    wrap,
)
from qkernel.ir.files import load, save
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Gate, Parameter, Reset
from qkernel.ir.parser import parse
from qkernel.ir.places import Place, whole
from qkernel.ir.printer import format_expression
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.ir.verifier import verify
from qkernel.ir.walk import expressions
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
    text = str(module)
    again = parse(text)
    assert again == module
    assert str(again) == text


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
    ("(n < 2) == b", apply("==", n < 2, b)),
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
    places = [register, register.element(i + 1), register.view(ONE, Const(2), i), register.view(i, ONE, Const(3)), Place("a")]
    parameters = (Parameter("q", ArrayType(QUBIT)), Parameter("a", QUBIT), Parameter("i", UINT))
    function = Function("f", parameters, tuple(Reset(place) for place in [*places, Place("q")]))
    shown = ["q", "q[i + 1]", "q[1 +: i : 2]", "q[i +: 3]", "a", "q[0]"]
    assert str(Module((function,))).splitlines()[3:] == [f"    reset({text})" for text in shown]


def test_an_op_that_is_declared_is_printed_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    tour = (Path(__file__).parent.parent / "docs" / "tour.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"\*\*An op\.\*\*(?:[^\n]+\n)+\n((?:    [^\n]+\n|\n)+)", tour)
    space = dict(vars(ops))
    exec(compile(textwrap.dedent(code), "tour.md", "exec", dont_inherit=True), space)
    monkeypatch.setitem(ops.OP_WORDS, "twist", space["Twist"])
    text = "qkernel 1\n\nkernel f(q: Vector[Qubit], x: Float):\n    control(inverse(twist), q[1])(q[0], x * 2)\n    twist(q, 1)"
    module = parse(text)
    assert str(module) == text
    assert [str(expr) for expr in expressions(module.entry.body[0])] == ["1", "1", "0", "1", "x * 2"]
    with pytest.raises(TextFormError, match="an angle is a number, not an Observable"):
        parse(text.replace("x * 2", 'observable("Z0")'))
    with pytest.raises(TextFormError, match="wrong number of arguments for `twist`"):
        parse(text.replace(", 1)", ")"))


def test_spans_point_into_the_text() -> None:
    module = parse("qkernel 1\n\nkernel f(q: Qubit) -> Qubit:\n    h(q)\n    if True:\n        x(q)\n    return q\n", "f.qk")
    h, branch = module.entry.body
    assert (h.span.file, h.span.line, h.span.column, h.span.end_column) == ("f.qk", 4, 4, 8)
    assert (branch.then[0].span.line, branch.then[0].span.column) == (6, 8)


def test_windows_line_ends_remarks_and_a_byte_order_mark() -> None:
    text = "\ufeff# a remark\r\nqkernel 1  # version\r\n\r\n# another\r\nkernel f(q: Qubit):  # here\r\n"
    text += "\r\n      # and here\r\n    h(q)\r\n"
    assert str(parse(text)) == "qkernel 1\n\nkernel f(q: Qubit):\n    h(q)"


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


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        save(EXAMPLES["reuse"](), pipe)
        assert parse(os.read(reader, 65536).decode()) == EXAMPLES["reuse"]()
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(DataError, match="cannot be written: Is a directory"):
        save(EXAMPLES["reuse"](), tmp_path)


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
    file.write_text("qkernel 1\nkernel f(q: Qubit):\n    h(p)\n", encoding="utf-8")
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
