@qk.qkernel
def first(q: qk.Vector[qk.Qubit]) -> qk.Bit:
    return qk.measure(q[0])


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(2)
    return first(q)


kernel.sample(shots=1)
