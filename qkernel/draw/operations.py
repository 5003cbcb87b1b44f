"""Gates and other single operations of the IR as operations of the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qkernel.diagnostics import Span
from qkernel.draw.labels import first_terms, label
from qkernel.draw.scene import Mark, Operation, Touch
from qkernel.draw.scope import Scope, register_value
from qkernel.draw.wiring import Region, Wiring
from qkernel.errors import BindingShapeError, unequal_registers
from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Expr, Name, apply, item
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Control,
    Expval,
    Gate,
    Measure,
    Modifier,
    PauliEvolve,
    Power,
    Prepare,
    Probabilities,
    Reset,
)
from qkernel.ir.places import Place
from qkernel.ir.types import ArrayType
from qkernel.ir.walk import definitions

Marked = tuple[Region, Mark, str]
"""Some wires, how they are touched, and a word beside them."""

FAMILIES = {
    **dict.fromkeys(("h",), "hadamard"),
    **dict.fromkeys(("x", "y", "z", "id"), "pauli"),
    **dict.fromkeys(("s", "sdg", "t", "tdg", "sx", "sxdg", "p", "gphase"), "phase"),
    **dict.fromkeys(("rx", "ry", "rz", "u", "ug", "rxx", "ryy", "rzz", "rzx", "R"), "rotation"),
    **dict.fromkeys(("swap", "iswap", "iswapdg", "ecr"), "exchange"),
}
"""The family of a base gate, and of the rotation about a Pauli word; families have a colour each."""

_SYMMETRIC = {"swap", "iswap", "iswapdg", "rxx", "ryy", "rzz"}


@dataclass(frozen=True, slots=True)
class Decoration:
    """What modifiers do to an operation: controls, and marks behind its name. `times` is the power of a frame."""

    controls: tuple[Marked, ...] = ()
    suffix: str = ""
    is_adjoint: bool = False
    times: str = ""


def control_places(modifiers: Sequence[Modifier]) -> list[Place]:
    """The places of all controls."""
    return [place for modifier in modifiers if isinstance(modifier, Control) for place in modifier.places]


def decoration(modifiers: Sequence[Modifier], wiring: Wiring, scope: Scope, span: Span | None) -> Decoration:
    """Read modifiers, first to last."""
    controls: list[Marked] = []
    suffix, times, adjoint = "", "", False
    for modifier in modifiers:
        match modifier:
            case Adjoint():
                adjoint = not adjoint
            case Power(exponent):
                text = label(scope.resolve(exponent, span))
                if text != "1":
                    suffix += f"^{text}" if text.isalnum() else f"^({text})"
                    times = f"{times} × {text}".strip()
            case Control(places, value):
                known = None if value is None else scope.resolve(value, span)
                found = [wiring.place(place, scope, span) for place in places]
                controls += _controls([each for place in found for each in _pieces(place)], known, wiring, span)
    return Decoration(tuple(controls), suffix, adjoint, times)


def _pieces(place: Place) -> tuple[Place, ...]:
    """The pieces of a place that is joined of them, else itself."""
    return place.pieces if place.is_all else (place,)


def ports(wiring: Wiring, place: Place, span: Span | None, name: str = "") -> list[Marked]:
    """A place as the target of a box, each wire with its number where they do not go down in order."""
    region = wiring.region(place, span)
    if region.is_exact and list(region.wires) != sorted(region.wires):
        each = [Region((wire,), wiring.wires[wire].label, True) for wire in region.wires]
        return [(one, Mark.BOX, f"{name}[{k}]" if name else str(k)) for k, one in enumerate(each)]
    return [(each, Mark.BOX, name) for each in wiring.regions(place, span)]


def _controls(places: list[Place], value: Any, wiring: Wiring, span: Span | None) -> list[Marked]:
    """One entry for each control wire, or for each bundle of controls."""
    regions = [wiring.region(place, span) for place in places]
    bundled = [wiring.is_bundle(place) for place in places]
    is_sized = all(region.is_exact for region in regions) and not any(bundled)
    counted = not isinstance(value, Expr) and (value in (None, 0) or is_sized)
    found: list[Marked] = []
    for region, is_bundle in zip(regions, bundled, strict=True):
        if not counted or not region.is_exact or is_bundle:
            mark = Mark.ANTI_CONTROL if counted and value == 0 else Mark.CONTROL
            found.append((region, mark, "" if counted else f"= {label(value)}"))
            continue
        for wire in region.wires:
            asks_one = value is None or value >> len(found) & 1
            text = wiring.wires[wire].label or region.text
            found.append((Region((wire,), text, True), Mark.CONTROL if asks_one else Mark.ANTI_CONTROL, ""))
    return found


def gate_operations(gate: Gate, wiring: Wiring, scope: Scope) -> list[Operation]:
    """A gate; one that acts on each qubit of a register gives one operation for each known wire."""
    places = [wiring.place(place, scope, gate.span) for place in gate.places]
    regions = [wiring.region(place, gate.span) for place in places]
    angles = [scope.resolve(angle, gate.span) for angle in gate.angles]
    if gate.gate == "barrier":
        wires = sorted({wire for region in regions for wire in region.wires})
        touches = tuple(Touch(wire, Mark.BARRIER) for wire in wires)
        return [Operation("barrier", "barrier", touches, tooltip="barrier", span=gate.span)] if wires else []
    extra = decoration(gate.modifiers, wiring, scope, gate.span)
    if len(places) == 1 and not any(map(_is_one_each, gate.angles)):
        each = [(piece, wiring.region(piece, gate.span)) for piece in _pieces(places[0])]
        return [made for piece, region in each for made in _on_wires(gate, [piece], [region], angles, extra, wiring)]
    return _on_wires(gate, places, regions, angles, extra, wiring)


def _is_one_each(angle: Expr) -> bool:
    return isinstance(angle.type, ArrayType)


def _on_wires(
    gate: Gate, places: list[Place], regions: list[Region], angles: list[Any], extra: Decoration, wiring: Wiring
) -> list[Operation]:
    """A gate on places: an operation for each qubit where all are wires."""
    counts = [_known_length(place, region, gate.gate) for place, region in zip(places, regions, strict=True)]
    if len({*counts}) > 1 and None not in counts:
        raise unequal_registers(gate.gate, [count for count in counts if count is not None], gate.span)
    if counts and counts[0] is not None and None not in counts and (len(counts) > 1 or counts[0] != 1):
        _check_lengths(angles, counts[0], regions[0].text, gate.span)
        each = zip(*(region.wires for region in regions), strict=True)
        pairs = [[Region((wire,), wiring.wires[wire].label, True) for wire in wires] for wires in each]
        return [gate_operation(gate, pair, [_entry(a, k) for a in angles], extra, wiring) for k, pair in enumerate(pairs)]
    return [gate_operation(gate, regions, angles, extra, wiring)]


def _known_length(place: Place, region: Region, gate: str) -> int | None:
    """How many qubits a register has of which each is a wire; None for all else, and where a gate acts on all at once."""
    match place.length:
        case Const(int(length)) if gate in GATES and region.is_exact and len(region.wires) == length:
            return length
    return None


def _check_lengths(angles: list[Any], qubits: int, register: str, span: Span | None) -> None:
    """A vector gives one angle to each qubit."""
    for angle in angles:
        given = len(angle) if _is_vector(angle) else qubits
        if given != qubits:
            raise BindingShapeError(
                f"`{register}` has {qubits} qubits, but there are {given} angles",
                span=span,
                label=f"{given} angles",
                help="give one angle for all, or one for each qubit",
            )


def _is_vector(angle: Any) -> bool:
    """Whether this is a known angle for each qubit."""
    return not isinstance(angle, Expr) and hasattr(angle, "__len__")


def _entry(angle: Any, k: int) -> Any:
    """The angle of the k-th qubit."""
    if isinstance(angle, Expr):
        return item(angle, k) if isinstance(angle.type, ArrayType) else angle
    return angle[k] if _is_vector(angle) else angle


def gate_operation(gate: Gate, regions: list[Region], angles: list[Any], extra: Decoration, wiring: Wiring) -> Operation:
    """One gate on known regions."""
    rule = GATES.get(gate.gate)
    base = GATES[rule.base] if rule else None
    number = rule.controls if rule else 0
    name, suffix = gate.gate if base is None else base.label or base.name.upper(), extra.suffix
    if gate.gate == "unitary":
        name = "U"
    if extra.is_adjoint:
        name, angles, suffix = _adjoint(gate, name, angles, suffix)
    controls = [*extra.controls, *((region, Mark.CONTROL, "") for region in regions[:number])]
    targets = regions[number:]
    if base and base.name == "gphase" and not targets:
        targets, controls = _phase_target(controls, wiring)
    mark = Mark.BOX
    if not suffix and controls and name == "X":
        mark = Mark.NOT
    elif not suffix and controls and name == "Z":
        mark = Mark.CONTROL
    elif not suffix and name == "SWAP":
        mark = Mark.CROSS
    asymmetric = len(targets) > 1 and gate.gate not in _SYMMETRIC
    operation = place_operation(
        name + suffix,
        FAMILIES.get(base.name if base else gate.gate.rstrip("XYZ"), "unitary"),
        [(region, mark, str(k) if asymmetric and mark is Mark.BOX else "") for k, region in enumerate(targets)],
        controls,
        tuple(label(angle) for angle in angles),
    )
    written = f"{gate.gate}({', '.join([*(region.text for region in regions), *map(label, angles)])})"
    return replace(operation, tooltip=_decorated(written, extra), span=gate.span)


def _decorated(written: str, extra: Decoration) -> str:
    text = ("inverse of " if extra.is_adjoint else "") + written + (f" to the power {extra.suffix[1:]}" if extra.suffix else "")
    controls = [
        ("not " if mark is Mark.ANTI_CONTROL else "") + region.text + (f" {value}" if value else "")
        for region, mark, value in extra.controls
    ]
    return f"{text} controlled by {', '.join(controls)}" if controls else text


def _phase_target(controls: list[Marked], wiring: Wiring) -> tuple[list[Region], list[Marked]]:
    """A controlled global phase is a phase on one of its controls; a free one belongs to all wires."""
    for k in reversed(range(len(controls))):
        if controls[k][1] is Mark.CONTROL and not controls[k][2]:
            return [controls[k][0]], controls[:k] + controls[k + 1 :]
    used = {*wiring.free}.union(*(region.wires for region, _, _ in controls))
    return [Region(tuple(wire for wire in wiring.made_since(0) if wire not in used), "all qubits", True)], controls


def _adjoint(gate: Gate, name: str, angles: list[Any], suffix: str) -> tuple[str, list[Any], str]:
    """The name, angles and suffix of a gate's inverse."""
    rule = GATES.get(gate.gate)
    if rule is None or not GATES[rule.base].adjoint:
        return name, angles, "†" + suffix
    other = GATES[GATES[rule.base].adjoint]
    negated = [apply("neg", angle) if isinstance(angle, Expr) else -angle for angle in angles]
    order = GATES[rule.base].adjoint_order or range(len(angles))
    return other.label or other.name.upper(), [negated[k] for k in order], suffix


