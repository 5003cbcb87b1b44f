"""Gate counts over Clifford + T: multi-controlled gates by relative-phase Toffolis, rotations by their published T count.

* `ccx`: 7 T, 6 CX, 2 H (Nielsen and Chuang, figure 4.9). `ch`, controlled S and controlled rotations: textbook circuits.
* k controls: the AND of the controls in clean, reused workspace by relative-phase Toffolis of 4 T, 3 CX, 2 H each
  (Maslov, Phys. Rev. A 93, 022311, 2016), computed and undone: k-fold `x` takes 8k - 9 T, 6k - 6 CX, 4k - 6 H.
* a rotation to accuracy e (diamond norm): ceil(0.53 log2(1/e) + 5.3) T gates on average (mixed fallback synthesis,
  Kliuchnikov et al., arXiv:2203.10064, with the constants of Beverland et al., arXiv:2211.07629). The Clifford gates inside
  a synthesised rotation are not counted.
"""

from __future__ import annotations

import math
from collections import Counter

from qkernel.errors import TargetCapabilityError, ValidationError
from qkernel.estimate.quantity import Quantity
from qkernel.estimate.tally import Controls, Kind, Tally, Widest, kind_of
from qkernel.estimate.target_basis import unknown_words
from qkernel.estimate.workspace import workspace
from qkernel.gates import GATES

DEFAULT_PRECISION = 1e-10
_RELATIVE_TOFFOLI = Counter({"t": 4, "cx": 3, "h": 2})
_SINGLE_CONTROL: dict[str, dict[str, int]] = {
    "id": {},
    "x": {"cx": 1},
    "y": {"cy": 1},
    "z": {"cz": 1},
    "h": {"s": 1, "sdg": 1, "h": 2, "t": 2, "cx": 1},
    "s": {"t": 3, "cx": 2},
    "sdg": {"t": 3, "cx": 2},
    "sx": {"h": 2, "t": 3, "cx": 2},
    "sxdg": {"h": 2, "t": 3, "cx": 2},
    "t": {"rz": 3, "cx": 2},
    "tdg": {"rz": 3, "cx": 2},
    "p": {"rz": 3, "cx": 2},
    "rx": {"rz": 2, "cx": 2, "h": 2},
    "ry": {"rz": 2, "cx": 2, "h": 2, "s": 1, "sdg": 1},
    "rz": {"rz": 2, "cx": 2},
    "u": {"rz": 6, "cx": 2, "h": 4, "s": 1, "sdg": 1},
    "ug": {"rz": 6, "cx": 2, "h": 4, "s": 1, "sdg": 1},
    "swap": {"t": 7, "cx": 8, "h": 2},
    "rxx": {"rz": 2, "cx": 4, "h": 4},
    "ryy": {"rz": 2, "cx": 4, "sx": 2, "sxdg": 2},
    "rzz": {"rz": 2, "cx": 4},
    "rzx": {"rz": 2, "cx": 4, "h": 2},
}
_ALONE: dict[str, dict[str, int]] = {
    "rz": {"rz": 1},
    "p": {"rz": 1},
    "rx": {"rz": 1, "h": 2},
    "ry": {"rz": 1, "h": 2, "s": 1, "sdg": 1},
    "u": {"rz": 3, "h": 2},
    "ug": {"rz": 3, "h": 2},
    "rzz": {"rz": 1, "cx": 2},
    "rxx": {"rz": 1, "cx": 2, "h": 4},
    "ryy": {"rz": 1, "cx": 2, "sx": 2, "sxdg": 2},
    "rzx": {"rz": 1, "cx": 2, "h": 2},
}


def t_gates_per_rotation(precision: float) -> int:
    """The mean number of T gates of a rotation that is synthesised to `precision` (diamond norm)."""
    if not 0 < precision < 1:
        raise ValidationError(f"the precision of a rotation lies between 0 and 1, and {precision!r} was given")
    return math.ceil(0.53 * math.log2(1 / precision) + 5.3)


