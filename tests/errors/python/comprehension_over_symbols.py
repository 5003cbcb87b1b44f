@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    return [qk.measure(q[i]) for i in qk.range(n)]


kernel.check()
