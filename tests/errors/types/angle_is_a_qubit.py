@qk.qkernel
def kernel() -> qk.Bit:
    a, b = qk.qubit(), qk.qubit()
    return qk.measure(qk.rx(a, b))


kernel.check()
