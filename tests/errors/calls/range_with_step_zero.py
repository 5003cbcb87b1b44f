@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    for i in qk.range(0, n, 0):
        q = qk.h(q)
    return q


kernel.check()
