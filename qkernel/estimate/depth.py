"""Circuit depth: exact by walking a lowered circuit, and the closed-form upper bound's view of loops.

A level takes gates, measurements and resets on different qubits; a barrier aligns its qubits. The T depth counts only
levels with T gates, the two-qubit depth only levels with gates on two qubits or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qkernel.diagnostics import Span
from qkernel.estimate.quantity import ONE, Quantity, Symbol, Variable, quantity, symbol
from qkernel.estimate.scope import Scope
from qkernel.estimate.tally import Tally
from qkernel.ir.ops import Gate, Measure, Op, Reset
from qkernel.ir.places import Place
from qkernel.lower.circuit import Circuit, Run
from qkernel.lower.circuit import Kind as CircuitKind

MOST_GATES = 1_000_000
FEW_GATES = 5_000  # that are walked sooner than a closed form is looked for
DEPTHS = ("depth", "t_depth", "two_qubit_depth")


@dataclass(frozen=True)
class Depths:
    """The three depths of a circuit, each worked out when asked for: by the first of `ways` that finds it, else a bound."""

    ways: Sequence[Callable[[str], Quantity | None]]
    bound: Callable[[str], Quantity]
    found: dict[str, tuple[Quantity, bool]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Quantity, bool]:
        """One of `DEPTHS`, and whether it is exact."""
        if name not in self.found:
            exact = next((form for way in self.ways if (form := way(name)) is not None), None)
            bound = self.bound(name) if exact is None else exact
            self.found[name] = bound, exact is not None or not bound.terms
        return self.found[name]

    @property
    def depth(self) -> Quantity:
        """The number of levels."""
        return self.of("depth")[0]

    @property
    def t_depth(self) -> Quantity:
        """The number of levels with T gates."""
        return self.of("t_depth")[0]

    @property
    def two_qubit_depth(self) -> Quantity:
        """The number of levels with gates on two qubits or more."""
        return self.of("two_qubit_depth")[0]

    @property
    def exact(self) -> bool:
        """Whether all three are exact, and none an upper bound."""
        return all(self.of(name)[1] for name in DEPTHS)


def exact_depths(circuit: Circuit, t_spans: frozenset[Span]) -> dict[str, Quantity]:
    """The depths of a circuit without run-time control flow; rotations written at `t_spans` are T gates."""

    def is_t(kind: CircuitKind, span: Span | None) -> bool:
        return not kind.controls and (kind.name in ("t", "tdg") or (kind.num_angles > 0 and span in t_spans))

    found = (
        _depth(circuit, lambda kind, span: kind.name != "barrier"),
        _depth(circuit, is_t),
        _depth(circuit, lambda kind, span: kind.is_gate and kind.num_qubits > 1),
    )
    return dict(zip(DEPTHS, map(quantity, found), strict=True))


def _depth(circuit: Circuit, is_counted: Callable[[CircuitKind, Span | None], bool]) -> int:
    levels = [0] * circuit.num_qubits
    for run in circuit.body:
        assert isinstance(run, Run)
        qubits, position = run.qubits.tolist(), 0
        widths = [0 if kind.name == "gphase" and not kind.controls else kind.num_qubits for kind in circuit.kinds]
        adds: dict[tuple[int, int], int] = {}
        for code, span in zip(run.kind.tolist(), run.span.tolist(), strict=True):
            if (step := adds.get((code, span))) is None:
                where = circuit.spans[span] if span >= 0 else None
                step = adds[code, span] = int(is_counted(circuit.kinds[code], where))
            touched = qubits[position : position + widths[code]]
            position += widths[code]
            if len(touched) == 1:
                levels[touched[0]] += step
            elif touched:
                level = max(levels[qubit] for qubit in touched) + step
                for qubit in touched:
                    levels[qubit] = level
    return max(levels, default=0)


def add_depths(tally: Tally, levels: Quantity = ONE) -> None:
    """Give the tally of one op on different qubits its depth: `levels`, if it has any gate."""
    amounts = tally.field_amounts()
    tally.add("depth", levels)
    if amounts["t_gates"].terms:
        tally.add("t_depth", levels)
    if amounts["two_qubit"].terms or amounts["multi_qubit"].terms:
        tally.add("two_qubit_depth", levels)


def in_sequence(tally: Tally) -> Tally:
    """The tally with every gate after the other, as under a common control."""
    amounts = tally.field_amounts()
    result = Tally({key: amount for key, amount in tally.amounts.items() if key[1] not in DEPTHS}, tally.bounded)
    result.add("depth", amounts["total"])
    result.add("t_depth", amounts["t_gates"])
    result.add("two_qubit_depth", amounts["two_qubit"] + amounts["multi_qubit"])
    return result


def rounds_are_apart(body: Sequence[Op], scope: Scope, index: Variable) -> bool:
    """Whether different iterations of a loop visibly act on different qubits."""
    offsets: dict[str, list[tuple[int, Quantity]]] = {}
    for op in body:
        match op:
            case Gate(places=places, modifiers=()):
                acted: Sequence[Place] = places
            case Measure(place=place) | Reset(place=place):
                acted = (place,)
            case _:
                return False
        for place in acted:
            if place.length is not None or not isinstance(place.register, str):
                return False
            start = scope.number(place.start)
            slope = start.terms.get(frozenset(((Symbol(index), 1),)), 0)
            offset = start - symbol(index) * slope
            if not isinstance(slope, int) or not slope or index in offset.free:
                return False
            offsets.setdefault(place.register, []).append((slope, offset))
    return all(_never_meet(found) for found in offsets.values())


def _never_meet(places: list[tuple[int, Quantity]]) -> bool:
    """Whether slope * i + offset differ for different i, over all pairs of places."""
    slope, first = places[0]
    for other, offset in places:
        distance = offset - first
        if other != slope or not distance.is_constant:
            return False
    distances = {int((offset - first).constant) for _, offset in places if isinstance((offset - first).constant, int)}
    return len({distance % slope for distance in distances}) == len(distances)
