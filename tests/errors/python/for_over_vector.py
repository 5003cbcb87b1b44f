@qk.qkernel
def kernel(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    for angle in angles:
        q = qk.rx(q, angle)
    return q


kernel.check()
