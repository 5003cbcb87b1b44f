@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.cnott(q)


kernel.check()
