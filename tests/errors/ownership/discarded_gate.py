@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit("q")
    qk.h(q)
    return qk.measure(q)


kernel.check()
