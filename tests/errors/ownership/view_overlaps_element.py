@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(6)
    even = q[0::2]
    q[2] = qk.x(q[2])
    q[0::2] = even
    return qk.measure(q)


kernel.check()
