@qk.qkernel
def cost(q: qk.Vector[qk.Qubit], weights: qk.Dict[qk.UInt, qk.Float]) -> qk.Vector[qk.Qubit]:
    for i, weight in qk.items(weights):
        q[i] = qk.rz(q[i], weight)
    return q


@qk.qkernel
def kernel() -> qk.Vector[qk.Qubit]:
    return cost(qk.qubit_array(2), {0: 0.1, 1: 0.2})


kernel.check()
