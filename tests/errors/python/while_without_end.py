@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    n = 1
    while n > 0:
        n = n + 1
    return q


kernel.check()
