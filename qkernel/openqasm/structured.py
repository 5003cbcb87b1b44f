"""Kernels as OpenQASM 3 text whose loops, branches and calls are those of the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qkernel.diagnostics import written_name
from qkernel.errors import TargetCapabilityError
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, Name, Pack, vector, wrap
from qkernel.ir.module import Module
from qkernel.ir.ops import Parameter
from qkernel.ir.trees import named, substitute, system_names
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, is_quantum
from qkernel.lower.angles import OpenParameter
from qkernel.lower.circuit import Circuit
from qkernel.openqasm.calls import Document
from qkernel.openqasm.scope import Frame, Needed, NoGate, Scope
from qkernel.openqasm.statements import Statements
from qkernel.openqasm.variables import WORDS, array_word


def structured_text(module: Module, values: Mapping[str, Any], circuit: Circuit) -> str:
    """The module's entry as OpenQASM 3 text; `values` are those of its arguments, as lowering takes them.

    `circuit` is its circuit, whose open parameters are the inputs of the text. A loop is unrolled, and a kernel written once
    for each value, where OpenQASM needs to know a number: the length of a register, an index of a qubit of a gate.
    Raises `TargetCapabilityError` for what OpenQASM cannot express.
    """
    folded: set[str] = set()
    while True:
        program = _Program(module, values, circuit, folded)
        try:
            return program.text()
        except NoGate as error:
            raise TargetCapabilityError(f"{error.what}, which no gate of OpenQASM does", span=error.span, help=_FLAT) from None
        except Needed as error:
            more = {program.arrays[name] for name in error.names if name in program.arrays} - folded
            if not more:
                called = program.document.definitions.names.elsewhere
                names = {name.name: Name(called.get(name.name, name.name), name.type) for name in named(error.part)}
                title = f"`{as_written(substitute(error.part, names))}` cannot be written in OpenQASM here"
                raise TargetCapabilityError(title, span=error.span, help=_FLAT) from None
            folded |= more


_FLAT = "write it gate by gate: `kernel.to_qasm(..., flat=True)`"


class _Program:
    """Writes one text. Arrays in `folded` are known, and have no place in the text; `arrays` are the others, by its names."""

    def __init__(self, module: Module, values: Mapping[str, Any], circuit: Circuit, folded: set[str]) -> None:
        self.document, self.values, self.folded = Document(module), values, folded
        self.open = {entry.name: entry for entry in circuit.angles.parameters}
        self.inputs: list[str] = []
        self.arrays: dict[str, str] = {}
        self.frame = Frame(module.entry, Scope(self.document.definitions.names, "program"))

    def text(self) -> str:
        """The text."""
        document, frame, entry = self.document, self.frame, self.document.module.entry
        for parameter in entry.parameters:
            self.argument(parameter)
        returned = [value for value in entry.returns if isinstance(value, Expr)]
        parameters = {parameter.name for parameter in entry.parameters}
        names = [
            (value.name, k) for k, value in enumerate(returned) if isinstance(value, Name) and value.name not in parameters
        ]
        document.returned = dict(reversed(names))
        statements = Statements(document, frame, is_top=True)
        body = statements.block(entry.body)
        for k, value in enumerate(returned):
            body += self.result(statements, k, value)
        work = [f"qubit[{frame.scope.most}] {frame.scope.spare[0]};"] if frame.scope.most else []
        outputs = [line for _, (_, line) in sorted(document.outputs.items())]
        head = ["OPENQASM 3.0;", 'include "stdgates.inc";', *self.inputs, *outputs, *document.arrays]
        lines = [*head, *document.definitions.lines, *document.registers, *work, *body]
        return "\n".join(lines) + "\n"

    def argument(self, parameter: Parameter) -> None:
        """What stands for an argument: qubits, an input, or its value."""
        name, type, frame = parameter.name, parameter.type, self.frame
        if is_quantum(type):
            place = frame.places[name] = frame.scope.register(name, None if type == QUBIT else self.values[name])
            self.document.declare_qubits(place)
        elif name in self.open:
            self.input(self.open[name])
        elif isinstance(type, DictType):
            frame.dictionaries[name] = {key: wrap(value) for key, value in self.values[name].items()}
        elif isinstance(type, ArrayType):
            value = vector(self.values[name]) if type.element == OBSERVABLE else wrap(self.values[name])
            frame.values[name] = self.array(name, value)
        else:
            frame.values[name] = wrap(self.values[name])

    def input(self, entry: OpenParameter) -> None:
        """An argument that is open: an input, of a dictionary one for each key."""
        scope, frame = self.frame.scope, self.frame
        if isinstance(entry.type, DictType):
            named = {}
            for key, column in zip(entry.keys, entry.column_names, strict=True):
                text = scope.names.fresh(column)
                self.inputs.append(f"input {WORDS[entry.type.element]} {text};")  # type: ignore[index]
                named[key] = Name(text, entry.type.element)
            frame.dictionaries[entry.name] = dict(named)
            return
        if entry.shape and not entry.size:
            frame.values[entry.name] = Pack((), entry.type)
            return
        text = scope.names.fresh(written_name(entry.name))
        word = array_word(entry.type, entry.shape) if entry.shape else WORDS[entry.type]  # type: ignore[index]
        self.inputs.append(f"input {word} {text};")
        frame.values[entry.name] = Name(text, entry.type)
        if entry.shape:
            scope.shapes[text] = entry.shape

    def array(self, name: str, value: Expr) -> Expr:
        """An array whose numbers are known: one of the text, or what it is made of."""
        shape = Statements.shape_in(self.frame, value)
        if name in self.folded or value.type.element not in (FLOAT, UINT) or not all(shape):
            return value
        text = self.frame.scope.names.fresh(written_name(name))
        self.frame.scope.shapes[text] = shape
        self.arrays[text] = name
        self.document.arrays.append(f"{array_word(value.type, shape)} {text} = {self._written(value)};")
        return Name(text, value.type)

    def _written(self, value: Expr) -> str:
        if isinstance(value, Pack):
            return f"{{{', '.join(map(self._written, value.items))}}}"
        return self.frame.scope.write(value)

    def result(self, statements: Statements, k: int, returned: Expr) -> list[str]:
        """What the kernel returns, as an output of the text; what is read out of its state is none."""
        value, document = self.frame.value(returned), self.document
        if system_names(value):
            return []
        if k in document.outputs:
            name, _ = document.outputs[k]
            return [] if isinstance(value, Name) and value.name == name else statements.assign(name, value.type, value)
        shape = statements.shape(value)
        if value.type.element not in WORDS or (shape and not all(shape)):
            if shape:
                return []
            raise Needed(value, ())
        text = self.frame.scope.names.fresh("result")
        is_bits = value.type == ArrayType(BIT)
        word = f"bit[{shape[0]}]" if is_bits else array_word(value.type, shape) if shape else WORDS[value.type]  # type: ignore[index]
        document.outputs[k] = text, f"output {word} {text};"
        return statements.assign(text, value.type, value)
