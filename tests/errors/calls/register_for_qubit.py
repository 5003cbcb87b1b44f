@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    flag = qk.qubit()
    flag, q = qk.cx(flag, q)
    return qk.measure(q)


kernel.check()
