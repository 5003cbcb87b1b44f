from qiskit.providers.fake_provider import GenericBackendV2


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.h(qk.qubit())
    q = qk.t(q)
    return qk.measure(qk.h(q))


clifford = GenericBackendV2(2, basis_gates=["h", "s", "cx"], noise_info=False)
kernel.compile(engine=clifford).sample(shots=10)
