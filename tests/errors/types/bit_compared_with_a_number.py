@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    return qk.measure(qk.qubit()) == n


kernel.check()
