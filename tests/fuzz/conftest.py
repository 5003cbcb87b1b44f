"""How long to look for mismatches."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--programs", type=int, default=None, metavar="N", help="how many random programs (default: 400)")
    parser.addoption("--minutes", type=float, default=None, metavar="M", help="run for so long instead")
    parser.addoption("--first-seed", type=int, default=0, metavar="S", help="the seed of the first two programs")


@pytest.fixture
def wanted(pytestconfig: pytest.Config) -> int | None:
    """How many programs to run; None where `--minutes` decides."""
    number: int | None = pytestconfig.getoption("--programs")
    return number or (None if pytestconfig.getoption("--minutes") else 400)


@pytest.fixture
def is_over(pytestconfig: pytest.Config, wanted: int | None) -> Callable[[int], bool]:
    """Whether so many programs are enough, or the time has run out."""
    minutes = pytestconfig.getoption("--minutes")
    end = None if minutes is None else time.monotonic() + 60 * minutes
    return lambda ran: (wanted is not None and ran >= wanted) or (end is not None and time.monotonic() > end)
