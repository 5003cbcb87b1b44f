@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(8)
    tail = q[4:]
    inner = qk.h(tail[0:2])
    q[4:] = tail
    return qk.measure(q)


kernel.check()
