@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.within_apply(qk.h, qk.rz)(q, phase=0.3)


kernel.check()
