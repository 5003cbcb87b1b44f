@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        for j in qk.range(n):
            q[i], q[j] = qk.cx(q[i], q[j])
    return qk.measure(q)


kernel.sample(n=3)
