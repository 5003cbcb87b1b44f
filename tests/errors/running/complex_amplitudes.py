import numpy as np


@qk.qkernel
def kernel(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.prepare(qk.qubit_array(2), x))


kernel.run(x=np.array([1, 1j]))
