"""Whether kernels keep their promise to clean what they make: simulated, for all that their qubits may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qkernel.engine import load_engine
from qkernel.errors import QKernelError, UncleanAncillaError
from qkernel.execution.states import with_entangled_inputs
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Parameter, Within
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, Type, is_quantum
from qkernel.ir.walk import walk
from qkernel.lower import lower
from qkernel.lower.bindings import normalise
from qkernel.records import spread

SIZES = range(5)
_MOST_QUBITS = 16
"""Of what is simulated at sizes that nobody asked for, the other halves of the inputs included."""
_SHOTS = 32


def check_promises(module: Module, values: Mapping[str, Any]) -> None:
    """Raise `UncleanAncillaError` where a kernel of `module` does not bring back to 0 what it makes.

    At `values`, angles that are not among them at random; without any at each of `SIZES`, which is then every length and whole
    number. A size at which the kernel has no circuit says nothing.
    """
    if not any(
        function.clean_ancillas or any(isinstance(op, Within) for op in walk(function.body)) for function in module.functions
    ):
        return
    if values:
        _simulate(module, values)
        return
    for size in SIZES:
        generator = np.random.default_rng(size)
        made = {entry.name: made_up(entry, size, generator) for entry in module.entry.parameters if entry.default is None}
        try:
            _simulate(module, {name: value for name, value in made.items() if value is not None}, _MOST_QUBITS)
        except UncleanAncillaError:
            raise
        except QKernelError:
            continue


def _promises(function: Function) -> bool:
    """Whether a function frees qubits that it makes."""
    return function.clean_ancillas or any(isinstance(op, Within) for op in walk(function.body))


def made_up(parameter: Parameter, size: int, generator: np.random.Generator) -> Any:
    """A value for an argument, None for one that needs none or has no natural one."""
    match parameter.type:
        case _ if is_quantum(parameter.type):
            return (size if parameter.length is None else parameter.length) if isinstance(parameter.type, ArrayType) else None
        case ArrayType(element, 1):
            return [_number(element, size, generator) for _ in range(size)]
    return _number(parameter.type, size, generator)


def _number(type: Type, size: int, generator: np.random.Generator) -> Any:
    if type == FLOAT:
        return float(generator.uniform(-math.pi, math.pi))
    if type == BIT:
        return bool(generator.integers(2))
    return size if type == UINT else None


def _simulate(module: Module, values: Mapping[str, Any], most_qubits: float = math.inf) -> None:
    bound = normalise(module.entry, spread(values), None, takes_qubits=True)
    circuit = with_entangled_inputs(lower(module, bound.values, bound.open))
    if circuit.num_qubits > most_qubits:
        return
    theta = np.random.default_rng(0).uniform(-math.pi, math.pi, (1, circuit.angles.num_columns))
    prepared = load_engine().prepare(circuit)
    if circuit.is_unitary:
        prepared.state(theta)
    else:
        prepared.sample(theta, _SHOTS, 0)
