"""Noise models of Aer and of backends, as ours and from ours: the same values on density matrices, or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel as AerModel
from qiskit_aer.noise import ReadoutError, depolarizing_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qkernel as qk
import qkernel.observable as qko
from qkernel import mitigation, noise
from qkernel.errors import KernelTypeError, TargetCapabilityError
from qkernel_backends.native import NativeEngine
from qkernel_backends.qiskit import QiskitEngine, from_aer, to_aer

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")

OF_EVERY_KIND = (
    noise.depolarizing(0.01)
    | noise.amplitude_damping(0.1, gates="cx")
    | noise.dephasing(0.2, gates="cx", on=(0, 1))
    | noise.pauli({"XY": 0.1}, gates=["cp", "cx"], on=[(1, 0), (1, 2)])
    | noise.thermal_relaxation(50, 60, 3, excited=0.1, gates="ccx")
)


@qk.qkernel
def mixed(angle: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(3))
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[0] = qk.cx(q[1], q[0])
    q[2] = qk.ry(q[2], angle)
    q[0], q[1], q[2] = qk.ccx(q[0], q[1], q[2])
    q[1], q[2] = qk.cp(q[1], q[2], angle * 2)
    return qk.expval(q, [qko.Z(0) * qko.Z(2) + qko.X(1), qko.Y(0) * qko.Y(1), qko.Z(1)])


def on_aer(kernel: Any, model: Any, *values: Any) -> Any:
    return kernel.run(*values, engine=QiskitEngine(noise=model, method="density_matrix"))


def test_values_are_those_of_aer() -> None:
    ours = mixed.run(0.4, engine=NativeEngine(noise=OF_EVERY_KIND))
    assert np.abs(ours - mixed.run(0.4)).max() > 0.05
    assert on_aer(mixed, OF_EVERY_KIND, 0.4) == pytest.approx(ours, abs=1e-12)
    assert on_aer(mixed, to_aer(OF_EVERY_KIND), 0.4) == pytest.approx(ours, abs=1e-12)
    assert mixed.run(0.4, engine=NativeEngine(noise=from_aer(to_aer(OF_EVERY_KIND)))) == pytest.approx(ours, abs=1e-12)


@qk.qkernel
def native_gates(angle: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.sx(qk.qubit_array(3))
    q[0], q[1] = qk.cx(q[0], q[1])
    q = qk.rz(q, angle)
    q = qk.sx(qk.x(q))
    q[1], q[2] = qk.cx(q[1], q[2])
    return qk.expval(q, [qko.Z(0) * qko.Z(2) + qko.X(1), qko.Y(0) * qko.Z(1)])


@pytest.mark.parametrize("backend", [FakeManilaV2(), GenericBackendV2(3, seed=4)], ids=["manila", "generic"])
def test_the_noise_of_a_backend_is_what_aer_reads_of_it(backend: Any) -> None:
    model = noise.from_backend(backend)
    aer = AerModel.from_backend(backend)
    assert native_gates.run(0.4, engine=NativeEngine(noise=model)) == pytest.approx(on_aer(native_gates, aer, 0.4), abs=1e-9)
    read = aer._local_readout_errors[(0,)].probabilities
    assert model.readout_of(0) == pytest.approx((read[0][1], read[1][0]))
    with_noise = AerSimulator(noise_model=aer)
    assert noise.from_backend(with_noise).readouts == model.readouts


def test_gates_that_a_backend_makes_of_sx_are_as_wrong_as_two_of_them() -> None:
    model = noise.from_backend(FakeManilaV2())
    for qubit in range(3):
        sx = model.behind("sx", (qubit,))
        assert sx
        assert model.behind("ry", (qubit,)) == [*sx, *sx]
        assert model.behind("s", (qubit,)) == model.behind("rz", (qubit,)) == []
    with pytest.raises(TargetCapabilityError, match="has the gate `ccx`"):
        mixed.run(0.4, engine=NativeEngine(noise=model))


@qk.qkernel
def read_zeros() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
    a, b, c = qk.qubit(), qk.x(qk.qubit()), qk.qubit()
    return qk.measure(a), qk.measure(b), qk.measure(c)


def test_errors_of_reading_out_go_both_ways() -> None:
    model = noise.readout(1.0, on=0) | noise.readout(0.0, 1.0, on=[1, 2])
    for engine in (QiskitEngine(noise=model), NativeEngine(noise=model), NativeEngine(noise=from_aer(to_aer(model)))):
        assert read_zeros.sample(shots=20, seed=1, engine=engine).counts == {(1, 0, 0): 20}
    everywhere = noise.readout(0.5) | noise.readout(0.0, on=1)
    assert to_aer(everywhere)._default_readout_error == ReadoutError([[0.5, 0.5], [0.5, 0.5]])
    assert from_aer(to_aer(everywhere)).readout_of(1) == pytest.approx((0.0, 0.0), abs=1e-10)


@qk.qkernel
def chances(angle: qk.Float) -> tuple[qk.Vector[qk.Float], qk.Float]:
    q = qk.ry(qk.qubit_array(3), angle)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.probabilities((q[2], q[0])), qk.expval(q[1], qko.Z(0))


def test_exact_values_on_aer_are_those_of_misread_bits() -> None:
    """Aer's own saved values leave errors of reading out, and those before measurements, out."""
    model = noise.readout(0.1, 0.3) | noise.readout(0.0, 0.2, on=1) | noise.amplitude_damping(0.1, gates="measure")
    shares, value = chances.run(0.7, engine=NativeEngine(noise=model))
    found = on_aer(chances, model, 0.7)
    assert found[0] == pytest.approx(shares, abs=1e-12)
    assert found[1] == pytest.approx(value, abs=1e-9)
    assert np.abs(shares - chances.run(0.7)[0]).max() > 0.05


