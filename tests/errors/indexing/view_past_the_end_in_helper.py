@qk.qkernel
def first(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[2] = qk.h(q[2])
    return q


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[0:2] = first(q[0:2])
    return qk.measure(q)


kernel.compile({"n": 4})
