@qk.qkernel
def kernel(n: qk.UInt) -> qk.UInt:
    count = 0
    for i in qk.range(n):
        count = qk.measure(qk.qubit())
    return count


kernel.check()
