@qk.qkernel
def kernel(n: qk.Vector[qk.Qubit] | None) -> qk.Qubit:
    return qk.qubit()
