"""Gates, and operations that are lowered to some, as statements of OpenQASM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qkernel.gates import GATES
from qkernel.ir.expressions import ONE, Apply, Const, Expr, Name, apply, item
from qkernel.ir.module import Module
from qkernel.ir.operators import PAULIS
from qkernel.ir.ops import Adjoint, Control, Function, Gate, Modifier, Op, Parameter, PauliEvolve, Power, Prepare
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import Bounds, free_names, is_constant
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType
from qkernel.lower import lower
from qkernel.lower.circuit import Kind
from qkernel.openqasm.flat import FlatWriter, angle_texts
from qkernel.openqasm.gates import Definitions
from qkernel.openqasm.scope import Frame, Needed, Scope, known


class GateStatements:
    """Writes the gates of one function; `definitions` are those of the text."""

    frame: Frame
    definitions: Definitions

    @property
    def scope(self) -> Scope:
        return self.frame.scope

    def registers(self, place: Place) -> list[str]:
        """The qubits of a place as texts, all at once where that can be written."""
        if place.length is not None and known(place.length) == 0:
            return []
        text = self.scope.several(place)
        return [self.scope.single(each) for each in self.frame.singles([place])] if text is None else [text]

    def modifiers(self, applied: Sequence[Modifier]) -> tuple[str, list[str]]:
        """What stands before a gate, and its controls."""
        prefix, controls = "", list[str]()
        for modifier in reversed(applied):
            match modifier:
                case Adjoint():
                    prefix += "inv @ "
                case Power(exponent):
                    prefix += f"pow({self.scope.write(self.frame.value(exponent))}) @ "
                case Control(places, value):
                    singles = self.frame.singles([self.frame.place(place) for place in places])
                    controls += map(self.scope.single, singles)
                    selected = (1 << len(singles)) - 1 if value is None else known(self.frame.value(value))
                    prefix += "".join("ctrl @ " if selected >> k & 1 else "negctrl @ " for k in range(len(singles)))
        return prefix, controls

    def gate(self, op: Gate) -> list[str]:
        angles, modifiers = [self.frame.value(angle) for angle in op.angles], list(op.modifiers)
        for modifier in op.modifiers:
            if isinstance(modifier, Power) and self.frame.value(modifier.exponent).type == FLOAT:
                modifiers.remove(modifier)  # of a rotation, which alone takes such a power
                angles = [angle * self.frame.value(modifier.exponent) for angle in angles]
        prefix, controls = self.modifiers(modifiers)
        places = [self.frame.place(place) for place in op.places]
        if op.gate == "barrier":
            on = [text for place in places for text in self.registers(place)]
            return [f"barrier {', '.join(on)};"] if on else []
        if op.matrix is not None:
            on = [self.scope.single(each) for each in self.frame.singles(places)]
            call = self.definitions.call(Kind("unitary", len(on), unitary=op.matrix), (), [*controls, *on])
            return [prefix + call]
        if all(place.length is None for place in places):
            return [prefix + self.plain(op.gate, angles, controls, [self.scope.single(place) for place in places])]
        return self.broadcast(op.gate, angles, prefix, controls, places)

    def plain(self, gate: str, angles: Sequence[Expr], controls: Sequence[str], on: Sequence[str]) -> str:
        """A gate of the table."""
        texts, rule = [self.scope.angle(angle) for angle in angles], GATES[gate]
        if gate == "cu":
            return f"cu({', '.join(texts)}) {', '.join([*controls, *on])};"
        count = rule.controls
        kind = Kind(rule.base, rule.num_qubits - count, len(texts), count, (1 << count) - 1)
        return self.definitions.call(kind, texts, [*controls, *on])

    def broadcast(
        self, gate: str, angles: Sequence[Expr], prefix: str, controls: Sequence[str], places: Sequence[Place]
    ) -> list[str]:
        """A gate on registers: at once, in a loop where the angles are in arrays, or one by one."""
        count = known(ONE if places[0].length is None else places[0].length)
        if not count:
            return []
        arrays = [isinstance(angle.type, ArrayType) for angle in angles]
        texts = None if self.scope.is_gate else [self.scope.several(place) for place in places]
        if texts is not None and None not in texts and not any(arrays):
            return [prefix + self.plain(gate, angles, controls, [text for text in texts if text is not None])]

        def one(index: Expr) -> str:
            own = [item(angle, index) if is_array else angle for angle, is_array in zip(angles, arrays, strict=True)]
            return prefix + self.plain(gate, own, controls, [self.scope.single(place.element(index)) for place in places])

        if texts is not None and None not in texts and count > 1:
            variable = self.scope.names.fresh("k")
            self.scope.know(variable, Bounds(0, count - 1))
            try:
                return [f"for int {variable} in [0:{count - 1}] {{", f"  {one(Name(variable, UINT))}", "}"]
            except Needed as error:
                if error.names != {variable}:
                    raise
        return [one(Const(k)) for k in range(count)]

    def lowered(self, op: PauliEvolve | Prepare) -> list[str]:
        """An operation by a gate that has its gates; numbers that are not known are the angles of it."""
        prefix, controls = self.modifiers(getattr(op, "modifiers", ()))
        place, given = self.frame.place(op.place), dict[Expr, Name]()
        if isinstance(op, PauliEvolve):
            observable, wanted = self.frame.value(op.observable), "evolution"
            word = None if is_constant(observable) else _word(observable)
            if word is None:
                qubits = self.frame.singles([place])
            else:
                indices = list(dict.fromkeys(word))
                observable, qubits = _moved(observable, indices), [place.element(index) for index in indices]
            operation: Op = PauliEvolve(
                whole("q"), self.opened(observable, given), self.opened(self.frame.value(op.time), given)
            )
        else:
            qubits = self.frame.singles([place])
            operation, wanted = replace(op, place=whole("q"), amplitudes=self.numbers(op.amplitudes)), "preparation"
            if op.imaginary is not None:
                operation = replace(operation, imaginary=self.numbers(op.imaginary))
        names = [Parameter(name.name, FLOAT) for name in given.values()]
        module = Module((Function("k", (Parameter("q", ArrayType(QUBIT)), *names), (operation,), (whole("q"),)),))
        circuit = lower(module, {"q": len(qubits)}, [name.name for name in names]).without_releases
        writer, own = FlatWriter(circuit, self.definitions), {k: f"q{k}" for k in range(len(qubits))}
        outside = not own  # a phase alone, which is no gate of its own
        inputs = [f"({self.scope.angle(part)})" for part in given] if outside else [name.name for name in names]
        writer.angles = angle_texts(circuit, inputs)
        body = tuple(line for part in circuit.body for line in writer.rows(list(circuit.instructions(part)), own))  # type: ignore[arg-type]
        if outside:
            return [f"{prefix}{line[:-1]} {', '.join(controls)};" if controls else prefix + line for line in body]
        texts = f"({', '.join(name.name for name in names)})" if names else ""
        name = self.definitions.gate((wanted, texts, *body), wanted, texts, list(own.values()), body)
        angles = f"({', '.join(self.scope.angle(part) for part in given)})" if given else ""
        return [f"{prefix}{name}{angles} {', '.join([*controls, *map(self.scope.single, qubits)])};"]

    def opened(self, expr: Expr, given: dict[Expr, Name]) -> Expr:
        """`expr` with a name of its own for each number in it that is not known."""
        if not free_names(expr):
            return expr
        if expr.type == FLOAT:
            return given.setdefault(expr, Name(f"theta_{len(given)}", FLOAT))
        if expr.type in (UINT, BIT) or not expr.children:
            raise Needed(expr)
        return expr.rebuilt([self.opened(child, given) for child in expr.children])

    def numbers(self, amplitudes: Expr) -> Expr:
        """A vector of numbers that are all known."""
        value = self.frame.value(amplitudes)
        if not is_constant(value):
            raise Needed(value)
        return value


def _word(observable: Expr) -> list[Expr] | None:
    """The indices of the Paulis whose product an observable is, which are of different qubits; None for a sum."""
    match observable:
        case Apply(name, (index,)) if name in PAULIS:
            return [index]
        case Apply("*" | "/", (left, right)):
            sides = [_word(left), _word(right)]
            return None if None in sides else [index for side in sides for index in side or ()]
        case Apply("neg", (operand,)):
            return _word(operand)
    return [] if observable.type != OBSERVABLE else None


def _moved(observable: Expr, indices: Sequence[Expr]) -> Expr:
    """A product of Paulis on the qubits 0, 1, ... in place of those of `indices`."""
    match observable:
        case Apply(name, (index,)) if name in PAULIS:
            return apply(name, indices.index(index))
        case Apply() if observable.type == OBSERVABLE:
            return observable.rebuilt([_moved(child, indices) for child in observable.children])
    return observable
