@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    assert n > 0
    return qk.qubit_array(n)


kernel.check()
