import math


@qk.qkernel
def kernel(q: qk.Qubit, ratio: qk.Float) -> qk.Qubit:
    return qk.ry(q, 2 * math.asin(ratio))


kernel.check()
