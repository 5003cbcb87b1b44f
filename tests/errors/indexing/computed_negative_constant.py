LAST = -1


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q[LAST] = qk.h(q[LAST])
    return qk.measure(q)


kernel.check()