def place_operation(
    name: str,
    family: str,
    targets: list[Marked],
    controls: Sequence[Marked] = (),
    lines: tuple[str, ...] = (),
) -> Operation:
    """An operation on its wires; one box with the places in words where wires alone would not tell them."""
    regions = [region for region, _, _ in [*controls, *targets]]
    wires = [wire for region in regions for wire in region.wires]
    if len(set(wires)) < len(wires) or any(not region.is_exact and len(region.wires) > 1 for region in regions):
        prefix = "C" * len(controls) if len(controls) < 4 else f"C{len(controls)}-"
        dots = {Mark.CONTROL: "● ", Mark.ANTI_CONTROL: "○ "}
        words = [
            (dots[mark] if k < len(controls) else "") + region.text + (f" {text}" if text.startswith("=") else "")
            for k, (region, mark, text) in enumerate([*controls, *targets])
        ]
        place = ", ".join(words)
        return Operation(prefix + name, family, tuple(Touch(wire) for wire in sorted(set(wires))), lines, place)
    touches = [
        Touch(wire, mark, (f"{text} " if text else "") + ("" if region.is_exact else region.text))
        for region, mark, text in controls
        for wire in region.wires
    ]
    ports = sum(len(region.wires) for region, _, _ in targets) > 1
    for region, mark, text in targets:
        word = (text if ports else "") if mark is Mark.BOX else "" if region.is_exact else region.text
        touches += [Touch(wire, mark, word) for wire in region.wires]
    inexact = [region.text for region, mark, _ in targets if not region.is_exact and mark in (Mark.BOX, Mark.METER, Mark.RESET)]
    return Operation(name, family, tuple(touches), lines, ", ".join(inexact))


