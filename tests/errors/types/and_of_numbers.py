@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qk.qubit_array((n > 1) & n)


kernel.check()
