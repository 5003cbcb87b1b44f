@qk.qkernel
def kernel() -> tuple[qk.Bit, qk.Float]:
    a, b = qk.cx(qk.qubit(), qk.qubit())
    return qk.measure(a), qk.measure(b)


kernel.check()
