@qk.qkernel
def kernel(q: qk.Vector) -> qk.Vector[qk.Qubit]:
    return q
