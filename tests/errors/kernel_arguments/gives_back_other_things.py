@qk.qkernel
def read(u: qk.Kernel[[qk.Qubit], qk.Bit], q: qk.Qubit) -> qk.Bit:
    return u(q)
