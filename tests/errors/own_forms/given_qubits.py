@qk.qkernel
def turned(q: qk.Qubit) -> qk.Qubit:
    return qk.h(q)


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return turned.inverse(q)


kernel.check()
