@qk.qkernel
def kernel(q: qk.Qubit, m: qk.Matrix[qk.Float]) -> qk.Qubit:
    value = 0.5  # instead of m[0, 0]
    return qk.rx(q, value)
