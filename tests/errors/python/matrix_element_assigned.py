@qk.qkernel
def kernel(q: qk.Qubit, m: qk.Matrix[qk.Float]) -> qk.Qubit:
    m[0, 0] = 0.5
    return qk.rx(q, m[0, 0])


kernel.check()
