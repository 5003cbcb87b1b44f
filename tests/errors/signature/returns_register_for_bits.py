@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(3))
    return q


kernel.check()
