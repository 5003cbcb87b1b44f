"""Carets stand under the right characters, wherever a kernel's source comes from."""

from __future__ import annotations

import functools
import linecache
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.characters import columns
from qkernel.errors import KernelRecursionError, QKernelError, SourceUnavailableError, UnknownNameError
from qkernel.kernel import Kernel


def cell(text: str, name: str) -> dict[str, Any]:
    """Run `text` as a notebook does: under a name that only linecache knows."""
    text = textwrap.dedent(text)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict[str, Any] = {"__name__": "__main__", "qk": qk, "qko": qko}
    exec(compile(text, name, "exec", dont_inherit=True), names)
    return names


def caught(kernel: Kernel[..., Any]) -> QKernelError:
    with pytest.raises(QKernelError) as error:
        kernel.check()
    return error.value


def under_caret(error: QKernelError) -> str:
    """The source text that the carets mark, read off the printed message."""
    lines = str(error).splitlines()
    position = next(k for k, line in enumerate(lines) if "| " in line and "^" in line)
    start, end = lines[position].index("^"), lines[position].rindex("^") + 1
    source = lines[position - 1]
    return "".join(letter for k, letter in enumerate(source) if start <= columns(source[:k]) < end)


def test_a_kernel_in_a_function_is_indented() -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return qk.rx(q, thetta)  # type: ignore[name-defined]  # noqa: F821

    error = caught(kernel)
    assert error.span is not None
    assert error.span.file == __file__
    assert linecache.getline(__file__, error.span.line)[error.span.column : error.span.end_column] == "thetta"
    assert under_caret(error) == "thetta"


def test_a_helper_is_marked_in_its_own_lines() -> None:
    def layer(q: Any) -> Any:
        q = qk.h(q)
        return qk.rx(q, thetta)  # type: ignore[name-defined]  # noqa: F821

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return layer(q)  # type: ignore[no-any-return]

    error = caught(kernel)
    assert under_caret(error) == "thetta"
    assert error.span is not None
    assert error.span.line == layer.__code__.co_firstlineno + 2


def test_a_lambda_of_its_own_line() -> None:
    layer = lambda q: qk.rx(q, thetta)  # type: ignore[name-defined]  # noqa: E731, F821

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return layer(q)

    assert under_caret(caught(kernel)) == "thetta"


def test_the_second_lambda_of_a_line() -> None:
    names = cell(
        """
        first, second = (lambda q: qk.h(q)), (lambda q: qk.rx(q, thetta))

        @qk.qkernel
        def kernel(q: qk.Qubit) -> qk.Qubit:
            q = first(q)
            return second(q)
        """,
        "<cell 0>",
    )
    assert under_caret(caught(names["kernel"])) == "thetta"


def test_every_lambda_of_a_line_is_itself() -> None:
    names = cell(
        """
        turns = [lambda q: qk.rx(q, 0.1), lambda q: qk.ry(q, 0.2), lambda q: (lambda r: qk.rz(r, 0.3))(q)]

        @qk.qkernel
        def kernel(q: qk.Qubit) -> qk.Qubit:
            for turn in turns:
                q = turn(q)
            return q
        """,
        "<cell lambdas>",
    )
    assert [str(op).split("(")[0] for op in str(names["kernel"].ir).split("\n")[3:6]] == ["    rx", "    ry", "    rz"]


def test_a_lambda_in_the_kernel() -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        turn = lambda q, angle: qk.rx(q, angel)  # type: ignore[name-defined]  # noqa: E731, F821
        return turn(q, 0.5)

    assert under_caret(caught(kernel)) == "angel"


def test_a_closure_and_a_factory() -> None:
    def make(angle: float) -> Kernel[..., Any]:
        @qk.qkernel
        def kernel(q: qk.Qubit) -> qk.Qubit:
            return qk.rx(q, angle, angle)  # type: ignore[call-arg]

        return kernel

    error = caught(make(0.5))
    assert under_caret(error) == "angle"
    assert error.span is not None
    assert error.span.column == linecache.getline(__file__, error.span.line).rindex("angle")


def test_a_decorated_helper_is_called_as_it_is() -> None:
    def traced(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*arguments: Any) -> Any:
            return function(*arguments)

        return wrapper

    @traced
    def layer(q: Any) -> Any:
        return qk.rx(q, 0.5, 0.6)  # type: ignore[call-arg]

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return layer(q)  # type: ignore[no-any-return]

    assert under_caret(caught(kernel)) in {"0.6", "layer(q)"}


NOTEBOOK = """
@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, thetta)
"""


def test_a_notebook_cell() -> None:
    error = caught(cell(NOTEBOOK, "<ipython-input-1-0123>")["kernel"])
    assert under_caret(error) == "thetta"
    assert " --> <ipython-input-1-0123>:4:21" in str(error)


def test_a_cell_that_is_run_again_under_another_name() -> None:
    first = cell(NOTEBOOK, "<ipython-input-2-0123>")["kernel"]
    second = cell("# a comment above\n" + NOTEBOOK, "<ipython-input-3-0123>")["kernel"]
    assert ":4:21" in str(caught(first))
    assert ":5:21" in str(caught(second))


