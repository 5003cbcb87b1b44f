"""The verbs that kernels and executables share: the same results from both, with the same options."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel import compilation
from qkernel.errors import (
    BindingTypeError,
    CallArgumentError,
    ConflictingBindingError,
    EntrypointValidationError,
    ExecutionError,
    GradientError,
    KernelTypeError,
    ShotsError,
    UncleanAncillaError,
    ValidationError,
)
from qkernel.executable import Executable
from qkernel.kernel import Kernel
from qkernel.verbs import Verbs

VERBS = (
    "run", "run_with_errors", "sample", "grad", "value_and_grad", "jacobian", "hessian", "statevector", "unitary",
    "submit", "draw", "estimate_resources", "verify_resources", "to_circuit", "to_qasm", "save", "explain",
)  # fmt: skip


@qk.qkernel
def energy(n: qk.UInt, w: qk.Vector[qk.Float], a: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), w)
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], a)
    return qk.expval(q, qko.Z(0) * qko.X(1) + 0.5 * qko.Z(1))


@qk.qkernel
def several(w: qk.Vector[qk.Float]) -> tuple[qk.Vector[qk.Float], qk.Vector[qk.Float], qk.Float]:
    q = qk.ry(qk.qubit_array(2), w)
    q[0], q[1] = qk.cx(q[0], q[1])
    first = qk.expval(q[0], [qko.Z(0), qko.X(0)])
    shares = qk.probabilities(q[1])
    return first, shares, first[0] * first[1] + w[0]


@qk.qkernel
def bits(a: qk.Float) -> tuple[qk.Bit, qk.Bit]:
    q, r = qk.cx(qk.ry(qk.qubit(), a), qk.qubit())
    return qk.measure(q), qk.measure(r)


@qk.qkernel
def reordered(a: qk.Qubit, b: qk.Vector[qk.Qubit], angle: qk.Float) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    a = qk.rx(a, angle)
    for i in qk.range(b.shape[0]):
        a, b[i] = qk.crz(a, b[i], 0.3 * (i + 1))
        b[i] = qk.ry(b[i], 0.2)
    return b, a


def on_basis_state(index: int) -> Any:
    """`reordered` of the qubits a (the lowest bit of `index`), b[0] and b[1]."""
    first, ones = index & 1, [k for k in range(2) if index >> k + 1 & 1]

    @qk.qkernel
    def prepared() -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
        a, b = qk.qubit(), qk.qubit_array(2)
        if first:
            a = qk.x(a)
        for i in ones:
            b[i] = qk.x(b[i])
        return reordered(a, b, 0.9)

    return prepared


VALUES: dict[str, Any] = {"w": [0.3, 0.8, -0.2], "a": 0.4}


def forms() -> list[Any]:
    return [energy.compile({"n": 3}, lengths={"w": 3}), energy]


def given(subject: Any) -> dict[str, Any]:
    return VALUES | ({"n": 3} if isinstance(subject, Kernel) else {})


def test_both_have_all_verbs_from_one_place() -> None:
    for name in VERBS:
        assert getattr(Kernel, name) is getattr(Verbs, name)
        assert name == "save" or getattr(Executable, name) is getattr(Verbs, name)


def test_every_option_is_in_the_signature() -> None:
    for name in VERBS:
        if name == "save":
            continue
        parameters = inspect.signature(getattr(Verbs, name)).parameters
        assert {"bindings", "options"} <= set(parameters)
        assert parameters["values"].kind is inspect.Parameter.VAR_KEYWORD


def test_kernels_and_executables_agree() -> None:
    program, kernel = forms()
    value = program.run(**VALUES)
    assert value == kernel.run(3, *VALUES.values()) == kernel.run(bindings={"n": 3} | VALUES)
    assert value == program.run(VALUES["w"], a=VALUES["a"]) == kernel(n=3, **VALUES)
    for verb in ("grad", "jacobian"):
        found, wanted = getattr(program, verb)(**VALUES), getattr(kernel, verb)(n=3, **VALUES)
        assert found.keys() == wanted.keys() == {"w", "a"}
        assert all(np.array_equal(found[name], wanted[name]) for name in found)
    assert program.value_and_grad(**VALUES, wrt="a")[1].keys() == {"a"}
    assert np.array_equal(program.statevector(**VALUES), kernel.statevector(n=3, **VALUES))
    assert program.explain(**VALUES) == kernel.explain(n=3, **VALUES)
    assert program.estimate_resources().gates.total == kernel.estimate_resources(n=3).gates.total == 5
    assert program.draw(output="text") == kernel.draw(output="text", n=3)
    assert program.to_qasm(flat=True, **VALUES) == kernel.to_qasm(flat=True, n=3, **VALUES)
    program.verify_resources()
    assert program.to_circuit().num_parameters == 4
    assert kernel.to_circuit(n=3, a=0.1, lengths={"w": 3}).num_parameters == 3


@pytest.mark.parametrize("engine", ["reference", "torch", "qiskit"])
def test_any_engine_in_every_call(engine: str) -> None:
    for subject in forms():
        values = given(subject)
        assert subject.run(**values, engine=engine) == pytest.approx(subject.run(**values))
        assert subject.grad(**values, engine=engine)["a"] == pytest.approx(subject.grad(**values)["a"])


def test_what_is_fixed_when_compiled_holds_where_a_call_names_none() -> None:
    program = energy.compile({"n": 3}, engine="reference", shots=500, seed=3, lengths={"w": 3})
    assert program.run(**VALUES) == energy.run(n=3, **VALUES, shots=500, seed=3, engine="reference")
    assert program.run(**VALUES, seed=4) != program.run(**VALUES)
    sampled = bits.compile(shots=70, seed=1)
    assert sampled.sample(a=0.3).shots == 70
    assert sampled.sample(a=0.3) == sampled.sample(a=0.3) == bits.sample(0.3, shots=70, seed=1)
    with pytest.raises(ShotsError):
        energy.compile({"n": 2}, shots=0)


class TestErrors:
    def test_standard_errors_are_the_spread(self) -> None:
        program = several.compile(lengths={"w": 2})
        runs = [program.run_with_errors(w=[0.7, 0.4], shots=400, seed=seed) for seed in range(300)]
        values = [np.concatenate([np.ravel(part) for part in run.value]) for run in runs]
        errors = [np.concatenate([np.ravel(part) for part in run.standard_error]) for run in runs]
        assert np.mean(errors, 0) == pytest.approx(np.std(values, 0), rel=0.15, abs=1e-12)
        exact = np.concatenate([np.ravel(part) for part in program.run(w=[0.7, 0.4])])
        assert np.mean(values, 0) == pytest.approx(exact, abs=6 * np.max(errors) / np.sqrt(300))

    def test_shapes_and_batches(self) -> None:
        found = several.run_with_errors(w=[[0.7, 0.4], [0.1, 0.2], [0.0, 0.3]], shots=50, seed=1)
        assert found.shots == 50
        for value, error in zip(found.value, found.standard_error, strict=True):
            assert value.shape == error.shape
        single = energy.run_with_errors(n=3, **VALUES)
        assert type(single.value) is type(single.standard_error) is float
        assert single.shots == 1024

    def test_refusals(self) -> None:
        with pytest.raises(ShotsError, match="spread"):
            energy.run_with_errors(n=3, **VALUES, shots=1)
        with pytest.raises(ExecutionError, match="nothing that is estimated"):
            bits.run_with_errors(0.3)
        with pytest.raises(ExecutionError, match="use `sample`"):
            bits.run(0.3, shots=10)


class TestHessian:
    def test_differences_of_the_gradient(self) -> None:
        hessian, step = energy.hessian(n=3, **VALUES), 1e-5
        for k in range(3):
            moved = [np.array(VALUES["w"]), np.array(VALUES["w"])]
            moved[0][k] += step
            moved[1][k] -= step
            above, below = (energy.grad(n=3, w=w, a=VALUES["a"]) for w in moved)
            assert hessian["w"]["w"][k] == pytest.approx((above["w"] - below["w"]) / (2 * step), abs=1e-8)
            assert hessian["w"]["a"][k] == pytest.approx(hessian["a"]["w"][k], abs=1e-12)
            assert hessian["a"]["w"][k] == pytest.approx((above["a"] - below["a"]) / (2 * step), abs=1e-8)

    def test_shapes(self) -> None:
        found = several.hessian(w=[0.7, 0.4])
        assert found["w"]["w"].shape == (5, 2, 2)
        batched = several.hessian(w=[[0.7, 0.4], [0.1, 0.2]])
        assert batched["w"]["w"].shape == (2, 5, 2, 2)
        assert np.allclose(batched["w"]["w"][0], found["w"]["w"])
        assert energy.hessian(n=3, **VALUES, wrt="a").keys() == {"a"}

    def test_dictionaries_by_their_keys(self) -> None:
        @qk.qkernel
        def turned(d: qk.Dict[qk.UInt, qk.Float], a: qk.Float) -> qk.Float:
            q = qk.qubit()
            for _, angle in qk.items(d):
                q = qk.rx(q, angle)
            return qk.expval(qk.rx(q, a), qko.Z(0))

        found = turned.hessian(d={0: 0.1, 5: 0.2}, a=0.3, wrt=["d", "a"])
        second = -math.cos(0.6)
        assert found["d"][0]["d"] == {0: pytest.approx(second), 5: pytest.approx(second)}
        assert found["a"]["d"][5] == pytest.approx(second)
        assert found["d"][5]["a"] == pytest.approx(second)

    def test_refusals(self) -> None:
        with pytest.raises(GradientError, match="bits"):
            bits.hessian(0.3)

    def test_no_finite_value(self) -> None:
        @qk.qkernel
        def rooted(a: qk.Float, b: qk.Float) -> qk.Float:
            return qk.expval(qk.rx(qk.rx(qk.qubit(), qk.sqrt(a)), b), qko.Z(0))

        with pytest.raises(GradientError, match="`rooted` has no finite value"):
            rooted.hessian(0.0, 0.3)
        assert rooted.compile({"a": 0.0}).hessian(0.3)["b"]["b"] == pytest.approx(-math.cos(0.3))


class TestStates:
    def test_returned_qubits_come_first(self) -> None:
        @qk.qkernel
        def state(angle: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
            first, _, last = qk.x(qk.qubit()), qk.ry(qk.qubit(), angle), qk.qubit()
            return last, first

        rest = np.array([math.cos(0.2), math.sin(0.2)])
        assert np.allclose(state.statevector(0.4), np.kron(rest, [0, 0, 1, 0]))
        batch = state.statevector([0.4, 0.6])
        assert batch.shape == (2, 8)
        assert np.allclose(batch[0], state.statevector(0.4))

    @pytest.mark.parametrize("engine", ["native", "reference", "torch", "qiskit"])
    def test_the_state_that_is_read_out(self, engine: str) -> None:
        amplitudes = several.statevector(w=[0.7, 0.4], engine=engine)
        turned = np.kron([math.cos(0.2), math.sin(0.2)], [math.cos(0.35), math.sin(0.35)])
        assert np.allclose(amplitudes, turned[[0, 3, 2, 1]])

    @pytest.mark.parametrize("engine", ["native", "reference", "torch", "qiskit"])
    def test_a_matrix_column_by_column(self, engine: str) -> None:
        found = reordered.unitary(b=2, angle=0.9, engine=engine)
        assert np.allclose(found @ found.conj().T, np.eye(8))
        for column in range(8):
            assert np.allclose(found[:, column], on_basis_state(column).statevector())

    def test_qubits_that_are_taken_begin_in_0(self) -> None:
        assert np.allclose(reordered.statevector(b=2, angle=0.9), reordered.unitary(b=2, angle=0.9)[:, 0])

    def test_isometries_batches_and_no_qubits(self) -> None:
        @qk.qkernel
        def widened(q: qk.Qubit, angle: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
            return qk.cx(q, qk.ry(qk.qubit(), angle))

        found = widened.unitary(angle=[0.1, 0.5])
        assert found.shape == (2, 4, 2)
        assert np.allclose(found[1].conj().T @ found[1], np.eye(2))
        assert np.allclose(several.unitary(w=[0.7, 0.4])[:, 0], several.statevector(w=[0.7, 0.4]))
        assert reordered.unitary(b=0, angle=0.3).shape == (2, 2)

    def test_clean_ancillas_are_left_out(self) -> None:
        def with_ancilla(undone: bool) -> Any:
            @qk.qkernel(clean_ancillas=True)
            def flagged(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
                flag = qk.qubit()
                q[0], flag = qk.cx(q[0], flag)
                flag, q[1] = qk.cz(flag, q[1])
                if undone:
                    q[0], flag = qk.cx(q[0], flag)
                return q

            return flagged

        assert np.allclose(with_ancilla(True).unitary(q=2), np.diag([1, 1, 1, -1]))
        with pytest.raises(UncleanAncillaError, match="`flagged` does not bring `flag` back to 0"):
            with_ancilla(False).unitary(q=2)

        @qk.qkernel
        def caller() -> qk.Vector[qk.Qubit]:
            return with_ancilla(True)(qk.h(qk.qubit_array(2)))

        assert np.allclose(caller.statevector(), np.array([1, 1, 1, -1]) / 2)

    def test_refusals(self) -> None:
        with pytest.raises(ExecutionError, match="measures or resets"):
            bits.statevector(0.3)
        with pytest.raises(EntrypointValidationError, match="needs a length for `b`"):
            reordered.unitary(angle=0.1)
        with pytest.raises(BindingTypeError, match="single qubit"):
            reordered.unitary(a=1, b=2, angle=0.1)
        with pytest.raises(BindingTypeError, match="negative"):
            reordered.unitary(b=-1, angle=0.1)
        with pytest.raises(EntrypointValidationError, match="needs a length for `b`"):
            reordered.statevector(angle=0.1)
        with pytest.raises(EntrypointValidationError, match="takes qubits"):
            reordered.sample(angle=0.1)


def test_what_is_given_twice_or_by_the_wrong_place() -> None:
    program = energy.compile({"n": 3}, lengths={"w": 3})
    for call in (
        lambda: program.run(VALUES["w"], w=VALUES["w"], a=0.1),
        lambda: program.run(VALUES["w"], bindings={"w": VALUES["w"], "a": 0.1}),
        lambda: program.run(bindings={"w": VALUES["w"], "a": 0.1}, a=0.1),
        lambda: energy.run(3, VALUES["w"], bindings={"a": 0.1}, a=0.1),
    ):
        with pytest.raises(ConflictingBindingError, match="given twice"):
            call()
    with pytest.raises(CallArgumentError, match="more values"):
        program.run(VALUES["w"], 0.1, 0.2)
    with pytest.raises(KernelTypeError, match="`options` is a dictionary"):
        program.run(**VALUES, options=[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["run", "run_with_errors", "sample", "grad", "jacobian", "hessian"])
def test_a_kernel_that_returns_nothing(verb: str) -> None:
    @qk.qkernel
    def kernel(a: qk.Float) -> None:
        qk.rx(qk.qubit(), a)

    with pytest.raises(ExecutionError, match="`kernel` returns nothing that can be read"):
        getattr(kernel, verb)(0.1)


def test_derivatives_of_no_observables() -> None:
    @qk.qkernel
    def kernel(a: qk.Float, terms: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
        return qk.expval(qk.rx(qk.qubit(), a), terms)

    assert kernel.jacobian([0.1, 0.2], [])["a"].shape == (2, 0)
    assert kernel.hessian([0.1, 0.2], [])["a"]["a"].shape == (2, 0)


@pytest.mark.parametrize("verb", ["run", "run_with_errors", "statevector", "unitary", "explain"])
def test_no_gradient_stops_unsaid(verb: str) -> None:
    for given in (torch.ones(2, requires_grad=True), [torch.ones((), requires_grad=True), 0.1]):
        with pytest.raises(GradientError, match="`w` requires a gradient"):
            getattr(several, verb)(given)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda program: pickle.loads(pickle.dumps(program))])
def test_copies_run_like_their_original(copied: Any) -> None:
    program = energy.compile({"n": 3}, lengths={"w": 3}, engine="reference", shots=50, seed=3)
    expected = program.run(**VALUES)
    assert copied(program).run(**VALUES) == expected
    assert copied(program).run(**VALUES, engine="native", shots=50, seed=3) == program.run(**VALUES, engine="native")
    assert copied(program).fixed == program.fixed


def test_an_argument_that_is_called_self() -> None:
    @qk.qkernel
    def kernel(self: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), self), qko.Z(0))

    found = [kernel(self=0.3), kernel.run(self=0.3), kernel.compile().run(self=0.3), kernel.value_and_grad(self=0.3)[0]]
    assert found == pytest.approx([math.cos(0.3)] * 4)


def test_an_option_that_is_misspelt() -> None:
    for call, meant in (
        (lambda: energy.run(3, *VALUES.values(), shts=5), "shots"),
        (lambda: energy.estimate_resources(n=3, preision=0.1), "precision"),
        (lambda: energy.draw(outputt="text"), "output"),
        (lambda: energy.compile({"n": 3}, lengths={"w": 3}).grad(**VALUES, enginee="torch"), "engine"),
    ):
        with pytest.raises(CallArgumentError, match=f"did you mean `{meant}`"):
            call()


def test_a_circuit_without_a_kernel_has_no_tools() -> None:
    program = Executable(energy.compile({"n": 3}, lengths={"w": 3}).circuit)
    assert program.run(**VALUES) == energy.run(n=3, **VALUES)
    with pytest.raises(KernelTypeError, match="made of a circuit"):
        program.draw(output="text")


def test_what_is_fixed_is_saved_as_defaults(tmp_path: Path) -> None:
    energy.compile({"n": 3, "w": VALUES["w"]}).save(tmp_path / "energy.qk")
    loaded = qk.load(tmp_path / "energy.qk")
    assert loaded.run(a=VALUES["a"]) == energy.run(n=3, **VALUES)
    assert loaded.run(n=2, w=[0.1, 0.2], a=0.3) == energy.run(n=2, w=[0.1, 0.2], a=0.3)

    @qk.qkernel
    def keyed(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), d[0]), qko.Z(0))

    with pytest.raises(ValidationError, match="no default for `d`"):
        keyed.compile({"d": {0: 0.1}}).save(tmp_path / "keyed.qk")
    assert not (tmp_path / "keyed.qk").exists()


def test_which_floats_shape_the_circuit_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    @qk.qkernel
    def shaped(x: qk.Float, y: qk.Float, n: qk.UInt) -> qk.Float:
        q = qk.qubit_array(n)
        if x > 0.5:
            q[0] = qk.x(q[0])
        q[0] = qk.ry(q[0], y)
        return qk.expval(q, qko.Z(0))

    lowered: list[int] = []
    lower = compilation.lower
    monkeypatch.setattr(compilation, "lower", lambda *given, **options: lowered.append(1) or lower(*given, **options))
    assert shaped.run(0.3, 0.2, 2) == pytest.approx(np.cos(0.2))
    assert len(lowered) == 2, "with x open, and with x fixed"
    assert shaped.run(0.3, 0.5, 2) == pytest.approx(np.cos(0.5))
    assert shaped.run(0.3, np.array([0.5, 0.1]), 2) == pytest.approx(np.cos([0.5, 0.1]))
    assert shaped.grad(0.3, 0.4, 2, wrt="y")["y"] == pytest.approx(-np.sin(0.4))
    assert len(lowered) == 2
    assert shaped.run(0.7, 0.5, 2) == pytest.approx(-np.cos(0.5))
    assert len(lowered) == 3, "another x"
    with pytest.raises(GradientError, match="no derivative by `x`, which was fixed"):
        shaped.grad(0.3, 0.4, 2, wrt="x")


@qk.qkernel
def widened(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(n)))


def test_tools_take_bindings_by_place() -> None:
    assert widened.to_circuit({"n": 2}) == widened.to_circuit(n=2)
    assert widened.to_qasm({"n": 2}) == widened.to_qasm(n=2)
    assert widened.draw({"n": 2}, output="text") == widened.draw(n=2, output="text")
    widened.verify_resources({"n": 2})
