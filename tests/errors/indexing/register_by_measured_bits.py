@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    bits = qk.measure(qk.h(qk.qubit_array(2)))
    index = (1 if bits[0] else 0) + (2 if bits[1] else 0)
    q = qk.qubit_array(4)
    q[index] = qk.x(q[index])
    return qk.measure(q)


kernel.sample()
