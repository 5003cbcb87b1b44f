@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    q = qk.h(q)


kernel.check()
