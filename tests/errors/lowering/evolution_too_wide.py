@qk.qkernel
def kernel(hamiltonian: qk.Observable) -> qk.Bit:
    return qk.measure(qk.pauli_evolve(qk.qubit(), hamiltonian, 0.5))


kernel.compile({"hamiltonian": qko.X(0) * qko.X(1)})
