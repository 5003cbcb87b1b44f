"""What may stand for a layer's arguments: records, whole and by their fields; and tensors that are trained elsewhere."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingTypeError,
    CallableDefinitionConflictError,
    ConflictingBindingError,
    GradientError,
    LayerInputError,
    QKernelError,
    UnknownBindingError,
)
from qkernel.nn import QLayer


@qk.struct
class Drive:
    angle: qk.Float
    shifts: qk.Vector[qk.Float]


@qk.struct
class Sized:
    count: qk.UInt
    angle: qk.Float


@qk.struct
class Named:
    keys: qk.Float
    forward: qk.Float


@qk.qkernel
def driven(first: Drive, second: Drive) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2)
    q = qk.ry(q, first.shifts)
    q[0] = qk.rx(q[0], first.angle * second.angle)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(qk.ry(q, second.shifts), [qko.Z(0), qko.Z(1)])


@qk.qkernel
def plain(
    first_angle: qk.Float, first_shifts: qk.Vector[qk.Float], second_angle: qk.Float, second_shifts: qk.Vector[qk.Float]
) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2)
    q = qk.ry(q, first_shifts)
    q[0] = qk.rx(q[0], first_angle * second_angle)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(qk.ry(q, second_shifts), [qko.Z(0), qko.Z(1)])


@qk.qkernel
def sized(drive: Sized) -> qk.Float:
    q = qk.qubit_array(drive.count)
    q[0] = qk.ry(q[0], drive.angle)
    return qk.expval(q, qko.Z(0))


FIRST, SECOND = Drive(0.3, [0.1, 0.7]), Drive(1.1, [0.4, -0.2])
ANGLES, SHIFTS = torch.tensor([0.3, 0.5]).double(), torch.tensor([[0.1, 0.7], [0.2, 0.3]]).double()


def expected(angles: Tensor, shifts: Tensor, second_angle: Tensor, second_shifts: Tensor) -> Tensor:
    layer = QLayer(plain, inputs=["first_angle", "first_shifts", "second_angle", "second_shifts"]).double()
    values: Tensor = layer(angles, shifts, second_angle, second_shifts)
    return values


def second() -> tuple[Tensor, Tensor]:
    return torch.tensor(1.1).double(), torch.tensor([0.4, -0.2]).double()


@pytest.mark.parametrize(
    "inputs",
    [
        ["first"],
        {"first": None},
        ["first.angle", "first.shifts"],
        {"first.angle": (), "first.shifts": 2},
        {"first": Drive((), 2)},
    ],
    ids=str,
)
def test_a_record_as_inputs(inputs: Any) -> None:
    layer = QLayer(driven, {"second": SECOND}, inputs=inputs)
    known = expected(ANGLES, SHIFTS, *second())
    torch.testing.assert_close(layer(ANGLES, SHIFTS), known)
    torch.testing.assert_close(layer(Drive(ANGLES, SHIFTS)), known)
    torch.testing.assert_close(layer(ANGLES, **{"first.shifts": SHIFTS}), known)
    torch.testing.assert_close(torch.compile(layer, backend="aot_eager")(Drive(ANGLES, SHIFTS)), known)


@pytest.mark.parametrize(
    "weights",
    [
        {"second": SECOND},
        {"second": Drive(1.1, torch.tensor([0.4, -0.2]))},
        {"second.angle": 1.1, "second.shifts": [0.4, -0.2]},
    ],
    ids=["record", "record of tensors", "fields"],
)
def test_a_record_as_weights(weights: Any) -> None:
    layer = QLayer(driven, inputs=["first"], weights=weights)
    assert {name: tuple(value.shape) for name, value in layer.named_parameters()} == {"second.angle": (), "second.shifts": (2,)}
    layer = layer.double()
    angles, shifts = (value.detach().clone().requires_grad_() for value in (layer.second.angle, layer.second.shifts))
    found, known = layer(ANGLES, SHIFTS), expected(ANGLES, SHIFTS, angles, shifts)
    torch.testing.assert_close(found, known)
    found.square().sum().backward()
    known.square().sum().backward()
    torch.testing.assert_close((layer.second.angle.grad, layer.second.shifts.grad), (angles.grad, shifts.grad))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(copied(ANGLES, SHIFTS), found)
    other = QLayer(driven, inputs=["first"], weights=["second"]).double()
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other(ANGLES, SHIFTS), found)
    swapped = {"second.angle": angles.detach() + 1, "second.shifts": shifts.detach()}
    moved = torch.func.functional_call(layer, swapped, (ANGLES, SHIFTS))
    torch.testing.assert_close(moved, expected(ANGLES, SHIFTS, angles + 1, shifts))
    torch.testing.assert_close(torch.compile(layer, backend="aot_eager")(ANGLES, SHIFTS), found)


def test_the_fields_of_one_record_in_three_roles() -> None:
    layer = QLayer(driven, {"first": FIRST, "second.angle": 1.1}, inputs=["second.shifts"]).double()
    known = expected(torch.tensor(0.3).double(), torch.tensor([0.1, 0.7]).double(), torch.tensor(1.1).double(), SHIFTS)
    torch.testing.assert_close(layer(SHIFTS), known)
    assert QLayer(sized, {"drive.count": 2}, weights=["drive"])().shape == (1,), "what is fixed is left out"


@pytest.mark.parametrize(
    ("make", "error", "parts"),
    [
        (lambda: QLayer(driven, {"second": SECOND}, inputs=["third"]), UnknownBindingError, ("third",)),
        (lambda: QLayer(driven, {"second": SECOND}, inputs=["first", "first.angle"]), ConflictingBindingError, ("twice",)),
        (lambda: QLayer(driven, {"second": SECOND}, inputs=["first"], weights=["first"]), ConflictingBindingError, ("both",)),
        (lambda: QLayer(sized, weights=["drive"]), BindingTypeError, ("drive.count", "UInt", "bindings=")),
        (lambda: QLayer(driven, {"second": SECOND}, inputs=["first"])(Sized(1, ANGLES)), LayerInputError, ("Sized", "shifts")),
        (lambda: QLayer(driven, {"second": SECOND}, inputs=["first"])(ANGLES, FIRST), LayerInputError, ("Drive",)),
    ],
)  # fmt: skip
def test_records_that_do_not_fit_are_named(make: Any, error: type[QKernelError], parts: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        make()
    for part in parts:
        assert part in str(caught.value)


def test_a_field_with_the_name_of_a_module_attribute_is_refused() -> None:
    @qk.qkernel
    def kernel(drive: Named) -> qk.Float:
        return qk.expval(qk.ry(qk.rx(qk.qubit(), drive.keys), drive.forward), qko.Z(0))

    with pytest.raises(CallableDefinitionConflictError, match="`forward` is an attribute of the layer"):
        QLayer(kernel, weights=["drive"])
    assert QLayer(kernel, {"drive.forward": 0.1}, weights=["drive"])().shape == (1,)


# what is trained elsewhere --------------------------------------------------------------------------------------------


@qk.qkernel
def fixed(
    a: qk.Float, v: qk.Vector[qk.Float], d: qk.Dict[qk.UInt, qk.Float], h: qk.Observable, r: Drive, x: qk.Float
) -> qk.Float:
    q = qk.qubit_array(2)
    q = qk.ry(q, v)
    q[0] = qk.rx(q[0], a + d[0] + x + r.angle * r.shifts[0])
    return qk.expval(q, h)


PLAIN = {"a": 0.1, "v": [0.2, 0.3], "d": {0: 0.4}, "h": qko.Z(0), "r": Drive(0.1, [0.2])}


def trained(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.full(shape, 0.3))


@pytest.mark.parametrize("tracks", [True, False], ids=["grad", "no_grad"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", trained()), ("a", trained() * 2), ("v", trained(2)), ("v", [0.1, trained()]), ("v", (trained(), 0.1)),
        ("d", {0: trained()}), ("r", Drive(trained(), [0.2])), ("r", Drive(0.1, [trained()])), ("r", Drive(0.1, trained(1))),
    ],
)  # fmt: skip
def test_a_tensor_that_is_trained_cannot_be_fixed(name: str, value: Any, tracks: bool) -> None:
    with torch.set_grad_enabled(tracks), pytest.raises(GradientError, match=f"`{name}.*` requires a gradient") as caught:
        QLayer(fixed, {**PLAIN, name: value}, inputs=["x"])
    assert "weights={" in str(caught.value)
    assert ".detach()" in str(caught.value)
    with pytest.raises(GradientError, match=f"`{name}.*` requires a gradient"):
        fixed.run(**{**PLAIN, name: value}, x=0.1)


def test_a_tensor_without_gradient_can_be_fixed() -> None:
    given = {
        **PLAIN,
        "a": trained().detach(),
        "v": torch.tensor([0.2, 0.3]),
        "r": Drive(torch.tensor(0.1), torch.tensor([0.2])),
    }
    inputs = torch.rand(3).double()
    found = QLayer(fixed, given, inputs=["x"])(inputs)
    known = QLayer(fixed, {**PLAIN, "a": 0.3}, inputs=["x"])(inputs)
    torch.testing.assert_close(found, known, rtol=0, atol=1e-7)
