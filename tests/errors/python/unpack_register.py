@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(2)
    a, b = q
    return qk.measure(a)


kernel.check()
