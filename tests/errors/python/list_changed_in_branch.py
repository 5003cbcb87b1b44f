@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    bits = []
    if n > 1:
        bits.append(qk.measure(qk.qubit()))
    return bits


kernel.check()
