@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    layer([])
    return qk.measure(q)


kernel.check()