def alloc_operations(op: Alloc, wiring: Wiring, scope: Scope, at_start: bool) -> list[Operation]:
    """New wires; where something was drawn already they begin with a mark of their own."""
    size = None if op.size is None else scope.resolve(op.size, op.span)
    place = wiring.add_register(op.register, size, not at_start, op.span)
    scope.places[op.register] = place
    scope.environment[op.register] = register_value(op.register, place)
    wires = () if at_start else wiring.region(place).wires
    return [Operation("|0⟩", "start", (Touch(wire, Mark.START),), tooltip="a fresh qubit", span=op.span) for wire in wires]


def evolve_operation(op: PauliEvolve, wiring: Wiring, scope: Scope) -> Operation:
    """exp(-itH) as one box."""
    place = wiring.place(op.place, scope, op.span)
    extra = decoration(op.modifiers, wiring, scope, op.span)
    time, observable = label(scope.resolve(op.time, op.span)), label(scope.resolve(op.observable, op.span))
    name = "exp(-itH)" + ("†" if extra.is_adjoint else "") + extra.suffix
    lines = tuple(f"{letter}={first_terms(text)}" for letter, text in (("t", time), ("H", observable)) if letter != text)
    operation = place_operation(name, "evolve", ports(wiring, place, op.span), extra.controls, lines)
    written = f"pauli_evolve({wiring.text(place)}, {observable}, {time})"
    return replace(operation, tooltip=_decorated(written, extra), span=op.span)


