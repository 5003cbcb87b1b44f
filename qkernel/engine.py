"""What an engine is, and the registry of engines.

An engine runs circuits. It is found by entry point (group `qkernel.engines`); a third party's engine implements this
protocol and runs the conformance suite (`pytest --engine=NAME`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np

from qkernel.diagnostics import did_you_mean, with_article
from qkernel.errors import DependencyError, KernelTypeError, TargetCapabilityError, ValidationError, needed
from qkernel.lower.circuit import Circuit
from qkernel.tallies import Tally

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Array = np.ndarray[Any, Any]


class Prepared(Protocol):
    """A circuit made ready by an engine. `theta` has shape (batch, columns of the angle map), float32 or float64.

    Every method may be called from several threads and leaves no trace on the circuit. What the engine's `features`
    do not name raises `TargetCapabilityError`.
    """

    def expect(self, theta: Array) -> Array:
        """Exact expectation values of `circuit.expectations`, shape (batch, number of expectations)."""
        ...

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Values as in `expect`, and the gradient of sum(cotangent * values) by theta, shape (batch, columns)."""
        ...

    def probabilities(self, theta: Array) -> list[Array]:
        """For each entry of `circuit.probabilities` an array (batch, 2**k)."""
        ...

    def state(self, theta: Array) -> Array:
        """Final amplitudes of a unitary circuit, shape (batch, 2**num_qubits), global phase included."""
        ...

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """What shots leave, uint8 of shape (batch, shots, memory_bits): measured bits, then integers; see `Circuit.packed`."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Runs circuits. `features` is a subset of `FEATURES`, and `ESTIMATION` and `CLIFFORD`."""

    @property
    def name(self) -> str:
        """The name that it is registered under."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """What it can do."""
        ...

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """Make `circuit` ready; `dtype` (complex64 or complex128) is the precision of the amplitudes."""
        ...


@runtime_checkable
class Tallies(Protocol):
    """A prepared circuit that counts what shots leave without a look at single ones."""

    def tally(self, theta: Array, shots: int, seed: int | None) -> Tally:
        """What `sample` would leave under the same seed, counted."""
        ...


@runtime_checkable
class OfMachineCode(Protocol):
    """An engine that is compiled for processors."""

    @property
    def machine_code(self) -> str:
        """Where its machine code is from, in words."""
        ...


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What `Prepared.sample` is asked for, of one of several circuits."""

    prepared: Prepared
    theta: Array
    shots: int
    seed: int | None


@runtime_checkable
class SamplesTogether(Protocol):
    """An engine that takes several circuits in one job: what their shots left, and the ids of the jobs that it took."""

    def sample_together(self, requests: Sequence[SampleRequest]) -> tuple[list[Tally], tuple[str, ...]]:
        """The bits of a tally are those that `Prepared.sample` gives. The seeds of one call go together: one may do for all."""
        ...


@runtime_checkable
class Estimates(Protocol):
    """A prepared circuit of an engine with the feature `ESTIMATION`."""

    def estimate(self, theta: Array, precision: float | None) -> tuple[Array, Array, dict[str, Any]]:
        """Expectation values to `precision` (None: the engine's own) with their standard errors, (batch, expectations) each.

        What else there is to tell comes as a dictionary: ids of `jobs`, the `precision`.
        """
        ...


FEATURES = frozenset(
    {"expectation", "gradient", "probabilities", "state", "sampling", "mid_circuit", "branching", "loops", "batch", "device"}
)
"""`branching` is `if` on measured bits, `loops` is `while` on them, and integers that count at run time."""

ESTIMATION = "estimation"
"""The feature of an engine that estimates expectation values by itself, as estimator primitives do: see `Estimates`."""

CLIFFORD = "clifford"
"""The feature, which narrows all others, of an engine that takes Clifford gates alone, and in branches Paulis alone."""


def engine_names() -> tuple[str, ...]:
    """The names of the installed engines, sorted."""
    return tuple(sorted(_registered("engine")))


def require_engine(name: str) -> None:
    """Raise `DependencyError` if no engine is called `name`; loads nothing."""
    if name != "auto":
        _entries("engine", name)


@lru_cache(maxsize=64)
def load_engine(name: str = "auto") -> Engine:
    """The engine registered as `name`; `auto` is `native` where its packages are installed, else `reference`.

    An engine that takes its time to get ready has `at_once`, the same engine with an answer at once; `auto` takes that.

    Raises `DependencyError` if there is no such engine, if its packages are not installed, or if two packages
    register different engines under the name.
    """
    if name == "auto":
        try:
            engine: Any = load_engine("native")
        except DependencyError:
            return load_engine("reference")
        return cast("Engine", getattr(engine, "at_once", engine))
    return cast("Engine", _load("engine", name)())


def engine_for(engine: Engine, circuit: Circuit) -> Engine:
    """The engine that runs `circuit` where `engine` is asked for: that itself, or one that it names by `suited(circuit)`.

    So `auto` gives large Clifford circuits to Aer's stabilizer simulator, where Qiskit is installed. What it takes is exact.
    """
    suited: Callable[[Circuit], Engine] | None = getattr(engine, "suited", None)
    return engine if suited is None else suited(circuit)


def is_registered(engine: Engine) -> bool:
    """Whether `engine` is, by its name, the same in every process: as its package makes it, with no options and no backend."""
    try:
        return engine in (load_engine(engine.name), load_engine())
    except DependencyError:
        return False


