@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.pauli_evolve(q, [qko.X(0), qko.Z(0)], 0.5)


kernel.check()
