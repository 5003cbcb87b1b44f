@qk.qkernel
def drop(q: qk.Qubit) -> qk.Bit:
    return qk.measure(q)


@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    if flag:
        bit = drop(q)
    else:
        bit = drop(qk.h(q))
    q = qk.x(q)
    return bit


kernel.check()
