@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(6)
    q[1::2] = qk.h(q[0::2])
    return qk.measure(q)


kernel.check()
