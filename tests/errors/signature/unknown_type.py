@qk.qkernel
def kernel(q: complex) -> qk.Qubit:
    return q
