@qk.qkernel
def clear(q: qk.Qubit) -> qk.Qubit:
    return qk.reset(q)


@qk.qkernel
def kernel() -> qk.Bit:
    c, q = qk.control(clear)(qk.qubit(), qk.qubit())
    return qk.measure(q)


kernel.compile()
