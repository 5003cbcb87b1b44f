@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(len(angles))
    for i in qk.range(q.shape[0]):
        q[i] = qk.rx(q[i], angles[i])
    return qk.measure(q)
