@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[n - 5] = qk.h(q[n - 5])
    return qk.measure(q)


kernel.sample(n=3)
