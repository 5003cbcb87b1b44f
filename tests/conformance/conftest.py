"""The engines that the suite runs on."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from qkernel.engine import Engine, load_engine
from qkernel.noise import NoiseModel
from qkernel_backends.native import NativeEngine

WITH_NOISE = "native with noise"
CLIFFORD_ALONE = ("stim",)
READ_TEXTS = ("braket",)
"""Those that parse a text for every sample; they are put to tests that are marked `many` when they are asked for by name."""
DEFAULT = ("reference", "native", "torch", "qiskit", "cirq", "pennylane", *READ_TEXTS, *CLIFFORD_ALONE, WITH_NOISE)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        engines = metafunc.config.getoption("--engine") or DEFAULT
        if metafunc.definition.get_closest_marker("states"):
            engines = [name for name in engines if name != WITH_NOISE]  # which has none
        if metafunc.definition.get_closest_marker("many") and not metafunc.config.getoption("--engine"):
            engines = [name for name in engines if name not in READ_TEXTS]
        if not metafunc.definition.get_closest_marker("clifford"):
            engines = [name for name in engines if name not in CLIFFORD_ALONE]
        metafunc.parametrize("engine", engines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine under test; the suite installs all of them, so that one that does not load is a failure."""
    if request.param == WITH_NOISE:
        return NativeEngine(noise=NoiseModel())  # an empty one
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    ours = declared["project"]["entry-points"]["qkernel.engines"]  # of this tree, whatever is installed
    if request.param in ours:
        made: Engine = EntryPoint(request.param, ours[request.param], "qkernel.engines").load()()
        return made
    return load_engine(request.param)
