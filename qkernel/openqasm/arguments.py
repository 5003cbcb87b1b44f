"""What gates and subroutines are given, and what they give back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qkernel.diagnostics import written_name
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Pack, Row, Slice, item
from qkernel.ir.ops import Call
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, ArrayType
from qkernel.openqasm.scope import Frame, Scope, known
from qkernel.openqasm.statements import Statements
from qkernel.openqasm.variables import WORDS

Given = Expr | Place | dict[Any, Expr]
"""What a call gives for an argument, in the names of the text."""


class InPlace(Exception):
    """A call that no subroutine can stand for."""


@dataclass
class Defined:
    """A gate or subroutine of the text: `inputs` are the names there of what it is given, `result` the type of its result."""

    name: str
    frame: Frame
    inputs: list[str]
    result: str = ""


def let_be(frame: Frame, name: str, value: Given) -> None:
    """Let a name of a function be what it is given."""
    if isinstance(value, Place):
        frame.places[name] = value
    elif isinstance(value, dict):
        frame.dictionaries[name] = value
    else:
        frame.values[name] = value


def arguments_of(caller: Statements, op: Call) -> list[Given]:
    """What a call gives, in the names of the text."""
    found: list[Given] = []
    for argument in op.arguments:
        if isinstance(argument, Place):
            found.append(caller.frame.place(argument))
        elif isinstance(argument, Name) and argument.name in caller.frame.dictionaries:
            found.append(caller.frame.dictionaries[argument.name])
        else:
            found.append(caller.frame.value(argument))
    return found


def is_empty(value: Given) -> bool:
    """Whether it is a register without qubits."""
    return isinstance(value, Place) and value.length is ZERO


def description(is_fixed: bool, value: Given, frame: Frame) -> Any:
    """What a definition depends on of an argument."""
    match value:
        case Place(length=length):
            return None if length is None else known(length)
        case dict():
            return tuple(value.items())
        case _ if is_fixed:
            return value
        case Expr(type=ArrayType()):
            return Statements.shape_in(frame, value)
    return None


def angle_names(scope: Scope, wanted: str, shape: tuple[int, ...]) -> tuple[list[str], Expr]:
    """The angles of a gate that stand for a number or an array of numbers, and the expression of these."""
    if not shape:
        name = scope.names.fresh(written_name(wanted))
        return [name], Name(name, FLOAT)
    parts = [angle_names(scope, f"{wanted}_{k}", shape[1:]) for k in range(shape[0])]
    return [name for names, _ in parts for name in names], Pack(tuple(part for _, part in parts), ArrayType(FLOAT, len(shape)))


def numbers_of(frame: Frame, value: Expr) -> Iterator[Expr]:
    """A number, or those of an array one by one."""
    if isinstance(value.type, ArrayType):
        for k in range(frame.length(value)):
            yield from numbers_of(frame, item(value, Const(k)))
    else:
        yield value


def qubits_text(scope: Scope, place: Place) -> list[str]:
    """The declaration of a quantum argument."""
    if isinstance(place.register, tuple):
        return [str(piece.register) for piece in place.register]
    length = scope.lengths[place.register]
    return [place.register] if scope.is_gate else [f"qubit{'' if length is None else f'[{length}]'} {place.register}"]


def qubits_by_name(made: Defined, given: list[Expr | Place], frame: Frame) -> Iterator[tuple[str, Place]]:
    """The qubits of a gate, by their names there."""
    if not made.frame.scope.is_gate:
        return
    parameters = [entry.name for entry in made.frame.function.parameters]
    for name, value in zip(made.inputs, given, strict=True):
        if not isinstance(value, Place):
            continue
        if name in parameters:
            inside = made.frame.places[name]
            names = [str(piece.register) for piece in inside.pieces] or [str(inside.register)]
        else:
            names = made.frame.scope.spare if name == "work" else [name]
        yield from zip(names, frame.singles([value]), strict=True)


def array_text(caller: Statements, value: Expr) -> str:
    """An array as an argument. Raises `InPlace` where it has no name."""
    scope = caller.scope
    match value:
        case Name(name):
            return name
        case Row(base, keys):
            return f"{array_text(caller, base)}[{listed([scope.write(key) for key in keys])}]"
        case Slice(base, start, stride, Const(int(count))) if count:
            step = "" if stride is ONE else f"{scope.write(stride)}:"
            return f"{array_text(caller, base)}[{scope.write(start)}:{step}{scope.write(start + stride * (count - 1))}]"
    raise InPlace


def returned_by(frame: Frame, results: tuple[bool, ...]) -> tuple[str, list[str]]:
    """The type of what a subroutine gives back, several bits as one register, and its last statements."""
    pairs = zip(frame.function.returns, results, strict=True)
    values = [frame.value(value) for value, is_new in pairs if is_new and isinstance(value, Expr)]
    if not values or frame.scope.is_gate:
        return "", []
    if len(values) == 1 and values[0].type in WORDS:
        return WORDS[values[0].type], [f"return {frame.scope.write(values[0])};"]
    if any(value.type not in (BIT, ArrayType(BIT)) for value in values):
        raise InPlace
    bits = [bit for value in values for bit in numbers_of(frame, value)]
    if not bits:
        return "", []
    match values:
        case [Name(name)]:
            return f"bit[{len(bits)}]", [f"return {name};"]
    own = frame.scope.names.fresh("results")
    lines = [f"{own}[{k}] = {frame.scope.write(bit)};" for k, bit in enumerate(bits)]
    return f"bit[{len(bits)}]", [f"bit[{len(bits)}] {own};", *lines, f"return {own};"]


def as_register(scope: Scope, piece: Place) -> str:
    """Qubits as a part of a register that is joined. Raises `InPlace` for a qubit that is in none."""
    if piece.length is not None:
        return scope.several(piece) or scope.single(piece)
    scope.single(piece)
    if isinstance(piece.register, str) and scope.lengths[piece.register] is not None:
        index = scope.write(piece.start)
        return f"{piece.register}[{index}:{index}]"
    raise InPlace


def with_modifiers(line: str, prefix: str, controls: list[str]) -> str:
    """A line of phases, which turn where controls say so; loops around them stay."""
    before, found, phase = line.partition("gphase(")
    on = f" {listed(controls)}" if controls else ""
    return f"{before}{prefix}{found}{phase[:-1]}{on};" if found else line


def listed(texts: list[str]) -> str:
    return ", ".join(texts)
