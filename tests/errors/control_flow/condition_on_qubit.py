@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    if q:
        q = qk.h(q)
    return q


kernel.check()
