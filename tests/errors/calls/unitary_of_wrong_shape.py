@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.unitary([[1, 0, 0], [0, 1, 0], [0, 0, 1]], q)


kernel.check()
