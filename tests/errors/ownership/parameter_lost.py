@qk.qkernel
def kernel(q: qk.Qubit, r: qk.Qubit) -> qk.Qubit:
    q, r = qk.cx(q, r)
    return q


kernel.check()
