@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q[-3] = qk.h(q[-3])
    return qk.measure(q)


kernel.check()
