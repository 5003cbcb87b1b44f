@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    last = 0
    for i in qk.range(n):
        last = "later"
    return qk.measure(qk.qubit())


kernel.check()
