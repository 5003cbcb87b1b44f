"""Random programs, each against every property: `make fuzz`, `pytest tests/fuzz -s --programs=N` or `--minutes=M`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.strategies.campaign import report, run
from tests.strategies.programs import Program, generate, generate_measuring
from tests.strategies.properties import properties

MOST_REPORTS = 5


def drawn(first: int) -> Iterator[Program]:
    """A unitary and a measuring program for each seed."""
    for seed in count(first):
        yield generate(seed)
        yield generate_measuring(seed)


def test_every_program_meets_every_property(
    pytestconfig: pytest.Config, wanted: int | None, is_over: Callable[[int], bool]
) -> None:
    ran = pairs = unfit = 0
    mismatches: list[str] = []
    columns = (
        TextColumn("programs"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[found]}"),
    )
    with Progress(*columns, console=Console()) as progress:
        task = progress.add_task("programs", total=wanted, found="no mismatch")
        for program in drawn(pytestconfig.getoption("--first-seed")):
            if is_over(ran):
                break
            failed = run(program)
            if failed is None:
                unfit += 1
                continue
            ran, pairs = ran + 1, pairs + len(properties(program))
            for name, error in failed.items():
                mismatches.append(report(program, name, error) if len(mismatches) < MOST_REPORTS else f"{program.seed} {name}")
                progress.console.print(mismatches[-1], markup=False, highlight=False)
            progress.update(task, advance=1, found=f"{len(mismatches)} mismatches" if mismatches else "no mismatch")
    print(f"{ran} programs, {pairs} program-property pairs, {len(mismatches)} mismatches ({unfit} draws were too large to run)")
    assert not mismatches, "\n\n".join(mismatches[:MOST_REPORTS])
    assert ran
