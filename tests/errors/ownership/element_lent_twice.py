@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    first = qk.h(q[0])
    again = qk.x(q[0])
    q[0] = first
    return qk.measure(q)


kernel.check()
