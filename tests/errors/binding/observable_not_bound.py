@qk.qkernel
def kernel(theta: qk.Float, hamiltonian: qk.Observable) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), theta), hamiltonian)


kernel.compile({"theta": 0.5})
