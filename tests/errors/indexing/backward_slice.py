@qk.qkernel
def kernel(n: qk.UInt, k: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[k - 2 :: -1] = qk.h(q[k - 2 :: -1])
    return qk.measure(q)


kernel.sample(n=3, k=1)
