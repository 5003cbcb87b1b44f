@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = layer(qk.qubit_array(3), 0.5)
    return qk.measure(q)


kernel.check()
