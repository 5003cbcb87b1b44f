@qk.qkernel
def kernel(n: qk.UInt, flag: qk.Bit) -> qk.UInt:
    return n if n > 2 else flag


kernel.check()
