"""Optimisation that keeps the program: passes over the IR, off unless asked for, and what each of them saves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from qkernel.errors import KernelTypeError
from qkernel.ir.module import Module
from qkernel.optimize.cliffords import simplify_cliffords
from qkernel.optimize.inlining import inline
from qkernel.optimize.inverses import cancel_inverses, find_within, hoist_controls
from qkernel.optimize.loops import fuse_loops
from qkernel.optimize.measurements import drop_unmeasured
from qkernel.optimize.passes import Pass
from qkernel.optimize.report import OptimizationReport, Step
from qkernel.optimize.rotations import drop_idle, merge_rotations

__all__ = [
    "DEFAULT",
    "OptimizationReport",
    "Pass",
    "cancel_inverses",
    "drop_idle",
    "drop_unmeasured",
    "find_within",
    "fuse_loops",
    "hoist_controls",
    "inline",
    "merge_rotations",
    "optimize",
    "simplify_cliffords",
]

DEFAULT = (
    fuse_loops, cancel_inverses, merge_rotations, simplify_cliffords, drop_unmeasured, find_within, hoist_controls, drop_idle,
)  # fmt: skip
"""The passes that `kernel.optimized()` runs, in this order."""

_MOST_TURNS = 20


def optimize(module: Module, passes: Iterable[Pass] = ()) -> OptimizationReport:
    """`module` after `passes` (none: `DEFAULT`), in turn and again until none of them changes anything, with every step.

    Raises `KernelTypeError` for what is no pass.
    """
    chosen = tuple(passes) or DEFAULT
    for each in chosen:
        if not isinstance(each, Pass):
            raise KernelTypeError(
                f"`{each!r}` is no pass",
                help="passes are values: `kernel.optimized(qk.optimize.merge_rotations, qk.optimize.cancel_inverses)`",
            )
    steps, unchanged = [Step("as written", module)], 0
    for turn, each in product(range(_MOST_TURNS), chosen):
        after = each(steps[-1].module)
        unchanged = unchanged + 1 if after == steps[-1].module else 0
        if turn == 0 or not unchanged:
            steps.append(Step(each.name, after))
        if unchanged == len(chosen):
            break
    return OptimizationReport(tuple(steps))
