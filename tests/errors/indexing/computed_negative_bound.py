START = -2


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[START:] = qk.h(q[START:])
    return qk.measure(q)


kernel.check()
