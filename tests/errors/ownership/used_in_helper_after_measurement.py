def finish(q):
    bit = qk.measure(q)
    q = qk.reset(q)
    return bit


@qk.qkernel
def kernel() -> qk.Bit:
    return finish(qk.qubit())


kernel.check()
