"""Kernels that are not read from Python: those loaded from text, and oracles, which have no body."""

from __future__ import annotations

from os import PathLike
from typing import Any

from qkernel.diagnostics import Span
from qkernel.engine import load_importer
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.frontend.calls import call_kernel
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.signature import Outline, Signature, Value, parameter_handle, written_parameters
from qkernel.frontend.source import Captures
from qkernel.frontend.trace import Traced
from qkernel.frontend.tracer import active_tracer
from qkernel.ir import files
from qkernel.ir.expressions import Const, Expr
from qkernel.ir.module import Module
from qkernel.ir.ops import Call, Function, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.types import QUBIT, ArrayType, TupleType
from qkernel.ir.walk import walk
from qkernel.kernel import MOST_PROGRAMS, Kernel
from qkernel.recent import Recent


class PrebuiltKernel(Kernel[..., Any]):
    """A kernel whose IR is given."""

    def __init__(self, function: Function, callees: dict[str, Any]) -> None:
        self.name = self.__name__ = function.name
        self.__doc__ = None
        self.kind, self.label, self.clean_ancillas = function.kind, function.label, function.clean_ancillas
        values = tuple(_returned(value, function) for value in function.returns)
        types = tuple(value.type for value in values)
        returned = (TupleType(types) if types else None) if function.returns_tuple or not types else types[0]
        self.signature = Signature(written_parameters(function.parameters), {}, returned, None)
        outline = Outline(function.parameters, values, function.returns_tuple or not types)
        self._assumed, self._busy, self._module = None, False, None
        self._compiled = Recent(MOST_PROGRAMS)
        self._traced = Traced(function, callees, outline, Captures())

    def __reduce__(self) -> Any:
        return from_module, (self.ir,)


def _returned(value: Expr | Place, function: Function) -> Value:
    if isinstance(value, Expr):
        return value
    length = value.length
    for parameter in function.parameters:
        if parameter.name == value.register and value == whole(parameter.name, parameter.type):
            return parameter_handle(parameter)
    return QuantumHandle(value, length, value.register)


def from_module(module: Module) -> Kernel[..., Any]:
    """The entry of a module as a kernel, which runs, draws and counts like the original."""
    kernels: dict[str, PrebuiltKernel] = {}
    callees: dict[str, dict[str, Any]] = {}
    for function in module.functions:
        callees[function.name] = {}
        kernels[function.name] = PrebuiltKernel(function, callees[function.name])
    for function in module.functions:
        callees[function.name].update({op.callee: kernels[op.callee] for op in walk(function.body) if isinstance(op, Call)})
    return kernels[module.entry.name]


def load(path: str | PathLike[str]) -> Kernel[..., Any]:
    """The kernel in a `.qk` file that `Kernel.save` wrote. Raises `TextFormError` where the file is anything else."""
    return from_module(files.load(path))


def from_qiskit(circuit: Any) -> Kernel[..., Any]:
    """A Qiskit circuit as a kernel; needs Qiskit.

    Without classical bits it takes its quantum registers and gives them back; with them it runs by itself and returns
    them, a vector for each classical register. Parameters are Float arguments behind the registers, vectors of parameters
    `Vector[Float]`, in the order of their first use in the circuit; a name that a kernel cannot have is changed, with a
    warning. Gates that kernels lack are taken apart by their definitions.
    Raises `TargetCapabilityError` for what kernels do not have, such as `switch`, `break` and delays.
    """
    kernel: Kernel[..., Any] = load_importer("qiskit")(circuit)
    return kernel


class Oracle:
    """An operation on `num_qubits` qubits without a body: it counts and draws, and does not lower.

    Called in a kernel with that many qubits, or with one register.
    """

    def __init__(self, name: str, num_qubits: int) -> None:
        if isinstance(num_qubits, bool) or not isinstance(num_qubits, int) or num_qubits < 1:
            raise KernelTypeError(f"an oracle acts on one or more qubits, not on {num_qubits!r}")
        if not isinstance(name, str) or not name.isidentifier():
            raise KernelTypeError(f"an oracle needs a name like a variable's, not {name!r}")
        self.name, self.num_qubits = name, num_qubits
        qubits = tuple(Parameter(f"q{k}", QUBIT) for k in range(num_qubits))
        self._on_qubits = _bodiless(name, qubits, tuple(Place(qubit.name) for qubit in qubits))
        register = Parameter("q", ArrayType(QUBIT))
        self._on_register = _bodiless(name, (register,), (parameter_handle(register).place,))

    def __repr__(self) -> str:
        return f"<oracle {self.name} on {self.num_qubits} qubits>"

    def __call__(self, *qubits: Any) -> Any:
        """Apply the oracle; only inside a kernel."""
        tracer = active_tracer(f"oracle `{self.name}`")
        return call_kernel(tracer, self.kernel_for(qubits, tracer.site.of(0)), qubits, {})

    def kernel_for(self, arguments: tuple[Any, ...], span: Span | None) -> PrebuiltKernel:
        """The oracle as a kernel: on a register if that comes last, else on single qubits."""
        last = arguments[-1] if arguments else None
        if not isinstance(last, QuantumHandle) or not last.is_register:
            return self._on_qubits
        if isinstance(last.length, Const) and last.length.value != self.num_qubits:
            raise CallArgumentError(
                f"`{self.name}` acts on {self.num_qubits} qubits, and `{last.name}` has {last.length.value}",
                span=span,
                label=f"{last.length.value} qubits",
            )
        return self._on_register


def _bodiless(name: str, parameters: tuple[Parameter, ...], returns: tuple[Place, ...]) -> PrebuiltKernel:
    return PrebuiltKernel(Function(name, parameters, (), returns, len(returns) > 1, "oracle", name), {})
