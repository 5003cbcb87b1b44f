@qk.qkernel
def kernel() -> qk.UInt:
    return qk.measure(qk.qubit()) ** 2


kernel.check()
