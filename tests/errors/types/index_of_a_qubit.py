@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return q[0]


kernel.check()
