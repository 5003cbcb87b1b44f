@qk.qkernel
def kernel(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    qk.x(q) if flip else q
    return qk.measure(q)


kernel.check()
