from qiskit.providers.fake_provider import GenericBackendV2


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(3))
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    return qk.measure(q)


pairs = GenericBackendV2(4, coupling_map=[[0, 1], [2, 3]], noise_info=False)
kernel.compile(engine=pairs).sample(shots=10)
