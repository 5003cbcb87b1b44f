@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(3)
    q = q[0]
    return qk.measure(q)


kernel.check()
