from qiskit_ibm_runtime.fake_provider import FakeManilaV2


@qk.qkernel
def kernel() -> qk.Bit:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    while bit:
        q, bit = qk.project_z(qk.h(q))
    return qk.measure(q)


kernel.compile(engine=FakeManilaV2()).sample(shots=10)
