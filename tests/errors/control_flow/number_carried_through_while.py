@qk.qkernel
def kernel() -> qk.UInt:
    bit = qk.measure(qk.h(qk.qubit()))
    count = 0
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
        count = 2 * count + 1
    return count


kernel.compile()
