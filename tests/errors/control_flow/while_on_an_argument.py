@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    while n > 0:
        q = qk.h(q)
        n = n - 1
    return qk.measure(q)


kernel.check()
