@qk.qkernel
def kernel() -> qk.Vector[qk.Qubit]:
    return qk.rx(qk.qubit_array(3), [0.1, 0.2])


kernel.check()
