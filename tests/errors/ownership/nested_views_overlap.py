@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(8)
    outer = q[2:6]
    inner = outer[0:2]
    other = outer[1:3]
    return qk.measure(q)


kernel.check()
