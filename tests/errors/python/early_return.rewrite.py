@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    if n > 3:
        pass
    else:
        q = qk.h(q)
    return q
