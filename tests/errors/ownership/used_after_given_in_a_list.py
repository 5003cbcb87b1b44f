@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel() -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q = qk.qubit_array(4)
    flag = qk.qubit()
    both = layer((q, flag))
    flag = qk.x(flag)
    return qk.measure(q), qk.measure(flag)


kernel.check()
