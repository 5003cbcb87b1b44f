import numpy as np


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q = qk.unitary(np.eye(4), q)
    return qk.measure(q)


kernel.check()
