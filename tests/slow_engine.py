"""An engine for tests of clusters: the reference, slowly, which notes in a folder which rows it has done, and where."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qkernel.engine import load_engine
from qkernel.errors import ExecutionError


@dataclass(frozen=True)
class SlowEngine:
    """`seconds` a call. What begins with a first angle of `fails` raises, or with `dies` ends its process."""

    folder: str
    seconds: float = 0.0
    fails: float | None = None
    dies: float | None = None

    name = "slow"

    @property
    def features(self) -> frozenset[str]:
        return load_engine("reference").features

    def prepare(self, circuit: Any, dtype: Any = np.complex128) -> SlowPrepared:
        (Path(self.folder) / f"prepared-{os.getpid()}-{secrets.token_hex(4)}").touch()
        return SlowPrepared(self, load_engine("reference").prepare(circuit, dtype))


@dataclass(frozen=True)
class SlowPrepared:
    engine: SlowEngine
    inner: Any

    def expect(self, theta: Any) -> Any:
        if theta[0, 0] == self.engine.fails:
            raise ExecutionError("the worker is tired")
        if theta[0, 0] == self.engine.dies:
            os._exit(3)
        time.sleep(self.engine.seconds)
        values = self.inner.expect(theta)
        (Path(self.engine.folder) / f"done-{theta[0, 0]:.0f}-{os.getpid()}-{secrets.token_hex(4)}").touch()
        return values
