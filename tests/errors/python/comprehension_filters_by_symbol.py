@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    angles = [0.1 * i for i in qk.range(3) if i < n]
    return qk.rx(q, angles[0])


kernel.check()
