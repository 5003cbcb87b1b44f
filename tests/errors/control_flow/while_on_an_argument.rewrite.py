@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for _ in qk.range(n):
        q = qk.h(q)
    return qk.measure(q)


kernel.check()
