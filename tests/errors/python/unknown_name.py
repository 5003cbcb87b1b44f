@qk.qkernel
def kernel(theta: qk.Float) -> qk.Bit:
    q = qk.rx(qk.qubit(), thetta)
    return qk.measure(q)


kernel.check()
