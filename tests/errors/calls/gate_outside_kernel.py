@qk.qkernel
def kernel() -> qk.Qubit:
    return qk.qubit()


q = qk.h(qk.qubit())
