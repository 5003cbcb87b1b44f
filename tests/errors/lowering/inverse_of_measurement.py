@qk.qkernel
def look(q: qk.Qubit) -> qk.Qubit:
    q, bit = qk.project_z(q)
    return q


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.inverse(look)(qk.qubit())
    return qk.measure(q)


kernel.compile()
