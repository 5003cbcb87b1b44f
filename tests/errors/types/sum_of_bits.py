@qk.qkernel
def kernel() -> qk.UInt:
    return qk.measure(qk.qubit()) + qk.measure(qk.qubit())


kernel.check()
