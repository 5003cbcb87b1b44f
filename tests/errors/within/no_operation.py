@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.within_apply(qk.h, 3)(q)


kernel.check()
