@qk.qkernel
def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.unitary([[1, 0], [0, theta]], q)


kernel.check()
