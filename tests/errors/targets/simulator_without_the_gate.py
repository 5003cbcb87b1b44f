from qiskit_aer import AerSimulator


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.h(qk.t(qk.h(qk.qubit()))))


kernel.compile(engine=AerSimulator(method="stabilizer")).sample(shots=10)
