"""What users give for arguments: every kind of number means what it says, and everything else is refused by its own name."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    GradientError,
    KernelTypeError,
    NotFiniteError,
    ObservableError,
    QKernelError,
)
from qkernel.nn import QLayer

Z = qko.Z(0)


@qk.struct
class Setting:
    flips: qk.Vector[qk.Bit]
    last: qk.Bit


@qk.qkernel
def loaded(bits: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(len(bits))
    for i in qk.range(len(bits)):
        if bits[i]:
            q[i] = qk.x(q[i])
    return qk.measure(q)


@qk.qkernel
def one(bit: qk.Bit = 1) -> qk.Bit:  # type: ignore[assignment]
    return qk.measure(qk.x(qk.qubit()) if bit else qk.qubit())


@qk.qkernel
def of_a_record(setting: Setting) -> tuple[qk.Bit, qk.Bit]:
    first = qk.measure(qk.x(qk.qubit()) if setting.flips[0] else qk.qubit())
    return first, qk.measure(qk.x(qk.qubit()) if setting.last else qk.qubit())


@qk.qkernel
def energy(bits: qk.Vector[qk.Bit], bit: qk.Bit, table: qk.Dict[qk.UInt, qk.Bit], angle: qk.Float = 0.0) -> qk.Float:
    q = qk.qubit()
    for i in qk.range(len(bits)):
        if bits[i] ^ table[0]:
            q = qk.x(q)
    if bit:
        q = qk.x(q)
    return qk.expval(qk.rx(q, angle), Z)


BITS: list[Any] = [
    [1, 0, 1], (1, 0, 1), [True, False, True], [True, 0, 1], np.array([1, 0, 1]), np.array([1, 0, 1], np.uint8),
    np.array([True, False, True]), np.array([1, 0, 1], object), torch.tensor([1, 0, 1]), torch.tensor([True, False, True]),
    [np.int64(1), np.bool_(False), True], [torch.tensor(1), torch.tensor(0), torch.tensor(True)],
]  # fmt: skip


@pytest.mark.parametrize("bits", BITS, ids=repr)
def test_bits_are_bools_and_zeros_and_ones(bits: Any) -> None:
    assert loaded.run(bits=bits) == loaded(bits) == (1, 0, 1)
    assert loaded.sample(bits=bits, shots=3).results == [((1, 0, 1), 3)]
    assert loaded.compile({"bits": bits}).sample(shots=3).results == [((1, 0, 1), 3)]
    assert of_a_record.run(setting=Setting(bits, bits[2])) == (1, 1)


@pytest.mark.parametrize("bit", [1, True, np.int8(1), np.bool_(True), np.array(1), np.array(True), torch.tensor(1), one.run()])
def test_a_bit_comes_back_as_it_went_in(bit: Any) -> None:
    assert one.run(bit=bit) == 1
    assert one.run(bit=1 - int(bit)) == 0
    assert one.run() == 1
    values = {"bits": [bit, 0], "bit": bit, "table": {0: bit}}
    assert energy.run(**values) == energy.compile(values).run() == 1.0
    assert QLayer(energy, bindings=values, inputs=["angle"])(torch.zeros(1)).item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "bits", [[0, 2], [0.0, 1.0], [1j, 0], ["1", "0"], np.array([2, 0]), [None, 1], 3, "10", b"10"], ids=repr
)
def test_other_bits_are_refused(bits: Any) -> None:
    with pytest.raises((BindingTypeError, BindingShapeError), match=r"`bits` is of type Vector\[Bit\]"):
        loaded.run(bits=bits)
    with pytest.raises(BindingTypeError, match=r"`bit` is of type Bit"):
        one.run(bit=bits[0] if isinstance(bits, (str, bytes)) else 2)


def test_so_they_are_in_a_kernels_text() -> None:
    captured = np.array([1, 0, 1])

    @qk.qkernel
    def literal() -> qk.Vector[qk.Bit]:
        return flipped([1, 0, True], 1)

    @qk.qkernel
    def from_outside() -> qk.Vector[qk.Bit]:
        return flipped(captured, captured[1])

    @qk.qkernel
    def assigned() -> qk.Vector[qk.Bit]:
        bits = qk.bit_array(3)
        bits[0] = 1
        bits[1] = np.int64(0)
        return flipped(bits, 0)

    @qk.qkernel
    def by_default(bits: qk.Vector[qk.Bit] = [1, 0, 1], last: qk.Bit = 1) -> qk.Vector[qk.Bit]:  # type: ignore[assignment] # noqa: B006
        return flipped(bits, last)

    assert literal.run() == (0, 0, 1)
    assert from_outside.run() == (1, 0, 1)
    assert assigned.run() == (1, 0, 0)
    assert by_default.run() == (0, 0, 1)


@qk.qkernel
def flipped(bits: qk.Vector[qk.Bit], last: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(len(bits))
    for i in qk.range(len(bits)):
        if bits[i]:
            q[i] = qk.x(q[i])
    if last:
        q[0] = qk.x(q[0])
    return qk.measure(q)


def test_whole_numbers_beyond_64_bits_do_not_wrap() -> None:
    @qk.qkernel
    def first(numbers: qk.Vector[qk.UInt]) -> qk.UInt:
        return numbers[0]

    assert first.compile({"numbers": np.array([2**62], np.uint64)}).run() == 2**62
    for numbers in (np.array([2**63], np.uint64), [2**63], [2**64]):
        with pytest.raises(BindingTypeError, match="`numbers`"):
            first.compile({"numbers": numbers})


# what is no number --------------------------------------------------------------------------------------------------------


class Odd:
    def __repr__(self) -> str:
        return "Odd()"


ODD: list[Any] = [
    None, "0.5", b"ab", bytearray(b"ab"), {"a": 1}, {1, 2}, 1j, np.complex128(1j), np.array(1j), torch.tensor(1j),
    Decimal("0.5"), Odd(), int, len, [None, None], ["a", "b"], [1j, 0], [Decimal(1)], [Odd()], np.array(["a"]), np.array([1j]),
    np.ma.array([1.0, 2.0], mask=[0, 1]), np.array(["2020-01-01"], "datetime64[D]"), ..., slice(2), Z, [Z],
    torch.empty(2, device="meta"), torch.eye(2).to_sparse(), qk.x, loaded, {0: 1j}, {0: None},
]  # fmt: skip


@qk.qkernel
def of_float(a: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), a), Z)


@qk.qkernel
def of_uint(a: qk.UInt) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), 1.0 * a), Z)


@qk.qkernel
def of_size(a: qk.UInt) -> qk.Float:
    return qk.expval(qk.qubit_array(a), Z)


@qk.qkernel
def of_vector(a: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit_array(2), a), Z)


@qk.qkernel
def of_matrix(a: qk.Matrix[qk.Float]) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), a[0, 1]), Z)


@qk.qkernel
def of_dictionary(a: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    q = qk.qubit()
    for _, angle in qk.items(a):
        q = qk.ry(q, angle)
    return qk.expval(q, Z)


@qk.qkernel
def of_tuple(a: qk.Tuple[qk.UInt, qk.Float]) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), a[0] * a[1]), Z)


KERNELS = [of_float, of_uint, of_size, of_vector, of_matrix, of_dictionary, of_tuple, one, loaded]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: str(kernel.name))
def test_what_is_no_number_is_refused_by_name(kernel: qk.Kernel[..., Any], value: Any) -> None:
    name = kernel.signature.names[0]
    for door in (
        lambda: kernel.run(**{name: value}),
        lambda: kernel.compile({name: value}),
        lambda: kernel.sample(**{name: value}),
        lambda: QLayer(kernel, bindings={name: value}),
    ):
        with pytest.raises(QKernelError, match=name) as caught:
            door()
        assert caught.value.code.startswith("QK3")


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_numbers_too_large_for_a_float_are_refused(value: int) -> None:
    for door in (lambda: of_float.run(a=value), lambda: of_float.compile({"a": value}), lambda: of_vector.run(a=[value, 1])):
        with pytest.raises((NotFiniteError, BindingTypeError), match="`a`"):
            door()


def test_what_was_given_is_shown_and_what_is_wanted() -> None:
    with pytest.raises(BindingTypeError, match=r"`a` is of type Float, and `1j` \(complex\) was given") as caught:
        of_float.compile({"a": 1j})
    assert (
        caught.value.help
        == "a real number is wanted, such as `0.5`; complex numbers go in as two arguments, `x.real` and `x.imag`"
    )
    with pytest.raises(BindingTypeError) as caught:
        of_vector.run(a=["a", "b"])
    assert caught.value.help == "a list, tuple or array of real numbers is wanted, such as `[0.1, 0.2]`"


@pytest.mark.parametrize("value", [Fraction(1, 2), np.float16(0.5), np.longdouble(0.5), np.array(0.5), torch.tensor(0.5)])
def test_every_real_number_is_a_float(value: Any) -> None:
    expected = pytest.approx(math.cos(0.5))
    assert of_float.run(a=value) == of_float.compile({"a": value}).run() == expected
    assert of_vector.run(a=[value, value]) == of_vector.run(a=np.array([value, value])) == expected
    assert of_matrix.run(a=[[0, value]]) == expected


# the same in a kernel's text ----------------------------------------------------------------------------------------------


@qk.qkernel
def turned(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    return qk.ry(q, angle)


@qk.qkernel
def turned_by_one(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    return qk.ry(q, angles[0])


@qk.qkernel
def read_out(q: qk.Qubit, observable: qk.Observable) -> qk.Float:
    return qk.expval(q, observable)


CAPTURED = [1j, np.complex128(1j), np.array(1j), b"ab", Odd(), Decimal("0.5"), torch.tensor(1j), {1, 2}]


@pytest.mark.parametrize("value", CAPTURED, ids=repr)
def test_captured_values_are_called_what_they_are(value: Any) -> None:
    """A complex number, say, is no "Observable"."""

    uses = [
        lambda q, x: qk.ry(q, value),
        lambda q, x: qk.u(q, x, value, 0.1),
        lambda q, x: turned(q, value),
        lambda q, x: turned_by_one(q, value),
        lambda q, x: turned_by_one(q, [value, 0.1]),
        lambda q, x: qk.ry(q, x * value),
        lambda q, x: qk.ry(q, value + x),
        lambda q, x: qk.ry(q, max(x, value)),
        lambda q, x: qk.pauli_evolve(q, Z, value),
        lambda q, x: qk.global_phase(qk.x, value)(q),
        lambda q, x: qk.control(qk.x, num_controls=value)(q, qk.qubit())[0],
        lambda q, x: qk.qubit_array(value),
        lambda q, x: read_out(q, value),
        lambda q, x: qk.expval(q, value),
    ]
    for use in uses:
        with pytest.raises(KernelTypeError) as caught:
            program(use).check()
        assert "this is an Observable" not in str(caught.value)
        is_complex = isinstance(value, (complex, np.ndarray, torch.Tensor))
        assert ("complex" if is_complex and "complex" in str(caught.value) else type(value).__name__) in str(caught.value)


def program(use: Any) -> qk.Kernel[..., Any]:
    @qk.qkernel
    def kernel(x: qk.Float) -> qk.Float:
        return qk.expval(use(qk.qubit(), x), Z)

    return kernel


def test_fractions_are_numbers_in_a_kernel_too() -> None:
    half = Fraction(1, 2)
    for use in (lambda q, x: qk.ry(q, half), lambda q, x: qk.ry(q, x * half), lambda q, x: turned_by_one(q, [half])):
        assert program(use).run(x=1.0) == pytest.approx(math.cos(0.5))


def test_a_trained_tensor_is_refused_wherever_it_stands() -> None:
    weight = torch.tensor(0.5, requires_grad=True)
    uses = [
        lambda q, x: qk.ry(q, weight),
        lambda q, x: turned(q, weight),
        lambda q, x: turned_by_one(q, [weight]),
        lambda q, x: qk.ry(q, x * weight),
        lambda q, x: qk.ry(q, weight - x),
    ]
    for use in uses:
        with pytest.raises(KernelTypeError, match="a tensor that requires grad"):
            program(use).check()


def test_a_trained_tensor_is_not_fixed_without_a_word() -> None:
    weight = torch.tensor(0.5, requires_grad=True)
    for door in (lambda: of_float.run(a=weight), lambda: of_float.compile({"a": weight})):
        with pytest.raises(GradientError, match="`a` requires a gradient"):
            door()
    with torch.no_grad():
        assert of_float.compile({"a": weight}).run() == of_float.run(a=weight) == of_float.run(a=weight.detach())


# coefficients -------------------------------------------------------------------------------------------------------------

HALVES = [
    0.5, np.float64(0.5), np.float32(0.5), np.longdouble(0.5), np.array(0.5), np.asarray([0.5, 0.2])[0, ...], Fraction(1, 2),
    torch.tensor(0.5), torch.tensor(0.5, dtype=torch.bfloat16), torch.tensor([0.5, 1.0])[0],
]  # fmt: skip


@pytest.mark.parametrize("half", HALVES, ids=repr)
def test_every_number_is_a_coefficient_from_both_sides(half: Any) -> None:
    assert half * Z == Z * half == 0.5 * Z
    assert half + Z == Z + half == Z + 0.5
    assert half - Z == 0.5 - Z
    assert Z - half == Z - 0.5
    assert Z / half == 2 * Z
    assert qko.Hamiltonian.identity(half) == qko.Hamiltonian.from_list([("I", half)]) == half
    assert qko.Hamiltonian.single_pauli(qko.Pauli.Z, 0, half) == 0.5 * Z
    for coefficient in (half * Z).terms.values():
        assert type(coefficient) is float


@pytest.mark.parametrize("factor", [0.5j, np.complex64(0.5j), np.array(0.5j), torch.tensor(0.5j)], ids=repr)
def test_so_is_a_complex_one(factor: Any) -> None:
    assert factor * Z == Z * factor == 0.5j * Z


@pytest.mark.parametrize("weight", [torch.tensor(0.5, requires_grad=True), torch.nn.Parameter(torch.tensor(0.5))])
def test_a_coefficient_that_is_trained_is_refused(weight: torch.Tensor) -> None:
    for make in (lambda: weight * Z, lambda: Z * weight, lambda: Z + weight, lambda: weight - Z, lambda: Z / weight):
        with pytest.raises(ObservableError, match="requires grad"):
            make()
    assert (weight.detach() * Z) == 0.5 * Z


@pytest.mark.parametrize("weights", [np.array([0.5]), np.ones((2, 2)), torch.tensor([0.5, 0.2])], ids=repr)
def test_an_array_is_no_coefficient(weights: Any) -> None:
    for make in (lambda: weights * Z, lambda: Z * weights, lambda: Z + weights, lambda: weights - Z):
        with pytest.raises(ObservableError, match="together with one number"):
            make()


LARGE = 1e308 * Z


@pytest.mark.parametrize(
    "make",
    [
        lambda: LARGE + LARGE, lambda: -LARGE - LARGE, lambda: LARGE * 10, lambda: LARGE * LARGE, lambda: LARGE**2,
        lambda: Z / 1e-320, lambda: qko.Hamiltonian.from_string("1e308*Z0 + 1e308*Z0"), lambda: sum([LARGE] * 3, Z),
        lambda: qko.Hamiltonian.from_list([("Z", 1e308), ("Z", 1e308)]), lambda: qko.Hamiltonian.identity(1e308) + 1e308,
        lambda: 10**400 * Z, lambda: float("inf") * Z, lambda: np.array(np.nan) * Z, lambda: LARGE * 1j + LARGE * 1j,
    ],
)  # fmt: skip
def test_a_coefficient_that_overflows_is_refused(make: Any) -> None:
    with pytest.raises(ObservableError, match=r"coefficient is (not finite|too large)"):
        make()


# names --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [5, None, [], 0.5], ids=repr)
def test_the_name_of_an_argument_is_a_text(name: Any) -> None:
    with pytest.raises(KernelTypeError, match="the name of an argument is wanted"):
        of_float.compile(parameters=[name])
    with pytest.raises(KernelTypeError, match="the name of an argument is wanted"):
        of_float.grad(a=0.1, wrt=[name])
