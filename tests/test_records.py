"""Records: whole where a kernel's arguments are given, whatever is done with the kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError, UnknownBindingError
from qkernel.records import record_fields, spread


@qk.struct
class Drive:
    angle: qk.Float
    shifts: qk.Vector[qk.Float]
    count: qk.UInt


@qk.qkernel
def driven(drive: Drive) -> qk.Float:
    q = qk.qubit_array(drive.count)
    for i in qk.range(len(drive.shifts)):
        q[0] = qk.rx(q[0], drive.shifts[i])
    for i in qk.range(drive.count):
        q[i] = qk.rx(q[i], drive.angle)
    return qk.expval(q, qko.Z(0))


VALUE = Drive(0.1, [0.2, 0.3], 2)
EXPECTED = math.cos(0.1 + 0.2 + 0.3)


def test_a_record_is_its_fields() -> None:
    assert record_fields(VALUE) == {"angle": 0.1, "shifts": [0.2, 0.3], "count": 2}
    assert record_fields(0.1) is None
    assert spread({"drive": VALUE, "n": 3}) == {"drive.angle": 0.1, "drive.shifts": [0.2, 0.3], "drive.count": 2, "n": 3}


def test_a_record_is_given_whole_wherever_values_are() -> None:
    assert driven.run(drive=VALUE) == pytest.approx(EXPECTED)
    driven.verify_resources(drive=VALUE)
    open_form = driven.estimate_resources()
    gates = len(VALUE.shifts) + VALUE.count
    assert open_form.substitute(drive=VALUE).gates.total == gates
    assert driven.estimate_resources(bindings={"drive": VALUE}).gates.total == gates
    assert qk.estimate_resources(driven, {"drive": VALUE}).gates.total == gates
    assert "RX(0.1)" in driven.draw(output="text", drive=VALUE)
    with pytest.raises(UnknownBindingError, match="other"):
        open_form.substitute(other=VALUE)


def test_lengths_of_a_record_are_those_of_its_arrays() -> None:
    for lengths in ({"drive": Drive(None, 3, None)}, {"drive.shifts": 3}):
        program = driven.compile({"drive.count": 1}, lengths=lengths)
        assert program.parameter_names == ("drive.angle", *(f"drive.shifts[{k}]" for k in range(3)))
    with pytest.raises(UnknownBindingError, match="other"):
        driven.compile(lengths={"other": VALUE})


def test_derivatives_by_a_record_are_those_by_its_angles() -> None:
    slopes = driven.grad(drive=VALUE, wrt=["drive"])
    assert slopes.keys() == {"drive.angle", "drive.shifts"}
    assert slopes["drive.angle"] == pytest.approx(-math.sin(0.1 + 0.2 + 0.3))
    assert slopes["drive.shifts"] == pytest.approx(np.full(2, -math.sin(0.1 + 0.2 + 0.3)))


def test_a_record_is_a_default() -> None:
    @qk.qkernel
    def ready(drive: Drive = VALUE) -> qk.Float:
        return driven(drive)

    assert ready() == pytest.approx(EXPECTED)
    assert ready(Drive(0.5, [0.0], 1)) == pytest.approx(math.cos(0.5))
    assert ready.estimate_resources().gates.total == len(VALUE.shifts) + VALUE.count
    assert ready.estimate_resources(parameters=["drive"]).parameters.keys() == {"drive.shifts", "drive.count"}
    with pytest.raises(KernelTypeError, match="the default of `drive` must be a Drive"):

        @qk.qkernel
        def wrong(drive: Drive = 0.3) -> qk.Float:
            return driven(drive)
