@qk.qkernel
def kernel(q: qk.Matrix[qk.Qubit]) -> qk.Bit:
    return qk.bit(0)
