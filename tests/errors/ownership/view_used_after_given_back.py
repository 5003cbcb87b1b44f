@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    left = q[0:2]
    q[0:2] = left
    left = qk.h(left)
    return qk.measure(q)


kernel.check()
