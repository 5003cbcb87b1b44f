@qk.qkernel
def kernel() -> qk.Bit:
    while qk.measure(qk.h(qk.qubit())):
        pass
    return qk.bit(0)


kernel.check()
