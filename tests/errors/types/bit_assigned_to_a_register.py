@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    q[0] = qk.measure(q[0])
    return q


kernel.check()
