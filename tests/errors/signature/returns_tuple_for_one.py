@qk.qkernel
def kernel() -> qk.Bit:
    a, b = qk.cx(qk.qubit(), qk.qubit())
    return qk.measure(a), qk.measure(b)


kernel.check()
