import numpy as np


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q = qk.unitary(np.eye(4), q)
    return qk.measure(q)


kernel.sample(n=3)
