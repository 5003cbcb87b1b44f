"""What callers know of a kernel: its parameters as the IR has them, what comes back, and which kernels it takes."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.signature import KernelType, Signature, Struct, Value, flat_types
from qkernel.frontend.source import Source
from qkernel.ir import types as ir
from qkernel.ir.expressions import ZERO, Expr, Name, Size
from qkernel.ir.ops import Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.types import QFIXED, QUBIT, UINT, ArrayType, TupleType, Type, is_quantum


@dataclass(frozen=True, slots=True)
class Outline:
    """What a caller needs to know of a kernel: its parameters in the IR and what comes back, in terms of them.

    `changed` are the vectors among the parameters whose elements it assigns without returning them.
    """

    parameters: tuple[Parameter, ...]
    returns: tuple[Value, ...]
    returns_tuple: bool
    changed: frozenset[str] = frozenset()


class AnyKernel(Protocol):
    """What the frontend knows of a kernel: `outline` tells callers, `traced` whom it calls itself."""

    name: str
    kind: str
    label: str | None
    clean_ancillas: bool
    function: types.FunctionType
    source: Source
    signature: Signature

    generic: Any
    """The kernel itself, or of one that is called with kernels the one that takes them."""
    given: Mapping[Any, Any]
    """What its kernel arguments are, where it is called with them."""
    open: tuple[Any, ...]
    """The kernel arguments, its own or those of a kernel around it, that it may call."""
    free: tuple[Parameter, ...]
    """Its parameters that are free variables of the function that it is made of."""
    arguments: Mapping[str, Any]
    is_argument: bool
    forms: Mapping[str, Any]
    """What takes its place under modifiers: `inverse`, `control`."""

    @property
    def is_settled(self) -> bool: ...

    @property
    def input_types(self) -> dict[str, ir.Type]: ...

    def outline(self) -> Outline: ...

    def called_with(
        self, tracer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]: ...

    def traced(self) -> Any: ...


def in_ir(values: Iterable[Value]) -> tuple[Place | Expr, ...]:
    """Values as ops have them: qubits as the places where they live."""
    return tuple(value.place if isinstance(value, QuantumHandle) else value for value in values)


def argument_signature(type: KernelType) -> Signature:
    """The signature of a kernel that is an argument: its parameters are named by what they are."""
    letters = [
        _LETTERS.get(each.element, "x") if isinstance(each, ir.ScalarType | ir.ArrayType) else "x" for each in type.parameters
    ]
    names = [
        letter if letters.count(letter) == 1 else f"{letter}{letters[:k].count(letter)}" for k, letter in enumerate(letters)
    ]
    parameters = tuple(Parameter(name, each) for name, each in zip(names, type.parameters, strict=True))
    return Signature(parameters, {}, type.returned, None)


_LETTERS = {QUBIT: "q", UINT: "n", ir.FLOAT: "angle", ir.BIT: "bit", ir.OBSERVABLE: "observable"}


def assumed_outline(signature: Signature) -> Outline:
    """What a kernel that reaches itself is taken to return while it is traced: its qubits, in order, and behind them new
    ones. Checked at the end."""
    types = flat_types(signature.returned)
    quantum = [parameter for parameter in signature.parameters if is_quantum(parameter.type)]
    values: list[Value] = []
    for type in types:
        match = next((parameter for parameter in quantum if parameter.type == type), None)
        if match is None and type in (QUBIT, ArrayType(QUBIT)):
            values.append(_new_handle(signature, type))
        elif match is None:
            values.append(Name(f"result of {signature.names}", type))
        else:
            quantum.remove(match)
            values.append(parameter_handle(match))
    is_tuple = len(types) != 1 or isinstance(signature.returned, (Struct, TupleType, tuple))
    return Outline(ir_parameters(signature), tuple(values), is_tuple)


def _new_handle(signature: Signature, type: Type) -> QuantumHandle:
    """A qubit, or a register of an unknown length, that no parameter is."""
    name = "result"
    while name in signature.names:
        name += "_"
    return QuantumHandle(whole(name, type), None if type == QUBIT else Size(Name(name, type)), name)


def parameter_handle(parameter: Parameter) -> QuantumHandle:
    """The handle of a quantum parameter inside its kernel."""
    place = whole(parameter.name, parameter.type)
    if parameter.type == QUBIT:
        return QuantumHandle(place, None, parameter.name)
    length = Name(parameter.name, ArrayType(QUBIT)).shape[0]
    fixed_point = Name(_int_bits(parameter).name, UINT) if parameter.type == QFIXED else None
    return QuantumHandle(place, length, parameter.name, None, fixed_point)


def ir_parameters(signature: Signature) -> tuple[Parameter, ...]:
    """The parameters that a kernel has in the IR: the user's, and the integer bits of each QFixed."""
    return (*signature.parameters, *implied_parameters(signature.parameters))


def implied_parameters(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The integer bits of each QFixed among a kernel's parameters."""
    return tuple(_int_bits(parameter) for parameter in parameters if parameter.type == QFIXED)


def written_parameters(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Those of a kernel's parameters in the IR that a user gives."""
    implied = implied_parameters(parameters)
    return tuple(parameter for parameter in parameters if parameter not in implied)


def _int_bits(parameter: Parameter) -> Parameter:
    return Parameter(f"{parameter.name}.int_bits", UINT, ZERO, parameter.span)
