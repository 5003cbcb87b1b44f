@qk.qkernel
def kernel(q) -> qk.Qubit:
    return q
