@qk.qkernel
def turned(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    angles[0] = 2 * angles[0]
    return qk.ry(q, angles[0])


@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    q = turned(qk.qubit(), angles)
    return angles[0] * qk.expval(q, qko.Z(0))


kernel.check()
