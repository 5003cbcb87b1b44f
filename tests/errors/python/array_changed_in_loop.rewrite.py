import numpy as np


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    angles = np.zeros(2)
    q = qk.qubit()
    for i in [0, 1, 2]:
        angles[0] = angles[0] + 0.5
        q = qk.rx(q, angles[0])
    return qk.expval(q, qko.Z(0))
