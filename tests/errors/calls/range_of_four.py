@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(0, n, 1, 1):
        q = qk.h(q)
    return qk.measure(q)


kernel.check()
