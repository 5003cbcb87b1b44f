"""Running, sampling and differentiating circuits, one value or a batch at a time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from circuit_builder import CircuitBuilder, bits, expectation, hybrid_circuit

from qkernel.engine import engine_names, load_engine
from qkernel.errors import (
    ArithmeticEvaluationError,
    ConflictingBindingError,
    DependencyError,
    ExecutionError,
    GradientError,
    KernelTypeError,
    ShotsError,
    TargetCapabilityError,
    UnknownBindingError,
    ValidationError,
)
from qkernel.executable import Executable
from qkernel.execution.executor import Executor
from qkernel.ir.expressions import Const, Item, Name, Slice, apply, item, size, vector, wrap
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import FLOAT, UINT, ArrayType, DictType, TupleType
from qkernel.lower.circuit import BITS, EXPECTATIONS, Circuit, bit, probabilities
from qkernel.observable import Hamiltonian, X, Y, Z
from qkernel.tallies import distinct_rows

REFERENCE = load_engine("reference")


def executable(circuit: Circuit, **arguments: Any) -> Executable:
    return Executable(circuit, engine="reference", **arguments)


def rotations(*outputs: Any, **arguments: Any) -> Circuit:
    """RY(a) on qubit 0 and RX(b[0]), RX(b[1]) on qubit 1; Z of both."""
    builder = CircuitBuilder(2)
    a, b = builder.parameter("a"), builder.parameter("b", 2)
    builder.gate("ry", 0, angles=(a,)).gate("rx", 1, angles=(b[0],)).gate("rx", 1, angles=(b[1] * 2.0,))
    return builder.circuit(*outputs, observables=(Z(0), Z(1)), probabilities=((0,),), **arguments)


VALUES = {"a": 0.7, "b": [0.2, 0.4]}
FIRST, SECOND = np.cos(0.7), np.cos(1.0)


class TestRun:
    def test_the_document(self) -> None:
        generator = np.random.default_rng(42)
        values = {"inputs": generator.uniform(-np.pi, np.pi, 4), "weights": generator.uniform(-np.pi, np.pi, 24)}
        job = executable(hybrid_circuit()).run(engine="reference", bindings=values)
        assert job == pytest.approx([-0.70960489, 0.61071606, 0.43586927, 0.42650987], abs=5e-9)

    def test_forms_of_results(self) -> None:
        assert type(executable(rotations(expectation(0))).run(bindings=VALUES)) is float
        assert executable(rotations(expectation(0))).run(bindings=VALUES) == pytest.approx(FIRST)
        vector_ = executable(rotations(EXPECTATIONS)).run(bindings=VALUES)
        assert vector_ == pytest.approx([FIRST, SECOND])
        both = executable(rotations(expectation(1), EXPECTATIONS)).run(bindings=VALUES)
        assert isinstance(both, tuple)
        assert both[0] == pytest.approx(SECOND)
        assert both[1] == pytest.approx([FIRST, SECOND])
        one = executable(rotations(expectation(0), outputs_tuple=True)).run(bindings=VALUES)
        assert one == (pytest.approx(FIRST),)
        assert executable(rotations(probabilities(0))).run(bindings=VALUES) == pytest.approx([(1 + FIRST) / 2, (1 - FIRST) / 2])
        part = Slice(EXPECTATIONS, Const(1), Const(1), Const(1))
        assert executable(rotations(part)).run(bindings=VALUES) == pytest.approx([SECOND])
        nested = wrap((expectation(0), (expectation(1), Const(3))))
        assert executable(rotations(nested)).run(bindings=VALUES) == (pytest.approx(FIRST), (pytest.approx(SECOND), 3))

    def test_computed_results(self) -> None:
        circuit = rotations(expectation(0) * 2.0 + apply("sin", expectation(1)) - Name("a", FLOAT))
        assert executable(circuit).run(bindings=VALUES) == pytest.approx(2 * FIRST + np.sin(SECOND) - 0.7)

    def test_batches_come_first(self) -> None:
        a = np.array([0.1, 0.2, 0.3])
        values = {"a": a, "b": [0.2, 0.4]}
        assert executable(rotations(expectation(0))).run(bindings=values) == pytest.approx(np.cos(a))
        found = executable(rotations(EXPECTATIONS)).run(bindings=values)
        assert found == pytest.approx(np.stack([np.cos(a), np.full(3, SECOND)], 1))
        found = executable(rotations(expectation(0), Const(2))).run(bindings=values)
        assert found[0] == pytest.approx(np.cos(a))
        assert found[1].tolist() == [2, 2, 2]
        one = executable(rotations(expectation(0))).run(bindings={"a": [0.7], "b": [0.2, 0.4]})
        assert one.shape == (1,)
        none = executable(rotations(EXPECTATIONS)).run(bindings={"a": [], "b": [0.2, 0.4]})
        assert none.shape == (0, 2)

    def test_names_instead_of_a_dictionary(self) -> None:
        assert executable(rotations(expectation(0))).run(bindings={"a": 0.7}, b=[0, 0]) == pytest.approx(FIRST)
        with pytest.raises(ConflictingBindingError, match="`a` is given twice"):
            executable(rotations(expectation(0))).run(bindings=VALUES, a=0.7)

    def test_elements_and_tensors(self) -> None:
        values = {"a": 0.7, "b[0]": 0.2, "b[1]": 0.4}
        assert executable(rotations(EXPECTATIONS)).run(bindings=values) == pytest.approx([FIRST, SECOND])
        values = {"a": torch.tensor(0.7, dtype=torch.float64), "b": torch.tensor([0.2, 0.4], dtype=torch.float64)}
        assert executable(rotations(EXPECTATIONS)).run(bindings=values) == pytest.approx([FIRST, SECOND])

    def test_a_circuit_is_prepared_once(self) -> None:
        prepared: list[Circuit] = []

        class Noting:
            name, features = "noting", REFERENCE.features

            def prepare(self, circuit: Circuit, dtype: Any) -> Any:
                prepared.append(circuit)
                return REFERENCE.prepare(circuit, dtype)

        ours = Executable(rotations(expectation(0)), engine=Noting())
        for _ in range(3):
            ours.run(bindings=VALUES)
            ours.value_and_grad(bindings=VALUES)
        assert len(prepared) == 2  # as it is, and with parities in the place of probabilities

    def test_work_on_the_host_alone(self) -> None:
        builder = CircuitBuilder(0)
        builder.parameter("x"), builder.parameter("n", type=UINT), builder.parameter("v", 2)
        x, n, v = Name("x", FLOAT), Name("n", UINT), Name("v", ArrayType(FLOAT))
        circuit = builder.circuit(x * n + item(v, 1), n // 2, v)
        found = Executable(circuit, engine="reference").run(bindings={"x": 0.5, "n": 5, "v": [1, 2]})
        assert found[:2] == (4.5, 2)
        assert type(found[1]) is int
        assert found[2].tolist() == [1, 2]
        batched = Executable(circuit).run(bindings={"x": [0.5, 1.0], "n": 5, "v": [1, 2]})
        assert batched[0].tolist() == [4.5, 7.0]
        assert batched[1].tolist() == [2, 2]

    def test_a_dictionary_on_the_host(self) -> None:
        builder = CircuitBuilder(0)
        type = DictType(TupleType((UINT, UINT)), FLOAT)
        builder.parameter("d", 2, type=type, keys=((0, 1), (1, 2)))
        circuit = builder.circuit(item(Name("d", type), wrap((1, 2))) ** 2)
        assert executable(circuit).run(bindings={"d": {(0, 1): 1, (1, 2): 3}}) == 9.0
        value, gradient = executable(circuit).value_and_grad(bindings={"d": {(0, 1): 1, (1, 2): 3}})
        assert value == 9.0
        assert gradient == {"d": {(0, 1): 0.0, (1, 2): 6.0}}

    def test_a_result_without_a_value(self) -> None:
        builder = CircuitBuilder(0)
        builder.parameter("x")
        x = Name("x", FLOAT)
        safe = apply("select", apply("==", x, 0.0), 0.0, 1.0 / x)
        assert executable(builder.circuit(safe)).run(bindings={"x": [0.0, 2.0]}).tolist() == [0.0, 0.5]
        for output in (1.0 / x, apply("log", x), apply("sqrt", x - 1.0)):
            with pytest.raises(ArithmeticEvaluationError):
                executable(builder.circuit(output)).run(bindings={"x": 0.0})

    def test_nothing_to_return(self) -> None:
        ours = executable(CircuitBuilder(1).gate("h", 0).circuit())
        for call in (ours.run, ours.sample):
            with pytest.raises(ExecutionError, match="returns nothing"):
                call()

    def test_wrong_arguments(self) -> None:
        ours = executable(rotations(expectation(0)))
        with pytest.raises(KernelTypeError, match="bindings="):
            ours.run(VALUES)
        with pytest.raises(KernelTypeError, match="engine="):
            ours.run(Executor("reference"))
        with pytest.raises(KernelTypeError, match="dictionary"):
            ours.run(bindings=[0.7])  # type: ignore[arg-type]
        with pytest.raises(UnknownBindingError, match="did you mean `a`"):
            ours.run(bindings={"aa": 1})

    def test_what_was_fixed_is_said(self) -> None:
        module = Module(
            (Function("ansatz", (Parameter("n", UINT), Parameter("a", FLOAT), Parameter("b", ArrayType(FLOAT))), ()),)
        )
        with pytest.raises(UnknownBindingError, match="`n` was fixed"):
            executable(rotations(expectation(0)), module=module).run(bindings=VALUES, n=3)

    def test_parameter_names(self) -> None:
        ours = executable(rotations(expectation(0)))
        assert ours.parameter_names == ("a", "b[0]", "b[1]")
        assert ours.has_parameters
        assert not executable(CircuitBuilder(1).circuit(observables=(Z(0),))).has_parameters
        assert repr(ours) == "<Executable of kernel: 2 qubits, parameters (a, b)>"


def coins() -> CircuitBuilder:
    """Bit 0 is 1 with probability sin^2(theta / 2), bits 1 and 2 copy it; bit 3 is a fair coin."""
    builder = CircuitBuilder(4, 4)
    theta = builder.parameter("theta")
    builder.gate("ry", 0, angles=(theta,)).gate("cx", 0, 1).gate("cx", 0, 2).gate("h", 3)
    for k in range(4):
        builder.measure(k, k)
    return builder


class TestSample:
    def test_values_follow_the_return_statement(self) -> None:
        one = executable(coins().circuit(bit(0))).sample(shots=50, bindings={"theta": np.pi})
        assert one.results == [(1, 50)]
        assert one.shots == 50
        register = executable(coins().circuit(bits(3, 0, 1))).sample(bindings={"theta": np.pi}, seed=1)
        assert dict(register.results).keys() == {(0, 1, 1), (1, 1, 1)}
        assert sum(count for _, count in register.results) == 1024
        assert all(type(part) is int for value, _ in register.results for part in value)
        nested = executable(coins().circuit(bit(0), bits(1, 2))).sample(bindings={"theta": 0.0})
        assert nested.results == [((0, (0, 0)), 1024)]
        whole = executable(coins().circuit(BITS)).sample(bindings={"theta": 0.0}, seed=3)
        assert {value for value, _ in whole.results} == {(0, 0, 0, 0), (0, 0, 0, 1)}

    def test_computed_values(self) -> None:
        number = bit(0) + bit(1) * 2 + bit(2) * 4
        found = executable(coins().circuit(number, bit(0) ^ bit(1), ~bit(0), number / 8)).sample(theta=np.pi)
        assert found.results == [((7, 0, 0, 0.875), 1024)]
        assert [type(part) for part in found.results[0][0]] == [int, int, int, float]
        parity = executable(coins().circuit(bit(0) ^ bit(3))).sample(theta=1.0, seed=5, shots=4000)
        assert dict(parity.results)[0] == pytest.approx(2000, abs=200)

    def test_whole_numbers_do_not_overflow(self) -> None:
        total = bit(0)
        for _ in range(80):
            total = total * 2 + bit(1)
        found = executable(coins().circuit(total)).sample(theta=np.pi, shots=3)
        assert found.results == [(2**81 - 1, 3)]

    def test_a_bit_chooses_an_element(self) -> None:
        table = vector([0.25, 0.75])
        found = executable(coins().circuit(Item(table, (apply("uint", bit(0)),)))).sample(theta=1.0, seed=2)
        assert {value for value, _ in found.results} == {0.25, 0.75}
        outside = Item(table, (bit(0) + bit(1),))
        with pytest.raises(ExecutionError, match="does not exist"):
            executable(coins().circuit(outside)).sample(theta=np.pi)

    def test_the_most_frequent_first(self) -> None:
        found = executable(coins().circuit(bit(0))).sample(theta=0.6, shots=2000, seed=0)
        assert [value for value, _ in found.results] == [0, 1]
        assert found.most_common(1)[0][1] == pytest.approx(2000 * np.cos(0.3) ** 2, abs=60)

    def test_seeds(self) -> None:
        ours = executable(coins().circuit(BITS))
        values = {"theta": 1.3}
        seeded = executable(coins().circuit(BITS), seed=7)
        first = seeded.sample(bindings=values)
        assert seeded.sample(bindings=values) == first
        assert ours.sample(bindings=values, seed=7) == first
        assert executable(coins().circuit(BITS), seed=8).sample(bindings=values, seed=7) == first
        assert ours.sample(bindings=values, seed=8) != first
        for wrong in (-1, 0.5, True, "x"):
            with pytest.raises(ValidationError, match="seed"):
                ours.sample(bindings=values, seed=wrong)  # type: ignore[arg-type]
            with pytest.raises(ValidationError, match="seed"):
                Executor("reference", seed=wrong)  # type: ignore[arg-type]

    def test_shots(self) -> None:
        ours = executable(coins().circuit(bit(0)))
        assert executable(coins().circuit(bit(0)), shots=77).sample(theta=0.0).shots == 77
        assert executable(coins().circuit(bit(0)), shots=77).sample(theta=0.0, shots=np.int64(5)).results == [(0, 5)]
        for wrong in (0, -3, 2.0, True, "10"):
            with pytest.raises(ShotsError, match="shots"):
                ours.sample(shots=wrong, theta=0.0)  # type: ignore[arg-type]
            with pytest.raises(ShotsError, match="shots"):
                Executor("reference", shots=wrong)  # type: ignore[arg-type]

    def test_batches(self) -> None:
        found = executable(coins().circuit(bit(0))).sample(theta=[0.0, np.pi], shots=10)
        assert [part.results for part in found] == [[(0, 10)], [(1, 10)]]

    def test_run_gives_one_shot(self) -> None:
        ours = executable(coins().circuit(bit(0), bits(1, 2)))
        assert ours.run(theta=np.pi) == (1, (1, 1))
        batched = ours.run(theta=[0.0, np.pi])
        assert batched[0].tolist() == [0, 1]
        assert batched[1].tolist() == [[0, 0], [1, 1]]
        flips = [executable(coins().circuit(bit(3))).run(engine="reference", seed=k, theta=0.0) for k in range(30)]
        assert 5 < sum(flips) < 25
        assert executable(coins().circuit(bit(3))).run(engine="reference", seed=4, theta=0.0) == flips[4]

    def test_constants_and_arguments(self) -> None:
        builder = CircuitBuilder(0)
        builder.parameter("n", type=UINT)
        assert executable(builder.circuit(Name("n", UINT) + 1)).sample(n=4, shots=9).results == [(5, 9)]

    def test_kernels_that_are_not_for_sampling(self) -> None:
        with pytest.raises(ExecutionError, match="no measured bits"):
            executable(rotations(expectation(0))).sample(bindings=VALUES)
        builder = CircuitBuilder(2, 1).gate("h", 0).measure(0, 0)
        mixed = executable(builder.circuit(bit(0), expectation(0), observables=(Z(1),)))
        for call in (mixed.run, mixed.sample):
            with pytest.raises(ExecutionError, match="together"):
                call()


@pytest.mark.parametrize("width", [0, 1, 7, 64, 65, 200])
def test_distinct_rows(width: int) -> None:
    few = np.random.default_rng(width).integers(0, 2, (5, width), np.uint8)
    bits = few[np.random.default_rng(1).integers(0, 5, 300)]
    first, counts = distinct_rows(bits)
    found = {bits[row].tobytes(): count for row, count in zip(first, counts, strict=True)}
    assert found == Counter(row.tobytes() for row in bits)
    assert all(row == min(np.flatnonzero((bits == bits[row]).all(1))) for row in first)


class TestShots:
    def circuit(self) -> Circuit:
        builder = CircuitBuilder(3)
        theta = builder.parameter("theta", 2)
        builder.gate("ry", 0, angles=(theta[0],)).gate("crx", 0, 1, angles=(theta[1],)).gate("h", 2).gate("s", 2)
        observables = (Z(0) * Z(1) + 0.5 * X(0) - 2.0, Y(2) + Y(1) * X(0), Hamiltonian.identity(1.5))
        return builder.circuit(EXPECTATIONS, probabilities(0), observables=observables, probabilities=((1, 0),))

    def test_estimates_are_near_the_exact_values(self) -> None:
        ours, values = executable(self.circuit()), {"theta": [[0.4, 1.0], [1.5, -2.0]]}
        exact = ours.run(bindings=values)
        estimated = ours.run(engine="reference", seed=2, shots=20000, bindings=values)
        assert np.allclose(estimated[0], exact[0], atol=0.04)
        assert not np.allclose(estimated[0], exact[0], atol=1e-6)
        assert np.allclose(estimated[1], exact[1], atol=0.02)
        assert estimated[1].sum(1) == pytest.approx([1, 1])
        again = ours.run(engine="reference", seed=2, shots=20000, bindings=values)
        assert np.array_equal(estimated[0], again[0])

    def test_the_spread_is_that_of_the_shots(self) -> None:
        ours = executable(CircuitBuilder(1).gate("h", 0).circuit(expectation(0), observables=(Z(0),)))
        found = [ours.run(engine="reference", seed=k, shots=100) for k in range(200)]
        assert np.std(found) == pytest.approx(0.1, rel=0.25)

    def test_after_measured_branches_and_loops(self) -> None:
        builder = CircuitBuilder(2, 1).gate("h", 0).measure(0, 0)
        builder.repeat(bit(0), lambda body: body.gate("x", 1).gate("h", 0).measure(0, 0))
        ours = executable(builder.circuit(expectation(0), observables=(Z(1),)))
        with pytest.raises(ShotsError, match="from shots"):
            ours.run()
        assert ours.run(engine="reference", seed=1, shots=6000) == pytest.approx(1 / 3, abs=0.05)

    def test_gradients_of_estimates(self) -> None:
        ours, values = executable(rotations(expectation(0))), {"a": 0.7, "b": [0.1, 0.2]}
        _, gradient = ours.value_and_grad(bindings=values, engine="reference", seed=1, shots=20000)
        assert gradient["a"] == pytest.approx(-np.sin(0.7), abs=0.03)


class TestDerivatives:
    def difference(self, ours: Executable, values: dict[str, Any], name: str) -> Any:
        """Central differences of the flattened outputs by one parameter."""

        def flat(moved: Any) -> Any:
            found = ours.run(bindings=values | {name: moved})
            return np.concatenate([np.ravel(part) for part in (found if isinstance(found, tuple) else (found,))])

        base = np.array(values[name], float)
        columns = []
        for k in range(base.size):
            step = np.zeros(base.size)
            step[k] = 1e-6
            step = step.reshape(base.shape)
            columns.append((flat(base + step) - flat(base - step)) / 2e-6)
        return np.stack(columns, -1).reshape(-1, *base.shape)

    def test_value_and_gradient(self) -> None:
        value, gradient = executable(rotations(expectation(0) + expectation(1))).value_and_grad(bindings=VALUES)
        assert value == pytest.approx(FIRST + SECOND)
        assert gradient["a"] == pytest.approx(-np.sin(0.7))
        assert type(gradient["a"]) is float
        assert gradient["b"] == pytest.approx([-np.sin(1.0), -2 * np.sin(1.0)])

    @pytest.mark.parametrize("wanted", ["adjoint", "shift"])
    def test_computed_results(self, wanted: str) -> None:
        a, b = Name("a", FLOAT), Name("b", ArrayType(FLOAT))
        output = expectation(0) ** 2 * a + apply("exp", expectation(1)) / (2.0 + item(b, 0)) + apply("min", a, expectation(0))
        builder = CircuitBuilder(2)
        angles = builder.parameter("a"), builder.parameter("b", 2)
        builder.gate("ry", 0, angles=(angles[0],)).gate("crx", 0, 1, angles=(angles[1][0] + angles[1][1] * 2.0,))
        read = ((0,),) if wanted == "shift" else ()
        ours = executable(builder.circuit(output, observables=(Z(0), Z(1)), probabilities=read))
        value, gradient = ours.value_and_grad(bindings=VALUES)
        assert value == pytest.approx(ours.run(bindings=VALUES))
        for name in VALUES:
            assert np.ravel(gradient[name]) == pytest.approx(self.difference(ours, VALUES, name).ravel(), abs=1e-7)

    def test_jacobians(self) -> None:
        for outputs in ((EXPECTATIONS,), (expectation(1), EXPECTATIONS), (probabilities(0),), (Const(2.0), expectation(0))):
            ours = executable(rotations(*outputs))
            found = ours.jacobian(bindings=VALUES)
            for name in VALUES:
                expected = self.difference(ours, VALUES, name)
                assert found[name].shape == expected.shape
                assert found[name] == pytest.approx(expected, abs=1e-7)
        single = executable(rotations(expectation(0))).jacobian(bindings=VALUES)
        assert single["a"] == pytest.approx(-np.sin(0.7))
        assert np.shape(single["b"]) == (2,)

    def test_batches(self) -> None:
        values = {"a": np.array([0.1, 0.7, 2.0]), "b": [0.2, 0.4]}
        value, gradient = executable(rotations(expectation(0) * expectation(1))).value_and_grad(bindings=values)
        assert value == pytest.approx(np.cos(values["a"]) * SECOND)
        assert gradient["a"] == pytest.approx(-np.sin(values["a"]) * SECOND)
        assert gradient["b"].shape == (3, 2)
        jacobian = executable(rotations(EXPECTATIONS)).jacobian(bindings=values)
        assert (jacobian["a"].shape, jacobian["b"].shape) == ((3, 2), (3, 2, 2))
        assert jacobian["a"][:, 0] == pytest.approx(-np.sin(values["a"]))

    def test_one_sweep_for_each_returned_number(self) -> None:
        ours = executable(hybrid_circuit())
        generator = np.random.default_rng(0)
        values = {"inputs": generator.normal(size=(3, 4)), "weights": generator.normal(size=24)}
        jacobian = ours.jacobian(bindings=values)
        assert jacobian["weights"].shape == (3, 4, 24)
        single = ours.jacobian(bindings={"inputs": values["inputs"][1], "weights": values["weights"]})
        assert jacobian["inputs"][1] == pytest.approx(single["inputs"], abs=1e-12)

    def test_some_parameters_only(self) -> None:
        ours = executable(rotations(expectation(0)))
        assert list(ours.value_and_grad(bindings=VALUES, wrt="b")[1]) == ["b"]
        assert list(ours.value_and_grad(bindings=VALUES, wrt=["b", "a"])[1]) == ["b", "a"]
        with pytest.raises(UnknownBindingError, match="did you mean `b`"):
            ours.value_and_grad(bindings=VALUES, wrt=["bb"])

    def test_measured_branches(self) -> None:
        builder = CircuitBuilder(2, 1)
        a = builder.parameter("a")
        builder.gate("ry", 0, angles=(a,)).measure(0, 0).branch(bit(0), lambda then: then.gate("ry", 1, angles=(a * 2.0,)))
        ours = executable(builder.circuit(expectation(0), observables=(Z(1),)))
        value, gradient = ours.value_and_grad(bindings={"a": 0.8})
        one = np.sin(0.4) ** 2
        assert value == pytest.approx(1 - one + one * np.cos(1.6))
        assert gradient["a"] == pytest.approx(np.sin(0.8) / 2 * (np.cos(1.6) - 1) - 2 * one * np.sin(1.6))

    def test_what_has_no_derivative(self) -> None:
        with pytest.raises(GradientError, match="more than one number"):
            executable(rotations(EXPECTATIONS)).value_and_grad(bindings=VALUES)
        with pytest.raises(GradientError, match="measured bits"):
            executable(coins().circuit(bit(0))).jacobian(bindings={"theta": 0.1})
        builder = CircuitBuilder(1)
        builder.parameter("n", type=UINT)
        ours = executable(builder.circuit(Name("n", UINT) * 1.0))
        with pytest.raises(GradientError, match="no open Float"):
            ours.jacobian(bindings={"n": 2})
        with pytest.raises(GradientError, match="whole numbers"):
            ours.jacobian(bindings={"n": 2}, wrt="n")


class TestEngines:
    def test_they_are_found_by_name(self) -> None:
        assert {"reference", "native", "qiskit", "torch"} <= set(engine_names())
        assert load_engine("reference") is load_engine("reference")
        with pytest.raises(DependencyError, match="did you mean `reference`") as caught:
            load_engine("refrence")
        assert "`native`" in str(caught.value)

    def test_two_packages_under_one_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from importlib.metadata import EntryPoint, EntryPoints

        found = EntryPoints(
            EntryPoint("clash", value, "qkernel.engines") for value in ("one:Engine", "two:Engine", "two:Engine")
        )
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)
        with pytest.raises(DependencyError, match=r"one:Engine and two:Engine"):
            load_engine("clash")

    def test_a_missing_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from importlib.metadata import EntryPoint, EntryPoints

        found = EntryPoints([EntryPoint("absent", "no_such_package:Engine", "qkernel.engines")])
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)
        with pytest.raises(DependencyError, match="no_such_package"):
            load_engine("absent")

    def test_what_an_engine_lacks(self) -> None:
        class Sampler:
            name, features = "sampler", frozenset({"sampling"})

            def prepare(self, circuit: Circuit, dtype: Any) -> Any:
                return REFERENCE.prepare(circuit, dtype)

        class Estimator(Sampler):
            name, features = "estimator", frozenset({"expectation"})

        with pytest.raises(TargetCapabilityError, match="`sampler` does not do expectation") as caught:
            Executable(rotations(expectation(0)), engine=Sampler()).run(bindings=VALUES)
        assert "shots" in str(caught.value)
        estimated = Executable(rotations(expectation(0))).run(engine=Sampler(), seed=1, shots=4000, bindings=VALUES)
        assert estimated == pytest.approx(FIRST, abs=0.05)
        for call in (
            lambda: Executable(coins().circuit(bit(0)), engine=Estimator()).sample(theta=0.1),
            lambda: Executable(rotations(expectation(0))).run(engine=Estimator(), shots=10, bindings=VALUES),
        ):
            with pytest.raises(TargetCapabilityError, match="sampling"):
                call()

    def test_an_executable_needs_nothing_heavy(self) -> None:
        program = (
            "import sys, qkernel.executable, qkernel_backends.reference;"
            "print(sorted(sys.modules.keys() & {'torch', 'qiskit', 'numba', 'scipy', 'lark', 'sympy', 'matplotlib'}))"
        )
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_size_of_a_constant_vector() -> None:
    """A vector written in the kernel may be returned as it is."""
    assert size(vector([1.0, 2.0])) == Const(2)
    assert executable(CircuitBuilder(0).circuit(vector([1.0, 2.0]))).run().tolist() == [1.0, 2.0]


def test_an_engine_that_is_not_there_is_refused_at_once() -> None:
    circuit = CircuitBuilder(1).gate("h", 0).measure(0, 0).circuit()
    with pytest.raises(DependencyError, match="did you mean `native`"):
        Executable(circuit, engine="natve")
    assert Executable(circuit, engine="auto").engine == "auto"
