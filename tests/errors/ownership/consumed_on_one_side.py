@qk.qkernel
def kernel(flag: qk.Bit, q: qk.Qubit) -> qk.Qubit:
    if flag:
        bit = qk.measure(q)
    return q


kernel.check()
