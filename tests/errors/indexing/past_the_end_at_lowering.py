@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i + 1] = qk.h(q[i + 1])
    return qk.measure(q)


kernel.sample(n=3)
