@qk.qkernel
def kernel() -> tuple[qk.Bit, qk.Float]:
    q = qk.h(qk.qubit())
    return qk.measure(qk.qubit()), qk.expval(q, qko.Z(0))


kernel.run()
