@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Bit:
    return qk.measure(qk.qubit()) if flag else qk.bit(0)


kernel.check()
