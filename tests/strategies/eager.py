"""Kernels run as plain Python on a state vector: what a program means, read without the compiler.

`execute` runs a program's text with `qk` standing for functions that act at once. Qubits are numbers, loops and branches
are Python's own, `control` and `inverse` act on the list of gates that a call made (`tapes`). Gate matrices are Qiskit's.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from qiskit.circuit import library

import qkernel as real
import qkernel.observable as qko
from tests.strategies.world import Invalid, Qubit, TooLarge, World, acted

FAINT = 1e-10


class Bit(int):
    """A measured bit."""

    def __and__(self, other: Any) -> Bit:
        return Bit(int(self) & int(other))

    def __or__(self, other: Any) -> Bit:
        return Bit(int(self) | int(other))

    def __xor__(self, other: Any) -> Bit:
        return Bit(int(self) ^ int(other))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__


class Register(list[Qubit]):
    """Qubits in a row; what is assigned must be what was lent."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, key: Any) -> Any:
        backwards = isinstance(key, slice) and key.stop is None and key.step is not None and key.step < 0
        step = 1 if not isinstance(key, slice) or key.step is None or backwards else key.step
        if isinstance(key, slice) and (min(key.start or 0, key.stop or 0) < 0 or step < 1):
            raise Invalid("a bound or the step of a slice is computed negative")
        part = super().__getitem__(key)
        return Register(part) if isinstance(key, slice) else part

    def __setitem__(self, key: Any, value: Any) -> None:
        if self[key] != value:
            raise Invalid("other qubits come back")


