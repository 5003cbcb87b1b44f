"""Random kernels that hand back their qubits in other orders than they take them, under every modifier.

`generate(seed)` writes such a program and works out its matrices by itself: an operation is the matrix by which the qubits
that come back, in their order, follow from those that are taken, so that `inverse` is the adjoint, `control` a block, a
power a power and `select` a sum of blocks. Nothing here knows how an exchange is made.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel.kernel import from_module
from tests.strategies.eager import acted, controlled, matrix_of
from tests.strategies.programs import HEADER

MOST_QUBITS = 7
Matrix = Any
Shapes = tuple[str, ...]
"""`q` is a qubit, `n`, `m` and `two` are registers of that many."""


@dataclass(frozen=True)
class Operation:
    """An operation as it is written, the shapes that it takes and gives back, and its matrix at an angle."""

    text: str
    takes: Shapes
    gives: Shapes
    matrix: Callable[[float], Matrix]

    @property
    def is_square(self) -> bool:
        return self.takes == self.gives


@dataclass
class Program:
    """A program's text, the values of its arguments, and what it must return."""

    seed: int
    source: str
    values: dict[str, Any]
    expected: float


@dataclass
class Writer:
    """Draws a program: its text, and its matrices beside it."""

    random: Random
    lengths: dict[str, int]
    power: int
    lines: list[str] = field(default_factory=list)
    kernels: list[Operation] = field(default_factory=list)
    count: int = 0

    def width(self, shapes: Sequence[str]) -> int:
        return sum(self.lengths[shape] for shape in shapes)

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    # kernels ----------------------------------------------------------------------------------------------------------------

    def kernel(self) -> None:
        """A kernel on a few qubits and registers, with gates and calls of those before it."""
        takes = tuple(self.random.choice("qqnm") for _ in range(self.random.randint(1, 3)))
        while self.width(takes) > MOST_QUBITS - 2:
            takes = takes[1:]
        name = f"f{len(self.kernels)}"
        body = Body(self, takes, "a")
        for _ in range(self.random.randint(1, 3)):
            body.statement()
        order = [*body.wires]
        self.random.shuffle(order)
        if self.random.random() < 0.5:  # so that many can be controlled
            order.sort(key=lambda entry: takes.index(body.shapes[entry]) if body.shapes[entry] in takes else 0)
            order = [*body.arranged(takes)]
        self.lines += ["", "", "@qk.qkernel"]
        parameters = ", ".join(f"{entry}: {_type(shape)}" for entry, shape in zip(body.parameters, takes, strict=True))
        gives = tuple(body.shapes[entry] for entry in order)
        result = _type(gives[0]) if len(gives) == 1 else f"tuple[{', '.join(map(_type, gives))}]"
        self.lines.append(f"def {name}({parameters}, a: qk.Float) -> {result}:")
        self.lines += [f"    {line}" for line in (*body.lines, f"return {', '.join(order)}")]
        moved = [wire for entry in order for wire in body.wires[entry]]
        self.kernels.append(Operation(name, takes, gives, cache(lambda angle: body.matrix(angle, moved))))

    # operations -------------------------------------------------------------------------------------------------------------

    def operation(self, depth: int = 0) -> Operation:
        """A kernel under modifiers."""
        choice = self.random.choice(("kernel", "inverse", "control", "power", "select", "phase", "inverse", "control"))
        if depth == 3 or choice == "kernel":
            return self.random.choice(self.kernels)
        inner = self.operation(depth + 1)
        if choice == "inverse":
            return inverse(inner)
        if choice == "phase" and "select" not in inner.text:
            return phased(inner, round(self.random.uniform(-1, 1), 2))
        if not inner.is_square or self.width(inner.takes) > MOST_QUBITS - 2:
            return inner
        if choice == "control":
            count = self.random.choice((1, 1, 2))
            value = self.random.choice((None, None, *range(1 << count)))
            return control(inner, count, value, self.random.choice((1, 1, 0, 2, 3)))
        if choice == "select":
            others = [entry for entry in self.kernels if entry.takes == entry.gives == inner.takes]
            others += [inverse(entry) for entry in others] + [inner]
            return select([self.random.choice(others) for _ in range(self.random.choice((1, 2, 2, 3, 4)))])
        return inner

    # the whole --------------------------------------------------------------------------------------------------------------

    def main(self) -> Callable[[float], Matrix]:
        """The entry: qubits in a state that none is special in, operations, an observable on what comes back."""
        operation = self.operation()
        while self.width(operation.takes) > MOST_QUBITS:
            operation = self.operation()
        shapes = operation.takes
        if self.width(shapes) < MOST_QUBITS:
            shapes = (*shapes, "q")
        body = Body(self, shapes, "a", "p")
        body.call(operation)
        for _ in range(self.random.randint(0, 2)):
            body.call()
        self.lines += ["", "", "@qk.qkernel"]
        self.lines.append("def main(n: qk.UInt, m: qk.UInt, p: qk.UInt, a: qk.Float, observable: qk.Observable) -> qk.Float:")
        for k, (name, shape) in enumerate(zip(body.parameters, shapes, strict=True)):
            made = {"q": "qk.qubit()", "two": "qk.qubit_array(2)"}.get(shape, f"qk.qubit_array({shape})")
            self.lines += [
                f"    {name} = qk.ry({made}, {0.4 + 0.3 * k:.1f})",
                f"    {name} = qk.rz({name}, {0.9 - 0.7 * k:.1f})",
            ]
        self.lines += [f"    {line}" for line in body.lines]
        order = list(body.wires)
        self.random.shuffle(order)
        self.lines.append(f"    return qk.expval(({', '.join(order)},), observable)")
        start = [(k, wire) for k, name in enumerate(body.parameters) for wire in body.wires_at_start[name]]
        moved = [wire for entry in order for wire in body.wires[entry]]

        def state(angle: float) -> Matrix:
            result = np.zeros(1 << len(start), complex)
            result[0] = 1
            result = result.reshape((2,) * len(start))
            for k, wire in start:
                result = acted(result, matrix_of("ry", (round(0.4 + 0.3 * k, 1),)), (wire,))
                result = acted(result, matrix_of("rz", (round(0.9 - 0.7 * k, 1),)), (wire,))
            return (body.matrix(angle, moved) @ result.reshape(-1)).reshape(-1)

        return state


