@qk.qkernel
def kernel() -> qk.Bit:
    bit = qk.measure(qk.h(qk.qubit()))
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
    return bit
