@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    even = qk.h(q[0::2])
    return qk.measure(q)


kernel.check()