@dataclass
class Body:
    """The statements of a kernel: names, the wires that they mean, and what is done to the wires."""

    writer: Writer
    takes: Shapes
    angle: str
    power: str = ""
    lines: list[str] = field(default_factory=list)
    steps: list[tuple[Callable[[float], Matrix], tuple[int, ...]]] = field(default_factory=list)
    wires: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = 0
        for shape in self.takes:
            name, size = self.writer.name(), self.writer.lengths[shape]
            self.wires[name], self.shapes[name] = tuple(range(first, first + size)), shape
            first += size
        self.parameters = tuple(self.wires)
        self.wires_at_start = dict(self.wires)

    def matrix(self, angle: float, moved: Sequence[int]) -> Matrix:
        """What the steps do, with wire `moved[k]` as the k-th that comes back."""
        size = len(moved)
        columns = np.eye(1 << size, dtype=complex).reshape((2,) * size + (1 << size,))
        for matrix, wires in self.steps:
            columns = _on_rows(columns, matrix(angle), wires)
        axes = [size - 1 - wire for wire in reversed(moved)]
        return np.transpose(columns, (*axes, size)).reshape(1 << size, 1 << size)

    def arranged(self, wanted: Shapes) -> list[str]:
        """The names in an order that has these shapes."""
        left = [*self.wires]
        self.writer.random.shuffle(left)
        found = []
        for shape in wanted:
            name = next((entry for entry in left if self.shapes[entry] == shape), None)
            if name is None:
                return list(self.wires)
            left.remove(name)
            found.append(name)
        return found + left

    def statement(self) -> None:
        if self.writer.kernels and self.writer.random.random() < 0.3:
            self.call(self.writer.random.choice(self.writer.kernels))
        elif len(self.wires) > 1 and self.writer.random.random() < 0.6:
            self.pair()
        else:
            self.turn()

    def turn(self) -> None:
        """A rotation of a qubit, of a whole register, or of a register's qubits one by one."""
        random = self.writer.random
        name, gate, factor = random.choice([*self.wires]), random.choice(("rx", "ry", "rz")), random.randint(1, 9) / 10
        wires = self.wires[name]
        if self.shapes[name] == "q" or random.random() < 0.5:
            self.lines.append(f"{name} = qk.{gate}({name}, {factor} * {self.angle})")
            amounts = [factor] * len(wires)
        else:
            self.lines += [f"for i in qk.range(len({name})):"]
            self.lines += [f"    {name}[i] = qk.{gate}({name}[i], {factor} * {self.angle} * (i + 1))"]
            amounts = [factor * (k + 1) for k in range(len(wires))]
        for wire, amount in zip(wires, amounts, strict=True):
            self.steps.append((lambda angle, gate=gate, amount=amount: matrix_of(gate, (amount * angle,)), (wire,)))

    def pair(self) -> None:
        """A gate on two qubits of different names."""
        random = self.writer.random
        names, gate = random.sample([*self.wires], 2), random.choice(("cx", "cy", "swap", "iswap"))
        places = [name if self.shapes[name] == "q" else f"{name}[0]" for name in names]
        self.lines.append(f"{', '.join(places)} = qk.{gate}({', '.join(places)})")
        self.steps.append((lambda _: matrix_of(gate, ()), (self.wires[names[0]][0], self.wires[names[1]][0])))

    def call(self, operation: Operation | None = None) -> None:
        """A call of an operation, whose results get new names."""
        random = self.writer.random
        operation = operation or self.writer.operation()
        arguments = self.arranged(operation.takes)[: len(operation.takes)]
        if tuple(self.shapes[entry] for entry in arguments) != operation.takes:
            return
        wires = [wire for entry in arguments for wire in self.wires[entry]]
        names = [self.writer.name() for _ in operation.gives]
        repeats = operation.is_square and operation.text.startswith("qk.") and random.random() < 0.3
        power = random.choice((0, 2, 3, 5, -1, -2, *([self.power] * 3 if self.power else ()))) if repeats else 1
        given = [*arguments, self.angle, *([f"power={power}"] if repeats else ())]
        self.lines.append(f"{', '.join(names)} = {operation.text}({', '.join(given)})")
        times = self.writer.power if power == self.power else power
        self.steps.append((lambda angle: np.linalg.matrix_power(operation.matrix(angle), times), tuple(wires)))
        for entry in arguments:
            del self.wires[entry], self.shapes[entry]
        for name, shape in zip(names, operation.gives, strict=True):
            size = self.writer.lengths[shape]
            self.wires[name], self.shapes[name], wires = tuple(wires[:size]), shape, wires[size:]


