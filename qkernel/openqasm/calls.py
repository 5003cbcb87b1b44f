"""Kernels as gates and subroutines of a text, one for each size that they are called with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import written_name
from qkernel.ir.expressions import ONE, Const, Expr, Name, Pack, Slice, item
from qkernel.ir.module import Module
from qkernel.ir.ops import Adjoint, Call, Control, Expval, Function, Items, Op, Probabilities
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names, is_constant
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type
from qkernel.ir.walk import walk
from qkernel.lower.reports import no_body
from qkernel.openqasm.arguments import (
    Defined,
    Given,
    InPlace,
    angle_names,
    arguments_of,
    array_text,
    as_register,
    description,
    is_empty,
    let_be,
    listed,
    numbers_of,
    qubits_by_name,
    qubits_text,
    returned_by,
    with_modifiers,
)
from qkernel.openqasm.gates import Definitions
from qkernel.openqasm.names import box_name
from qkernel.openqasm.scope import NOTHING, Frame, Needed, NoGate, Scope, known
from qkernel.openqasm.statements import Statements
from qkernel.openqasm.variables import WORDS, array_word


@dataclass
class Document:
    """A text while it is written: what stands at its top, and what its gates and subroutines are made of.

    `fixed` are the arguments, by function, that are known wherever it is written; `returned` are the results of the entry by
    the names that the kernel has for them.
    """

    module: Module
    definitions: Definitions = field(default_factory=Definitions)
    registers: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    outputs: dict[int, tuple[str, str]] = field(default_factory=dict)
    fixed: dict[str, set[str]] = field(default_factory=dict)
    defined: dict[Any, Defined] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        reached = _reached(self.module)
        self.reading = {
            function.name
            for function in self.module.functions
            if any(_reads(self.module[name]) for name in (function.name, *reached[function.name]))
        }
        for function in self.module.functions:
            kinds = (UINT, BIT) if function.name in reached[function.name] else ()  # recursion ends by numbers that are known
            self.fixed[function.name] = {entry.name for entry in function.parameters if entry.type in kinds}

    @property
    def state(self) -> tuple[Any, ...]:
        """What an attempt that is given up is undone to."""
        definitions = self.definitions
        counts = len(self.registers), len(self.arrays), len(definitions.lines)
        return counts, dict(self.outputs), dict(self.defined), dict(definitions.known), set(definitions.names.callables)

    @state.setter
    def state(self, kept: tuple[Any, ...]) -> None:
        (registers, arrays, lines), outputs, defined, named, callables = kept
        self.outputs, self.defined, self.definitions.known = dict(outputs), dict(defined), dict(named)
        del self.registers[registers:], self.arrays[arrays:], self.definitions.lines[lines:]
        self.definitions.names.callables.intersection_update(callables)

    def declare_qubits(self, place: Place) -> None:
        """Declare a register, or one qubit, at the top."""
        if place.length is None:
            self.registers.append(f"qubit {place.register};")
        elif known(place.length):
            self.registers.append(f"qubit[{known(place.length)}] {place.register};")

    def items(self, frame: Frame, domain: Items) -> list[tuple[Expr, ...]]:
        """The keys and values of a dictionary."""
        if not isinstance(domain.dictionary, Name):
            raise Needed(domain.dictionary)
        entries = frame.dictionaries[domain.dictionary.name]
        return [(*map(Const, key if isinstance(key, tuple) else (key,)), value) for key, value in entries.items()]

    # Calls ----------------------------------------------------------------------------------------------------------

    def call(self, caller: Statements, op: Call) -> list[str]:
        """A call: of a gate, of a subroutine, or in place."""
        function = self.module[op.callee]
        if function.kind == "oracle":
            raise no_body(function, op.span)
        if (own := self._own_form(function, op)) is not None:
            return self.call(caller, own)
        if op.modifiers or caller.scope.is_gate:
            return self.gate(caller, op)
        state, used = self.state, caller.scope.used
        if function.kind == "composite":
            try:
                return self.gate(caller, op)
            except (NoGate, Needed):
                self.state, caller.scope.used = state, used
        try:
            return self.subroutine(caller, op)
        except InPlace:
            self.state, caller.scope.used = state, used
        return self.in_place(caller, op)

    def _own_form(self, function: Function, op: Call) -> Call | None:
        """A call of what a kernel has in place of its inverse or its controlled form, where that is all that is asked for."""
        match op.modifiers:
            case (Adjoint(),) if function.inverse is not None:
                return Call(function.inverse, op.arguments, op.results, (), op.span)
            case (Control((place,), None),) if function.control is not None:
                first = self.module[function.control].parameters[0]
                if (first.type == QUBIT) == (place.length is None):
                    results = (None, *op.results)
                    return Call(function.control, (place, *op.arguments), results, (), op.span)
        return None

    def gate(self, caller: Statements, op: Call) -> list[str]:
        """A call of a gate."""
        prefix, controls = caller.modifiers(op.modifiers)
        if not any(isinstance(value, Place) and not is_empty(value) for value in arguments_of(caller, op)):
            scope = replace(caller.scope, kind="gate")
            inside = Statements(self, replace(caller.frame, scope=scope))
            return [with_modifiers(line, prefix, controls) for line in self.in_place(inside, replace(op, modifiers=()))[1:]]
        made, given = self.define(caller, op, "gate")
        scope, angles, qubits = caller.scope, list[str](), list(controls)
        for value in given:
            if isinstance(value, Place):
                qubits += map(scope.single, caller.frame.singles([value]))
            else:
                angles += map(scope.angle, numbers_of(caller.frame, value))
        self._results(caller, op, made, given)
        return [f"{prefix}{made.name}{f'({listed(angles)})' if angles else ''} {listed(qubits)};"]

    def around(self, caller: Statements, op: Op) -> tuple[list[str], list[str]]:
        """The setup of a `within`, and its inverse."""
        lines = self.gate(caller, op) if isinstance(op, Call) else caller.op(op)
        return lines, [f"inv @ {line}" for line in reversed(lines)]

    def subroutine(self, caller: Statements, op: Call) -> list[str]:
        """A call of a subroutine. Raises `InPlace` where there can be none."""
        if op.callee in self.reading:
            raise InPlace
        made, given = self.define(caller, op, "def")
        lines: list[str] = []
        shown: list[str] = []
        for value in given:
            if isinstance(value, Place):
                before, text = self._register(caller, value)
                lines += before
            else:
                text = array_text(caller, value) if isinstance(value.type, ArrayType) else caller.scope.write(value)
            shown.append(text)
        call = f"{made.name}({listed(shown)})"
        return [*lines, *self._results(caller, op, made, given, call)]

    def in_place(self, caller: Statements, op: Call) -> list[str]:
        """The statements of what is called, among those of the caller."""
        function, scope = self.module[op.callee], caller.scope
        frame = Frame(function, scope)
        for parameter, value in zip(function.parameters, arguments_of(caller, op), strict=True):
            let_be(frame, parameter.name, value)
        used = scope.used
        lines = Statements(self, frame).block(function.body)
        for result, returned in zip(op.results, function.returns, strict=False):
            if result is not None:
                let_be(caller.frame, result, frame.place(returned) if isinstance(returned, Place) else frame.value(returned))
        if function.clean_ancillas:
            scope.used = used
        return [f"// {written_name(function.name)}", *lines]

    def _register(self, caller: Statements, place: Place) -> tuple[list[str], str]:
        """Qubits as one operand, which they get a name for where they are of several registers."""
        if (text := caller.scope.several(place)) is not None:
            return [], text
        pieces = place.pieces if place.is_all else caller.frame.singles([place])
        parts = [as_register(caller.scope, piece) for piece in pieces]
        name = caller.scope.names.fresh("joined")
        return [f"let {name} = {' ++ '.join(parts)};"], name

    def _results(self, caller: Statements, op: Call, made: Defined, given: list[Expr | Place], call: str = "") -> list[str]:
        """The call of a subroutine, and what the caller's names are of what is given back."""
        back = Frame(made.frame.function, caller.scope)
        for name, value in zip(made.inputs, given, strict=True):
            let_be(back, name, value)
        for single, place in qubits_by_name(made, given, caller.frame):
            back.places[single] = place
        bits: list[tuple[str, Type, int]] = []
        for result, returned in zip(op.results, made.frame.function.returns, strict=False):
            if result is not None and isinstance(returned, Place):
                caller.frame.places[result] = back.place(made.frame.place(returned))
            elif result is not None and isinstance(returned, Expr):
                type = returned.type
                bits.append((result, type, made.frame.length(made.frame.value(returned)) if isinstance(type, ArrayType) else 1))
        if not made.result:
            caller.frame.values.update({name: Pack((), type) for name, type, _ in bits})
            return [f"{call};"] if call else []
        if len(bits) == 1:
            ((name, type, width),) = bits
            return caller.declare(name, type, call, (width,) if isinstance(type, ArrayType) else ())
        packed = Name(caller.scope.names.fresh("results"), ArrayType(BIT))
        caller.scope.shapes[packed.name] = (sum(width for _, _, width in bits),)
        first = 0
        for name, type, width in bits:
            part = Slice(packed, Const(first), ONE, Const(width))
            caller.frame.values[name] = part if isinstance(type, ArrayType) else item(packed, Const(first))
            first += width
        return [f"{made.result} {packed.name} = {call};"]

    # Definitions ----------------------------------------------------------------------------------------------------

    def define(self, caller: Statements, op: Call, kind: str) -> tuple[Defined, list[Expr | Place]]:
        """The gate or subroutine that is called, made if there is none yet, and what it is given."""
        function, arguments = self.module[op.callee], arguments_of(caller, op)
        results = tuple(name is not None for name in op.results)
        while True:
            fixed = self._fixed(function, arguments, kind, caller.scope)
            repeats = caller.scope.repeats and kind == "def"
            key = (kind, function.name, repeats, results, *map(description, fixed, arguments, [caller.frame] * len(arguments)))
            if key in self.defined:
                break
            state = self.state
            try:
                self.defined[key] = self._defined(function, fixed, arguments, results, Scope(
                    self.definitions.names.inside(), kind, repeats), caller)  # fmt: skip
                break
            except Needed as error:
                self.state = state
                more = {entry.name for entry in function.parameters if f"<{entry.name}>" in error.names}
                outside = self._not_known(function, arguments, more)
                if outside or not more - self.fixed[function.name]:
                    raise Needed(error.part, outside, error.span) from None
                self.fixed[function.name] |= more
        made = self.defined[key]
        given = [
            value
            for value, is_fixed in zip(arguments, fixed, strict=True)
            if not is_fixed and not isinstance(value, dict) and not is_empty(value)
        ]
        if made.frame.scope.most:
            used = caller.scope.used
            given.append(caller.scope.take(made.frame.scope.most))
            if function.clean_ancillas:
                caller.scope.used = used
        return made, given

    def _not_known(self, function: Function, arguments: list[Given], names: set[str]) -> set[str]:
        """The caller's names that what is given for these arguments depends on."""
        given = [value for entry, value in zip(function.parameters, arguments, strict=True) if entry.name in names]
        return {name for value in given if isinstance(value, Expr) for name in free_names(value)}

    def _fixed(self, function: Function, arguments: list[Given], kind: str, scope: Scope) -> list[bool]:
        """Which arguments are known where the function is written."""
        found = []
        for parameter, value in zip(function.parameters, arguments, strict=True):
            type = parameter.type
            is_fixed = not isinstance(value, Place) and (
                parameter.name in self.fixed[function.name]
                or isinstance(type, (TupleType, DictType))
                or type.element not in WORDS
                or (kind == "gate" and type.element != FLOAT)
            )
            if kind == "def" and not is_fixed and isinstance(value, Pack):
                is_fixed = True
            if is_fixed and isinstance(value, Expr) and not is_constant(value):
                if isinstance(value, Pack) and kind == "def":
                    raise InPlace
                raise Needed(value)
            found.append(is_fixed)
        return found

    def _defined(
        self,
        function: Function,
        fixed: list[bool],
        arguments: list[Given],
        results: tuple[bool, ...],
        scope: Scope,
        caller: Statements,
    ) -> Defined:
        """Write a function as a gate or subroutine."""
        frame, shown, inputs = Frame(function, scope), list[str](), list[str]()
        own: dict[str, str] = {}
        for parameter, is_fixed, value in zip(function.parameters, fixed, arguments, strict=True):
            if is_fixed or isinstance(value, dict) or is_empty(value):
                let_be(frame, parameter.name, NOTHING if isinstance(value, Place) else value)
                continue
            if isinstance(value, Place):
                count = None if value.length is None else known(value.length)
                place = frame.places[parameter.name] = scope.register(parameter.name, count)
                shown += qubits_text(scope, place)
                inputs.append(str(place.register) if isinstance(place.register, str) else parameter.name)
                continue
            shape = caller.shape(value)
            if scope.is_gate:
                names, parameters = angle_names(scope, parameter.name, shape)
                frame.values[parameter.name] = parameters
                shown += names
                inputs.append(names[0] if not shape else parameter.name)
                own.update(dict.fromkeys(names, parameter.name))
                continue
            name = scope.names.fresh(written_name(parameter.name))
            frame.values[parameter.name] = Name(name, parameter.type)
            if parameter.type == UINT:
                scope.numbers.add(name)
            own[name] = parameter.name
            inputs.append(name)
            if shape:
                scope.shapes[name] = shape
            is_bits = parameter.type == ArrayType(BIT)
            word = f"bit[{shape[0]}]" if is_bits else f"readonly {array_word(parameter.type, shape)}" if shape else ""
            shown.append(f"{word or WORDS[parameter.type.element]} {name}")  # type: ignore[index]
        try:
            body = Statements(self, frame).block(function.body)
            result, ending = returned_by(frame, results)
            for returned in function.returns:
                if isinstance(returned, Place):
                    frame.place(returned)
        except Needed as error:
            error.names |= {f"<{own[name]}>" for name in error.names if name in own}
            raise
        lines = [f"  {line}" for line in (*body, *ending)]
        label = box_name(function.label) if function.label is not None else function.name
        name = self.definitions.names.callable(label)
        if scope.is_gate:
            angles = [text for text in shown if text in own]
            qubits = [text for text in shown if text not in own] + scope.spare
            self.definitions.lines.append(f"gate {name}{f'({listed(angles)})' if angles else ''} {listed(qubits)} {{")
        else:
            shown += [f"qubit[{scope.most}] {scope.spare[0]}"] if scope.most else []
            self.definitions.lines.append(f"def {name}({listed(shown)}){f' -> {result}' if result else ''} {{")
        self.definitions.lines += [*lines, "}"]
        if scope.most:
            inputs.append(scope.spare[0] if not scope.is_gate else "work")
        return Defined(name, frame, inputs, result)


def _reads(function: Function) -> bool:
    return any(isinstance(op, (Expval, Probabilities)) for op in walk(function.body))


def _reached(module: Module) -> dict[str, set[str]]:
    """The functions that each function calls, or that these call."""
    found = {each.name: {op.callee for op in walk(each.body) if isinstance(op, Call)} for each in module.functions}
    for _ in module.functions:
        for name, callees in found.items():
            found[name] = callees.union(*(found[callee] for callee in callees))
    return found
