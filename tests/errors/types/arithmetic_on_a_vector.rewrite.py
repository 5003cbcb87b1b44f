@qk.qkernel
def kernel(q: qk.Vector[qk.Qubit], angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(angles.shape[0]):
        angles[i] = 2 * angles[i]
    return qk.rx(q, angles)


kernel.check()
