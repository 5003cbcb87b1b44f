"""Options of the test suite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

from qkernel_backends.native.cache import machine_code

# The suite draws the same examples every time, so that main stays whole; `make fuzz` draws new ones.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


def pytest_sessionstart() -> None:
    """Have the native engine ready, or what it tells where it is not would be in the way."""
    for real in (np.float32, np.float64):
        machine_code(np.dtype(real))
    machine_code(np.dtype(np.float64), "pauli_vectors")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        action="append",
        default=[],
        metavar="NAME",
        help="run the engine conformance suite on this engine (may be given several times; default: those installed)",
    )
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written."""
    return bool(request.config.getoption("--update-golden"))
