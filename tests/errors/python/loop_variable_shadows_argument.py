@qk.qkernel
def kernel(i: qk.UInt, q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(3):
        q[i] = qk.h(q[i])
    return q


kernel.check()
