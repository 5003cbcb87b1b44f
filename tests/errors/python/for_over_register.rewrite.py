@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(q.shape[0]):
        x = q[i]
        x = qk.h(x)
        q[i] = x
    return qk.measure(q)
