@qk.qkernel
def kernel(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    q = qk.qubit()
    return d[q]


kernel.check()
