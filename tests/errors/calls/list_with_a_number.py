@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0], q[3] = layer([q[0], 3])
    return qk.measure(q)


kernel.check()
