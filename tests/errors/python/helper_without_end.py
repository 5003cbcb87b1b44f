def again(q):
    return again(qk.h(q))


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return again(q)


kernel.check()
