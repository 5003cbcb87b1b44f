"""Which functions of a module call themselves, and what is said of those that do so too often, or whose end is not known."""

from __future__ import annotations

from qkernel.diagnostics import Span, written_name
from qkernel.errors import KernelRecursionError
from qkernel.ir.module import Module
from qkernel.ir.ops import Call, Function
from qkernel.ir.walk import walk
from qkernel.recursion import DEEPEST


class NeedsValues(Exception):
    """A count has no closed form here and must be worked out with values."""

    def __init__(self, title: str, span: Span | None) -> None:
        super().__init__(title)
        self.title, self.span = title, span


def held(name: str) -> str:
    """What is said of a changed value that counts depend on."""
    return f"what `{written_name(name)}` holds after changes decides counts, so they need values"


def needs_end(function: str, span: Span | None) -> NeedsValues:
    """A call of a function in itself whose end is not known."""
    return NeedsValues(f"`{function}` calls itself, so its estimate needs the values that end the recursion", span)


def recursive_functions(module: Module) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that may reach themselves, and all that reach one of those."""
    calls = {function.name: {op.callee for op in walk(function.body) if isinstance(op, Call)} for function in module.functions}
    reached = {name: _reached(calls, calls[name]) for name in calls}
    recursive = frozenset(name for name in calls if name in reached[name])
    return recursive, frozenset(name for name in calls if name in recursive or reached[name] & recursive)


def too_deep(callee: Function, endless: bool) -> KernelRecursionError:
    """A call of a function inside of a call with the same values, or of so many calls that no more are counted."""
    name = written_name(callee.name)
    return KernelRecursionError(
        f"`{name}` calls itself without end" if endless else f"`{name}` is called {DEEPEST} calls deep",
        span=callee.span,
        help="end the recursion with an `if` on an argument" if endless else "end the recursion sooner, or write a loop",
    )


def _reached(calls: dict[str, set[str]], start: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += calls[name]
    return found
