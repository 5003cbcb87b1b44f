@qk.qkernel
def kernel() -> qk.Float:
    return qk.expval(qk.qubit(), 1.0)


kernel.check()
