"""Circuits that encode inputs and weights: kernels and Qiskit circuits, each as a function of two vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import qkernel as qk
from qkernel.diagnostics import did_you_mean
from qkernel.errors import (
    BindingTypeError,
    ConflictingBindingError,
    EntrypointValidationError,
    KernelTypeError,
    TargetCapabilityError,
    UnknownBindingError,
)
from qkernel.executable import Executable
from qkernel.ir.types import FLOAT, QUBIT, ArrayType, is_quantum
from qkernel.kernel import Kernel
from qkernel.nn.compile import arguments_by_name, given_shape

Params = Iterable[Any] | Mapping[str, Any] | str | None


class EncodingCircuit:
    """A circuit as a function of two vectors, `input` and `weight`; called in a kernel it gives back its qubits, in order.

    Each vector holds arguments of the kernel, whose numbers follow one another. See `EstimatorQNN` for what is taken.
    """

    def __init__(self, circuit: Any, input_params: Params, weight_params: Params, bindings: Mapping[str, Any] | None) -> None:
        given = {"input": input_params, "weight": weight_params}
        self.order: list[int] | None = None
        self.fixed = dict(bindings or {})
        if isinstance(circuit, Kernel):
            self.kernel = circuit
            self.names = {role: arguments_by_name(f"{role}_params", params or ()) for role, params in given.items()}
        elif not hasattr(circuit, "assign_parameters"):
            raise KernelTypeError(f"a circuit is a kernel or a `QuantumCircuit` of Qiskit, not `{circuit!r}`")
        else:
            self.kernel, self.names, self.order = _read(circuit, given)
        lengths = {each.name: each.length for each in self.kernel.signature.parameters if each.length is not None}
        self.fixed = {**lengths, **self.fixed}
        self._check()

    def __call__(self, input: Any, weight: Any) -> Any:
        types = self.kernel.input_types
        values: dict[str, Any] = {name: qk.qubit() for name, type in types.items() if type == QUBIT}
        for name, value in self.fixed.items():
            values[name] = qk.qubit_array(value, name=name) if is_quantum(types[name]) else value
        for role, vector in (("input", input), ("weight", weight)):
            start = 0
            for name, shape in self._shapes(role).items():
                values[name] = vector if shape is None else _part(vector, shape, start)
                start += math.prod(shape or ())
        qubits = self.kernel(**{name: values[name] for name in types if name in values})
        return qubits if self.order is None else [qubits[k] for k in self.order]

    def compiled(self, kernel: Kernel[..., Any], bindings: Mapping[str, Any], **settings: Any) -> Executable:
        """`kernel`, which calls this with its arguments `input` and `weight`, ready to run."""
        shapes = {role: self._shapes(role) for role in self.names}
        known = {
            role: sum(math.prod(shape) for shape in each.values() if shape is not None)
            for role, each in shapes.items()
            if None not in each.values()
        }
        return kernel.compile(bindings, ["input", "weight"], lengths=known, **settings)

    @cached_property
    def num_qubits(self) -> int:
        """How many qubits are given back."""

        @qk.qkernel
        def network(input: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
            return qk.probabilities(self(input, weight))

        (qubits,) = self.compiled(network, {}).circuit.probabilities
        return len(qubits)

    def _shapes(self, role: str) -> dict[str, tuple[int, ...] | None]:
        """The shape of each argument in a vector; None for one that is the whole vector, whatever its length."""
        types = self.kernel.input_types
        return {name: () if types[name] == FLOAT else given_shape(said) for name, said in self.names[role].items()}

    def _check(self) -> None:
        name, types = self.kernel.name, self.kernel.input_types
        if not self.kernel.output_types or not all(map(is_quantum, self.kernel.output_types)):
            raise KernelTypeError(
                f"a network reads out the qubits that its circuit gives back, and `{name}` gives back no qubits alone",
                help="return the qubits; a kernel that reads out by itself is for `qkernel.nn.QLayer`",
            )
        named = [(argument, f"{role}_params") for role, each in self.names.items() for argument in each]
        roles: dict[str, str] = {}
        for argument, role in (*named, *((argument, "bindings") for argument in self.fixed)):
            if argument not in types:
                raise UnknownBindingError(f"`{name}` has no argument `{argument}`{did_you_mean(str(argument), list(types))}")
            if argument in roles:
                raise ConflictingBindingError(f"`{argument}` stands both in `{roles[argument]}` and in `{role}`")
            if role != "bindings" and types[argument].element != FLOAT:
                raise BindingTypeError(f"`{argument}` is a {types[argument]}, and inputs and weights are Floats")
            roles[argument] = role
        for role in self.names:
            shapes = self._shapes(role)
            for argument, shape in shapes.items():
                if shape is None and (len(shapes) > 1 or types[argument] != ArrayType(FLOAT)):
                    raise EntrypointValidationError(
                        f"the shape of `{argument}` is not known, so that its numbers in a vector are not either",
                        help=f'give it: `{role}_params={{"{argument}": (2, 3)}}`',
                    )
        for parameter in self.kernel.signature.parameters:
            if parameter.name not in roles and parameter.default is None and parameter.type != QUBIT:
                how = (
                    f'`bindings={{"{parameter.name}": 2}}`'
                    if is_quantum(parameter.type)
                    else "`input_params`, `weight_params` or `bindings`"
                )
                what = "length" if is_quantum(parameter.type) else "value"
                raise EntrypointValidationError(f"`{parameter.name}` of `{name}` has no {what}", help=f"give it in {how}")


def _part(vector: Any, shape: tuple[int, ...], start: int) -> Any:
    """The numbers of `vector` from `start` on, in lists of `shape`."""
    if not shape:
        return vector[start]
    step = math.prod(shape[1:])
    return [_part(vector, shape[1:], start + k * step) for k in range(shape[0])]


def _read(circuit: Any, given: Mapping[str, Params]) -> tuple[Kernel[..., Any], dict[str, dict[str, Any]], list[int] | None]:
    """A Qiskit circuit as a kernel of a register and the two vectors; and which of its qubits are measured, in order."""
    from qiskit.circuit import ParameterVector, QuantumCircuit

    bare, order = _without_measurements(circuit)
    vectors: dict[Any, Any] = {}
    names: dict[str, dict[str, Any]] = {}
    known = {entry.name: entry for entry in circuit.parameters}
    for role, params in given.items():
        listed: list[Any] = [params] if isinstance(params, str) or not isinstance(params, Iterable) else list(params)
        listed = [] if params is None else listed
        listed = [known.get(parameter, parameter) if isinstance(parameter, str) else parameter for parameter in listed]
        for parameter in listed:
            if parameter not in circuit.parameters:
                raise _unknown(circuit.name, parameter, list(known))
            if parameter in vectors:
                raise ConflictingBindingError(
                    f"the parameter `{parameter.name}` is named twice in `input_params` and `weight_params`"
                )
            vectors[parameter] = None
        names[role] = {role: len(listed)} if listed else {}
        vectors |= dict(zip(listed, ParameterVector(role, len(listed)), strict=True))
    if unnamed := [entry.name for entry in circuit.parameters if entry not in vectors]:
        raise EntrypointValidationError(
            f"the parameter `{unnamed[0]}` of `{circuit.name}` has no value",
            help="name it in `input_params` or `weight_params`",
        )
    flat = QuantumCircuit(circuit.num_qubits, name=circuit.name)
    flat.compose(bare.assign_parameters(vectors), range(circuit.num_qubits), inplace=True)
    return qk.from_qiskit(flat), names, order


def _unknown(circuit: str, parameter: Any, known: list[str]) -> UnknownBindingError:
    name = str(getattr(parameter, "name", parameter))
    if name in known:  # of Qiskit's parameters of one name each is another one
        return UnknownBindingError(
            f"`{circuit}` has a parameter `{name}`, but not the one of this name that is given",
            help=f'give that of which the circuit was made, or its name: `"{name}"`',
        )
    return UnknownBindingError(f"`{circuit}` has no parameter `{name}`{did_you_mean(name, known)}")


def _without_measurements(circuit: Any) -> tuple[Any, list[int] | None]:
    """A Qiskit circuit without those at its end, and the qubits that go to its bits, in order."""
    if not circuit.clbits:
        return circuit, None
    measured = {
        circuit.find_bit(row.clbits[0]).index: circuit.find_bit(row.qubits[0]).index
        for row in circuit.data
        if row.operation.name == "measure"
    }
    bare = circuit.remove_final_measurements(inplace=False)
    if bare.clbits or len(measured) < circuit.num_clbits or len(set(measured.values())) < len(measured):
        raise TargetCapabilityError(
            f"`{circuit.name}` has bits beside those that one measurement at its end writes",
            help="leave the measurements out, or end the circuit with `circuit.measure_all()`",
        )
    return bare, [measured[bit] for bit in sorted(measured)]
