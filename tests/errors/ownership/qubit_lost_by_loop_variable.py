@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit()
    for q in [qk.x(qk.qubit())]:
        pass
    return qk.measure(q)


kernel.check()
