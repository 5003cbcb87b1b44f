@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    other = q
    q = qk.h(q)
    other = qk.x(other)
    return other


kernel.check()