def test_text_that_nobody_kept() -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be found"):
        exec(NOTEBOOK, {"qk": qk})


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("θ = 0.5; return qk.rx(q, θθ)", "θθ"),
        ("größe = 'ä' + '🎉'; return qk.rx(q, thetta)", "thetta"),
        ("return qk.rx(qk.h(q), 'π/2')", "'π/2'"),
        ("q = qk.h(q); α = '漢字'; return qk.rx(q, 0.5, α)", "α"),
        ("회전角 = qk.h(q); return qk.rx(회전角, 회전角度)", "회전角度"),
    ],
)
def test_lines_beyond_ascii(line: str, marked: str) -> None:
    text = f"@qk.qkernel\ndef kernel(q: qk.Qubit) -> qk.Qubit:\n    {line}\n"
    error = caught(cell(text, f"<cell {line}>")["kernel"])
    assert under_caret(error) == marked
    assert error.span is not None
    assert text.splitlines()[2][error.span.column : error.span.end_column] == marked


def test_a_tab_before_the_code() -> None:
    text = "@qk.qkernel\ndef kernel(q: qk.Qubit) -> qk.Qubit:\n\treturn qk.rx(q, thetta)\n"
    assert under_caret(caught(cell(text, "<cell tab>")["kernel"])) == "thetta"


def test_a_string_at_the_margin_in_an_indented_kernel() -> None:
    names = cell(
        "def make():\n    @qk.qkernel\n    def kernel(q: qk.Qubit) -> qk.Qubit:\n"
        '        """Text\nat the margin.\n"""\n        return qk.rx(q, thetta)\n    return kernel\n',
        "<cell margin>",
    )
    error = caught(names["make"]())
    assert under_caret(error) == "thetta"
    assert error.span is not None
    assert error.span.line == 7


def test_a_call_over_several_lines_marks_its_first() -> None:
    names = cell(
        """
        @qk.qkernel
        def kernel(q: qk.Qubit) -> qk.Qubit:
            return qk.rx(
                q,
            )
        """,
        "<cell lines>",
    )
    assert under_caret(caught(names["kernel"])) == "qk.rx("


def test_the_argument_of_a_call_over_several_lines() -> None:
    names = cell(
        """
        @qk.qkernel
        def kernel(q: qk.Qubit) -> qk.Qubit:
            return qk.rx(
                q,
                thetta,
            )
        """,
        "<cell argument>",
    )
    error = caught(names["kernel"])
    assert under_caret(error) == "thetta"
    assert ":6:9" in str(error)


def test_a_very_long_line_is_cut_around_the_caret() -> None:
    text = f"@qk.qkernel\ndef kernel(q: qk.Qubit) -> qk.Qubit:\n    x = {' + '.join(['0.1'] * 300)}; return qk.rx(q, thetta)\n"
    error = caught(cell(text, "<cell long>")["kernel"])
    assert under_caret(error) == "thetta"
    assert max(map(len, str(error).splitlines())) < 250


def test_an_expression_that_is_too_deep_is_an_error_of_ours() -> None:
    text = f"@qk.qkernel\ndef kernel(n: qk.UInt) -> qk.UInt:\n    return {'-(' * 90}n{')' * 90}\n"
    cell(text, "<cell deep>")["kernel"].check()
    text = f"@qk.qkernel\ndef kernel(n: qk.UInt) -> qk.UInt:\n    return {' + '.join(['n'] * 2000)}\n"
    with pytest.raises(KernelRecursionError, match="nested too deeply"):
        cell(text, "<cell deeper>")["kernel"].check()


def test_a_kernel_defined_later_and_never() -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        return defined_nowhere(q)  # type: ignore[name-defined,no-any-return]  # noqa: F821

    with pytest.raises(UnknownNameError) as error:
        kernel.check()
    assert under_caret(error.value) == "defined_nowhere"


def test_kernels_of_one_text_share_it_until_the_text_changes() -> None:
    name = "<ipython-input-4-0123>"
    make = cell(f"def make():{textwrap.indent(NOTEBOOK, '    ')}    return kernel\n", name)["make"]
    one, other = make(), make()
    assert one.source is other.source
    entry = linecache.cache[name]
    linecache.cache[name] = (entry[0], None, [*entry[2], "# below\n"], name)  # type: ignore[index, misc]
    assert make().source is not one.source


def test_a_kernel_that_is_written_differently_is_read_anew() -> None:
    text = "@qk.qkernel\ndef kernel(q: qk.Qubit) -> qk.Qubit:\n    return qk.rx(q, 0.5)\n"
    first = cell(text, "<ipython-input-5-0123>")["kernel"]
    second = cell(text.replace("0.5", "0.7"), "<ipython-input-5-0123>")["kernel"]
    assert ["0.5" in str(kernel.ir) for kernel in (first, second)] == [True, False]
