@qk.qkernel
def kernel(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(q.size):
        q[i] = qk.h(q[i])
    return q


kernel.check()
