seen = [0]


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    seen[0] = 1
    return qk.h(q)


kernel.check()
