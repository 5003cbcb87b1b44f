@qk.qkernel
def kernel(q: qk.Qubit, r: qk.Qubit) -> qk.Qubit:
    return qk.pauli_evolve(q, r, 0.5)


kernel.check()
