@qk.qkernel
def kernel(n: qk.UInt) -> qk.UInt:
    for i in qk.range(n):
        last = i
    return last


kernel.check()
