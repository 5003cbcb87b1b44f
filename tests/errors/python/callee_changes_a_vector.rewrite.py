@qk.qkernel
def turned(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Float]]:
    angles[0] = 2 * angles[0]
    return qk.ry(q, angles[0]), angles


@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    q, angles = turned(qk.qubit(), angles)
    return angles[0] * qk.expval(q, qko.Z(0))
