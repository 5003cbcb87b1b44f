"""The engines that the suite runs on."""

from __future__ import annotations

import pytest

from qkernel.engine import Engine, load_engine

DEFAULT = ("reference", "native", "torch", "qiskit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", metafunc.config.getoption("--engine") or DEFAULT, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine under test; the suite installs all of them, so that one that does not load is a failure."""
    return load_engine(request.param)
