@qk.qkernel
def kernel(q: qk.Qubit, weights: qk.Vector[qk.Float]) -> qk.Qubit:
    for i, weight in qk.items(weights):
        q = qk.rx(q, weight)
    return q


kernel.check()
