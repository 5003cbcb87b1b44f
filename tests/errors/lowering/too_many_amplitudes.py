@qk.qkernel
def kernel(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.prepare(qk.qubit_array(3), x))


kernel.run(x=[0.5] * 9)
