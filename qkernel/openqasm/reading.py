"""Programs in OpenQASM as modules of the IR, structure kept."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import Any

from openqasm3 import ast

from qkernel.ir.expressions import ONE, ZERO, Const, Expr
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.module import Module
from qkernel.ir.ops import Alloc, Function, Op, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.types import BIT, QUBIT, ArrayType
from qkernel.ir.verifier import verify
from qkernel.openqasm.reading_expressions import Names, Qubits, Variable
from qkernel.openqasm.reading_gates import defined_as
from qkernel.openqasm.reading_operations import Shared
from qkernel.openqasm.reading_statements import Reader
from qkernel.openqasm.syntax import Source, parsed, source_of


def read(given: str | PathLike[str]) -> Module:
    """The module of a text in OpenQASM 2 or 3, or of the file at a path.

    Raises `OpenQasmError`, with the place in the text, for what is no OpenQASM, and for what kernels do not have.
    """
    source = source_of(given)
    program = _Program(source, "program" if source.file.startswith("<") else Path(source.file).stem)
    module = program.module(parsed(source))
    verify(module)
    return module


class _Program(Reader):
    """Reads the statements at the top of a program, its definitions among them."""

    def __init__(self, source: Source, name: str) -> None:
        super().__init__(Shared(source), Names())
        self.name = fresh(identifier(name), self.shared.taken)
        self.registers: list[tuple[str, int | None]] = []
        self.arguments: list[Parameter] = []
        self.outputs: list[tuple[str, Variable]] = []
        self.bits: list[tuple[str, Variable]] = []

    def module(self, tree: Any) -> Module:
        """The module of the whole program."""
        self.physical()
        body = self.block(tree.statements, at_top=True)
        outputs = self.outputs or self.bits
        registers, arguments = self.registers, tuple(self.arguments)
        if outputs:
            made: list[Op] = [Alloc(name, None if size is None else Const(size)) for name, size in registers]
            returned: tuple[Expr | Place, ...] = tuple(self.state[variable.key] for _, variable in outputs)
            entry = Function(self.name, arguments, (*made, *body), returned, len(returned) > 1)
        else:
            taken = tuple(Parameter(name, QUBIT if size is None else ArrayType(QUBIT), length=size) for name, size in registers)
            places = tuple(whole(parameter.name, parameter.type) for parameter in taken)
            entry = Function(self.name, taken + arguments, tuple(body), places, len(places) > 1)
        return Module((entry, *self.shared.functions))

    def physical(self) -> None:
        """A register for the qubits that go by numbers of a machine, if there are any."""
        numbers = [int(found) for found in re.findall(r"\$(\d+)", re.sub(r"//[^\n]*", "", self.source.text))]
        if numbers:
            place = self.register("physical", max(numbers) + 1)
            for number in numbers:
                self.names.symbols[f"${number}"] = Qubits(place.element(Const(number)), None)

    def register(self, wanted: str, size: int | None) -> Place:
        name = self.fresh(wanted)
        self.registers.append((name, size))
        return Place(name) if size is None else Place(name, ZERO, ONE, Const(size))

    def top(self, node: Any) -> list[Op] | None:
        """What only the top of a program has; None for any other statement."""
        match node:
            case ast.Include(filename=name):
                if name not in ("stdgates.inc", "qelib1.inc"):
                    raise self.source.lacking(node, f"the file `{name}`", "put its definitions into this text")
            case ast.QubitDeclaration(qubit=name, size=size):
                count = None if size is None else self.whole(size)
                place = self.register(name.name, count)
                self.declare(name, Qubits(place, None if count is None else Const(count)))
            case ast.QuantumGateDefinition(name=name):
                known = None if self.source.version == 2 else defined_as(node)
                self.shared.gates[name.name] = self.gate_function(node) if known is None else known
            case ast.SubroutineDefinition(name=name):
                self.shared.subroutines[name.name] = self.subroutine_function(node)
            case ast.IODeclaration(io_identifier=direction, type=type, identifier=name):
                self.in_or_out(direction.name, type, name)
            case _:
                return None
        return []

    def in_or_out(self, direction: str, type: Any, name: Any) -> None:
        """An argument of the kernel, or something that it returns."""
        if direction == "output":
            variable = self.variable_of(name, self.type_of(type), self.initial(type))
            self.outputs.append((name.name, variable))
            return
        kind = self.type_of(type)
        own = self.fresh(name.name)
        self.arguments.append(Parameter(own, kind, None, self.source.span(name)))
        self.variable_of(name, kind, self.array(own, kind, self.lengths(type)))

    def noted(self, name: Any, variable: Variable) -> None:
        """Bits at the top are what a program without outputs returns."""
        if self.names.outer is None and variable.type in (BIT, ArrayType(BIT)):
            self.bits.append((name.name, variable))
