@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    bits = qk.measure(qk.qubit_array(3))
    if bits:
        q = qk.x(q)
    return q


kernel.check()
