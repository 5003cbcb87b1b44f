@qk.qkernel
def kernel(q: qk.Qubit, m: qk.Matrix[qk.Float]) -> qk.Qubit:
    return qk.rx(q, m[0, 1, 2])


kernel.check()
