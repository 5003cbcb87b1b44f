import numpy as np


@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    angles = np.linspace(0, 1, n)
    return qk.rx(q, angles[0])


kernel.check()
