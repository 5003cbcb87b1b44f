@qk.qkernel
def kernel(x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.prepare(qk.qubit_array(2), x, imaginary=y))


kernel.run(x=[0.5] * 4, y=[0.5] * 5)
