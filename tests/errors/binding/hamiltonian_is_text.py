@qk.qkernel
def kernel(hamiltonian: qk.Observable) -> qk.Float:
    return qk.expval(qk.qubit(), hamiltonian)


kernel.compile({"hamiltonian": "Z0"})
