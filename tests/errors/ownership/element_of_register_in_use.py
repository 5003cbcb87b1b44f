@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    r = qk.h(q)
    q[0] = qk.x(q[0])
    return qk.measure(r)


kernel.check()
