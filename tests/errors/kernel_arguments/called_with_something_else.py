@qk.qkernel
def twice(u: qk.Kernel[[qk.Qubit, qk.Float], qk.Qubit], q: qk.Qubit) -> qk.Qubit:
    return u(q)


twice.check()
