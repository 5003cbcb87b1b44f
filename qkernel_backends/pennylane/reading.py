"""PennyLane's tapes and QNodes as kernels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import autoray
import numpy as np
import pennylane as qml
from pennylane import measurements as measured

from qkernel.errors import KernelTypeError, QKernelError, TargetCapabilityError, TextFormError
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, apply, wrap
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.ops import Adjoint, Expval, Parameter, PauliEvolve, Probabilities
from qkernel.ir.places import joined, whole
from qkernel.ir.symbols import universal
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.kernel import Kernel
from qkernel.observable import Hamiltonian, Pauli, PauliOperator
from qkernel_backends.building import Building, Unitary, either, equals
from qkernel_backends.formulas import no_counterpart
from qkernel_backends.matrices import big_endian
from qkernel_backends.pennylane.emission import FIXED, TURNED

_GATES: dict[Any, str] = {theirs: ours for ours, theirs in (FIXED | TURNED).items() if ours != "id"} | {qml.U1: "p"}
_OTHERS = (qml.Identity, qml.GlobalPhase, qml.Rot, qml.PauliRot, qml.MultiRZ, qml.Barrier, qml.QubitUnitary)
_MOST_BITS = 8
_ROUNDING = 1e-12
_WIDEST_MATRIX = 8
"""Qubits of an observable that is given as a matrix."""


def from_pennylane(circuit: Any, *arguments: Any, **named: Any) -> Kernel[..., Any]:
    """A tape, a QNode or a quantum function of PennyLane's as a kernel.

    It returns what is measured: expectation values, variances, probabilities in PennyLane's order, bits of samples and counts.
    Without measurements, or with the state, it takes its wires as one register `q`, 0 to n-1 in their order, others as they
    come, and gives it back. `arguments` are examples of a function's arguments: of a float or an array of floats only the
    shape counts, and the kernel has an argument of this name; anything else stays what it is. Parameters without an example
    are Floats. Gates that kernels lack are taken apart as PennyLane does it.
    Raises `TargetCapabilityError` for what kernels do not have, such as channels and a chosen outcome of a measurement.
    """
    if isinstance(circuit, qml.tape.QuantumScript):
        return read(circuit, "circuit", {})
    if not callable(circuit):
        raise KernelTypeError(f"a tape, a QNode or a quantum function of PennyLane's is wanted, not `{circuit!r}`")
    function = circuit.func if isinstance(circuit, qml.QNode) else circuit
    name = getattr(function, "__name__", type(function).__name__)
    symbols = _Symbols(function, name, arguments, named)
    trace = qml.workflow.construct_tape if isinstance(circuit, qml.QNode) else qml.tape.make_qscript
    try:
        return read(trace(circuit)(*symbols.positional, **symbols.named), name, symbols.parameters)
    except Exception as error:
        if isinstance(error, QKernelError) and not isinstance(error, TextFormError):
            raise
        raise TargetCapabilityError(
            f"`{name}` does not run on symbols in place of its arguments: {getattr(error, 'title', error)}",
            help="give examples that tell shapes, `qk.from_circuit(node, 0.1, np.zeros(3))`, and ints where they are sizes",
        ) from error


class _Symbols:
    """The arguments of a function as symbols: `positional` and `named`, and the `parameters` that they are."""

    def __init__(self, function: Callable[..., Any], called: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        self.parameters: dict[str, Parameter] = {}
        self._taken: set[str] = set()
        signature = inspect.signature(function)
        try:
            given = signature.bind_partial(*arguments, **named)
        except TypeError as error:
            raise KernelTypeError(f"`{called}` does not take these arguments: {error}") from None
        for name, parameter in signature.parameters.items():
            is_one = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            if name not in given.arguments and is_one and parameter.default is parameter.empty:
                given.arguments[name] = 0.0
        for name, value in given.arguments.items():
            given.arguments[name] = self._of(name, value)
        self.positional, self.named = given.args, given.kwargs

    def _of(self, name: str, value: Any) -> Any:
        """A symbol, or an array of symbols, in place of an example."""
        if not _is_numeric(value):
            return value
        shape, own = qml.math.shape(value), fresh(identifier(name), self._taken)
        type = ArrayType(FLOAT, len(shape)) if shape else FLOAT
        self.parameters[own] = Parameter(own, type)
        whole = Name(own, type)
        if not shape:
            return whole
        result = np.empty(shape, object)
        for place in np.ndindex(*shape):
            result[place] = Item(whole, tuple(map(Const, place)))
        return result.view(_SymbolArray)


class _SymbolArray(np.ndarray[Any, Any]):
    """An array of symbols, of which numpy's functions make others."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(part) if isinstance(part, _SymbolArray) else part for part in inputs]
        found = universal(Expr.elementwise, ufunc, method, plain, kwargs)
        return found.view(_SymbolArray) if isinstance(found, np.ndarray) else found


