@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    pair = (qk.qubit(), qk.qubit())
    for i in qk.range(n):
        pair = (pair[1], pair[0])
    return qk.measure(pair[0])


kernel.check()
