@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    flag = qk.measure(q[0])
    return qk.measure(q)


kernel.check()
