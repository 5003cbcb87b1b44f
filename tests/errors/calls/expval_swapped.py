@qk.qkernel
def kernel() -> qk.Float:
    return qk.expval(qko.Z(0), qk.qubit())


kernel.check()
