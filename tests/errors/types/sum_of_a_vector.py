import numpy as np


@qk.qkernel
def total_angle(q: qk.Qubit, angles: qk.Vector[qk.Float]) -> qk.Qubit:
    return qk.rx(q, np.sum(angles))


total_angle.check()
