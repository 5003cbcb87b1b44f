"""What an engine claims to do decides which tests it is put to."""

from __future__ import annotations

import pytest

from qkernel.engine import CLIFFORD, Engine


def needs(engine: Engine, *features: str, clifford: bool = False) -> None:
    """Skip the test where the engine lacks a feature, or takes Clifford circuits alone and these are not."""
    missing = set(features) - engine.features
    if missing or (CLIFFORD in engine.features and not clifford):
        pytest.skip(f"{engine.name} does not claim {', '.join(sorted(missing)) or 'to take any gate'}")
