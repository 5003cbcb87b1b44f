from qiskit_aer import AerSimulator


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))


kernel.compile(engine=AerSimulator)
