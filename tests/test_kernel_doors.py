"""What a newcomer tries with kernels and layers, and what is said of it."""

from __future__ import annotations

import copy
import inspect
import math
import pickle

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingTypeError,
    CallableDefinitionConflictError,
    CallArgumentError,
    EntrypointValidationError,
    ExecutionError,
    KernelTypeError,
    LayerInputError,
    MissingAnnotationError,
    UnknownBindingError,
    UnknownNameError,
)


@qk.qkernel
def encoder(x: qk.Vector[qk.Float], y: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    for i in qk.range(2):
        q[i] = qk.ry(q[i], x[i])
    q[0] = qk.ry(q[0], y)
    return qk.expval(q, qko.Z(0) * qko.Z(1))


@qk.qkernel
def asking(w: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.qubit()
    for i in qk.range(w.shape[0]):
        q = qk.rx(q, w[i])
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def coin() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))


def test_copies_and_pickles() -> None:
    assert copy.copy(encoder) is copy.deepcopy(encoder) is pickle.loads(pickle.dumps(encoder)) is encoder

    @qk.qkernel
    def local() -> qk.Bit:
        return qk.measure(qk.qubit())

    assert copy.deepcopy([local])[0] is local
    with pytest.raises(KernelTypeError, match="cannot be pickled"):
        pickle.dumps(local)


def test_names_of_options() -> None:
    with pytest.raises(CallableDefinitionConflictError, match="cannot be called `bindings`"):

        @qk.qkernel
        def bound(bindings: qk.UInt) -> qk.Bit:
            return qk.measure(qk.qubit())

    @qk.qkernel
    def oracle(output: qk.Qubit) -> qk.Qubit:
        return qk.x(output)

    assert list(oracle.input_types) == ["output"]


def test_an_argument_with_the_name_of_an_option() -> None:
    @qk.qkernel
    def turned(shots: qk.Float, width: qk.UInt = 1) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit_array(width), shots), qko.Z(0))

    exact = math.cos(0.3)
    assert turned.run(0.3) == turned.run(bindings={"shots": 0.3}) == pytest.approx(exact)
    program = turned.compile({"width": 1})
    for kernel in (turned, program):
        for call in (kernel.run, kernel.grad):
            with pytest.raises(CallArgumentError, match=r"bindings=\{\"shots\": ...\}.*options=\{\"shots\": ...\}"):
                call(shots=0.3)
        estimated = kernel.run(bindings={"shots": 0.3}, options={"shots": 2000, "seed": 1})
        assert estimated != pytest.approx(exact, abs=1e-9)
        assert estimated == pytest.approx(exact, abs=0.05)
        with pytest.raises(CallArgumentError, match="`width` is an argument of `turned` and an option of `draw`"):
            kernel.draw(output="text", width=1)
        with pytest.raises(CallArgumentError, match="did you mean `seed`"):
            kernel.run(bindings={"shots": 0.3}, options={"sed": 1})
        with pytest.raises(CallArgumentError, match="given twice"):
            kernel.run(bindings={"shots": 0.3}, seed=1, options={"seed": 1})


def test_a_method() -> None:
    with pytest.raises(MissingAnnotationError, match="@staticmethod"):

        class Model:
            @qk.qkernel
            def gate(self, q: qk.Qubit) -> qk.Qubit:  # type: ignore[no-untyped-def]
                return q

    class Static:
        @staticmethod
        @qk.qkernel
        def flip() -> qk.Bit:
            return qk.measure(qk.x(qk.qubit()))

    assert Static.flip.run() == 1


def test_shots_in_run() -> None:
    exact = encoder.run(x=[0.1, 0.2], y=0.3)
    assert encoder.run(x=[0.1, 0.2], y=0.3, shots=4000, seed=2) == pytest.approx(exact, abs=0.05)
    with pytest.raises(ExecutionError, match="use `sample`"):
        coin.run(shots=100)


def test_a_phase_without_a_gate() -> None:
    @qk.qkernel
    def phased() -> qk.Bit:
        q = qk.qubit()
        qk.global_phase(0.77)  # type: ignore[arg-type]
        return qk.measure(q)

    with pytest.raises(CallArgumentError, match=r"global_phase\(qk.id, 0.77\)\(q\)"):
        phased.check()


def test_two_qubits_for_one() -> None:
    @qk.qkernel
    def pair() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(2)
        q[0] = qk.cx(q[0], q[1])  # type: ignore[assignment]
        return qk.measure(q)

    with pytest.raises(KernelTypeError, match=r"q\[0\], q\[1\] = "):
        pair.check()


