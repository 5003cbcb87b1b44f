@qk.qkernel
def look(q: qk.Qubit) -> qk.Qubit:
    q, bit = qk.measure_reset(q)
    return q


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    c, q = qk.control(look, power=n)(qk.qubit(), qk.qubit())
    return qk.measure(q)


kernel.compile({"n": 2})
