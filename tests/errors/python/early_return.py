@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    if n > 3:
        return q
    return qk.h(q)


kernel.check()
