@qk.qkernel
def kernel(q: qk.Qubit, **angles: qk.Float) -> qk.Qubit:
    return q
