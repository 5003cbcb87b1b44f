"""How far engines follow circuits that measure, reset and branch; what is beyond that is the same error on each of them."""

from __future__ import annotations

from qkernel.errors import ExecutionError, ShotsError, TargetCapabilityError
from qkernel.execution.shots import HOW_TO_ESTIMATE
from qkernel.lower.circuit import Assign, Circuit, Repeat

MOST_BRANCHES = 1 << 16
"""Expectation values and probabilities sum over at most so many histories at once that differ in bits still read."""

MOST_ITERATIONS = 100_000
"""A run-time loop is given up after so many iterations."""


def no_state(circuit: Circuit) -> TargetCapabilityError:
    """The error where the final state is asked for."""
    return TargetCapabilityError(
        f"`{circuit.name}` measures or resets qubits, so that it has no single final state",
        help="ask for samples, probabilities or expectation values",
    )


def no_exact_value(circuit: Circuit, loop: Repeat) -> ShotsError:
    """The error where an exact value behind `loop` is asked for."""
    return ShotsError(
        f"`{circuit.name}` has a `while` on measured bits: it can run for ever, so there is no exact value",
        span=loop.span,
        help=HOW_TO_ESTIMATE,
    )


def check_iterations(circuit: Circuit, loop: Repeat, iterations: int) -> None:
    """Raise `ExecutionError` where the run-time loops of one history have gone too many iterations."""
    if iterations > MOST_ITERATIONS:
        title = f"a `while` of `{circuit.name}` ran {MOST_ITERATIONS:,} iterations without an end"
        raise ExecutionError(title, span=loop.span)


def check_width(circuit: Circuit, part: Assign, least: int, greatest: int) -> None:
    """Raise `ExecutionError` where a number that `part` assigns to an integer does not fit in there."""
    width = circuit.integers[part.variable[1]].width
    if greatest >> (width - 1) > 0 or least >> (width - 1) < -1:
        worst = greatest if greatest >> (width - 1) > 0 else least
        raise ExecutionError(
            f"`{circuit.name}` counts to {worst}, and an integer of {width} bits cannot hold it", span=part.span
        )


def check_branches(circuit: Circuit, histories: int) -> None:
    """Raise `ExecutionError` where there are too many histories to sum over."""
    if histories > MOST_BRANCHES:
        raise ExecutionError(
            f"`{circuit.name}` has more than {MOST_BRANCHES} histories of measured bits, too many to sum over",
            help=HOW_TO_ESTIMATE,
        )
