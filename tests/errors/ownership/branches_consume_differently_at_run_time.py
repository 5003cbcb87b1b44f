@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit()
    flag = qk.measure(qk.h(qk.qubit()))
    if flag:
        result = qk.measure(q)
    else:
        result = qk.bit(0)
    q = qk.x(q)
    return result


kernel.check()
