@qk.qkernel
def kernel(flag: qk.Bit) -> qk.UInt:
    if flag:
        count = 1
    return count


kernel.check()
