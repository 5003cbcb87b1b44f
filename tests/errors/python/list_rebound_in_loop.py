@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    angles = [0.0, 1.0]
    q = qk.qubit()
    for i in qk.range(n):
        angles = [angles[1], angles[0]]
        q = qk.rx(q, angles[0])
    return qk.expval(q, qko.Z(0))


kernel.check()
