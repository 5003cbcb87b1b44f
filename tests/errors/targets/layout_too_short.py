from qiskit.providers.fake_provider import GenericBackendV2

from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(3))
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    return qk.measure(q)


engine = QiskitEngine(GenericBackendV2(5, noise_info=False), initial_layout=[4, 3])
kernel.compile(engine=engine).sample(shots=10)
