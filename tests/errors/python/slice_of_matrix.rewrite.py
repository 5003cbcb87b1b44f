@qk.qkernel
def kernel(q: qk.Qubit, m: qk.Matrix[qk.Float]) -> qk.Qubit:
    row = m[0][0:2]
    return qk.rx(q, row[0])
