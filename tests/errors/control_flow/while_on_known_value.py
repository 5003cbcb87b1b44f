@qk.qkernel
def kernel(n: qk.UInt) -> qk.Qubit:
    q = qk.qubit()
    while n > 0:
        q = qk.h(q)
    return q


kernel.check()
