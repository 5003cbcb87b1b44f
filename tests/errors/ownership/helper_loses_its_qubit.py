@qk.qkernel
def helper(q: qk.Vector[qk.Qubit]) -> qk.UInt:
    for i in qk.range(q.shape[0]):
        q[i] = qk.h(q[i])
    return 1


@qk.qkernel
def kernel(n: qk.UInt) -> qk.UInt:
    return helper(qk.qubit_array(n))


kernel.check()
