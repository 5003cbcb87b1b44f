@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, 1 / 0)


kernel.check()
