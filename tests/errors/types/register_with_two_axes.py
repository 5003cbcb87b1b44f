@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(2, 3))


kernel.check()
