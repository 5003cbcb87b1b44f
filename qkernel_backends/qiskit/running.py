"""Circuits on backends: Aer with its optimisations that go wrong turned off, failed results as errors, bits as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import ControlFlowOp, ParameterExpression
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

from qkernel.errors import ExecutionError, QKernelError
from qkernel_backends.memory import refused
from qkernel_backends.qiskit.providers import ON_BACKENDS, sent_to

Array = np.ndarray[Any, Any]


@contextmanager
def running(name: str) -> Iterator[None]:
    """Turns whatever Qiskit raises while it runs the circuit `name` into errors of this package."""
    try:
        yield
    except QKernelError:
        raise
    except MemoryError as error:
        raise refused(error, name) from error
    except BaseException as error:
        if not is_failure(error):
            raise
        raise ExecutionError(f"Qiskit could not run `{name}`: {words_of(error)}") from error


def is_failure(error: BaseException) -> bool:
    """Whether Qiskit failed: an exception, or a panic of its Rust code, which is none; not an interrupt."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def words_of(error: BaseException) -> str:
    """What an exception of Qiskit says."""
    return str(getattr(error, "message", None) or error or type(error).__name__).strip()


def with_options(simulator: AerSimulator, **options: Any) -> AerSimulator:
    """A copy of an Aer simulator with other options; the simulator that is given is not changed."""
    changed = copy(simulator)
    changed._options = copy(simulator._options)
    changed.set_options(**options)
    return changed


def faithful(simulator: AerSimulator) -> AerSimulator:
    """A copy that fuses no gates: Aer 0.18 fuses some circuits of more than 14 qubits into wrong ones."""
    return with_options(simulator, fusion_enable=False)


def careful(primitive: Any) -> Any:
    """A copy of a primitive on a backend, whose failed results are errors and which is `faithful`; any other as it is."""
    if not isinstance(primitive, ON_BACKENDS):
        return primitive
    inner = primitive._backend
    changed = copy(primitive)
    changed._backend = _Checked(faithful(inner) if isinstance(inner, AerSimulator) else inner)
    return changed


def branches_read(circuit: QuantumCircuit) -> QuantumCircuit:
    """`circuit` with the qubits of branches and loops measured at its end, into bits behind its own.

    Aer 0.18 drops qubits that no result depends on, and then does not find them in branches: `unordered_map::at`.
    """
    branches = [row for row in circuit.data if isinstance(row.operation, ControlFlowOp)]
    qubits = [qubit for qubit in circuit.qubits if any(qubit in row.qubits for row in branches)]
    if not qubits:
        return circuit
    result = circuit.copy()
    register = ClassicalRegister(len(qubits))
    result.add_register(register)
    result.measure(qubits, register)
    return result


class _Checked(BackendV2):  # type: ignore[misc]
    """A backend, whose results are checked."""

    def __init__(self, inner: BackendV2) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def target(self) -> Target:
        return self._inner.target

    @property
    def max_circuits(self) -> int | None:
        limit: int | None = self._inner.max_circuits
        return limit

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        return _CheckedJob(self._inner, self._inner.run(run_input, **options))


@dataclass(frozen=True)
class _CheckedJob:
    """A job, whose result is checked."""

    backend: BackendV2
    job: Any

    def job_id(self) -> str:
        return str(self.job.job_id())

    def result(self) -> Any:
        return _checked(self.job.result(), self.backend)


def _checked(result: Any, backend: BackendV2) -> Any:
    """`result`, if all of its experiments were run; else raises `ExecutionError` with the backend's own words."""
    failed = [entry for entry in result.results if not entry.success]
    if result.success and not failed:
        return result
    said = [str(entry.status) for entry in failed] or [str(getattr(result, "status", "it says no reason"))]
    method = getattr(backend.options, "method", "automatic") if isinstance(backend, AerSimulator) else "automatic"
    raise ExecutionError(
        f"the backend `{backend.name}` failed: {'; '.join(dict.fromkeys(said))}",
        help=None if method == "automatic" else "try another method: `AerSimulator()` chooses one for each circuit",
    )


def experiments(
    backend: BackendV2, parts: Sequence[tuple[QuantumCircuit, Array]], each: bool = True, **options: Any
) -> tuple[list[list[Any]], tuple[str, ...]]:
    """What `backend` gives for circuits with each row of their values, and the ids of the jobs: one, where its limit allows.

    Values have shape (rows, parameters in the circuit's order). Without parameters a circuit is run for each row all the same,
    or once if not `each`.
    """
    circuits: list[QuantumCircuit] = []
    binds: list[dict[Any, Array]] = []
    counts = []
    for circuit, values in parts:
        if not circuit.parameters:
            own, bound = [circuit] * (len(values) if each else min(1, len(values))), dict[Any, Array]()
        elif isinstance(backend, AerSimulator) and len(values) > 1 and _binds_arrays(circuit):
            own, bound = [circuit], {parameter: values[:, k] for k, parameter in enumerate(circuit.parameters)}
        else:
            own, bound = [circuit.assign_parameters(row) for row in values], {}
        circuits += own
        binds += [bound] * len(own)
        counts.append(len(values) if bound else len(own))
    most = backend.max_circuits or max(1, len(circuits))
    jobs: list[Any] = []
    for start in range(0, len(circuits), most):
        chosen = binds[start : start + most]
        arrays = {"parameter_binds": chosen} if any(chosen) else {}
        run = partial(backend.run, circuits[start : start + most], **arrays, **options)
        jobs.append(sent_to(backend, run, partial(_checked, backend=backend)))
    found = iter([entry for job in jobs for entry in job.result().results])
    return [[next(found) for _ in range(count)] for count in counts], tuple(job.id for job in jobs)


def most_shots(backend: Any) -> int | None:
    """How many shots of a circuit `backend` takes in one job, where it says so; Aer takes any number."""
    if backend is None or isinstance(backend, AerSimulator):
        return None
    settings = getattr(backend, "configuration", None)
    limit = getattr(backend, "max_shots", None) or getattr(settings() if callable(settings) else settings, "max_shots", None)
    return int(limit) if limit else None


def _binds_arrays(circuit: QuantumCircuit) -> bool:
    """Whether Aer binds arrays of values to all parametrised gates of `circuit` rightly."""
    return all(_binds(row.operation) for row in circuit.data)


def _binds(operation: Any) -> bool:
    if isinstance(operation, ControlFlowOp):
        return all(map(_binds_arrays, operation.blocks))
    open_angles = any(isinstance(angle, ParameterExpression) and angle.parameters for angle in operation.params)
    return not open_angles or operation.name in _BINDS_ARRAYS


_BINDS_ARRAYS = frozenset(("p", "rx", "ry", "rz", "u", "rxx", "ryy", "rzz", "rzx", "u1", "u2", "u3", "r"))


def bits_of(numbers: Sequence[str], num_bits: int) -> Array:
    """The bits of hexadecimal numbers, uint8 of shape (numbers, num_bits)."""
    width = (num_bits + 7) // 8
    packed = b"".join(int(number, 16).to_bytes(width, "little") for number in numbers)
    rows = np.frombuffer(packed, np.uint8).reshape(len(numbers), width)
    return np.unpackbits(rows, axis=1, count=num_bits, bitorder="little")
