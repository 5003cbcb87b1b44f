from qiskit.providers.fake_provider import GenericBackendV2

from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(3))
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    return qk.measure(q)


pairs = GenericBackendV2(5, coupling_map=[[0, 1], [2, 3], [3, 4]], noise_info=False)
kernel.compile(engine=QiskitEngine(pairs, initial_layout=[0, 1, 2])).sample(shots=10)
