@qk.qkernel
def kernel() -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.prepare(qk.qubit_array(2), [1, 1j]))


kernel.check()
