import math


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, math.pi)