for _kind in (Name, Item, Apply, Const, _SymbolArray):
    autoray.register_backend(_kind, "numpy")  # PennyLane's functions of angles are then numpy's, which know symbols


def _is_numeric(value: Any) -> bool:
    """Whether `value` is a float, or an array or list of such, of any interface."""
    if isinstance(value, (str, bool, int)) or value is None:
        return False
    try:
        return np.asarray(qml.math.toarray(value) if not isinstance(value, (float, list, tuple)) else value).dtype.kind == "f"
    except (TypeError, ValueError, AttributeError):
        return False


def read(tape: Any, name: str, parameters: dict[str, Parameter]) -> Kernel[..., Any]:
    """A tape, in whose angles symbols stand for `parameters`, as a kernel; see `from_pennylane`."""
    reading = _Reading(tape, name, parameters)
    for operation in tape.operations:
        reading.operation(operation)
    return reading.building.kernel(reading.results(tape.measurements))


def wires_of(tape: Any) -> list[Any]:
    """The wires of a tape in PennyLane's order of them: 0 to n-1 where they are these, else as they come."""
    wires = list(tape.wires)
    return list(range(len(wires))) if set(wires) == set(range(len(wires))) else wires


def knows(operation: Any) -> bool:
    """Whether an operation is read as it stands, without being taken apart."""
    match operation:
        case qml.ops.Adjoint() | qml.ops.Controlled():
            return knows(operation.base)
    return type(operation) in _GATES or isinstance(operation, _OTHERS)


def kind_of(process: Any) -> str:
    """In which way a measurement process reads qubits out; those of one way go together."""
    match process:
        case measured.ExpectationMP() | measured.VarianceMP():
            return "values"
        case measured.ProbabilityMP():
            return "probs"
        case measured.StateMP():
            return "state"
    return "bits"


