@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.pauli_evolve(qk.qubit(), 1j * qko.X(0), 0.5))


kernel.compile()