def to_clifford_t(tally: Tally, precision: float = DEFAULT_PRECISION) -> Tally:
    """The tally, with the widths of its gates, after decomposition: `qubits` and `ancillas` grow by the widest's workspace."""
    each = t_gates_per_rotation(precision)
    result = Tally(bounded=tally.bounded)
    for (path, item), amount in tally.amounts.items():
        if isinstance(item, (Controls, Widest)):
            continue
        if not isinstance(item, Kind):
            result.amounts[path, item] = amount
            continue
        if item.base == "pauli" and item.width > 2 and not item.word and not amount.is_constant:
            raise unknown_words(amount)
        if item.controls is None:
            parts = _symbolic(item, amount, tally.amounts[path, Controls(item)])
        else:
            parts = {name: amount * count for name, count in parts_of(item).items()}
        for name, count in parts.items():
            gate, share = (
                (Kind("t"), count * each)
                if name == "rz"
                else (kind_of(name.rstrip("!"), "clifford" * name.endswith("!")), count)
            )
            result.include(Tally({(path, gate): share}))
    for name in ("qubits", "ancillas"):
        result.add(name, workspace(tally))
    if any(isinstance(item, Kind) and item.base == "pauli" and not item.word for _, item in tally.amounts):
        result.bounded |= {"total", "single_qubit", "clifford_gates"}
    return result


def _symbolic(kind: Kind, amount: Quantity, controls: Quantity) -> dict[str, Quantity]:
    """The parts of gates whose numbers of controls are symbolic, three at least: linear in them."""
    at_three = parts_of(Kind(kind.base, 3, kind.width))
    slope = parts_of(Kind(kind.base, 4, kind.width))
    slope.subtract(at_three)
    return {name: amount * (at_three[name] - 3 * slope[name]) + controls * slope[name] for name in slope}


def parts_of(kind: Kind) -> Counter[str]:
    """The gates that one gate becomes, `rz` standing for a synthesised rotation."""
    controls = kind.controls or 0
    if kind.base == "gphase":
        return Counter({"gphase": 1})
    if controls == 0:
        return _alone(kind)
    if kind.base == "pauli":
        return _conjugation(kind) + parts_of(Kind("rz", controls))
    if kind.base not in _SINGLE_CONTROL:
        raise TargetCapabilityError(
            f"no Clifford + T circuit of a controlled `{kind.base}` is known here", help="write it as gates of the table"
        )
    if controls == 1:
        return Counter(_SINGLE_CONTROL[kind.base])
    match kind.base:
        case "id":
            return Counter()
        case "x":
            return _times(2 * (controls - 2)) + Counter({"t": 7, "cx": 6, "h": 2})
        case "y":
            return parts_of(Kind("x", controls)) + Counter({"s": 1, "sdg": 1})
        case "z":
            return _times(2 * (controls - 2)) + Counter({"t": 7, "cx": 6})
        case "swap":
            return parts_of(Kind("x", controls + 1)) + Counter({"cx": 2})
        case "p":
            return _times(2 * controls) + Counter({"rz": 1})
    return _times(2 * (controls - 1)) + Counter(_SINGLE_CONTROL[kind.base])


def _conjugation(kind: Kind) -> Counter[str]:
    """What turns a Pauli rotation into one about Z: a change of basis for each letter, at most two H if these are not known."""
    letters = Counter(kind.word or "X" * kind.width)
    return Counter({"cx": 2 * (kind.width - 1), "h": 2 * letters["X"], "sx": letters["Y"], "sxdg": letters["Y"]})


def _times(toffolis: int) -> Counter[str]:
    return Counter({name: count * toffolis for name, count in _RELATIVE_TOFFOLI.items()})


def _alone(kind: Kind) -> Counter[str]:
    if kind.base == "pauli":
        return _conjugation(kind) + Counter({"rz": 1})
    if kind.base in _ALONE:
        parts = Counter(_ALONE[kind.base])
        if kind.constant == "clifford":
            return Counter({kind.base + "!": 1})
        if kind.constant == "t":
            parts["t"] = parts.pop("rz")
        return parts
    if kind.base not in GATES:
        raise TargetCapabilityError(
            f"no Clifford + T circuit of a `{kind.base}` is known here", help="write it as gates of the table"
        )
    return Counter({kind.base: 1})
