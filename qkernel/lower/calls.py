"""Calls, and what a called function gives back: no qubit twice, and every qubit that it got, unless it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qkernel.diagnostics import Note, written_name
from qkernel.errors import KernelRecursionError, NotUnitaryError, QubitConsumedError
from qkernel.ir.expressions import Const
from qkernel.ir.ops import Adjoint, Block, Call, Function, Gate, Parameter, Within
from qkernel.ir.places import Place, whole
from qkernel.ir.types import QUBIT, is_quantum
from qkernel.lower.circuit import Box, Kind
from qkernel.lower.columns import Compound, Kinds, Row
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import value
from qkernel.lower.interpreter import Interpreter
from qkernel.lower.modifiers import Conjugated, adjoint, control, emit
from qkernel.lower.reports import Frame, locate, modifier_name, no_body
from qkernel.lower.values import Register
from qkernel.lower.workspace import Level
from qkernel.recursion import DEEPEST


def call(interpreter: Interpreter, op: Call, frame: Frame) -> None:
    """Execute the body of what is called; under modifiers onto a list that they then change."""
    function = interpreter.module[op.callee]
    if function.kind == "oracle":
        raise no_body(function, op.span)
    names, quantum = {}, []
    for parameter, argument in zip(function.parameters, op.arguments, strict=True):
        if isinstance(argument, Place):
            names[parameter.name] = Register(interpreter.qubits(argument, frame.names))
            parameter.check_length(len(names[parameter.name].qubits), function.name, op.span)
            quantum += names[parameter.name].qubits
        else:
            names[parameter.name] = value(argument, frame.names)
    interpreter.check(quantum)
    inner = Frame(function, names, op, frame)
    if function.has_forms and (op.modifiers or interpreter.rows is not None):
        under = op if op.modifiers else interpreter.modified[-1]
        waiting = Waiting(inner, under, interpreter.workspace.level)
        emit(
            interpreter, [(waiting, quantum, (), interpreter.columns.span_number(op.span))], op.modifiers, frame.names, quantum
        )
        _results(interpreter, op, inner, frame)
        return
    columns, top = interpreter.columns, interpreter.top
    if op.modifiers:
        outer, interpreter.rows = interpreter.rows, []
        interpreter.modified.append(op)
        _enter(interpreter, inner)
        rows, interpreter.rows = interpreter.rows, outer
        interpreter.modified.pop()
        emit(interpreter, rows, op.modifiers, frame.names, quantum)
    elif function.kind == "composite" and interpreter.rows is None and columns.body is top and not top:
        start, fresh, position = len(columns.kind), interpreter.num_qubits, len(interpreter.boxes)
        _enter(interpreter, inner)
        if not top:
            held = (*quantum, *range(fresh, interpreter.num_qubits))
            interpreter.boxes.insert(position, Box(function.label or function.name, start, len(columns.kind), held))
    else:
        _enter(interpreter, inner)
    _check_returned(interpreter, inner)
    _results(interpreter, op, inner, frame)


def _results(interpreter: Interpreter, op: Call, inner: Frame, frame: Frame) -> None:
    """Give the caller what a call gives back that is a new thing."""
    names = inner.names
    for result, returned in zip(op.results, inner.function.returns, strict=False):
        if result is not None:
            frame.names[result] = (
                Register(interpreter.qubits(returned, names)) if isinstance(returned, Place) else value(returned, names)
            )


def _enter(interpreter: Interpreter, frame: Frame) -> None:
    """Execute the body of a called function."""
    interpreter.depth += 1
    if interpreter.depth > DEEPEST:
        raise KernelRecursionError(
            f"`{written_name(frame.function.name)}` is called {DEEPEST} calls deep",
            label="called here",
            help="end the recursion by an `if` on a value that is known when the kernel is compiled",
        )
    rows, readouts = interpreter.rows, _readouts(interpreter)
    start = 0 if rows is None else len(rows)
    reuses = interpreter.module.reuse_measured
    if reuses or frame.function.clean_ancillas:
        interpreter.workspace.enter()
    interpreter.block(frame.function.body, frame)
    interpreter.depth -= 1
    if reuses or frame.function.clean_ancillas:
        _leave(interpreter, frame, start, reuses and _readouts(interpreter) == readouts)
    if frame.fresh:
        _keep_fresh(interpreter, frame)


def _readouts(interpreter: Interpreter) -> int:
    return len(interpreter.expectations) + len(interpreter.probabilities)


def _leave(interpreter: Interpreter, frame: Frame, start: int, resets: bool) -> None:
    """End the level of a call: what it made is kept, but what it cleans, and what it measured if it `resets` that."""
    made, consumed = interpreter.workspace.level.qubits, interpreter.consumed
    returned = set(_returned_qubits(interpreter, frame)) if made else set()
    measured = [qubit for qubit in made if qubit in consumed] if resets else []
    cleans = frame.function.clean_ancillas
    cleaned = [qubit for qubit in made if qubit not in consumed and qubit not in returned] if cleans else []
    level = interpreter.workspace.leave({*measured, *cleaned})
    columns = interpreter.columns
    for qubit in measured:
        columns.emit(columns.kinds.number(Kind("reset", 1)), (qubit,), (), columns.span_number(frame.function.span))
    _release(interpreter, level, cleaned, start, frame)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting(Compound):
    """A call whose function has forms of its own, until it is known under which modifiers it stands.

    `controls` are those that must all be 1, `others` those with a value. It runs in the workspace of its caller.
    """

    frame: Frame
    under: Call | Gate
    level: Level
    is_inverted: bool = False
    controls: tuple[int, ...] = ()
    others: tuple[tuple[Sequence[int], int], ...] = ()

    def inverted(self, kinds: Kinds) -> Waiting:
        return replace(self, is_inverted=not self.is_inverted)

    def controlled(self, controls: Sequence[int], selected: int, is_plain: bool, kinds: Kinds) -> Waiting:
        if is_plain:
            return replace(self, controls=(*self.controls, *controls))
        return replace(self, others=(*self.others, (controls, selected)))

    def write(self, interpreter: Interpreter) -> None:
        """Execute the form that fits, and do to its gates what is left of the modifiers."""
        own, controls = self.frame, self.controls
        function, is_inverted, takes = interpreter.module.own_form(own.function, self.is_inverted, bool(controls))
        values = [own.names[parameter.name] for parameter in own.function.parameters]
        if takes:
            count = 1 if function.parameters[0].type == QUBIT else len(controls)
            values, controls = [Register([*controls[:count]]), *values], controls[count:]
        names = {parameter.name: given for parameter, given in zip(function.parameters, values, strict=True)}
        frame = Frame(function, names, own.call, own.caller)
        with interpreter.workspace.inside(self.level):
            if is_inverted or controls or self.others:
                self._modified(interpreter, frame, is_inverted, controls)
            else:
                _enter(interpreter, frame)
        _check_returned(interpreter, frame)

    def _modified(self, interpreter: Interpreter, frame: Frame, is_inverted: bool, controls: Sequence[int]) -> None:
        """Execute a form under what is left of the modifiers."""
        kinds = interpreter.columns.kinds
        interpreter.rows = []
        left = tuple(each for each in self.under.modifiers if is_inverted or not isinstance(each, Adjoint))
        interpreter.modified.append(replace(self.under, modifiers=left or self.under.modifiers))
        _enter(interpreter, frame)
        rows, interpreter.rows = interpreter.rows, None
        interpreter.modified.pop()
        rows = adjoint(rows, kinds) if is_inverted else rows
        rows = control(rows, controls, (1 << len(controls)) - 1, True, kinds)
        for others, selected in self.others:
            rows = control(rows, others, selected, False, kinds)
        for row in rows:
            interpreter.emit(row)


def within(interpreter: Interpreter, op: Within, frame: Frame) -> None:
    """Execute a setup, what stands between, and the setup backwards; what the setup made is free then."""
    start, rows, fresh = len(interpreter.rows or ()), interpreter.rows, len(frame.fresh)
    interpreter.workspace.enter()
    interpreter.modified.append(op.undo)
    setup = _collected(interpreter, op.setup, frame)
    interpreter.modified.pop()
    made = [*interpreter.workspace.level.qubits]
    del frame.fresh[fresh:]
    undo = adjoint(setup, interpreter.columns.kinds)
    spend(INSTRUCTION * 2 * len(setup))
    if rows is None:
        for row in setup:
            interpreter.emit(row)
        interpreter.block(op.body, frame)
        for row in undo:
            interpreter.emit(row)
    else:
        inner = _collected(interpreter, op.body, frame)
        qubits = [*dict.fromkeys(qubit for row in (*setup, *inner) for qubit in row[1])]
        interpreter.emit((Conjugated(setup, inner, undo), qubits, (), interpreter.columns.span_number(op.span)))
    level = interpreter.workspace.leave({*made})
    _release(interpreter, level, made, start, frame)


def _collected(interpreter: Interpreter, block: Block, frame: Frame) -> list[Row]:
    """Execute a block onto a flat list."""
    outer, interpreter.rows = interpreter.rows, []
    interpreter.block(block, frame)
    rows, interpreter.rows = interpreter.rows, outer
    return rows


def _release(interpreter: Interpreter, level: Level, qubits: list[int], start: int, frame: Frame) -> None:
    """Write that qubits of a level are free again, and, where they may be used backwards, that they were at `start`."""
    if not qubits:
        return
    promise = level.promise(frame.function.name, qubits)
    release = Kind("release", len(qubits), promise=promise)
    kinds, span = interpreter.columns.kinds, interpreter.columns.span_number(frame.function.span)
    if interpreter.rows is not None:
        interpreter.rows.insert(start, (kinds.number(replace(release, name="acquire")), qubits, (), span))
    interpreter.emit((kinds.number(release), qubits, (), span))
    interpreter.clean.append((promise, tuple(qubits)))


def _returned_qubits(interpreter: Interpreter, frame: Frame) -> tuple[int, ...]:
    """The qubits that a function gives back, in order."""
    places = [value for value in frame.function.returns if isinstance(value, Place)]
    return tuple(qubit for place in places for qubit in interpreter.qubits(place, frame.names))


def end(interpreter: Interpreter, frame: Frame) -> tuple[int, ...]:
    """End the entry: release what it promises to clean. Gives the qubits that it returns."""
    returned, inputs = _returned_qubits(interpreter, frame), len(interpreter.inputs)
    if frame.function.clean_ancillas:
        level = interpreter.workspace.level
        kept = {*range(inputs), *returned, *interpreter.consumed}
        _release(interpreter, level, [qubit for qubit in level.qubits if qubit not in kept], 0, frame)
    return returned


def _keep_fresh(interpreter: Interpreter, frame: Frame) -> None:
    """Under a modifier: hand the fresh qubits that are returned to the caller; the others must be clean."""
    returned = set(_returned_qubits(interpreter, frame))
    for qubits, span in frame.fresh:
        if not returned.issuperset(qubits) and not frame.function.clean_ancillas:
            call = interpreter.modified[-1]
            modifier = modifier_name(call)
            error = NotUnitaryError(
                f"`{frame.function.name}` drops qubits of its own, so that `{modifier}` of it is not unitary",
                label="made here and not returned",
                notes=(Note(f"`{modifier}` is applied here", call.span),),
                help="if it brings them back to 0, say so: `@qkernel(clean_ancillas=True)`",
            )
            raise locate(error, span, frame)
        if frame.caller is not None and returned.issuperset(qubits):
            frame.caller.fresh.append((qubits, span))


def _check_returned(interpreter: Interpreter, frame: Frame) -> None:
    """Raise if the function that has run gives one qubit back twice, or loses one: what computed indices can hide."""
    function = frame.function
    places = [value for value in function.returns if isinstance(value, Place)]
    if len(places) > 1 and any(type(place.start) is not Const or place.pieces for place in places):
        with interpreter.reporting(function.span, frame):
            interpreter.all_qubits(places, frame.names)
    if (parameters := interpreter.taken_apart.get(function.name)) is None:
        parameters = interpreter.taken_apart[function.name] = _taken_apart(function)
    for parameter in parameters:
        kept = {qubit for place in places for qubit in interpreter.qubits(place, frame.names)}
        for index, qubit in enumerate(frame.names[parameter.name].qubits):
            if qubit not in kept and qubit not in interpreter.consumed:
                raise _lost(frame, parameter, index)


def _taken_apart(function: Function) -> tuple[Parameter, ...]:
    """The quantum parameters that a function does not return whole."""
    return tuple(
        parameter
        for parameter in function.parameters
        if is_quantum(parameter.type) and whole(parameter.name, parameter.type) not in function.returns
    )


def _lost(frame: Frame, parameter: Parameter, index: int) -> Exception:
    shown = parameter.name if parameter.type == QUBIT else f"{parameter.name}[{index}]"
    error = QubitConsumedError(
        f"`{written_name(frame.function.name)}` loses `{shown}`: it is neither returned nor measured",
        label="comes in here and does not go out",
        help=f"return all of it: `return {parameter.name}`; or measure it: `qk.measure({parameter.name})`",
    )
    if frame.call is not None:
        error.notes = (Note("in this call", frame.call.span),)
    return locate(error, parameter.span, frame)
