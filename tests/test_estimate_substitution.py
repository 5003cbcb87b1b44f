"""What may be put into an estimate, when, and in which order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import BindingShapeError, BindingTypeError, ConflictingBindingError, UnknownBindingError


@qk.struct
class Drive:
    n: qk.UInt
    angle: qk.Float


@qk.qkernel
def driven(
    drive: Drive,
    angles: qk.Vector[qk.Float],
    pairs: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float],
    energy: qk.Observable,
    layers: qk.UInt = 2,
    width: qk.UInt = 3,
) -> qk.Float:
    q = qk.rx(qk.qubit_array(drive.n + width), drive.angle)
    for _ in qk.range(layers):
        for i in qk.range(len(angles)):
            q[i] = qk.ry(q[i], angles[i])
        for (i, j), weight in qk.items(pairs):
            q[i], q[j] = qk.rzz(q[i], q[j], weight)
    q = qk.pauli_evolve(q, energy, 0.1)
    if layers > width:
        q = qk.h(q)
    return qk.expval(q, energy)


VALUES: dict[str, Any] = {
    "drive": Drive(2, 0.1),
    "angles": [0.1, 0.2],
    "pairs": {(0, 1): 0.3, (1, 2): 0.1},
    "energy": qko.Z(0) * qko.X(1) + qko.Y(0),
    "layers": 4,
    "width": 1,
}


@pytest.mark.parametrize("basis", ["native", "clifford_t"])
def test_any_part_may_come_first(basis: str) -> None:
    bound = driven.estimate_resources(bindings=VALUES, basis=basis)
    for first in permutations(VALUES, 2) if basis == "native" else [("layers", "drive"), ("angles", "width")]:
        some = {name: VALUES[name] for name in first}
        rest = {name: value for name, value in VALUES.items() if name not in some}
        began = driven.estimate_resources(bindings={} if basis == "native" else {"energy": VALUES["energy"]}, basis=basis)
        rest = {name: value for name, value in rest.items() if basis == "native" or name != "energy"}
        assert began.substitute(**some).substitute(**rest) == bound
        assert (
            driven.estimate_resources(bindings={**some, "energy": VALUES["energy"]}, basis=basis).substitute(
                **{name: value for name, value in rest.items() if name != "energy"}
            )
            == bound
        )


def test_a_default_holds_until_another_value_comes() -> None:
    free = driven.estimate_resources()
    assert free.qubits == driven.estimate_resources(bindings={"width": 3}).qubits
    assert free.substitute(width=5).qubits == driven.estimate_resources(bindings={"width": 5}).qubits
    assert free.substitute(width=free.parameters["drive.n"]).qubits == 2 * free.parameters["drive.n"]


def test_what_is_given_stays() -> None:
    free = driven.estimate_resources()
    for given in (free.substitute(layers=1), free.substitute(layers=1, width=1), driven.estimate_resources(layers=1)):
        with pytest.raises(ConflictingBindingError, match="`layers` has a value already"):
            given.substitute(layers=2)
    assert free.substitute(angles=2).substitute(angles=[0.1, 0.2]) == free.substitute(angles=[0.3, 0.1])


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"layer": 1}, UnknownBindingError),
        ({"angles": -1}, BindingShapeError),
        ({"angles": True}, BindingShapeError),
        ({"angles": [[0.1]]}, BindingShapeError),
        ({"layers": 2.5}, BindingTypeError),
        ({"layers": "two"}, BindingTypeError),
        ({"energy": 3.5}, BindingTypeError),
        ({"drive": 3}, UnknownBindingError),
    ],
)
def test_what_does_not_fit_is_refused_by_name(values: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(values))):
        driven.estimate_resources().substitute(**values)


def test_a_form_of_the_argument_itself_is_put_in_once() -> None:
    @qk.qkernel
    def many(n: qk.UInt, m: qk.UInt) -> qk.Bit:
        q = qk.qubit()
        for _ in qk.range(n):
            q = qk.t(q)
        return qk.measure(q)

    for basis in ("native", "clifford_t"):
        free = many.estimate_resources(basis=basis)
        n, m = qk.estimate_resources(many).parameters["n"], 3
        assert free.substitute(n=n + 1).substitute(n=m).gates.total == m + 1
