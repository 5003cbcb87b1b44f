@qk.qkernel
def kernel() -> qk.Float:
    return qk.measure(qk.cast(qk.qubit(), qk.QFixed))


kernel.check()
