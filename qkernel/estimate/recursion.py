"""Which functions of a module call themselves."""

from __future__ import annotations

from collections.abc import Sequence

from qkernel.ir.ops import Call, Module, Op, blocks


def recursive_functions(module: Module) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that may reach themselves, and all that reach one of those."""
    calls = {function.name: _callees(function.body) for function in module.functions}
    reached = {name: _reached(calls, calls[name]) for name in calls}
    recursive = frozenset(name for name in calls if name in reached[name])
    return recursive, frozenset(name for name in calls if name in recursive or reached[name] & recursive)


def _callees(block: Sequence[Op]) -> set[str]:
    found: set[str] = set()
    for op in block:
        if isinstance(op, Call):
            found.add(op.callee)
        for inner in blocks(op):
            found |= _callees(inner)
    return found


def _reached(calls: dict[str, set[str]], start: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += calls[name]
    return found
