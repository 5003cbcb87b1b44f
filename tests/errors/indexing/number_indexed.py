@qk.qkernel
def kernel(x: qk.Float) -> qk.Float:
    return x[0]


kernel.check()
