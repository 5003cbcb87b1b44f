@qk.qkernel
def twice(u: qk.Kernel, q: qk.Qubit) -> qk.Qubit:
    return u(u(q))
