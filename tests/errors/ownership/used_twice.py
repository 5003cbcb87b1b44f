@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit()
    a = qk.h(q)
    b = qk.x(q)
    return qk.measure(b)


kernel.check()
