@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit()
    first = qk.measure(q)
    q = qk.x(q)
    return first


kernel.check()
