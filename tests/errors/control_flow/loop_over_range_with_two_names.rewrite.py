@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    for i in qk.range(n):
        q = qk.h(q)
    return q
