from qiskit.providers.fake_provider import GenericBackendV2


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(3)))


kernel.compile(engine=GenericBackendV2(2, noise_info=False)).sample(shots=10)
