@qk.qkernel
def kernel() -> qk.Float:
    return qk.expval(qk.qubit())


kernel.check()
