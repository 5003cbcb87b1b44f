from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import RemoveFinalMeasurements

from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.x(qk.qubit()))


passes = PassManager([RemoveFinalMeasurements()])
kernel.compile(engine=QiskitEngine(GenericBackendV2(5, noise_info=False), pass_manager=passes)).sample(shots=10)
