@qk.qkernel
def kernel(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2)
    q[0] = qk.h(q[0])
    q = qk.prepare(q, x)
    return qk.probabilities(q)


kernel.run(x=[0.6, 0.8])
