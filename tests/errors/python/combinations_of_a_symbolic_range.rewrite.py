@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        for j in qk.range(i + 1, n):
            q[i], q[j] = qk.cz(q[i], q[j])
    return qk.measure(q)
