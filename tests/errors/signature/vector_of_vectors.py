@qk.qkernel
def kernel(m: qk.Vector[qk.Vector[qk.Float]]) -> qk.Qubit:
    return qk.rx(qk.qubit(), m[0][0])
