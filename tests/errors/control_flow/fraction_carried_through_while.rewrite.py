@qk.qkernel
def kernel() -> tuple[qk.Float, qk.Bit]:
    bit = qk.measure(qk.h(qk.qubit()))
    count = 0
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
        count = count + 1
    return 0.5**count, bit
