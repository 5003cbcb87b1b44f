@qk.qkernel
def total_angle(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    total = 0.0
    for i in qk.range(angles.shape[0]):
        total = total + angles[i]
    return qk.rx(q, total)


total_angle.check()