class Numbers(list[Any]):
    """A classical vector."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return Numbers(part) if isinstance(key, slice) else part


world = World()


# gates ------------------------------------------------------------------------------------------------------------------

_QISKIT = {
    name: getattr(library, f"{name.upper()}Gate")
    for name in "h x y z s t sx rx ry rz u cx cy cz ch crx cry crz cu rxx ryy rzz rzx ecr ccx ccz".split()  # noqa: SIM905
}
_QISKIT |= {"p": library.PhaseGate, "cp": library.CPhaseGate, "id": library.IGate, "swap": library.SwapGate}
_QISKIT |= {"sdg": library.SdgGate, "tdg": library.TdgGate, "sxdg": library.SXdgGate}
_QISKIT |= {"iswap": library.iSwapGate, "cswap": library.CSwapGate}
ANGLES = {**dict.fromkeys(["p", "rx", "ry", "rz", "cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx"], 1), "u": 3, "cu": 4}
WIDTHS = {name: gate(*(0.1,) * ANGLES.get(name, 0)).num_qubits for name, gate in _QISKIT.items()}


@lru_cache(maxsize=4096)
def matrix_of(name: str, angles: tuple[float, ...]) -> Any:
    return np.asarray(_QISKIT[name](*angles).to_matrix(), complex)


@dataclass(frozen=True)
class Gate:
    """A gate of the table."""

    name: str

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        width = WIDTHS[self.name]
        targets, angles = arguments[:width], [*arguments[width:], *keywords.values()]
        if self.name == "cu" and len(angles) == 3:
            angles.append(0.0)
        if isinstance(targets[0], list):
            columns = [flat(target) for target in targets]
            count = len(columns[0])
            rows = [angle if isinstance(angle, Numbers) else [angle] * count for angle in angles]
            if any(len(row) != count for row in [*rows, *columns]):
                raise Invalid("registers or angles of another length")
            for k in builtins.range(count):
                places = tuple(column[k] for column in columns)
                world.apply(matrix_of(self.name, tuple(float(row[k]) for row in rows)), places)
        else:
            places = tuple(target.index for target in targets)
            world.apply(matrix_of(self.name, tuple(float(angle) for angle in angles)), places)
        return targets[0] if width == 1 else targets


def unitary(matrix: Any, *qubits: Qubit) -> Any:
    world.apply(np.asarray(matrix, complex), tuple(flat(qubits)))
    return qubits[0] if len(qubits) == 1 else qubits


def barrier(*targets: Any) -> Any:
    return targets[0] if len(targets) == 1 else targets


def pauli_evolve(target: Any, observable: Any, time: float) -> Any:
    qubits = flat(target)
    if observable.num_qubits > len(qubits):
        raise Invalid("a Hamiltonian on more qubits")
    if observable.constant:
        world.apply(np.array([[np.exp(-1j * time * observable.constant)]]), ())
    for operators, coefficient in observable.terms.items():
        word = np.eye(1)
        for operator in operators:
            word = np.kron(PAULIS[operator.pauli.value], word)
        angle = time * coefficient
        rotation = math.cos(angle) * np.eye(len(word)) - 1j * math.sin(angle) * word
        world.apply(rotation, tuple(qubits[operator.index] for operator in operators))
    return target


PAULIS = {"X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}


def prepare(target: Any, amplitudes: Any, imaginary: Any = None) -> Any:
    """Any unitary that takes the 0 of two fresh qubits to the state; gates that do nothing make up the count."""
    vector = np.zeros(2 ** len(target), complex)
    vector[: len(amplitudes)] += amplitudes
    if imaginary is not None:
        vector[: len(imaginary)] += 1j * np.array(imaginary)
    basis, triangle = np.linalg.qr(np.column_stack([vector, np.eye(len(vector))]))
    first, second = flat(target)
    world.apply(basis * triangle[0, 0] / abs(triangle[0, 0]), (first, second))
    rotations, entanglers = (3, 2) if imaginary is None else (6, 4)
    for qubits in [(first,)] * rotations + [(first, second)] * (entanglers - 1):
        world.apply(np.eye(1 << len(qubits)), qubits)
    return target


def flat(target: Any) -> list[int]:
    """The numbers of the qubits in a qubit, register or tuple of them."""
    return [target.index] if isinstance(target, Qubit) else [index for part in target for index in flat(part)]


# modifiers --------------------------------------------------------------------------------------------------------------


def record(operation: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, list[Any]]:
    outer, world.tape = world.tape, []
    world.recording += 1
    try:
        result = operation(*arguments, **keywords)
        return result, world.tape
    finally:
        world.tape = outer
        world.recording -= 1


@dataclass(frozen=True)
class Held:
    """An operation of a setup or of its inverse: controls leave it alone."""

    step: Any


@dataclass(frozen=True)
class Asked:
    """A call of an oracle, under whatever modifiers."""


@dataclass(frozen=True)
class Waiting:
    """A call of a kernel with forms of its own, until it is known under which modifiers it stands."""

    kernel: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    is_inverted: bool = False
    controls: tuple[int, ...] = ()
    others: tuple[tuple[list[int], int], ...] = ()

    def write(self) -> None:
        """Run the form that fits, and do to its gates what is left of the modifiers."""
        kernel, is_inverted, arguments, controls = self.kernel, self.is_inverted, self.arguments, list(self.controls)
        if is_inverted and "inverse" in kernel.forms:
            kernel, is_inverted = kernel.forms["inverse"], False
        if controls and "control" in kernel.forms:
            kernel = kernel.forms["control"]
            if is_inverted and "inverse" in kernel.forms:
                kernel, is_inverted = kernel.forms["inverse"], False
            qubits = Register(map(Qubit, controls))
            takes_one = next(iter(inspect.signature(kernel).parameters.values())).annotation is real.Qubit
            arguments, controls = (qubits[0] if takes_one else qubits, *arguments), controls[1:] if takes_one else []
        if not (is_inverted or controls or self.others):
            kernel.run(*arguments, **self.keywords)
            return
        _, tape = record(kernel.run, arguments, self.keywords)
        tape = dagger(tape) if is_inverted else tape
        if controls:
            tape = [_controlled(step, controls, (1 << len(controls)) - 1, True) for step in tape]
        for qubits, value in self.others:
            tape = [_controlled(step, qubits, value, False) for step in tape]
        replay(tape)


def dagger(tape: list[Any]) -> list[Any]:
    return [_inverted(step) for step in reversed(tape)]


def _inverted(step: Any) -> Any:
    match step:
        case Held(inner):
            return Held(_inverted(inner))
        case Asked():
            return step
        case Waiting():
            return replace(step, is_inverted=not step.is_inverted)
    matrix, qubits = step
    return matrix.conj().T, qubits


def _controlled(step: Any, controls: list[int], value: int, is_plain: bool) -> Any:
    """A step where the controls hold the value, which nobody wrote down if it `is_plain`."""
    match step:
        case Held() | Asked():
            return step
        case Waiting() if is_plain:
            return replace(step, controls=(*step.controls, *controls))
        case Waiting():
            return replace(step, others=(*step.others, (controls, value)))
    matrix, qubits = step
    return controlled(matrix, len(controls), value), (*controls, *qubits)


def repeated(tape: list[Any], power: int) -> list[Any]:
    return tape * power if power >= 0 else dagger(tape) * -power


def controlled(matrix: Any, count: int, value: int) -> Any:
    size = len(matrix) << count
    result = np.eye(size, dtype=complex)
    rows = np.arange(len(matrix)) * (1 << count) + value
    result[np.ix_(rows, rows)] = matrix
    return result


def replay(tape: list[Any]) -> None:
    """Do what was recorded, or record it again."""
    for step in tape:
        while isinstance(step, Held) and not world.recording:
            step = step.step
        match step:
            case tuple() as operation:
                world.apply(*operation)
            case other if world.recording:
                world.tape.append(other)
            case Asked():
                world.asked += 1
            case Waiting() as call:
                call.write()


def within_apply(outer: Any, inner: Any) -> Any:
    def conjugated(*arguments: Any, **keywords: Any) -> Any:
        mine, other = (
            {name: value for name, value in keywords.items() if name in inspect.signature(operation).parameters}
            for operation in (outer, inner)
        )
        world.enter()
        given, setup = record(outer, arguments, mine)
        made = [*world.level.made]
        replay([Held(step) for step in setup])
        inner(*(given if isinstance(given, tuple) else (given,)), **other)
        replay([Held(step) for step in dagger(setup)])
        world.leave([qubit for qubit in world.level.made if qubit not in made])
        return arguments[0] if len(arguments) == 1 else arguments

    return conjugated


def inverse(operation: Any) -> Any:
    def inverted(*arguments: Any, power: int = 1, **keywords: Any) -> Any:
        result, tape = record(operation, arguments, keywords)
        replay(dagger(repeated(tape, power)))
        return result

    return inverted


def control(operation: Any, num_controls: int = 1, control_value: int | None = None, *, power: int = 1) -> Any:
    chosen = (1 << num_controls) - 1 if control_value is None else control_value
    own_power = power

    def with_controls(*arguments: Any, power: int = 1, **keywords: Any) -> Any:
        count, position = 0, 0
        while count < num_controls:
            count += len(flat(arguments[position]))
            position += 1
        if count != num_controls or not 0 <= chosen < 1 << count:
            raise Invalid("other controls")
        controls = arguments[:position]
        result, tape = record(operation, arguments[position:], keywords)
        steps = repeated(repeated(tape, own_power), power)
        replay([_controlled(step, flat(controls), chosen, control_value is None) for step in steps])
        return (*controls, *(result if isinstance(result, tuple) else (result,)))

    return with_controls


def global_phase(operation: Any, phase: float) -> Any:
    def phased(*arguments: Any, power: int = 1, **keywords: Any) -> Any:
        result, tape = record(operation, arguments, keywords)
        replay(repeated([(np.array([[np.exp(1j * phase)]]), ()), *tape], power))
        return result

    return phased


def select(operations: list[Any]) -> Any:
    def selected(index: Any, *rest: Any) -> Any:
        width = len(flat(index))
        results: tuple[Any, ...] = (index, *rest)
        for value, operation in enumerate(operations):
            results = control(operation, width, value)(index, *rest)
        return results

    return selected


# measurement ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    qubits: Register
    int_bits: int


def project(target: Any, basis: str) -> Any:
    world.measurements += len(flat(target))
    if isinstance(target, Register):
        return target, Numbers(Bit(world.project(qubit.index, basis)) for qubit in target)
    return target, Bit(world.project(target.index, basis))


def measure(target: Any) -> Any:
    qubits = target.qubits if isinstance(target, Fixed) else target
    world.consumed.update(flat(qubits))
    if isinstance(target, Fixed):
        bits = project(qubits, "z")[1]
        return sum(bit * 2.0 ** (k + target.int_bits - len(bits)) for k, bit in enumerate(bits))
    return project(qubits, "z")[1]


def reset(target: Any) -> Any:
    for index in flat(target):
        if world.project(index):
            world.apply(PAULIS["X"], (index,))
            world.settle()
            world.gates.pop()
    return target


def measure_reset(target: Any) -> Any:
    bits = project(target, "z")[1]
    return reset(target), bits


def expval(target: Any, observable: Any) -> float:
    world.settle()
    qubits = flat(target)
    total = observable.constant
    for operators, coefficient in observable.terms.items():
        moved = world.state.reshape((2,) * world.width)
        for operator in operators:
            moved = acted(moved, PAULIS[operator.pauli.value], (qubits[operator.index],))
        total += coefficient * np.vdot(world.state, moved.reshape(-1))
    return float(np.real(total))


def probabilities(target: Any) -> Any:
    world.settle()
    result = np.zeros(1 << len(flat(target)))
    index = np.arange(len(world.state))
    np.add.at(result, sum((index >> q & 1) << k for k, q in enumerate(flat(target))), np.abs(world.state) ** 2)
    return result


# the whole --------------------------------------------------------------------------------------------------------------


def _kernel(function: Any = None, *, clean_ancillas: bool = False) -> Any:
    """A function that takes a list of qubits as a register, gives it back as that list, and may release what it makes."""
    if function is None:
        return partial(_kernel, clean_ancillas=clean_ancillas)

    def run(*arguments: Any, **keywords: Any) -> Any:
        lists = [value if _is_list(value) else None for value in arguments]
        values = [value if given is None else Register(_qubits(value)) for value, given in zip(arguments, lists, strict=True)]
        if clean_ancillas:
            world.enter()
        result = function(*values, **keywords)
        if clean_ancillas:
            world.leave(flat(result))
        back = {id(value): given for value, given in zip(values, lists, strict=True) if given is not None}
        return tuple(back.get(id(part), part) for part in result) if isinstance(result, tuple) else back.get(id(result), result)

    def called(*arguments: Any, **keywords: Any) -> Any:
        if not (forms and world.recording):
            return run(*arguments, **keywords)
        world.tape.append(Waiting(called, arguments, keywords))
        qubits = tuple(part for part in arguments if isinstance(part, (Qubit, Register)) or _is_list(part))
        return qubits[0] if len(qubits) == 1 else qubits

    def form(kind: str) -> Callable[[Any], Any]:
        return lambda kernel: forms.setdefault(kind, kernel)

    forms: dict[str, Any] = {}
    kernel: Any = called
    kernel.__signature__ = inspect.signature(function)
    kernel.run, kernel.forms, kernel.inverse, kernel.control = run, forms, form("inverse"), form("control")
    return kernel


def _is_list(value: Any) -> bool:
    return type(value) is list and bool(value) and all(isinstance(part, (Qubit, Register)) for part in value)


def _qubits(target: Any) -> list[Qubit]:
    return [target] if isinstance(target, Qubit) else [qubit for part in target for qubit in _qubits(part)]


def _composite(name: str) -> Any:
    return lambda kernel: kernel


def _oracle(name: str, num_qubits: int) -> Any:
    def asked(*qubits: Any) -> Any:
        replay([Asked()])
        return qubits[0] if len(qubits) == 1 else qubits

    return asked


_TYPES = ("Qubit", "Bit", "UInt", "Float", "Vector", "Dict", "Tuple", "Observable", "QFixed", "Kernel")
TYPES = {name: getattr(real, name) for name in _TYPES}
QK = SimpleNamespace(
    **TYPES,
    **{name: Gate(name) for name in _QISKIT},
    **{name: getattr(math, name) for name in ["sin", "cos", "tan", "exp", "log", "sqrt", "floor", "ceil", "log2"]},
    qkernel=_kernel,
    composite_gate=_composite,
    Oracle=_oracle,
    struct=dataclass(frozen=True),
    qubit=lambda name=None: world.fresh(),
    qubit_array=lambda n, name=None: Register(world.fresh() for _ in builtins.range(n)),
    unitary=unitary, barrier=barrier, pauli_evolve=pauli_evolve, prepare=prepare, within_apply=within_apply,
    inverse=inverse, control=control, global_phase=global_phase, select=select, measure=measure, reset=reset,
    measure_reset=measure_reset, expval=expval, probabilities=probabilities,
    project_z=lambda target: project(target, "z"),
    project_x=lambda target: project(target, "x"),
    project_y=lambda target: project(target, "y"),
    cast=lambda target, kind, int_bits=0: Fixed(target, int_bits),
    range=builtins.range,
    items=lambda dictionary: dictionary.items(),
    bit_array=lambda n, name=None: Numbers([Bit(0)] * n),
)  # fmt: skip


class _Opposites(ast.NodeTransformer):
    """`~bit` as a call: what Python makes of `==` and `not` is a bool, whose `~` is no bit."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return ast.Call(ast.Name("opposite", ast.Load()), [node.operand], []) if isinstance(node.op, ast.Invert) else node


