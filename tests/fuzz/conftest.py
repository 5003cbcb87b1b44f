"""How long to look for mismatches."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--programs", type=int, default=None, metavar="N", help="how many random programs (default: 400)")
    parser.addoption("--minutes", type=float, default=None, metavar="M", help="run for so long instead")
    parser.addoption("--first-seed", type=int, default=0, metavar="S", help="the seed of the first two programs")
