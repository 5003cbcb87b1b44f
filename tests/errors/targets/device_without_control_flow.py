from qiskit.providers.fake_provider import GenericBackendV2


@qk.qkernel
def kernel() -> qk.Bit:
    flag, target = qk.measure(qk.h(qk.qubit())), qk.qubit()
    if flag:
        target = qk.x(target)
    return qk.measure(target)


kernel.compile(engine=GenericBackendV2(5, noise_info=False)).sample(shots=10)
