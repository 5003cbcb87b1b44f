@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    a, b = qk.cx(q, q)
    return a


kernel.check()
