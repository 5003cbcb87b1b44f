@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel(k: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0], q[k] = layer((q[0], q[k]))
    return qk.measure(q)


kernel.sample(k=0)
