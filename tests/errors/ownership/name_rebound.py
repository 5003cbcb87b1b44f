@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.h(qk.qubit())
    q = qk.qubit()
    return qk.measure(q)


kernel.check()
