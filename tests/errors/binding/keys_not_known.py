@qk.qkernel
def kernel(weights: qk.Dict[qk.UInt, qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    for i, weight in qk.items(weights):
        q[i] = qk.rz(q[i], weight)
    return qk.measure(q)


kernel.compile()
