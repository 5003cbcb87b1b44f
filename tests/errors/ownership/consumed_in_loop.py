@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    bit = qk.bit(0)
    for i in qk.range(n):
        bit = qk.measure(q)
    return bit


kernel.check()
