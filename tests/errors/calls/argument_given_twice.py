@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, 0.5, angle=0.6)


kernel.check()
