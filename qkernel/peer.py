"""The forms of Qamomile, the closest peer: scripts written for it run with their imports changed. All of it calls `Verbs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qkernel.errors import KernelTypeError
from qkernel.estimate import ResourceEstimate
from qkernel.executable import Executable
from qkernel.execution.executor import Executor
from qkernel.execution.jobs import Job
from qkernel.execution.shots import ShotPlan
from qkernel.kernel import Kernel
from qkernel.prebuilt import Oracle

QKernel = Kernel
opaque = Oracle


class SampleJob(Job[Any]):
    """Gives a `SampleResult`, or for a batch a list of them, one per sample."""


class RunJob(Job[Any]):
    """Gives what the kernel returns; for a batch, arrays with the batch axis first."""


class ExpvalJob(RunJob):
    """A `RunJob` of a kernel that returns expectation values or probabilities."""


class PeerExecutable(Executable):
    """An executable whose `run` and `sample` take an executor first and hand out jobs; all else is as on any executable."""

    def run(  # type: ignore[override]
        self, executor: Executor | None = None, bindings: Mapping[str, Any] | None = None, **values: Any
    ) -> RunJob:
        """A job that computes what the kernel returns; exact, unless the executor has `shots`."""
        engine, shots, seed = self._asked(executor)
        shots = None if self._outputs.uses_bits else shots  # bits are measured once, whatever the executor's shots
        result = super().run(
            bindings={**_dictionary(bindings), **values}, options={"engine": engine, "shots": shots, "seed": seed}
        )
        return (ExpvalJob if self._outputs.uses_readouts else RunJob)(result)

    def sample(  # type: ignore[override]
        self,
        executor: Executor | None = None,
        shots: int | None = None,
        bindings: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **values: Any,
    ) -> SampleJob:
        """A job that counts what `shots` shots give (default: the executor's number, else 1024)."""
        engine, own_shots, own_seed = self._asked(executor)
        options = {
            "engine": engine,
            "shots": own_shots if shots is None else shots,
            "seed": own_seed if seed is None else seed,
        }
        return SampleJob(super().sample(bindings={**_dictionary(bindings), **values}, options=options))

    def _asked(self, executor: Any) -> tuple[Any, int | ShotPlan | None, int | None]:
        if executor is None:
            return None, None, None
        if not isinstance(executor, Executor):
            help = "write `bindings=...`" if isinstance(executor, Mapping) else "make one with `transpiler.executor()`"
            raise KernelTypeError(f"an executor is wanted first, not `{executor!r}`", help=help)
        return executor.engine, executor.shots, executor.seed


def _dictionary(bindings: Any) -> Mapping[str, Any]:
    if bindings is not None and not isinstance(bindings, Mapping):
        raise KernelTypeError(f"`bindings` is a dictionary from names to values, not `{bindings!r}`")
    return bindings or {}


def estimate_resources(
    kernel: Kernel[..., Any],
    bindings: Mapping[str, Any] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    **options: Any,
) -> ResourceEstimate:
    """`kernel.estimate_resources`; `inputs` is another word for `bindings`."""
    return kernel.estimate_resources(bindings={**_dictionary(inputs), **_dictionary(bindings)}, options=options)
