@qk.qkernel
def kernel(n: 3) -> qk.Qubit:
    return qk.qubit()
