@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    for i in qk.range(3):
        if i < n:
            q = qk.rx(q, 0.1 * i)
    return q
