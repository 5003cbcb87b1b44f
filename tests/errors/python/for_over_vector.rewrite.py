@qk.qkernel
def kernel(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    for i in qk.range(angles.shape[0]):
        angle = angles[i]
        q = qk.rx(q, angle)
    return q
