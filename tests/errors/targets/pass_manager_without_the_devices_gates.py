from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))


passes = PassManager([Optimize1qGatesDecomposition(basis=["u"])])
kernel.compile(engine=QiskitEngine(GenericBackendV2(5, noise_info=False), pass_manager=passes)).sample(shots=10)