def prepare_operation(op: Prepare, wiring: Wiring, scope: Scope) -> Operation:
    """A state from its amplitudes, as one box."""
    region = wiring.region(wiring.place(op.place, scope, op.span), op.span)
    given = [label(scope.resolve(op.amplitudes, op.span))]
    if op.imaginary is not None:
        given.append(f"imaginary={label(scope.resolve(op.imaginary, op.span))}")
    operation = place_operation("prepare", "evolve", [(region, Mark.BOX, "")], (), tuple(map(first_terms, given)))
    return replace(operation, tooltip=f"prepare({', '.join([region.text, *given])})", span=op.span)


def measure_operation(op: Measure, wiring: Wiring, scope: Scope) -> Operation:
    """Meters, and the classical wire that they write."""
    place = wiring.place(op.place, scope, op.span)
    region = wiring.region(place, op.span)
    name = scope.rewritten.get(op.result) or wiring.add_bits(op.result, place.length)
    scope.environment[op.result] = Name(name, dict(definitions(op, {}))[op.result])
    wire, basis = wiring.bits[name], "" if op.basis == "z" else op.basis.upper()
    operation = place_operation(basis, "measure", [(region, Mark.METER, "")])
    if operation.place:
        operation = replace(operation, touches=tuple(replace(touch, mark=Mark.METER, text="") for touch in operation.touches))
    if wiring.wires[wire].label != name:  # one bit of a bundle
        operation = replace(operation, place=name)
    tooltip = f"{name} = measure{f' in {basis}' if basis else ''}({region.text})"
    ended = operation.wires if region.is_exact and not op.keeps else ()
    return replace(operation, ended=ended, bits=(wire,), tooltip=tooltip, span=op.span)


def reset_operations(op: Reset, wiring: Wiring, scope: Scope) -> list[Operation]:
    """A reset of each wire."""
    region = wiring.region(wiring.place(op.place, scope, op.span), op.span)
    is_one = not region.is_exact or len(region.wires) == 1
    each = [region] if is_one else [Region((wire,), wiring.wires[wire].label, True) for wire in region.wires]
    made = [(place_operation("|0⟩", "reset", [(one, Mark.BOX, "")]), one) for one in each]
    return [replace(operation, tooltip=f"reset({one.text})", span=op.span) for operation, one in made]


def readout_operation(op: Expval | Probabilities, wiring: Wiring, scope: Scope) -> Operation:
    """The box at which an expectation value or probabilities are read."""
    place = wiring.place(op.place, scope, op.span)
    text = written = "probabilities"
    if isinstance(op, Expval):
        observable = scope.resolve(op.observable, op.span)
        listed = list(observable) if isinstance(observable, (list, tuple)) else [observable]
        full = [label(entry) for entry in listed]
        text, written = (", ".join(f"⟨{entry}⟩" for entry in shown) for shown in (map(first_terms, full), full))
    scope.environment[op.result] = Name(wiring.fresh(op.result), dict(definitions(op, {}))[op.result])
    operation = place_operation(text, "readout", ports(wiring, place, op.span))
    tooltip = f"{written} of {wiring.text(place)}"
    ended = operation.wires if wiring.region(place).is_exact else ()
    return replace(operation, ended=ended, tooltip=tooltip, span=op.span)
