"""Python iterables and comprehensions: unrolled while the kernel is traced."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from qkernel.errors import KernelTypeError, QKernelError, UnsupportedPythonError
from qkernel.frontend.control_flow import truth
from qkernel.frontend.domains import SymbolicItems, SymbolicSequence
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.tracer import Frame, Tracer, describe
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, SymbolUse


def iterate(tracer: Tracer, value: Any, node: ast.AST) -> Iterator[Any]:
    """The elements of a Python iterable; symbols and registers are not iterated outside `for` statements."""
    if isinstance(value, (QuantumHandle, Expr)):
        shown = value.name if isinstance(value, QuantumHandle) else as_written(value)
        names = [ast.unparse(element) for element in node.elts] if isinstance(node, (ast.Tuple, ast.List)) else []
        elements = ", ".join(f"{shown}[{k}]" for k in range(len(names) or 2))
        raise UnsupportedPythonError(
            f"{describe(value)} is not spread out by itself",
            span=tracer.frame.span(node),
            label="its length may be known only later",
            help=f"name its elements: `{', '.join(names)} = {elements}`" if names else f"name its elements: `{elements}`",
        )
    if isinstance(value, SymbolicItems) or (isinstance(value, SymbolicSequence) and value.known() is None):
        raise UnsupportedPythonError(
            f"only a `for` statement goes over `{value!r}`, whose length is known only later",
            span=tracer.frame.span(node),
            label=f"needs the value of `{as_written(value.unknown)}`",
            help="write a `for` loop that assigns elements:\n    bits = qk.bit_array(n)\n    for i in qk.range(n):\n"
            "        bits[i] = qk.measure(q[i])",
        )
    try:
        found: Iterator[Any] = iter(value)
    except TypeError as error:
        if isinstance(error, (QKernelError, SymbolUse)):
            raise
        raise KernelTypeError(
            f"{describe(value)} has no elements to go over", span=tracer.frame.span(node), label="not a list or the like"
        ) from None
    if found is value:
        tracer.check_change(value, ast.unparse(node), node)
    return found


def comprehension(tracer: Tracer, generators: list[ast.comprehension], element: Callable[[], Any]) -> Iterator[Any]:
    """The elements of a comprehension, its variables local to it."""
    from qkernel.frontend.assignment import assign
    from qkernel.frontend.reader import read

    frame: Frame = tracer.frame
    outer = dict(frame.variables)
    bound = {target.id for generator in generators for target in ast.walk(generator.target) if isinstance(target, ast.Name)}

    def loop(rest: list[ast.comprehension]) -> Iterator[Any]:
        if not rest:
            yield element()
            return
        for value in iterate(tracer, read(tracer, rest[0].iter), rest[0].iter):
            assign(tracer, rest[0].target, value)
            conditions = [truth(tracer, read(tracer, test), test) for test in rest[0].ifs]
            if any(isinstance(condition, Expr) for condition in conditions):
                raise UnsupportedPythonError(
                    "a comprehension cannot filter by a value that is not known yet",
                    span=frame.span(rest[0].ifs[0]),
                    label="not known yet",
                    help=f"write a `for` loop with `if {ast.unparse(rest[0].ifs[0])}:` in its body",
                )
            if all(conditions):
                yield from loop(rest[1:])

    try:
        yield from list(loop(generators))
    finally:
        for name in bound:
            frame.variables.pop(name, None)
            if name in outer:
                frame.variables[name] = outer[name]
