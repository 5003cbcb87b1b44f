@qk.qkernel
def kernel(i: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.select([qk.x, qk.pauli_evolve])(i, q)


kernel.check()
