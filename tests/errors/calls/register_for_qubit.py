@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    a, b = qk.cx(q, q)
    return qk.measure(q)


kernel.check()
