@qk.qkernel
def kernel(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    return qk.rx(q, angles[0])


kernel.check()