def load(source: str, entry: str) -> Callable[..., Any]:
    """The function `entry` of a program's text."""
    names = {"qk": QK, "qko": qko, "np": np, "math": math, "opposite": lambda bit: Bit(1 - bit), "__name__": "program"}
    exec(compile(ast.fix_missing_locations(_Opposites().visit(ast.parse(source))), "<program>", "exec"), names)
    return names[entry]


def execute(function: Callable[..., Any], values: dict[str, Any], told: tuple[int, ...] = ()) -> tuple[Any, World]:
    """Run once: the result, and the world that it leaves."""
    global world
    world = World(told)
    result = function(
        **{name: Numbers(value) if isinstance(value, (list, np.ndarray)) else value for name, value in values.items()}
    )
    world.settle()
    world.state = world.arranged()
    return result, world


def histories(function: Callable[..., Any], values: dict[str, Any], most: int = 150) -> Iterator[tuple[Any, float]]:
    """Every result that measurements can lead to, and how likely it is."""
    pending: list[tuple[int, ...]] = [()]
    done = 0
    while pending:
        told = pending.pop()
        result, left = execute(function, values, told)
        done += 1
        if done > most:
            raise TooLarge
        yield result, math.prod(left.chances)
        before = math.prod(left.chances[: len(told)])
        for position in range(len(told), len(left.outcomes)):
            other = before * (1 - left.chances[position])
            if other > FAINT:
                pending.append((*left.outcomes[:position], 1 - left.outcomes[position]))
            before *= left.chances[position]
