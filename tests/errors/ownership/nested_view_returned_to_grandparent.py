@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(8)
    outer = q[2:6]
    inner = qk.h(outer[0:2])
    q[2:4] = inner
    return qk.measure(q)


kernel.check()
