@qk.qkernel
def kernel(angle: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), angle)
    qk.measure(q[0])
    return qk.expval([q[1]], qko.Z(0))


kernel.metric(angle=0.3)
