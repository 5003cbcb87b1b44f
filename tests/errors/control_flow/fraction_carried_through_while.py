@qk.qkernel
def kernel() -> tuple[qk.Float, qk.Bit]:
    bit = qk.measure(qk.h(qk.qubit()))
    weight = 1.0
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
        weight = weight / 2
    return weight, bit


kernel.compile()
