from qiskit.providers.fake_provider import GenericBackendV2


@qk.qkernel
def kernel() -> qk.UInt:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    count = 0
    while bit:
        q, bit = qk.project_z(qk.h(q))
        count = count + 1
    return count


kernel.compile(engine=GenericBackendV2(5, noise_info=False, control_flow=True)).sample(shots=10)
