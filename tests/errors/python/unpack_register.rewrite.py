@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(2)
    a, b = q[0], q[1]
    return qk.measure(a)