def _on_rows(columns: Matrix, matrix: Matrix, wires: tuple[int, ...]) -> Matrix:
    """`matrix` on the wires of every column."""
    moved = np.moveaxis(columns, -1, 0)
    return np.moveaxis(np.stack([acted(column, matrix, wires) for column in moved]), 0, -1)


def _type(shape: str) -> str:
    return "qk.Qubit" if shape == "q" else "qk.Vector[qk.Qubit]"


def inverse(inner: Operation) -> Operation:
    return Operation(f"qk.inverse({inner.text})", inner.gives, inner.takes, lambda angle: inner.matrix(angle).conj().T)


def phased(inner: Operation, phase: float) -> Operation:
    text = f"qk.global_phase({inner.text}, {phase})"
    return Operation(text, inner.takes, inner.gives, lambda angle: np.exp(1j * phase) * inner.matrix(angle))


def control(inner: Operation, count: int, value: int | None, power: int) -> Operation:
    given = ("" if value is None else f", control_value={value}") + ("" if power == 1 else f", power={power}")
    held = (1 << count) - 1 if value is None else value

    def matrix(angle: float) -> Matrix:
        return controlled(np.linalg.matrix_power(inner.matrix(angle), power), count, held)

    shapes = ("q",) * count + inner.takes
    return Operation(f"qk.control({inner.text}, {count}{given})", shapes, shapes, matrix)