def test_mitigation_works_on_qiskit() -> None:
    simulator = AerSimulator.from_backend(FakeManilaV2())
    engine = QiskitEngine(simulator, initial_layout=[0, 1, 2], seed_transpiler=1)
    exact = native_gates.run(0.4)
    calibration = mitigation.calibrate(engine, 3, shots=4000, seed=1)
    options: dict[str, Any] = {"engine": engine, "shots": 8000, "seed": 2}
    raw = native_gates.run(0.4, **options)
    found = mitigation.estimate(native_gates, 0.4, calibration=calibration, folds=(1, 3), **options)
    assert np.abs(found.value - exact).sum() < np.abs(raw - exact).sum() / 2
    assert (np.abs(found.value - exact) < 5.5 * found.standard_error + 0.02).all()


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(TargetCapabilityError, match="crosstalk acts on qubits beside those of a gate"):
        to_aer(noise.crosstalk(0.1, (0, 1)))
    with pytest.raises(TargetCapabilityError, match="noise behind every `unitary` has no place"):
        to_aer(noise.dephasing(0.1, gates="unitary"))
    with pytest.raises(KernelTypeError, match="a noise model of Aer is wanted"):
        from_aer(OF_EVERY_KIND)
    together = AerModel()
    together.add_readout_error(ReadoutError(np.full((4, 4), 0.25)), [0, 1])
    with pytest.raises(TargetCapabilityError, match="several qubits together"):
        from_aer(together)
    with pytest.raises(TargetCapabilityError, match="tells nothing of its noise"):
        noise.from_backend(AerSimulator())
    with pytest.raises(TargetCapabilityError, match="tells nothing of its noise"):
        noise.from_backend(GenericBackendV2(2, noise_info=False))
    with pytest.raises(TargetCapabilityError, match="crosstalk between the qubits 2 and 3, and `mixed` has 3"):
        mixed.run(0.1, engine=NativeEngine(noise=noise.crosstalk(0.1, (2, 3))))

    @qk.qkernel
    def wide() -> qk.Float:
        q = qk.qubit_array(2)
        q = qk.unitary(np.eye(4), q)
        return qk.expval(q, qko.Z(0))

    with pytest.raises(TargetCapabilityError, match="has the gate `unitary`, behind which every gate's noise has no place"):
        on_aer(wide, noise.dephasing(0.1))


def test_a_model_of_aer_is_no_model_of_ours() -> None:
    model = AerModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["h"])
    with pytest.raises(KernelTypeError, match="from_aer"):
        NativeEngine(noise=model)  # type: ignore[arg-type]
