@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    qk.unitary([[0, 1], [1, 0]])
    return q


kernel.check()
