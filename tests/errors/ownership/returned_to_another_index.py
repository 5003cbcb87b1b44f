@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n - 1):
        q[i], q[i + 1] = q[i + 1], q[i]
    return qk.measure(q)


kernel.check()
