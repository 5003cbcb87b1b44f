import numpy as np


@qk.qkernel
def backwards() -> qk.Vector[qk.Bit]:
    return np.flip(qk.measure(qk.qubit_array(3)))


backwards.check()
