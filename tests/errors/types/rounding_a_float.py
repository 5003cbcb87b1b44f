@qk.qkernel
def kernel(x: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.qubit_array(int(x))


kernel.check()
