@qk.qkernel
def kernel() -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.h(qk.qubit_array(60)))


kernel.run()
