@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n == 0:
        q = qk.x(q)
    else:
        q = qk.h(q)
    return q
