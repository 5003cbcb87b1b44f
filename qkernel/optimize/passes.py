"""Passes as values, and how they go over a module: each block of each function once, the inner ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from qkernel.ir.module import Module
from qkernel.ir.ops import Block, Call, Op, Within
from qkernel.ir.walk import walk, with_blocks
from qkernel.optimize.touches import Reading

REACH = 300
"""How many ops of its block back a pass looks for something that fits to an op."""


@dataclass(frozen=True)
class Pass:
    """A change of programs that keeps what they do, global phases included; a decorator of what it does to one block.

    `rewrite(block, reading)` gives a block that does the same and defines the same names; the `Reading` knows what ops touch.
    The blocks inside of its ops are rewritten already. A pass has its function's name and text.
    """

    rewrite: Callable[[Block, Reading], Block]

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.rewrite.__doc__)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.rewrite.__name__

    def __call__(self, module: Module) -> Module:
        """The module with each of its functions rewritten, without those that nothing calls any more."""
        reading = Reading(module)
        functions = {
            function.name: replace(function, body=_rewritten(function.body, self.rewrite, reading))
            for function in module.functions
        }
        reached, pending = set[str](), [module.entry.name]
        while pending:
            if (name := pending.pop()) not in reached:
                reached.add(name)
                function = functions[name]
                pending += [op.callee for op in walk(function.body) if isinstance(op, Call)]
                pending += [form for form in (function.inverse, function.control) if form is not None]
        return replace(module, functions=tuple(function for name, function in functions.items() if name in reached))


def _rewritten(block: Block, rewrite: Callable[[Block, Reading], Block], reading: Reading) -> Block:
    def inner(op: Op) -> Op:
        if isinstance(op, Within):  # its setup stays one op
            return replace(op, body=_rewritten(op.body, rewrite, reading))
        return with_blocks(op, lambda nested: _rewritten(nested, rewrite, reading))

    return rewrite(tuple(map(inner, block)), reading)


def met(done: Sequence[Op], op: Op, reading: Reading) -> Iterator[int]:
    """The positions in `done` that `op`, which follows it, can be brought next to, the last first."""
    for position in range(len(done) - 1, max(-1, len(done) - 1 - REACH), -1):
        yield position
        if not reading.commute(done[position], op):
            return
