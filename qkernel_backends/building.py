"""Kernels made of other packages' circuits: their qubits, bits, symbols and gates as the IR has them."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from qkernel.ir.expressions import Const, Expr, Item, Name, apply, wrap
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.module import Module
from qkernel.ir.ops import Alloc, Control, Function, Gate, If, Measure, Op, Parameter, PauliEvolve, Reset
from qkernel.ir.places import Place, whole
from qkernel.ir.types import BIT, FLOAT, QUBIT, ArrayType
from qkernel.ir.verifier import verify
from qkernel.kernel import Kernel, from_module
from qkernel_backends.formulas import from_sympy

Array = np.ndarray[Any, Any]
Unitary = Gate | PauliEvolve
_ELEMENT = re.compile(r"(.+)\[(\d+)\]")


@dataclass
class Building:
    """One kernel in the making. `registers` are its qubits, by the names of registers; `places` says where each of them is."""

    name: str
    registers: Mapping[str, Sequence[Any]]
    ops: list[Op] = field(default_factory=list)
    places: dict[Any, Place] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    arguments: dict[str, Parameter] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    _names: dict[str, Name] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = fresh(identifier(self.name or "circuit"), self.taken)
        self.registers = {fresh(identifier(name), self.taken): qubits for name, qubits in self.registers.items()}
        for name, qubits in self.registers.items():
            self.places |= {qubit: Place(name).element(Const(k)) for k, qubit in enumerate(qubits)}

    def angle(self, half_turns: Any, factor: float = math.pi) -> Expr:
        """`factor` times a number or an expression of sympy's; by default what is counted in half turns, in radians."""
        if not hasattr(half_turns, "free_symbols") or not half_turns.free_symbols:
            return Const(factor * float(half_turns))
        names = sorted((symbol.name for symbol in half_turns.free_symbols), key=str(half_turns).find)
        value = from_sympy(half_turns, {name: self._symbol(name) for name in names})
        return value if factor == 1 else wrap(factor) * value

    def _symbol(self, written: str) -> Expr:
        """A symbol as an argument; one called `weights[0]` as an element of one."""
        if found := _ELEMENT.fullmatch(written):
            return Item(self._named(found[1], ArrayType(FLOAT)), (Const(int(found[2])),))
        return self._named(written, FLOAT)

    def _named(self, written: str, type: Any) -> Name:
        key = f"{written}[]" if type != FLOAT else written
        if key not in self._names:
            name = fresh(identifier(written), self.taken)
            if name != written:
                self.renamed[written] = name
            self._names[key] = Name(name, type)
            self.arguments[name] = Parameter(name, type)
        return self._names[key]

    def gate(self, name: str, qubits: Iterable[Any], *angles: Expr, matrix: Array | None = None) -> list[Unitary]:
        """A gate, not under controls yet."""
        rows = None if matrix is None else tuple(tuple(complex(entry) for entry in row) for row in matrix)
        return [Gate(name, tuple(self.places[qubit] for qubit in qubits), angles, (), rows)]

    def controlled(self, ops: Sequence[Unitary], controls: Sequence[Any], value: int | None = None) -> list[Unitary]:
        """Gates where `controls`, the first least significant, hold `value` (None: all 1)."""
        plain = value is None or value == (1 << len(controls)) - 1
        control = Control(tuple(self.places[qubit] for qubit in controls), None if plain else Const(value))
        return [replace(op, modifiers=(*op.modifiers, control)) for op in ops]

    def measure(self, qubit: Any) -> Name:
        """The outcome of a measurement, behind which the qubit goes on."""
        result = Name(fresh("bit", self.taken), BIT)
        self.ops.append(Measure(self.places[qubit], result.name, keeps=True))
        return result

    def reset(self, qubit: Any) -> None:
        self.ops.append(Reset(self.places[qubit]))

    def add(self, ops: Sequence[Unitary], condition: Expr | None = None) -> None:
        """Gates, where `condition`, an expression over outcomes, holds."""
        if condition is None or condition is Const(True):
            self.ops += ops
        elif ops and condition is not Const(False):
            self.ops.append(If(condition, tuple(ops), (), ()))

    def kernel(self, results: Sequence[Expr | Sequence[Expr]]) -> Kernel[..., Any]:
        """A kernel that takes the registers and gives them back; with `results`, vectors or values, one that returns these."""
        arguments, names = tuple(self.arguments.values()), list(self.registers)
        if results:
            made: list[Op] = [Alloc(name, Const(len(qubits))) for name, qubits in self.registers.items()]
            returned: tuple[Any, ...] = tuple(map(wrap, results))
            function = Function(self.name, arguments, (*made, *self.ops), returned, len(returned) > 1)
        else:
            registers = tuple(Parameter(name, ArrayType(QUBIT), length=len(qubits)) for name, qubits in self.registers.items())
            returned = tuple(whole(name) for name in names)
            function = Function(self.name, registers + arguments, tuple(self.ops), returned, len(returned) > 1)
        if self.renamed:
            told = ", ".join(f"`{old}` is `{new}`" for old, new in self.renamed.items())
            warnings.warn(f"names of `{self.name}` that kernels cannot have were changed: {told}", stacklevel=5)
        module = Module((function,))
        verify(module)
        return from_module(module)


def equals(bits: Sequence[Expr], value: int) -> Expr:
    """Whether `bits`, the first least significant, hold `value`."""
    if value >> len(bits):
        return Const(False)
    tests = [bit if value >> k & 1 else apply("not", bit) for k, bit in enumerate(bits)]
    return reduce(lambda left, right: apply("and", left, right), tests) if tests else Const(True)


def either(tests: Sequence[Expr]) -> Expr:
    """Whether any of `tests` holds."""
    return reduce(lambda left, right: apply("or", left, right), tests) if tests else Const(False)