def test_other_names_of_gates() -> None:
    @qk.qkernel
    def flip() -> qk.Bit:
        return qk.measure(qk.hadamard(qk.qubit()))  # type: ignore[attr-defined]

    with pytest.raises(UnknownNameError, match="did you mean `h`"):
        flip.check()


def test_a_handle_is_shown_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    @qk.qkernel
    def shown() -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(2)
        print(q, q[0])
        return qk.measure(q)

    with pytest.raises(qk.errors.QKernelError):
        shown.check()  # `q[0]` stays out
    assert capsys.readouterr().out == "<Vector[Qubit] q> <Qubit q[0]>\n"


def test_layers() -> None:
    from qkernel.nn import QLayer

    layer = QLayer(encoder, inputs=["x", "y"])
    x, y = torch.tensor([[0.1, 0.2], [0.3, 0.4]]), torch.tensor([0.5, 0.6])
    expected = np.cos([0.6, 0.9]) * np.cos([0.2, 0.4])
    for found in (layer(x, y), layer(x=x, y=y), layer(y=y, x=x), layer(x, y=y)):
        assert np.allclose(found[:, 0], expected, atol=1e-6)
    with pytest.raises(LayerInputError, match=r"y.squeeze\(-1\)"):
        layer(x, y[:, None])
    with pytest.raises(LayerInputError, match="no input `z`"):
        layer(x, z=y)
    with pytest.raises(LayerInputError, match="twice"):
        layer(x, y, x=x)
    with pytest.raises(LayerInputError, match="1 were given"):
        layer(x=x)
    with pytest.raises(KernelTypeError, match="a layer is made of a kernel"):
        QLayer(lambda x: x, inputs=["x"])
    with pytest.raises(EntrypointValidationError, match=r'weights=\{"w": \(4,\)\}'):
        QLayer(asking, weights=["w"])


@qk.struct
class Drive:
    angle: qk.Float
    shifts: qk.Vector[qk.Float]


@qk.qkernel
def driven(drive: Drive, k: qk.UInt = 1) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), drive.angle + drive.shifts[k]), qko.Z(0))


def test_a_record_is_given_whole_at_every_door() -> None:
    drive, value = Drive(0.5, [0.1, 0.2]), math.cos(0.7)
    assert driven(drive) == driven.run(drive=drive) == pytest.approx(value)
    assert driven.compile({"drive": drive}).run() == pytest.approx(value)
    open_one = driven.compile(parameters=["drive"])
    assert open_one.parameter_names == ("drive.angle", "drive.shifts[0]", "drive.shifts[1]")
    assert open_one.run(bindings={"drive": Drive([0.5, 0.8], [0.1, 0.2])}) == pytest.approx(np.cos([0.7, 1.0]))
    gradient = driven.grad(drive, wrt="drive")
    assert gradient["drive.angle"] == pytest.approx(-math.sin(0.7))
    assert gradient["drive.shifts"] == pytest.approx([0, -math.sin(0.7)])
    assert driven.estimate_resources(bindings={"drive": drive}).gates.total == 1
    assert "0.7" in driven.draw(drive=drive, lowered=True, output="text")
    with pytest.raises(CallArgumentError, match=r"call it as `driven\(drive, k\)`"):
        driven()


def test_one_shot_is_the_same_under_a_seed() -> None:
    @qk.qkernel
    def coins(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(qk.h(qk.qubit_array(n)))

    assert coins(16, seed=3) == coins.run(n=16, seed=3) != coins(16, seed=4)
    assert len({coins(16) for _ in range(5)}) > 1


def test_bindings_parameters_and_lengths_of_a_wrong_kind() -> None:
    for wrong in ([1], "angle", 3):
        for door in (driven.compile, driven.estimate_resources):
            with pytest.raises(KernelTypeError, match="`bindings` is a dictionary"):
                door(wrong)
    with pytest.raises(UnknownBindingError, match="no argument `angles`"):
        driven.compile(parameters="angles")
    with pytest.raises(BindingTypeError, match="`lengths` is a dictionary"):
        driven.compile(lengths=[2])


def test_a_signature_reads_as_it_was_written() -> None:
    assert str(inspect.signature(driven)) == str(inspect.signature(driven.function))
    assert list(inspect.signature(driven).parameters) == ["drive", "k"]
    assert repr(driven.signature) == "(drive.angle: Float, drive.shifts: Vector[Float], k: UInt) -> Float"
