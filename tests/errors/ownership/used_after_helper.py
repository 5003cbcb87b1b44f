@qk.qkernel
def helper(q: qk.Qubit) -> qk.Bit:
    return qk.measure(qk.h(q))


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit()
    bit = helper(q)
    q = qk.x(q)
    return bit


kernel.check()
