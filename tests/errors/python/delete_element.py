@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    del q[0]
    return q


kernel.check()
