def angle_of(n):
    table = {0: 0.1, 1: 0.2}
    return table[int(str(n))]


@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    return qk.rx(q, angle_of(n))


kernel.check()
