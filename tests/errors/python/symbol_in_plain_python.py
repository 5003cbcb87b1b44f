import math


@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, math.gamma(n))


kernel.check()
