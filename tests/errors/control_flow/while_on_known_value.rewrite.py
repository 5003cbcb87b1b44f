@qk.qkernel
def kernel(n: qk.UInt) -> qk.Qubit:
    q = qk.qubit()
    for i in qk.range(n):
        q = qk.h(q)
    return q
