@qk.qkernel
def kernel() -> qk.UInt:
    count = 0
    count = count + qk.measure(qk.qubit())
    return count


kernel.check()
