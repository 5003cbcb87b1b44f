@qk.qkernel
def kernel() -> qk.Bit:
    bit = qk.measure(qk.h(qk.qubit()))
    return qk.measure(qk.u(qk.qubit(), 0.5 if bit else 0.1, 0.0, 0.0))


kernel.compile()
