@qk.qkernel
def kernel(x: qk.Float) -> qk.Float:
    return qk.expval(x, qko.Z(0))


kernel.check()
