@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    import math

    return qk.rx(q, math.pi)


kernel.check()
