@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, "pi/2")


kernel.check()
