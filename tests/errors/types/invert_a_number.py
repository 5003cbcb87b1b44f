@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qk.qubit_array(~(n / 2))


kernel.check()
