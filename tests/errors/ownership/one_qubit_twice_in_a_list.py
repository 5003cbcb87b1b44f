@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0], q[1], q[2] = layer([q[0], q[1], q[0]])
    return qk.measure(q)


kernel.check()