def select(inner: Sequence[Operation]) -> Operation:
    count = max(1, (len(inner) - 1).bit_length())

    def matrix(angle: float) -> Matrix:
        result = np.eye(len(inner[0].matrix(angle)) << count)
        for value, operation in enumerate(inner):
            result = controlled(operation.matrix(angle), count, value) @ result
        return result

    shape = {1: "q", 2: "two"}[count]
    shapes = (shape, *inner[0].takes)
    return Operation(f"qk.select([{', '.join(entry.text for entry in inner)}])", shapes, shapes, matrix)


def generate(seed: int) -> Program:
    """The program of a seed."""
    random = Random(seed)
    lengths = {"q": 1, "n": random.randint(1, 2), "m": random.randint(1, 3), "two": 2}
    writer = Writer(random, lengths, random.choice((0, 1, 2, 3, 4)))
    for _ in range(random.randint(1, 3)):
        writer.kernel()
    state = writer.main()
    angle = round(random.uniform(-2, 2), 3)
    amplitudes = state(angle)
    observable = random_observable(random, len(amplitudes).bit_length() - 1)
    expected = np.vdot(amplitudes, observable.to_numpy() @ amplitudes).real
    values = {"n": lengths["n"], "m": lengths["m"], "p": writer.power, "a": angle, "observable": observable}
    return Program(seed, "\n".join(writer.lines), values, float(expected))


def random_observable(random: Random, width: int) -> qko.Hamiltonian:
    """A sum of Pauli words that tells any two qubits apart."""
    observable = qko.Hamiltonian(width)
    for _ in range(3 * width + 3):
        word = tuple(qko.PauliOperator(random.choice([*qko.Pauli][:3]), k) for k in range(width) if random.random() < 0.5)
        if word:
            observable.add_term(word, round(random.uniform(-1, 1), 3))
    return observable


def check(program: Program) -> None:
    """The program returns what its matrices say, on every engine, and all readings of it agree."""
    text = HEADER + program.source + "\n"
    file = f"<program {program.seed} that reorders>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    names: dict[str, Any] = {"__name__": "program"}
    try:
        exec(compile(text, file, "exec"), names)
        _check_readings(names["main"], program)
    finally:
        del linecache.cache[file]


def _check_readings(main: qk.Kernel[..., Any], program: Program) -> None:
    values = program.values
    sizes = {name: values[name] for name in ("n", "m", "p")}
    for engine in ("native", "qiskit"):
        found = main.run(**values, engine=engine)
        assert abs(found - program.expected) < 1e-8, f"{found} on {engine}, not {program.expected}"
    main.check()
    module = main.ir
    assert qk.parse(str(module)) == module
    assert abs(from_module(module).run(**values) - program.expected) < 1e-8
    main.verify_resources(**sizes, observable=values["observable"])
    closed = main.estimate_resources().substitute(**sizes)
    bound = main.estimate_resources(bindings=sizes)
    assert (closed.gates.total, closed.qubits) == (bound.gates.total, bound.qubits)
    for options in ({}, {"inline": True}, {"inline": True, "fold_loops": False, **sizes}):
        assert main.draw(output="text", max_gates=100_000, **options)
