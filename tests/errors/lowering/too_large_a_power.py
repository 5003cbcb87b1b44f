@qk.qkernel
def step(q: qk.Qubit) -> qk.Qubit:
    return qk.h(qk.t(q))


@qk.qkernel
def kernel() -> qk.Bit:
    c, q = qk.control(step, power=10**12)(qk.qubit(), qk.qubit())
    return qk.measure(q)


kernel.compile()
