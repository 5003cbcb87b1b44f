@qk.qkernel
def pair(a: qk.Vector[qk.Qubit], b: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    return a, b


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q, b = pair(q, q[0])
    return qk.measure(q)


kernel.check()
