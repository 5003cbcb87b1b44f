@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    bits = []
    for i in qk.range(n):
        bits.append(qk.measure(qk.qubit()))
    return bits[0]


kernel.check()
