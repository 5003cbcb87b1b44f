@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(9)
    for i in reversed(range(0, 9, n)):
        q[i] = qk.x(q[i])
    return qk.measure(q)


kernel.check()
