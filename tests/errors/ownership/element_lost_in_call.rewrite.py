@qk.qkernel
def first(q: qk.Vector[qk.Qubit]) -> qk.Bit:
    bits = qk.measure(q)
    return bits[0]


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(2)
    return first(q)