def resolve_engine(given: Any) -> Engine:
    """The engine that is meant by its name, by itself, by an executor on it, or by an object of a package that has an engine.

    Such an object is found by the entry point group `qkernel.adapters`: an entry's name is the package of the object's
    class or of a class that it inherits from, its value makes an engine of the object. So Qiskit's backends and V2
    primitives are engines.
    Raises `DependencyError` as `load_engine` does, `KernelTypeError` for anything else, what the adapter raises, and
    `ValidationError` for an executor with shots or a seed, which are no part of an engine.
    """
    if isinstance(given, str):
        return load_engine(given)
    if isinstance(given, type):
        raise _no_engine(f"the class `{given.__name__}`", f"make an object of it: `{given.__name__}(...)`")
    if isinstance(given, Engine):
        return given
    inner = getattr(given, "engine", None)
    if isinstance(inner, Engine):
        kept = [f"{name}={value}" for name in ("shots", "seed") if (value := getattr(given, name, None)) is not None]
        if kept:
            raise ValidationError(
                f"an executor with {' and '.join(kept)} stands where an engine is wanted",
                help=f"give them beside the engine: `engine=executor.engine, {', '.join(kept)}`",
            )
        return inner
    if (package := _package_of(given, "adapter")) is not None:
        return cast("Engine", _load("adapter", package)(given))
    raise _no_engine(f"`{given!r}`" if given is None else with_article(type(given).__name__))


def _package_of(given: Any, kind: str) -> str | None:
    """The package of the class of `given`, or of one that it inherits from, which something of a kind is registered for."""
    packages = dict.fromkeys(part.__module__.partition(".")[0] for part in type(given).__mro__)
    return next((package for package in packages if package in _registered(kind)), None)


def _no_engine(what: str, help: str | None = None) -> KernelTypeError:
    names = ", ".join(f"`{name}`" for name in engine_names())
    return KernelTypeError(
        f"{what} is no engine", help=help or f"give the name of one ({names}), an engine, a Qiskit backend or a V2 primitive"
    )


def require_feature(engine: Engine, feature: str) -> None:
    """Raise `TargetCapabilityError` if `engine` lacks one of `FEATURES`."""
    if feature not in engine.features:
        estimates = (
            ", or give `shots` to estimate"
            if feature in ("expectation", "probabilities") and "sampling" in engine.features
            else ""
        )
        other = "use another engine, such as `native` (with noise, `NativeEngine(noise=...)`)"
        raise TargetCapabilityError(f"the engine `{engine.name}` does not do {feature}", help=other + estimates)


def require_exact_values(engine: Engine, circuit: Circuit) -> None:
    """Raise `TargetCapabilityError` if `engine` has no exact values for what `circuit` reads out."""
    if circuit.expectations:
        require_feature(engine, "expectation")
    if circuit.probabilities:
        require_feature(engine, "probabilities")


def exact_readouts(prepared: Prepared, circuit: Circuit, theta: Array) -> Array:
    """Exact expectation values and then all probabilities of `circuit`, side by side, shape (batch, number of them)."""
    if not circuit.probabilities:
        return prepared.expect(theta)
    expected = [prepared.expect(theta)] if circuit.expectations else []
    return np.concatenate([*expected, *prepared.probabilities(theta)], axis=1)


def sample_together(engine: Engine, requests: Sequence[SampleRequest]) -> tuple[list[Tally], tuple[str, ...]]:
    """What the shots of several circuits left, in one job where the engine can do that, and the ids of its jobs."""
    if isinstance(engine, SamplesTogether):
        return engine.sample_together(requests)
    return [tally(each) for each in requests], ()


def tally(request: SampleRequest) -> Tally:
    """What the shots of a circuit left, counted where it can do that."""
    prepared, rest = request.prepared, (request.theta, request.shots, request.seed)
    return prepared.tally(*rest) if isinstance(prepared, Tallies) else Tally.of_shots(prepared.sample(*rest))


def load_target(name: str) -> Callable[..., Any]:
    """The function, of a circuit first, that turns it into another form, registered as `name` (group `qkernel.targets`).

    Raises `DependencyError` as `load_engine` does.
    """
    return cast("Callable[..., Any]", _load("target", name))


def load_importer(name: str) -> Callable[..., Any]:
    """The function that makes a kernel of another package's circuit, registered as `name` (group `qkernel.importers`).

    Raises `DependencyError` as `load_engine` does.
    """
    return cast("Callable[..., Any]", _load("importer", name))


def importer_for(circuit: Any) -> Callable[..., Any]:
    """The function that makes a kernel of `circuit`, by its package; raises `KernelTypeError` if there is none."""
    if (package := _package_of(circuit, "importer")) is not None:
        return load_importer(package)
    names = ", ".join(f"`{name}`" for name in sorted(_registered("importer")))
    raise KernelTypeError(
        f"no kernel is made of {with_article(type(circuit).__name__)}", help=f"give a circuit of one of the packages {names}"
    )


def _entries(kind: str, name: str) -> dict[str, EntryPoint]:
    """What is registered under a name."""
    known = _registered(kind)
    if name not in known:
        raise DependencyError(
            f"no {kind} is called `{name}`{did_you_mean(name, list(known))}",
            help=f"installed are {', '.join(f'`{entry}`' for entry in sorted(known))}" if known else "install qkernel with pip",
        )
    if len(known[name]) > 1:
        raise DependencyError(
            f"two packages register an {kind} called `{name}`: {' and '.join(sorted(known[name]))}",
            help="uninstall one of them",
        )
    return known[name]


def _load(kind: str, name: str) -> Any:
    (entry,) = _entries(kind, name).values()
    with needed(f"the {kind} `{name}` needs", entry.module.rpartition(".")[2]):
        return entry.load()


def _registered(kind: str) -> dict[str, dict[str, EntryPoint]]:
    """Entry points by name and by the object that they point to."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, EntryPoint]] = {}
    for entry in entry_points(group=f"qkernel.{kind}s"):
        found.setdefault(entry.name, {})[entry.value] = entry
    return found