class _Reading:
    """`outcomes` are the results of measurements in the middle of the tape, `ends` those of wires at its end.

    `observables` are read out together, as the vector `values`.
    """

    def __init__(self, tape: Any, name: str, parameters: dict[str, Parameter]) -> None:
        self.wires = wires_of(tape)
        self.building = Building(name, {"q": self.wires}, taken=set(parameters), arguments=dict(parameters))
        self.outcomes: dict[Any, Expr] = {}
        self.ends: dict[Any, Expr] = {}
        self.values, self.observables = "", list[Hamiltonian]()

    # operations ---------------------------------------------------------------------------------------------------------

    def operation(self, operation: Any) -> None:
        match operation:
            case qml.ops.MidMeasure():
                if operation.postselect is not None:
                    raise no_counterpart("the chosen outcome of a measurement")
                (wire,) = operation.wires
                self.outcomes[operation] = self.building.measure(wire)
                if operation.reset:
                    self.building.reset(wire)
            case qml.ops.Conditional():
                self.building.add(self.ops(operation.base), self.condition(operation.meas_val))
            case _:
                self.building.add(self.ops(operation))

    def condition(self, value: Any) -> Expr:
        """What is computed of up to eight outcomes, as a Bit: by those for which it holds."""
        bits = [self.outcomes[each] for each in value.measurements]
        if len(bits) > _MOST_BITS:
            raise no_counterpart(f"a condition on {len(bits)} bits")
        rows = list(value.items())
        if any(found not in (0, 1) for _, found in rows):
            raise no_counterpart("a number that is computed of outcomes", "return the outcomes themselves")
        return either([equals(bits, sum(bit << k for k, bit in enumerate(given))) for given, found in rows if found])

    def ops(self, operation: Any) -> list[Unitary]:
        """The gates that a unitary operation is."""
        building, wires = self.building, list(operation.wires)
        if type(operation) in _GATES:
            return building.gate(_GATES[type(operation)], wires, *map(self.angle, operation.data))
        match operation:
            case qml.ops.Adjoint():
                inverted = [replace(op, modifiers=(*op.modifiers, Adjoint())) for op in self.ops(operation.base)]
                return inverted[::-1]
            case qml.ops.Controlled():
                value = sum(int(bit) << k for k, bit in enumerate(operation.control_values))
                return building.controlled(self.ops(operation.base), list(operation.control_wires), value)
            case qml.Identity():
                return building.gate("id", wires) if len(wires) == 1 else []
            case qml.Barrier():
                return building.gate("barrier", wires)
            case qml.GlobalPhase():
                return building.gate("gphase", (), -self.angle(operation.data[0]))
            case qml.Rot():
                turns = zip(("rz", "ry", "rz"), map(self.angle, operation.data), strict=True)
                return [made for name, angle in turns for made in building.gate(name, wires, angle)]
            case qml.PauliRot() | qml.MultiRZ():
                word = operation.hyperparameters.get("pauli_word", "Z" * len(wires))
                return self.evolution(word, wires, self.angle(operation.data[0]))
            case qml.QubitUnitary():
                return building.gate("unitary", wires, matrix=big_endian(np.asarray(operation.matrix(), complex)))
            case qml.operation.Channel():
                raise no_counterpart(f"the channel `{operation}`")
        if operation.has_decomposition:
            return [op for part in operation.decomposition() for op in self.ops(part)]
        if not operation.has_matrix or any(isinstance(value, Expr) for value in map(_plain, operation.data)):
            raise no_counterpart(f"`{operation}`")
        return building.gate("unitary", wires, matrix=big_endian(np.asarray(operation.matrix(), complex)))

    def evolution(self, word: str, wires: Sequence[Any], angle: Expr) -> list[Unitary]:
        if set(word) <= {"I"}:
            return self.building.gate("gphase", (), -angle / 2)
        place = joined([self.building.places[wire] for wire in wires])
        return [PauliEvolve(place, Const(Hamiltonian.from_list([(word[::-1], 1.0)])), angle / 2, ())]

    def angle(self, given: Any) -> Expr:
        value = _plain(given)
        if isinstance(value, Expr):
            return value
        if np.ndim(value):
            raise no_counterpart("a batch of angles", "give one of them; kernels take batches of their arguments")
        return Const(float(value))

    # measurements -------------------------------------------------------------------------------------------------------

    def results(self, processes: Sequence[Any]) -> list[Any]:
        """What is returned for each measurement process; nothing where the qubits are."""
        if [type(each) for each in processes] in ([], [measured.StateMP]):
            return []
        if len({*map(kind_of, processes)}) > 1 or _overlap(
            process.wires for process in processes if kind_of(process) == "probs"
        ):
            raise no_counterpart(
                "reading the same qubits out in several ways",
                "a kernel for each; expectation values go together, and samples do",
            )
        found = [self.result(process) for process in processes]
        if self.observables:
            (register,) = self.building.registers
            self.building.ops.append(Expval(whole(register), wrap(self.observables), self.values))
        return found

    def result(self, process: Any) -> Any:
        match process:
            case measured.ExpectationMP(obs=observable) if observable is not None:
                return self.value(self.hamiltonian(observable))
            case measured.VarianceMP(obs=observable) if observable is not None:
                given = self.hamiltonian(observable)
                mean = self.value(given)
                return apply("-", self.value(given * given), apply("*", mean, mean))
            case measured.ProbabilityMP(obs=None, mv=None):
                wires = list(process.wires) or self.wires
                name = fresh("shares", self.building.taken)
                place = joined([self.building.places[wire] for wire in reversed(wires)])
                self.building.ops.append(Probabilities(place, name))
                return Name(name, ArrayType(FLOAT))
            case measured.SampleMP(obs=None) | measured.CountsMP(obs=None):
                return self.sampled(process)
        raise no_counterpart(f"`{process}`")

    def value(self, observable: Hamiltonian) -> Expr:
        """One of the expectation values, which are all read out together."""
        if not self.observables:
            self.values = fresh("values", self.building.taken)
        self.observables.append(observable)
        return Item(Name(self.values, ArrayType(FLOAT)), (Const(len(self.observables) - 1),))

    def hamiltonian(self, observable: Any) -> Hamiltonian:
        """An observable over all wires, by its Pauli words."""
        words = observable.pauli_rep
        if words is None:
            if len(observable.wires) > _WIDEST_MATRIX:
                raise no_counterpart(f"the observable `{observable}`", "write it as a sum of Pauli words")
            words = qml.pauli_decompose(qml.matrix(observable), wire_order=observable.wires, pauli=True)
        weights = [complex(_plain(weight)) for weight in words.values()]
        if any(abs(weight.imag) > _ROUNDING * max(map(abs, weights)) for weight in weights):
            raise no_counterpart(f"the observable `{observable}`, which is not Hermitian,")
        result = Hamiltonian(len(self.wires))
        for word, weight in zip(words, weights, strict=True):
            operators = [PauliOperator(Pauli(letter), self.wires.index(wire)) for wire, letter in word.items()]
            result.add_term(tuple(operators), weight.real)
        return result

    def sampled(self, process: Any) -> Any:
        """The bits of outcomes, or of wires that are measured now."""
        value = process.mv
        if value is None:
            return [self.end(wire) for wire in process.wires or self.wires]
        return [self.condition(each) for each in value] if isinstance(value, Sequence) else self.condition(value)

    def end(self, wire: Any) -> Expr:
        if wire not in self.ends:
            self.ends[wire] = self.building.measure(wire)
        return self.ends[wire]


def _plain(value: Any) -> Any:
    """An angle out of its array."""
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def _overlap(groups: Iterable[Any]) -> bool:
    """Whether two of several groups of wires, where none means all, share one."""
    found = list(map(set, groups))
    return len(found) > 1 and (not all(found) or sum(map(len, found)) > len(set[Any]().union(*found)))
