"""Kernels that are not read from Python: those loaded from text, and oracles, which have no body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike, fspath
from typing import Any

from qkernel.boundary import api_boundary
from qkernel.diagnostics import Span, counted, did_you_mean, with_article
from qkernel.engine import importer_for, load_importer
from qkernel.errors import CallArgumentError, DataError, KernelTypeError, QKernelError, needed
from qkernel.executable import Executable
from qkernel.execution import job_files
from qkernel.execution.executor import Executor
from qkernel.execution.jobs import Job, JobStatus, Request, known_verb
from qkernel.execution.sending import Patience
from qkernel.frontend.calls import call_kernel
from qkernel.frontend.outlines import parameter_handle
from qkernel.frontend.ownership import QuantumHandle, is_of_qubits, joined_register, plain
from qkernel.frontend.tracer import active_tracer
from qkernel.frontend.values import describe
from qkernel.ir import files
from qkernel.ir.expressions import Const, Expr, Name, size, wrap
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.places import Place
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import QUBIT, UINT, ArrayType
from qkernel.ir.vocabulary import COSTS
from qkernel.kernel import Kernel, PrebuiltKernel, from_module
from qkernel.lower import lower
from qkernel.lower.lengths import Lengths


@api_boundary
def load(path: str | PathLike[str]) -> Kernel[..., Any]:
    """The kernel in a `.qk` file that `Kernel.save` wrote. Raises `TextFormError` where the file is anything else."""
    return from_module(files.load(path))


@api_boundary
def load_job(path: str | PathLike[str], *, engine: Any = None, service: Any = None) -> Job[Any]:
    """The job in a file that `Job.to_file` wrote, also where the process that submitted it has ended.

    What it sent to a provider is found again by its id, and not sent anew; what it had not sent yet is sent. `engine` is the
    one that it was submitted with, where the file has only its name, as of a backend; `service` is what finds jobs by their
    ids (`service.job(id)`, `retrieve_job(id)`), by default the engine's own. What ran in the process that ended, here or on a
    simulator, begins anew. The file is kept up to date.
    Raises `DataError` where the file is anything else, `JobError` where the provider has no such job.
    """
    content = job_files.read(path)
    if engine is None and content["engine"] is None:
        title = f"`{fspath(path)}` does not hold the engine that the job runs on"
        raise DataError(title, help="give it: `qk.load_job(path, engine=backend)`")
    try:
        return _resumed(path, content, engine, service)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, QKernelError):
            raise
        raise DataError(f"`{fspath(path)}` is no whole file of a job: {error}") from error


def _resumed(path: str | PathLike[str], content: Mapping[str, Any], engine: Any, service: Any) -> Job[Any]:
    module = replace(files.parsed(content["kernel"], fspath(path)), reuse_measured=content["reuse_measured"])
    fixed, lengths = content["fixed"], Lengths(content["shapes"])
    executable = Executable(lower(module, fixed, content["open"], lengths), module, fixed=fixed)
    how = Executor(content["engine"] if engine is None else engine, content["seed"], content["shots"], content["gradient"])
    job = Job[Any](
        request=Request(known_verb(content["verb"]), executable, content["values"], content["wrt"], how),
        id=content["id"],
        patience=Patience(content["retries"], content["backoff"]),
        sent=content["sent"],
        service=service,
    )
    job.resume(JobStatus(content["status"]), content["outcome"], path)
    return job


@api_boundary
def from_qiskit(circuit: Any) -> Kernel[..., Any]:
    """A Qiskit circuit as a kernel; needs Qiskit.

    Without classical bits it takes its quantum registers, of their lengths, and gives them back; with them it runs by
    itself and returns them, a vector for each classical register. Parameters are Float arguments behind the registers,
    vectors of parameters `Vector[Float]`, in the order of their first use in the circuit; a name that a kernel cannot have
    is changed, with a warning. Gates that kernels lack are taken apart by their definitions.
    Raises `TargetCapabilityError` for what kernels do not have, such as `switch`, `break` and delays.
    """
    kernel: Kernel[..., Any] = load_importer("qiskit")(circuit)
    return kernel


@api_boundary
def from_circuit(circuit: Any, *arguments: Any, **named: Any) -> Kernel[..., Any]:
    """A circuit of another package as a kernel: of Qiskit, Cirq, pytket or PennyLane, by the package of its class.

    Without measurements it takes the circuit's qubits and gives them back; with them it runs by itself and returns the bits.
    Symbols are Float arguments. A QNode comes with examples of its arguments, which tell their shapes. See `from_qiskit`,
    `from_cirq` of `qkernel_backends.cirq`, `from_tket` of `qkernel_backends.tket`, `from_pennylane` of
    `qkernel_backends.pennylane`.
    Raises `KernelTypeError` for anything else, `TargetCapabilityError` for what kernels do not have.
    """
    importer = importer_for(circuit)
    if (arguments or named) and not callable(circuit):
        raise KernelTypeError(f"{with_article(type(circuit).__name__)} takes no arguments", help="give the circuit alone")
    kernel: Kernel[..., Any] = importer(circuit, *arguments, **named)
    return kernel


@api_boundary
def from_qasm(text_or_path: str | PathLike[str]) -> Kernel[..., Any]:
    """A program in OpenQASM 3 or 2 as a kernel: its text, or the path of a file; needs the extra `openqasm`.

    Loops, branches, gates and subroutines stay what they are. With outputs, or without any but with registers of bits, it
    runs by itself and returns these; a program without takes its quantum registers and gives them back. Inputs are its
    arguments, angles in radians, behind the registers. Whole numbers have no width: they do not wrap around.
    Raises `OpenQasmError`, with the place in the text, for what is no OpenQASM, and for what kernels do not have.
    """
    with needed("reading OpenQASM needs", "openqasm"):
        from qkernel.openqasm.reading import read
    return from_module(read(text_or_path))


@api_boundary
class Oracle:
    """An operation on `num_qubits` qubits without a body: it counts and draws, and does not lower.

    Called in a kernel with that many qubits, or with one register; without `num_qubits`, with a register of any length.
    `cost` says what it is made of: T gates (`t`), Toffoli gates (`toffoli`), clean `qubits` that it works with. Each is a
    number, or a function of the number of qubits, which may be a symbol: `cost={"t": lambda n: 4 * n}`.
    """

    def __init__(
        self, name: str, num_qubits: int | None = None, cost: Mapping[str, int | Callable[[int], int]] | None = None
    ) -> None:
        is_whole = isinstance(num_qubits, int) and not isinstance(num_qubits, bool)
        if num_qubits is not None and not (is_whole and num_qubits >= 1):
            raise KernelTypeError(f"an oracle acts on one or more qubits, not on {num_qubits!r}")
        if not isinstance(name, str) or not name.isidentifier():
            raise KernelTypeError(f"an oracle needs a name like a variable's, not {name!r}")
        self.name, self.num_qubits = name, num_qubits
        register = Parameter("q", ArrayType(QUBIT))
        known = _cost(cost or {}, size(Name("q", register.type)) if num_qubits is None else Const(num_qubits))
        self._on_register = _bodiless(name, (register,), (parameter_handle(register).place,), known)
        if num_qubits is not None:
            qubits = tuple(Parameter(f"q{k}", QUBIT) for k in range(num_qubits))
            self._on_qubits = _bodiless(name, qubits, tuple(Place(qubit.name) for qubit in qubits), known)

    def __repr__(self) -> str:
        size = "any number of qubits" if self.num_qubits is None else counted(self.num_qubits, "qubit")
        return f"<oracle {self.name} on {size}>"

    def __call__(self, *qubits: Any) -> Any:
        """Apply the oracle; only inside a kernel."""
        tracer = active_tracer(f"oracle `{self.name}`")
        return call_kernel(tracer, self.kernel_for(qubits, tracer.site.of(0)), qubits, {})

    def kernel_for(self, arguments: tuple[Any, ...], span: Span | None) -> PrebuiltKernel:
        """The oracle as a kernel: on a register if that comes last, else on single qubits."""
        last = arguments[-1] if arguments else None
        if is_of_qubits(last) and not isinstance(last, QuantumHandle):
            last = joined_register(last, span)
        if not isinstance(last, QuantumHandle) or not last.is_register:
            if self.num_qubits is None:
                raise CallArgumentError(
                    f"`{self.name}` acts on a register",
                    span=span,
                    label="not a register",
                    help=f'say on how many qubits it acts: `qk.Oracle("{self.name}", num_qubits={len(arguments) or 1})`',
                )
            return self._on_qubits
        if self.num_qubits is not None and isinstance(last.length, Const) and last.length.value != self.num_qubits:
            raise CallArgumentError(
                f"`{self.name}` acts on {counted(self.num_qubits, 'qubit')}, and `{last.name}` has {last.length.value}",
                span=span,
                label=f"{last.length.value} qubits",
            )
        return self._on_register


Cost = tuple[tuple[str, Expr], ...]


def _cost(given: Mapping[str, Any], count: Expr) -> Cost:
    """What an oracle on `count` qubits costs, as expressions."""
    found = []
    for item, amount in given.items():
        if item not in COSTS:
            raise KernelTypeError(
                f"the cost of an oracle is not given in `{item}`{did_you_mean(item, [*COSTS])}",
                help=f"it is given in {', '.join(f'`{known}`' for known in COSTS)}",
            )
        try:
            value = wrap(amount(plain(count)) if callable(amount) else amount)
        except SymbolUse:
            raise KernelTypeError(
                f"the cost in `{item}` asks for the number of qubits, which is a symbol",
                help="compute it with `+ - * // % **`, `qk.log2`, `qk.ceil`, `qk.max`, or give the oracle `num_qubits`",
            ) from None
        found_instead = value.value if isinstance(value, Const) else describe(value)
        if value.type != UINT or (isinstance(value, Const) and value.value < 0):
            raise KernelTypeError(f"the cost in `{item}` is a whole number from 0 on, not {found_instead}")
        found.append((item, value))
    return tuple(found)


def _bodiless(name: str, parameters: tuple[Parameter, ...], returns: tuple[Place, ...], cost: Cost) -> PrebuiltKernel:
    return PrebuiltKernel(Function(name, parameters, (), returns, len(returns) > 1, "oracle", name, cost=cost), {})
