@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    going = True
    while going:
        q = qk.h(q)
        going = n > 3
    return qk.measure(q)


kernel.check()
