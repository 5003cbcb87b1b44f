@qk.qkernel
def kernel() -> qk.Float:
    bit = qk.measure(qk.h(qk.qubit()))
    value = 0.0
    if bit:
        value = qk.expval(qk.qubit(), qko.Z(0))
    return value


kernel.compile()
