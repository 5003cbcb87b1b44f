"""The engines that the suite runs on."""

from __future__ import annotations

import pytest

from qkernel.engine import Engine, load_engine
from qkernel.errors import DependencyError

DEFAULT = ("reference", "native", "torch", "qiskit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", metafunc.config.getoption("--engine") or DEFAULT, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine under test; one that was not asked for by name is skipped where it is not installed."""
    try:
        return load_engine(request.param)
    except DependencyError as error:
        if request.config.getoption("--engine"):
            raise
        pytest.skip(error.title)
