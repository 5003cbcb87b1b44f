import math


@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    total = 0
    for i in qk.range(n):
        total = total + i
        for j in qk.range(n):
            total = total + j
            q = qk.rx(q, math.gamma(total))
    return q


kernel.check()
