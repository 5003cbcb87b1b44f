@qk.qkernel
def kernel() -> qk.Bit:
    bit = qk.measure(qk.h(qk.qubit()))
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
    else:
        bit = qk.measure(qk.x(qk.qubit()))
    return bit


kernel.check()
