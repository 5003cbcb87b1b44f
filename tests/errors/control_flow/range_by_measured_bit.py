@qk.qkernel
def kernel() -> qk.Bit:
    bit = qk.measure(qk.h(qk.qubit()))
    q = qk.qubit()
    for i in qk.range(2 if bit else 1):
        q = qk.x(q)
    return qk.measure(q)


kernel.compile()
