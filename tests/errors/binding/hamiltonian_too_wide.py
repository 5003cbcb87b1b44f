@qk.qkernel
def kernel(hamiltonian: qk.Observable) -> qk.Float:
    q = qk.qubit_array(2)
    return qk.expval(q, hamiltonian)


kernel.compile({"hamiltonian": qko.Z(0) * qko.Z(2)})
