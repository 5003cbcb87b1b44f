@qk.qkernel
def ping(q: qk.Qubit) -> qk.Qubit:
    return pong(qk.h(q))


@qk.qkernel
def pong(q: qk.Qubit) -> qk.Qubit:
    return ping(qk.x(q))


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(ping(qk.qubit()))


kernel.compile()
