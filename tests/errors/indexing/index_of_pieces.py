@qk.qkernel
def third(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[2] = qk.x(q[2])
    return q


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    flag = qk.qubit()
    q, flag = third((q, flag))
    return qk.measure(q)


kernel.sample(n=1)
